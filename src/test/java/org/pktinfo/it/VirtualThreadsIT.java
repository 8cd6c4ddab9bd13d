package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.ref.WeakReference;
import java.lang.reflect.Method;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.pktinfo.Datagram;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.Requires;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.server.DatagramServer;

/** Ten thousand virtual threads that wait in one channel, with one carrier. */
class VirtualThreadsIT {
    private static final int WAITERS = 10_000;

    /** Compiled for JDK 17, run on a JDK that has virtual threads. */
    public static final class Program {
        private static final AtomicInteger answered = new AtomicInteger();
        private static final AtomicInteger closed = new AtomicInteger();
        private static final CountDownLatch waiting = new CountDownLatch(WAITERS);
        private static final CountDownLatch done = new CountDownLatch(WAITERS);

        private Program() {}

        public static Thread start(Runnable task) {
            try {
                Method startVirtualThread = Thread.class.getMethod("startVirtualThread", Runnable.class);
                return (Thread) startVirtualThread.invoke(null, task);
            } catch (ReflectiveOperationException e) {
                throw new LinkageError("no virtual threads", e);
            }
        }

        @SuppressWarnings("try") // the test closes by hand
        public static void main(String[] arguments) throws Exception {
            try (PktInfoChannel server = PktInfoChannel.open().bind(new InetSocketAddress(0))) {
                for (int i = 0; i < WAITERS; i++) {
                    start(() -> answerOne(server));
                }
                check("all wait", waiting.await(30, TimeUnit.SECONDS));
                CountDownLatch progress = new CountDownLatch(1);
                start(progress::countDown);
                check("another thread makes progress", progress.await(5, TimeUnit.SECONDS));
                askHalfOfThem(server.localAddress().getPort());
                check("each got its own", answered.get() == WAITERS / 2);
                CountDownLatch timedOut = new CountDownLatch(1);
                start(() -> timeOut(server, timedOut));
                check("a timed wait ends", timedOut.await(5, TimeUnit.SECONDS));
                long start = System.nanoTime();
                server.close();
                check("close wakes the others", done.await(10, TimeUnit.SECONDS));
                System.out.println("woken in ms "
                        + Duration.ofNanos(System.nanoTime() - start).toMillis());
                check("with the right exception", closed.get() == WAITERS / 2);
            }
        }

        public static void check(String what, boolean holds) {
            if (!holds) {
                System.out.println("NOT: " + what + ", answered " + answered + ", closed " + closed);
                System.exit(1);
            }
        }

        private static void answerOne(PktInfoChannel server) {
            try {
                waiting.countDown();
                Datagram request = server.receive();
                server.reply(request, request.payload());
                answered.incrementAndGet();
            } catch (AsynchronousCloseException e) {
                closed.incrementAndGet();
            } catch (IOException e) {
                System.out.println(e);
            } finally {
                done.countDown();
            }
        }

        public static void timeOut(PktInfoChannel server, CountDownLatch timedOut) {
            try {
                if (server.receive(Duration.ofMillis(50)) == null) {
                    timedOut.countDown();
                }
            } catch (IOException e) {
                System.out.println(e);
            }
        }

        private static void askHalfOfThem(int port) throws IOException {
            try (DatagramSocket client = new DatagramSocket()) {
                client.setSoTimeout(5000);
                DatagramPacket packet = new DatagramPacket(new byte[8], 8, InetAddress.getByName("127.0.0.2"), port);
                for (int i = 0; i < WAITERS / 2; i++) {
                    client.send(packet);
                    client.receive(packet);
                    check(
                            "from the address asked",
                            packet.getAddress().getHostAddress().equals("127.0.0.2"));
                }
            }
            while (answered.get() < WAITERS / 2 && done.getCount() > WAITERS / 2) {
                Thread.onSpinWait();
            }
        }
    }

    private static ChildProcess run(Class<?> program, String... options) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(Requires.jdk25().toString()));
        command.addAll(Arrays.asList(options));
        command.addAll(List.of("--illegal-native-access=deny", "--enable-native-access=ALL-UNNAMED", "-cp"));
        command.addAll(List.of(System.getProperty("java.class.path"), program.getName()));
        return ChildProcess.run(command);
    }

    @Test
    void onOneCarrierOthersMakeProgressEachGetsItsDatagramAndCloseWakesAll() throws Exception {
        ChildProcess child = run(
                Program.class,
                "-Djdk.virtualThreadScheduler.parallelism=1",
                "-Djdk.virtualThreadScheduler.maxPoolSize=1");
        assertThat(child.exitCode()).as("%s", child).isZero();
        assertThat(child.err()).as("stderr").isEmpty();
        assertThat(child.out()).as("%s", child).hasSize(1).first().asString().startsWith("woken in ms ");
    }

    /** Channels in which a virtual thread has waited without receiving, and which are no longer reachable. */
    public static final class Forgotten {
        private Forgotten() {}

        public static void main(String[] arguments) throws Exception {
            List<WeakReference<PktInfoChannel>> channels = new ArrayList<>();
            for (int i = 0; i < 50; i++) {
                channels.add(forget());
            }
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
            while (channels.stream().anyMatch(channel -> channel.get() != null) && System.nanoTime() < deadline) {
                System.gc();
            }
            System.out.println(
                    channels.stream().filter(channel -> channel.get() != null).count() + " are left");
        }

        private static WeakReference<PktInfoChannel> forget() throws Exception {
            PktInfoChannel channel = PktInfoChannel.open().bind(new InetSocketAddress(0));
            CountDownLatch timedOut = new CountDownLatch(1);
            Program.start(() -> Program.timeOut(channel, timedOut));
            Program.check("a timed wait ends", timedOut.await(5, TimeUnit.SECONDS));
            return new WeakReference<>(channel);
        }
    }

    @Test
    void aForgottenChannelInWhichOneHasWaitedWithATimeoutIsCollected() throws Exception {
        ChildProcess child = run(Forgotten.class);
        assertThat(child.exitCode()).as("%s", child).isZero();
        assertThat(child.out()).as("%s", child).containsExactly("0 are left");
    }

    /** A virtual thread that is unparked again and again while it waits for a datagram that does not arrive. */
    public static final class Unparked {
        private Unparked() {}

        public static void main(String[] arguments) throws Exception {
            Duration timeout = Duration.ofSeconds(1);
            try (PktInfoChannel channel = PktInfoChannel.open().bind(new InetSocketAddress(0))) {
                Thread waiter = Program.start(() -> {
                    long start = System.nanoTime();
                    try {
                        boolean readable = channel.awaitReadable(timeout);
                        boolean whole = System.nanoTime() - start >= timeout.toNanos();
                        System.out.println("readable " + readable + ", waited to the end " + whole);
                    } catch (IOException e) {
                        System.out.println(e);
                    }
                });
                while (waiter.isAlive()) {
                    LockSupport.unpark(waiter);
                }
            }
        }
    }

    @Test
    void oneThatIsUnparkedWaitsOn() throws Exception {
        ChildProcess child = run(Unparked.class);
        assertThat(child.exitCode()).as("%s", child).isZero();
        assertThat(child.out()).as("%s", child).containsExactly("readable false, waited to the end true");
    }

    /** A server whose handler leaves every reply to a virtual thread. */
    public static final class LateReplies {
        private LateReplies() {}

        public static void main(String[] arguments) throws Exception {
            try (DatagramServer server = startServer();
                    DatagramSocket client = new DatagramSocket()) {
                client.setSoTimeout(5000);
                int port = server.localAddress().getPort();
                for (int i = 1; i <= 1000; i++) {
                    String destination = "127.0.0." + (i % 250 + 1);
                    DatagramPacket packet =
                            new DatagramPacket(new byte[8], 8, InetAddress.getByName(destination), port);
                    client.send(packet);
                    client.receive(packet);
                    if (!packet.getAddress().getHostAddress().equals(destination)) {
                        System.out.println(destination + " was answered by " + packet.getAddress());
                    }
                }
                while (server.stats().replied() < 1000) {
                    Thread.onSpinWait();
                }
                System.out.println("replied " + server.stats().replied());
            }
        }

        private static DatagramServer startServer() throws IOException {
            AtomicReference<DatagramServer> self = new AtomicReference<>();
            DatagramServer server = DatagramServer.builder().workers(2).start(slot -> {
                Datagram request = slot.toDatagram();
                Program.start(() -> {
                    try {
                        self.get().reply(request, ByteBuffer.wrap(request.payload()));
                    } catch (IOException e) {
                        System.out.println(e);
                    }
                });
            });
            self.set(server);
            return server;
        }
    }

    @Test
    void aHandlerMayLeaveTheReplyToAVirtualThread() throws Exception {
        ChildProcess child = run(LateReplies.class);
        assertThat(child.out()).as("%s", child).containsExactly("replied 1000");
        assertThat(child.exitCode()).isZero();
    }
}
