package org.pktinfo.it;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.pktinfo.Datagram;
import org.pktinfo.IpAddress;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.SendException;
import org.pktinfo.SourceSelection;

/**
 * A program inside a namespace that does one thing a line and answers with one line, so that a test can change the world between
 * a request and its reply. As a server it has one {@link PktInfoChannel}, as a client one plain socket that is not connected.
 */
public final class Agent implements AutoCloseable {
    private final ChildProcess child;
    private int answers;

    /** Starts it on a host. */
    Agent(Namespaces namespaces, String host) throws IOException {
        child = ChildProcess.start(namespaces.inside(
                host,
                ChildProcess.java().toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path"),
                Agent.class.getName()));
    }

    /** Says a line and waits for the answer. */
    String say(String line) throws IOException, InterruptedException {
        child.process().getOutputStream().write((line + "\n").getBytes(StandardCharsets.UTF_8));
        child.process().getOutputStream().flush();
        return child.awaitOut(++answers);
    }

    @Override
    public void close() {
        child.close();
    }

    private static final int WAIT_MILLIS = 3000;

    private PktInfoChannel server;
    private Datagram request;
    private DatagramSocket client;

    private Agent() {
        child = null;
    }

    public static void main(String[] arguments) throws IOException {
        Agent agent = new Agent();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String answer;
            try {
                answer = agent.obey(line.split(" ", -1));
            } catch (SendException e) {
                answer = e.kind() + " " + e.getMessage();
            } catch (Exception e) {
                answer = e.toString();
            }
            System.out.println(answer);
            System.out.flush();
        }
    }

    private String obey(String[] words) throws IOException {
        return switch (words[0]) {
            case "open" -> open(PktInfoChannel.Family.valueOf(words[1]), Integer.parseInt(words[2]));
            case "join" -> join(words[1], words[2]);
            case "receive" -> receive();
            case "reply" -> reply(words[1]);
            case "bind" -> bind(words[1]);
            case "send" -> send(words[1], Integer.parseInt(words[2]));
            case "await" -> await(WAIT_MILLIS);
            case "silence" -> await(300);
            default -> "unknown: " + words[0];
        };
    }

    private String open(PktInfoChannel.Family family, int port) throws IOException {
        server = PktInfoChannel.open(family).bind(new InetSocketAddress(port));
        return "open";
    }

    private String join(String group, String interfaceName) throws IOException {
        server.channel().join(InetAddress.getByName(group), NetworkInterface.getByName(interfaceName));
        return "joined";
    }

    /** Destination, local address, interface and control messages of what came. */
    private String receive() throws IOException {
        request = server.receive(Duration.ofMillis(WAIT_MILLIS));
        if (request == null) {
            return "nothing";
        }
        String name = request.packetInfo().interfaceName();
        return text(request.packetInfo().destination()) + " "
                + text(request.packetInfo().local()) + " " + name + " "
                + (request.packetInfo().inPktinfo() ? "in4" : "")
                + (request.packetInfo().in6Pktinfo() ? "in6" : "");
    }

    /** The scope's number differs from run to run. */
    private static String text(IpAddress address) {
        return address.scopeId() == 0 ? address.toString() : address.toString().replaceAll("%.*", "%scope");
    }

    private String reply(String policy) throws IOException {
        SourceSelection selection = switch (policy) {
            case "asked" -> SourceSelection.addressAsked();
            case "pinned" -> SourceSelection.interfacePinned();
            case "system" -> SourceSelection.systemChoice();
            default -> SourceSelection.fixed(IpAddress.of(InetAddress.getByName(policy)));
        };
        server.reply(request, ByteBuffer.wrap(request.payload()), selection);
        return "sent";
    }

    private String bind(String address) throws IOException {
        client = new DatagramSocket(new InetSocketAddress(InetAddress.getByName(address), 0));
        return "bound";
    }

    private String send(String destination, int port) throws IOException {
        if (client == null) {
            client = new DatagramSocket();
            client.setBroadcast(true);
        }
        byte[] bytes = destination.getBytes(StandardCharsets.UTF_8);
        client.send(new DatagramPacket(bytes, bytes.length, InetAddress.getByName(destination), port));
        return "sent";
    }

    private String await(int millis) throws IOException {
        DatagramPacket reply = new DatagramPacket(new byte[2000], 2000);
        client.setSoTimeout(millis);
        try {
            client.receive(reply);
            return text(IpAddress.of(reply.getAddress()));
        } catch (SocketTimeoutException e) {
            return "nothing";
        }
    }
}
