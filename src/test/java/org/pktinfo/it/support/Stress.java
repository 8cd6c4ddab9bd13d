package org.pktinfo.it.support;

import java.io.IOException;
import java.lang.reflect.Method;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.Stream;
import org.pktinfo.Datagram;
import org.pktinfo.DatagramBatch;
import org.pktinfo.Endpoint;
import org.pktinfo.IpAddress;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.Source;

/**
 * Channels that are used by many threads while they are closed, interrupted, wrapped and opened. Takes the number of
 * seconds, "platform" or "virtual" threads, and a seed.
 *
 * <p>Meanwhile unrelated sockets are opened and closed, so that the number of a closed descriptor is soon reused. Each
 * of them is sent one datagram that no other thread may receive, and no datagram may be sent from one of them. Every
 * thread has to end once its channel is closed, with a documented exception. The first error ends the program with exit
 * code 1.
 */
public final class Stress {
    private static final byte[] OURS = "ours".getBytes(StandardCharsets.UTF_8);
    private static final byte[] FOREIGN = "foreign".getBytes(StandardCharsets.UTF_8);

    /**
     * The longest time until a thread ends. Closing only the JDK's channel is noticed within a second; the rest allows
     * for a busy machine.
     */
    private static final Duration WOKEN = Duration.ofSeconds(10);

    private static final int SLEEPERS = 20;

    private static final List<String> DOCUMENTED = List.of(
            "java.nio.channels.AsynchronousCloseException",
            "java.nio.channels.ClosedByInterruptException",
            "java.nio.channels.ClosedChannelException");

    private final boolean virtual;
    private final Random random;
    private final InetAddress loopback = InetAddress.getByName("127.0.0.1");

    /** Not the channels' address: a foreign socket may soon have the port of a channel that was closed. */
    private final InetAddress foreignAddress = InetAddress.getByName("127.0.0.2");

    private final DatagramSocket asking = new DatagramSocket(0, loopback);
    private final DatagramSocket sink = new DatagramSocket(0, loopback);
    private final Endpoint sinkEndpoint = new Endpoint(IpAddress.of(loopback), sink.getLocalPort());
    private final Map<String, LongAdder> counts = new ConcurrentSkipListMap<>();
    private final AtomicBoolean over = new AtomicBoolean();

    private Stress(boolean virtual, long seed) throws IOException {
        this.virtual = virtual;
        this.random = new Random(seed);
    }

    public static void main(String[] arguments) {
        // A fault on another socket may fail in any call of the JDK, in this thread too.
        run(() -> stress(Long.parseLong(arguments[0]), arguments[1].equals("virtual"), Long.parseLong(arguments[2])));
    }

    private static void stress(long seconds, boolean virtual, long seed) throws Exception {
        Stress stress = new Stress(virtual, seed);
        stress.round(); // opens the descriptors that the JVM keeps open
        long before = descriptors();
        stress.run(seconds);
        for (long end = System.nanoTime() + WOKEN.toNanos(); descriptors() > before && System.nanoTime() < end; ) {
            Thread.onSpinWait(); // a poller of virtual threads may live for another second
        }
        if (descriptors() > before) {
            wrong("descriptors leaked: " + before + " before, " + descriptors() + " after");
        }
        System.out.println(stress.counts);
    }

    private static void wrong(String what) {
        System.out.println("WRONG: " + what);
        Runtime.getRuntime().halt(1);
    }

    private static long descriptors() throws IOException {
        try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
            return open.count();
        }
    }

    private void count(String what) {
        counts.computeIfAbsent(what, key -> new LongAdder()).increment();
    }

    private void run(long seconds) throws Exception {
        List<Thread> others = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            others.add(platform(this::foreignSockets));
        }
        others.add(platform(this::expectNothingFromForeignSockets));
        List<Sleeper> sleepers = new ArrayList<>();
        for (int i = 0; i < SLEEPERS; i++) {
            sleepers.add(new Sleeper(open()));
        }
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        while (System.nanoTime() < end) {
            round();
        }
        for (Sleeper sleeper : sleepers) {
            end(sleeper.channel, sleeper.thread);
            awaitAll(List.of(sleeper.thread), sleeper.channel);
            sleeper.channel.close();
        }
        over.set(true);
        sink.close();
        for (Thread other : others) {
            other.join(WOKEN.toMillis());
        }
        asking.close();
    }

    private static Thread platform(Action action) {
        Thread thread = new Thread(() -> run(action));
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    /**
     * A thread that has waited for so long that it no longer checks the channel: a close that does not wake it leaves
     * it waiting for ever.
     */
    private final class Sleeper {
        final PktInfoChannel channel;
        final Thread thread;

        Sleeper(PktInfoChannel channel) throws ReflectiveOperationException {
            this.channel = channel;
            this.thread = start(user(channel, 0));
        }
    }

    private interface Action {
        void run() throws Exception;
    }

    private static void run(Action action) {
        try {
            action.run();
        } catch (Exception e) {
            e.printStackTrace();
            wrong(e.toString());
        }
    }

    /** Starts a thread of the kind given; virtual threads exist from JDK 21 on, and this is compiled for 17. */
    private Thread start(Runnable task) throws ReflectiveOperationException {
        if (virtual) {
            Method startVirtualThread = Thread.class.getMethod("startVirtualThread", Runnable.class);
            return (Thread) startVirtualThread.invoke(null, task);
        }
        Thread thread = new Thread(task);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    /** Takes and frees descriptor numbers all the time; the datagram sent to each socket is still there in the end. */
    private void foreignSockets() throws IOException {
        while (!over.get()) {
            try (DatagramChannel foreign =
                    DatagramChannel.open(StandardProtocolFamily.INET).bind(new InetSocketAddress(foreignAddress, 0))) {
                InetSocketAddress own = (InetSocketAddress) foreign.getLocalAddress();
                foreign.send(ByteBuffer.wrap(FOREIGN), own);
                Spin.forMicros(200);
                foreign.configureBlocking(false);
                if (foreign.receive(ByteBuffer.allocate(100)) == null) {
                    wrong("somebody has read the datagram of another socket");
                }
                count("foreign sockets");
            }
        }
    }

    /**
     * Checks that nothing arrives. A send through a stale descriptor number would leave from the foreign socket's
     * address.
     */
    private void expectNothingFromForeignSockets() throws IOException {
        DatagramPacket packet = new DatagramPacket(new byte[100], 100);
        while (!over.get()) {
            try {
                sink.receive(packet);
            } catch (java.net.SocketException e) {
                if (!over.get()) {
                    throw e;
                }
                return;
            }
            if (packet.getAddress().equals(foreignAddress)) {
                wrong("a datagram has left from another socket");
            }
            count("arrived");
        }
    }

    private static final class Spin {
        private Spin() {}

        static void forMicros(long micros) {
            long end = System.nanoTime() + TimeUnit.MICROSECONDS.toNanos(micros);
            while (System.nanoTime() < end) {
                Thread.onSpinWait();
            }
        }
    }

    /** Runs one channel from its opening to its end. */
    private void round() throws Exception {
        PktInfoChannel channel = open();
        int port = channel.localAddress().getPort();
        List<Thread> users = new ArrayList<>();
        int readers = 1 + random.nextInt(3);
        for (int i = 0; i < readers; i++) {
            users.add(start(user(channel, random.nextInt(4))));
        }
        users.add(start(user(channel, 4)));
        for (int i = random.nextInt(5); i > 0; i--) {
            asking.send(new DatagramPacket(OURS, OURS.length, loopback, port));
        }
        Spin.forMicros(random.nextInt(500));
        end(channel, users.get(random.nextInt(users.size())));
        awaitAll(users, channel);
        channel.close();
        count("rounds");
    }

    private PktInfoChannel open() throws IOException {
        InetSocketAddress any = new InetSocketAddress(loopback, 0);
        if (random.nextInt(3) > 0) {
            return PktInfoChannel.open(PktInfoChannel.Family.IPV4, 2000).bind(any);
        }
        return PktInfoChannel.wrap(
                DatagramChannel.open(StandardProtocolFamily.INET).bind(any), 2000);
    }

    private void awaitAll(List<Thread> users, PktInfoChannel channel) throws InterruptedException {
        long end = System.nanoTime() + WOKEN.toNanos();
        for (Thread user : users) {
            user.join(Math.max(1, TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime())));
            if (user.isAlive()) {
                wrong("a thread was not woken in " + WOKEN + ": " + List.of(user.getStackTrace()) + ", " + channel);
            }
        }
    }

    /** Ends a channel in one of five ways. */
    private void end(PktInfoChannel channel, Thread user) throws Exception {
        switch (random.nextInt(5)) {
            case 0 -> {
                count("closed");
                channel.close();
            }
            case 1 -> {
                count("closed twice at once");
                Thread other = start(() -> run(channel::close));
                channel.close();
                other.join(WOKEN.toMillis());
            }
            case 2 -> {
                count("JDK's channel closed");
                channel.jdkChannel().close();
            }
            case 3 -> {
                count("wrapped and closed");
                wrapAgainWhileItIsClosed(channel);
            }
            default -> {
                count("interrupted");
                // No thread remains to interrupt if all have failed already.
                user.interrupt();
                user.join(WOKEN.toMillis());
                channel.close();
            }
        }
    }

    private void wrapAgainWhileItIsClosed(PktInfoChannel channel) throws Exception {
        Thread closer = start(() -> run(channel::close));
        try (PktInfoChannel second = PktInfoChannel.wrap(channel.jdkChannel(), 2000)) {
            receive(second.receive(Duration.ZERO));
        } catch (ClosedChannelException e) {
            failed(e);
        } catch (IOException | IllegalArgumentException e) {
            // A socket that is closed while it is wrapped gives the error of the system call.
            if (channel.jdkChannel().isOpen()) {
                throw e;
            }
            count("not wrapped");
        }
        closer.join(WOKEN.toMillis());
    }

    private Runnable user(PktInfoChannel channel, int kind) {
        return () -> {
            try {
                while (true) {
                    use(channel, kind);
                }
            } catch (IOException e) {
                failed(e);
            } catch (RuntimeException | Error e) {
                wrong(e.toString());
            }
        };
    }

    private void failed(IOException e) {
        if (!DOCUMENTED.contains(e.getClass().getName())) {
            wrong("not documented: " + e);
        }
        count(e.getClass().getSimpleName());
    }

    private void use(PktInfoChannel channel, int kind) throws IOException {
        switch (kind) {
            case 0 -> receive(channel.receive());
            case 1 -> receive(channel.receive(Duration.ofMillis(1)));
            case 2 -> {
                Datagram request = channel.receive();
                receive(request);
                channel.reply(request, OURS);
            }
            case 3 -> exchange(channel);
            default -> channel.send(ByteBuffer.wrap(OURS), sinkEndpoint, Source.systemChoice());
        }
    }

    private void exchange(PktInfoChannel channel) throws IOException {
        DatagramBatch batch = channel.newBatch(4, 100);
        int received = batch.receive();
        for (int i = 0; i < received; i++) {
            receive(batch.slot(i).toDatagram());
            batch.slot(i).reply(4);
        }
        batch.send();
    }

    private void receive(Datagram datagram) {
        if (datagram == null) {
            return;
        }
        if (!new String(datagram.payload(), StandardCharsets.UTF_8).equals("ours")) {
            wrong("received what was another socket's: " + datagram);
        }
        count("received");
    }
}
