package org.pktinfo.it.support;

import java.io.IOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.TimeUnit;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.pktinfo.Datagram;
import org.pktinfo.DatagramBatch;
import org.pktinfo.Endpoint;
import org.pktinfo.Fragmentation;
import org.pktinfo.IpAddress;
import org.pktinfo.PacketInfo;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.PktInfoSocketOptions;
import org.pktinfo.SendException;
import org.pktinfo.Source;
import org.pktinfo.SourceSelection;
import org.pktinfo.internal.Doors;
import org.pktinfo.server.DatagramServer;
import org.pktinfo.server.ServerStats;

/**
 * A program inside a namespace that executes one command a line and answers with one line, so that a test can change
 * the hosts between a request and its reply. As a server it has one {@link PktInfoChannel}, as a client one JDK socket
 * that is not connected.
 */
public final class Agent implements AutoCloseable {
    private final ChildProcess child;

    /** Starts the program on a host. */
    public Agent(Namespaces namespaces, String host) throws IOException {
        this(namespaces, host, List.of(ChildProcess.java().toString()));
    }

    /** Starts the program on a host, in the JVM that the command starts. */
    public Agent(Namespaces namespaces, String host, List<String> java) throws IOException {
        child = namespaces.start(host, java, Agent.class);
    }

    /** Sends a line to the program and waits for the answer. */
    public String say(String line) throws IOException, InterruptedException {
        return child.say(line);
    }

    public long pid() {
        return child.process().pid();
    }

    @Override
    public void close() {
        child.close();
    }

    private static final int WAIT_MILLIS = 3000;
    private static final int SILENCE_MILLIS = 300;

    private PktInfoChannel server;
    private DatagramBatch batch; // of the server
    private DatagramServer loop; // instead of the channel
    private final StormServers answering = new StormServers(); // besides the channel
    private final PlainServers plain = new PlainServers(); // besides the channel, with the JDK's classes
    private final SynchronousQueue<Datagram> taken = new SynchronousQueue<>();
    private final SynchronousQueue<SourceSelection> chosen = new SynchronousQueue<>();
    private volatile String complaint;
    private Datagram request;
    private DatagramSocket client;
    private DatagramPacket answer;
    private Asker asker;
    private final ManyPeers many = new ManyPeers();
    private final List<Object> kept = new ArrayList<>();

    private Agent() {
        child = null;
    }

    public static void main(String[] arguments) throws IOException {
        Agent agent = new Agent();
        CommandLoop.run(agent::tell);
    }

    private String tell(String[] words) throws Exception {
        try {
            return obey(words);
        } catch (SendException e) {
            return e.kind() + " " + e.getMessage();
        }
    }

    private String obey(String[] words) throws Exception {
        return switch (words[0]) {
            case "open" -> open(words);
            case "serve" -> serve(Integer.parseInt(words[1]), Integer.parseInt(words[2]));
            case "answer" -> answer(words);
            case "answer-connected" -> answerConnected(words);
            case "answer-plainly" -> answerPlainly(words[1], Integer.parseInt(words[2]));
            case "late" -> late(words);
            case "many" -> many(words);
            case "stats-of-plain" -> plain.counts();
            case "bean" -> Steered.bean(words[1]);
            case "stats" -> answering.stats().toString();
            case "stats-of-others" -> answering.others();
            case "memory" -> memory();
            case "keep" -> keep(Integer.parseInt(words[1]));
            case "cycle" -> cycle(Integer.parseInt(words[1]));
            case "storm" -> storm(words);
            case "forge" -> forge();
            case "endpoints" -> asker.endpoints(words[1], words[2]);
            case "join" -> join(words[1], words[2]);
            case "groups" -> groups(words[1].equals("all"));
            case "discover" -> discover(words[1].equals("yes"));
            case "tuned" -> tuned(words);
            case "serve-tuned" -> serveTuned(words);
            case "set" -> Tuned.set(server, words[1]);
            case "get" -> Tuned.get(server, words[1]);
            case "facts" -> Tuned.facts(request);
            case "reply-twice" -> Tuned.replyTwice(server, request, IpAddress.of(InetAddress.getByName(words[1])));
            case "emit-long" -> Tuned.emit(server, endpoint(words[1], words[2]), Integer.parseInt(words[3]));
            case "receive" -> receive(WAIT_MILLIS);
            case "unasked" -> receive(SILENCE_MILLIS);
            case "details" -> details();
            case "echo" -> echo();
            case "reply" -> reply(words[1]);
            case "emit" -> emit(words[1], Integer.parseInt(words[2]), words[3], Integer.parseInt(words[4]));
            case "bind" -> bind(words[1]);
            case "send" -> send(words);
            case "await" -> await(WAIT_MILLIS);
            case "silence" -> await(SILENCE_MILLIS);
            case "length" -> String.valueOf(answer.getLength());
            default -> "unknown: " + words[0];
        };
    }

    /** Opens a channel. Takes the family, the port, and optionally the address and the payload capacity. */
    private String open(String[] words) throws IOException {
        if (server != null) {
            server.close();
        }
        batch = null;
        int port = Integer.parseInt(words[2]);
        server = PktInfoChannel.open(
                PktInfoChannel.Family.valueOf(words[1]),
                words.length > 4 ? Integer.parseInt(words[4]) : PktInfoChannel.MAX_PAYLOAD);
        server.bind(words.length > 3 ? new InetSocketAddress(words[3], port) : new InetSocketAddress(port));
        return "open";
    }

    private static InetSocketAddress endpoint(String address, String port) throws IOException {
        return new InetSocketAddress(InetAddress.getByName(address), Integer.parseInt(port));
    }

    /** Opens a channel. Takes the family, the address, the port, and options that are set before it is bound. */
    private String tuned(String[] words) throws IOException {
        if (server != null) {
            server.close();
        }
        server = Tuned.open(
                words[1], endpoint(words[2], words[3]), List.of(words).subList(4, words.length));
        return "open";
    }

    private String serveTuned(String[] words) throws IOException {
        kept.add(Tuned.serve(endpoint(words[1], words[2]), List.of(words).subList(3, words.length)));
        return "open";
    }

    private String groups(boolean all) throws IOException {
        server.setOption(PktInfoSocketOptions.RECEIVE_ALL_GROUPS, all);
        return "set";
    }

    private String discover(boolean on) throws IOException {
        server.setOption(PktInfoSocketOptions.FRAGMENTATION, on ? Fragmentation.WANT : Fragmentation.DONT);
        return "set";
    }

    private String join(String group, String interfaceName) throws IOException {
        InetAddress address = InetAddress.getByName(group);
        NetworkInterface networkInterface = NetworkInterface.getByName(interfaceName);
        if (loop != null) {
            loop.join(address, networkInterface);
        } else {
            server.jdkChannel().join(address, networkInterface);
        }
        return "joined";
    }

    /** Returns the destination, local address, interface and control messages of the datagram received. */
    private String receive(int millis) throws IOException {
        request = loop == null ? server.receive(Duration.ofMillis(millis)) : take(millis);
        if (request == null) {
            return "nothing";
        }
        String name = request.packetInfo().interfaceName();
        return text(request.packetInfo().destination()) + " "
                + text(request.packetInfo().local()) + " " + name + " "
                + (request.packetInfo().inPktinfo() ? "in4" : "")
                + (request.packetInfo().in6Pktinfo() ? "in6" : "");
    }

    /** Answers all datagrams that have arrived with one call. */
    private String echo() throws IOException {
        if (batch == null) {
            batch = server.newBatch(64, 2000);
        }
        int count = batch.receive(Duration.ofMillis(WAIT_MILLIS));
        for (int i = 0; i < count; i++) {
            batch.slot(i).reply(batch.slot(i).length());
        }
        return "received " + count + " sent " + batch.send();
    }

    /** Returns the rest of the request's data: length, peer, control messages in their order. */
    private String details() {
        PacketInfo info = request.packetInfo();
        String in6 = info.in6Pktinfo() ? " in6_pktinfo" : "";
        String in4 = info.inPktinfo() ? " in_pktinfo" : "";
        return request.payload().length + " of " + request.wireLength() + " bytes from "
                + text(request.peer().address()) + (info.in6PktinfoFirst() ? in6 + in4 : in4 + in6)
                + (info.truncated() ? ", cut off" : "");
    }

    /** Returns the text with the scope's name, because its number differs from run to run. */
    private static String text(IpAddress address) {
        if (address.scopeId() == 0) {
            return address.toString();
        }
        try {
            NetworkInterface scope = NetworkInterface.getByIndex(address.scopeId());
            return new IpAddress(address.high(), address.low(), 0) + "%" + (scope == null ? "gone" : scope.getName());
        } catch (SocketException e) {
            return address.toString();
        }
    }

    private static SourceSelection selection(String policy) throws IOException {
        return switch (policy) {
            case "asked" -> SourceSelection.requestDestination();
            case "pinned" -> SourceSelection.interfacePinned();
            case "system" -> SourceSelection.systemChoice();
            case "in6-first" -> SourceSelection.in6PktinfoFirst();
            default -> SourceSelection.fixed(IpAddress.of(InetAddress.getByName(policy)));
        };
    }

    /**
     * Starts a whole server that answers by itself, and counts. Takes the port, the policy, and optionally an address.
     */
    private String answer(String[] words) throws IOException {
        int port = Integer.parseInt(words[1]);
        answering.serve(
                words.length > 3 ? new InetSocketAddress(words[3], port) : new InetSocketAddress(port),
                selection(words[2]));
        return "open";
    }

    /** Starts a server with the JDK's classes alone, of the kind and on the port given. */
    private String answerPlainly(String kind, int port) throws IOException {
        plain.serve(kind, port);
        return "open";
    }

    /** Has the late server answer the given number of requests, if there is one; returns the number that remain. */
    private String late(String[] words) {
        if (words.length > 1) {
            plain.answer(Integer.parseInt(words[1]));
        }
        return String.valueOf(plain.waiting());
    }

    /**
     * Sends as many peers: takes the first, the number, the port, and the request destinations. Or collects answers.
     */
    private String many(String[] words) throws IOException {
        int first = Integer.parseInt(words[2]);
        if (words[1].equals("collect")) {
            return many.collect(first, Arrays.asList(words).subList(3, words.length));
        }
        int count = Integer.parseInt(words[3]);
        many.ask(first, count, Integer.parseInt(words[4]), Arrays.asList(words).subList(5, words.length));
        return "asked";
    }

    /** Opens a channel for each client. Takes the port, the address, then the clients' endpoints. */
    private String answerConnected(String[] words) throws IOException {
        InetSocketAddress local = new InetSocketAddress(words[2], Integer.parseInt(words[1]));
        for (String peer : Arrays.asList(words).subList(3, words.length)) {
            answering.connect(local, Asker.endpoint(peer, 0));
        }
        return "open";
    }

    /**
     * Returns the kibibytes of the heap in use after a collection, the kibibytes outside it, and the number of threads.
     */
    private static String memory() {
        System.gc();
        long direct = ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                .mapToLong(BufferPoolMXBean::getMemoryUsed)
                .sum();
        return (ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed() >> 10) + " "
                + ((direct + Doors.hiddenBytes()) >> 10) + " "
                + ManagementFactory.getThreadMXBean().getThreadCount();
    }

    /** Takes the given number of bytes outside the heap and a descriptor, and never releases them: a leak. */
    private String keep(int bytes) throws IOException {
        ByteBuffer memory = ByteBuffer.allocateDirect(bytes);
        for (int i = 0; i < bytes; i += 1024) {
            memory.put(i, (byte) 1);
        }
        kept.add(memory);
        kept.add(new DatagramSocket());
        return "kept";
    }

    /** Opens and closes the given number of channels, each of which has received and sent. */
    private String cycle(int count) throws IOException {
        bind("any");
        for (int i = 0; i < count; i++) {
            open(new String[] {"open", "DUAL_STACK", "0", "::", "1500"});
            int port = server.localAddress().getPort();
            send(new String[] {"send", "127.0.0.2", String.valueOf(port)});
            receive(WAIT_MILLIS);
            reply("asked");
            if (!await(WAIT_MILLIS).equals("127.0.0.2")) {
                return "not answered";
            }
        }
        server.close();
        return "done";
    }

    /**
     * Sends requests. Takes the port, milliseconds, requests a second, then the request destinations, each optionally
     * with a #port. Returns the outcomes of all requests so far.
     */
    private String storm(String[] words) throws IOException {
        if (asker == null) {
            List<InetSocketAddress> servers = new ArrayList<>();
            for (String address : Arrays.asList(words).subList(4, words.length)) {
                servers.add(Asker.endpoint(address, Integer.parseInt(words[1])));
            }
            asker = new Asker(servers, 1);
        }
        return asker.ask(Long.parseLong(words[2]), Integer.parseInt(words[3]));
    }

    private String forge() throws IOException {
        asker.forge();
        return "forging";
    }

    private String reply(String policy) throws IOException {
        SourceSelection selection = selection(policy);
        if (loop != null) {
            return replyInLoop(selection);
        }
        server.reply(request, ByteBuffer.wrap(request.payload()), selection);
        return "sent";
    }

    /** Starts a whole server in place of the channel; its handler waits with each request for a reply command. */
    private String serve(int workers, int port) throws IOException {
        Logger logger = Logger.getLogger("org.pktinfo.server");
        logger.setUseParentHandlers(false);
        logger.addHandler(new Handler() {
            @Override
            public void publish(LogRecord line) {
                complaint = line.getMessage().replace("not answered: ", "");
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        });
        loop = DatagramServer.builder()
                .bind(new InetSocketAddress(port))
                .workers(workers)
                .start(slot -> {
                    taken.put(slot.toDatagram());
                    slot.reply(slot.length(), chosen.take());
                });
        return "open";
    }

    private Datagram take(int millis) throws IOException {
        try {
            return taken.poll(millis, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    /** Returns the outcome of the reply, from the counters and the log. */
    private String replyInLoop(SourceSelection selection) throws IOException {
        ServerStats before = loop.stats();
        try {
            chosen.put(selection);
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
        ServerStats after = loop.stats();
        while (after.replied() == before.replied() && after.failed() == before.failed()) {
            Thread.onSpinWait();
            after = loop.stats();
        }
        if (after.failed() == before.failed()) {
            return "sent";
        }
        while (complaint == null) {
            Thread.onSpinWait();
        }
        for (SendException.Kind kind : after.sendErrors().keySet()) {
            if (!after.sendErrors().get(kind).equals(before.sendErrors().get(kind))) {
                return kind + " " + complaint;
            }
        }
        return "no counter moved";
    }

    /** Sends a datagram that is no reply. */
    private String emit(String source, int interfaceIndex, String destination, int port) throws IOException {
        Endpoint peer = Endpoint.of(new InetSocketAddress(InetAddress.getByName(destination), port));
        IpAddress address = IpAddress.of(InetAddress.getByName(source));
        server.send(ByteBuffer.allocate(1), peer, Source.of(address, interfaceIndex));
        return "sent";
    }

    /** Binds another client socket, to an address or to "any". */
    private String bind(String address) throws IOException {
        if (client != null) {
            client.close();
        }
        client = address.equals("any")
                ? new DatagramSocket()
                : new DatagramSocket(new InetSocketAddress(InetAddress.getByName(address), 0));
        client.setBroadcast(true);
        return "bound";
    }

    /** Sends a datagram. Takes the destination, the port, and optionally the length. */
    private String send(String[] words) throws IOException {
        if (client == null) {
            bind("any");
        }
        byte[] bytes = words[1].getBytes(StandardCharsets.UTF_8);
        if (words.length > 3) {
            bytes = Arrays.copyOf(bytes, Integer.parseInt(words[3]));
        }
        InetAddress destination = InetAddress.getByName(words[1]);
        client.send(new DatagramPacket(bytes, bytes.length, destination, Integer.parseInt(words[2])));
        return "sent";
    }

    private String await(int millis) throws IOException {
        answer = new DatagramPacket(new byte[70_000], 70_000);
        client.setSoTimeout(millis);
        try {
            client.receive(answer);
            return text(IpAddress.of(answer.getAddress()));
        } catch (SocketTimeoutException e) {
            return "nothing";
        }
    }
}
