package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.pktinfo.Loopback.SOON;
import static org.pktinfo.Loopback.address;

import java.io.IOException;
import java.lang.ref.WeakReference;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.PktInfoChannel.Family;

/** Channels that are closed in every way while threads wait in them, and the resources that are left then. */
@Timeout(60)
class ChannelClosingTest {
    private Loopback client;

    @BeforeEach
    void openClient() throws IOException {
        client = new Loopback();
    }

    @AfterEach
    void closeClient() {
        client.close();
    }

    @Test
    void aBlockedReceiveGetsTheDatagramThatComesLater() throws Exception {
        try (PktInfoChannel server = Loopback.open(Family.DUAL_STACK)) {
            Waiter waiter = new Waiter(server);
            waiter.awaitInKernel();
            client.send("127.0.0.9", server, new byte[] {9});
            assertThat(waiter.get().packetInfo().local()).isEqualTo(address("127.0.0.9"));
        }
    }

    @Test
    void closeWakesEveryWaiterAndFreesThePort() throws Exception {
        PktInfoChannel server = Loopback.open(Family.DUAL_STACK);
        int port = server.localAddress().getPort();
        Waiter[] waiters = {new Waiter(server), new Waiter(server), new Waiter(server)};
        for (Waiter waiter : waiters) {
            waiter.awaitInKernel();
        }
        server.close();
        assertThatCode(() ->
                        PktInfoChannel.open().bind(new InetSocketAddress(port)).close())
                .doesNotThrowAnyException();
        for (Waiter waiter : waiters) {
            assertThat(waiter.failure()).isExactlyInstanceOf(AsynchronousCloseException.class);
        }
        assertThat(server.isOpen()).isFalse();
        assertThatThrownBy(server::receive).isInstanceOf(ClosedChannelException.class);
        assertThatThrownBy(() -> server.receive(Duration.ZERO)).isInstanceOf(ClosedChannelException.class);
        assertThatThrownBy(() -> server.send(
                        ByteBuffer.allocate(1), new Endpoint(address("127.0.0.1"), 9), Source.systemChoice()))
                .isInstanceOf(ClosedChannelException.class);
        assertThatCode(server::close).doesNotThrowAnyException();
    }

    @Test
    void interruptClosesTheChannelAsTheJdksDoes() throws Exception {
        PktInfoChannel server = Loopback.open(Family.DUAL_STACK);
        Waiter waiter = new Waiter(server);
        waiter.awaitInKernel();
        waiter.thread.interrupt();
        assertThat(waiter.failure()).isExactlyInstanceOf(ClosedByInterruptException.class);
        assertThat(server.isOpen()).isFalse();
        assertThat(server.jdkChannel().isOpen()).isFalse();
    }

    /**
     * JDK 17's Thread.interrupt can do this, between the look for a channel to close and the flag: a thread's own
     * interrupt only sets the flag.
     */
    @Test
    void anInterruptThatClosesNoChannelIsSeenWithinASecond() throws Exception {
        PktInfoChannel server = Loopback.open(Family.DUAL_STACK);
        Waiter waiter = new Waiter(() -> server.receiver.receive(
                () -> {
                    Thread.currentThread().interrupt();
                    return null;
                },
                Long.MAX_VALUE));
        assertThat(waiter.failure()).isExactlyInstanceOf(ClosedByInterruptException.class);
        assertThat(server.isOpen()).isFalse();
    }

    /** A thousand rounds each, because a wake-up is lost rarely. */
    @Tag("load")
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void everyWaiterIsWokenBeforeItWouldLookForItself(boolean byInterrupt) throws Exception {
        try (Stalls stalls = new Stalls()) {
            for (int round = 0; round < 1000; round++) {
                wakeTwoWaiters(byInterrupt, round, stalls);
            }
        }
    }

    private static void wakeTwoWaiters(boolean byInterrupt, int round, Stalls stalls) throws Exception {
        long stalledBefore = stalls.total();
        PktInfoChannel server = Loopback.open(Family.DUAL_STACK);
        Waiter first = new Waiter(server);
        Waiter second = new Waiter(server);
        if (round % 2 == 0) { // otherwise close reaches them on their way into the kernel
            first.awaitInKernel();
            second.awaitInKernel();
        }
        long start = System.nanoTime();
        if (byInterrupt) {
            first.thread.interrupt();
        } else {
            server.close();
        }
        assertThat(first.failure()).isInstanceOf(ClosedChannelException.class);
        assertThat(second.failure()).isInstanceOf(ClosedChannelException.class);
        // A thread that is not woken checks for itself after a second, as after an interrupt that falls into the gap of
        // JDK 17 on the way in.
        Duration limit = byInterrupt && round % 2 != 0 ? Duration.ofMillis(1500) : Duration.ofMillis(500);
        assertThat(Duration.ofNanos(System.nanoTime() - start))
                .as("round " + round)
                .isLessThan(limit.plusNanos(stalls.total() - stalledBefore));
        server.close();
    }

    /** The delays with which a thread that sleeps for a millisecond at a time wakes up: no round can be faster. */
    private static final class Stalls implements AutoCloseable {
        private static final long BEAT = 1_000_000; // nanoseconds

        private final AtomicLong ended = new AtomicLong();
        private volatile long lastBeat = System.nanoTime();
        private volatile boolean over;

        Stalls() {
            Thread metronome = new Thread(() -> {
                while (!over) {
                    lastBeat = System.nanoTime();
                    LockSupport.parkNanos(BEAT);
                    ended.addAndGet(Math.max(0, System.nanoTime() - lastBeat - BEAT));
                }
            });
            metronome.setDaemon(true);
            metronome.start();
        }

        /** Returns the delays in all in nanoseconds, including the one in progress. */
        long total() {
            return ended.get() + Math.max(0, System.nanoTime() - lastBeat - BEAT);
        }

        @Override
        public void close() {
            over = true;
        }
    }

    @Test
    void closingTheSelectorAfterTheChannelFreesThePort() throws Exception {
        try (Selector selector = Selector.open()) {
            PktInfoChannel server = Loopback.open(Family.DUAL_STACK);
            int port = server.localAddress().getPort();
            server.jdkChannel().configureBlocking(false);
            server.jdkChannel().register(selector, SelectionKey.OP_READ);
            server.close();
            selector.selectNow(); // the JDK closes a registered channel's descriptor when its key is removed
            PktInfoChannel.open().bind(new InetSocketAddress(port)).close();
        }
    }

    @Test
    @SuppressWarnings("try") // closing by hand is under test
    void whenTheJdksChannelIsClosedAndNobodyCallsThePortIsFreeWithinASecond() throws Exception {
        try (DatagramChannel jdk = DatagramChannel.open().bind(new InetSocketAddress(0));
                PktInfoChannel server = PktInfoChannel.wrap(jdk)) {
            int port = server.localAddress().getPort();
            jdk.close();
            long deadline = System.nanoTime() + Duration.ofSeconds(1).toNanos();
            while (!canBind(port)) {
                assertThat(System.nanoTime()).as("still bound after a second").isLessThan(deadline);
                Thread.onSpinWait();
            }
        }
    }

    private static boolean canBind(int port) throws IOException {
        try (DatagramChannel probe = DatagramChannel.open()) {
            probe.bind(new InetSocketAddress(port));
            return true;
        } catch (BindException e) {
            return false;
        }
    }

    @Test
    void closingTheSelectorFirstLeavesTheChannelUsable() throws Exception {
        PktInfoChannel server = Loopback.open(Family.DUAL_STACK);
        int port = server.localAddress().getPort();
        Selector selector = Selector.open();
        server.jdkChannel().configureBlocking(false);
        server.jdkChannel().register(selector, SelectionKey.OP_READ);
        selector.close();
        client.send("127.0.0.2", server, new byte[] {1});
        assertThat(server.receive(SOON).packetInfo().local()).isEqualTo(address("127.0.0.2"));
        server.close();
        assertThat(canBind(port)).isTrue();
    }

    @Test
    void severalThreadsReceiveEachDatagramOnce() throws Exception {
        try (PktInfoChannel server = Loopback.open(Family.DUAL_STACK)) {
            server.jdkChannel().setOption(StandardSocketOptions.SO_RCVBUF, 1 << 20); // nothing lost while they start
            List<CompletableFuture<Integer>> receivers = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                receivers.add(CompletableFuture.supplyAsync(() -> countUntilSilence(server)));
            }
            for (int i = 0; i < 1000; i++) {
                client.send("127.0.0." + (i % 250 + 1), server, new byte[] {1});
            }
            int sum = 0;
            for (CompletableFuture<Integer> receiver : receivers) {
                sum += receiver.get(20, TimeUnit.SECONDS);
            }
            assertThat(sum).isEqualTo(1000);
        }
    }

    private static int countUntilSilence(PktInfoChannel server) {
        try {
            int count = 0;
            while (server.receive(Duration.ofMillis(700)) != null) {
                count++;
            }
            return count;
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** Another socket gets the number at once; the closed channel must not touch it. */
    @Test
    void aDescriptorNumberThatIsUsedAgainIsNeverReadOrWritten() throws Exception {
        for (int round = 0; round < 200; round++) {
            PktInfoChannel server = Loopback.open(Family.IPV4);
            Endpoint own = new Endpoint(address("127.0.0.1"), client.socket.getLocalPort());
            Waiter waiter = new Waiter(server);
            if (round % 2 == 0) {
                server.jdkChannel().close(); // the JDK's number is free while the channel's own is still in use
            } else {
                server.close();
            }
            try (DatagramChannel other = DatagramChannel.open(StandardProtocolFamily.INET)
                    .bind(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0))) {
                other.configureBlocking(false);
                client.socket.send(
                        new java.net.DatagramPacket(new byte[] {7}, 1, (InetSocketAddress) other.getLocalAddress()));
                assertThatThrownBy(() -> server.receive(Duration.ZERO)).isInstanceOf(ClosedChannelException.class);
                assertThatThrownBy(() -> server.send(ByteBuffer.allocate(1), own, Source.systemChoice()))
                        .isInstanceOf(ClosedChannelException.class);
                assertThat(waiter.failure()).isInstanceOf(ClosedChannelException.class);
                ByteBuffer received = ByteBuffer.allocate(10);
                assertThat(other.receive(received)).as("round " + round).isNotNull();
                assertThat(received.flip().get()).isEqualTo((byte) 7);
            }
            server.close();
        }
    }

    @Test
    void closingOnlyTheJdksChannelIsNoticedWithinASecond() throws Exception {
        PktInfoChannel server = Loopback.open(Family.DUAL_STACK);
        int port = server.localAddress().getPort();
        Waiter waiter = new Waiter(server);
        waiter.awaitInKernel();
        long start = System.nanoTime();
        server.jdkChannel().close();
        assertThat(waiter.failure()).isInstanceOf(ClosedChannelException.class);
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofMillis(1500));
        awaitFree(port);
    }

    /** The closing thread may be the last to leave, after the one that it has woken. */
    private static void awaitFree(int port) throws IOException {
        long deadline = System.nanoTime() + SOON.toNanos();
        boolean free = false;
        while (!free) {
            try (PktInfoChannel another = PktInfoChannel.open()) {
                free = another.bind(new InetSocketAddress(port)).isOpen();
            } catch (BindException e) {
                assertThat(System.nanoTime()).as("free in time: %s", e).isLessThan(deadline);
            }
        }
    }

    @Test
    void aForgottenChannelIsCleanedUp() throws Exception {
        long before = OpenDescriptors.count();
        WeakReference<PktInfoChannel> forgotten = forget();
        long deadline = System.nanoTime() + SOON.toNanos();
        while (forgotten.get() != null && System.nanoTime() < deadline) {
            System.gc();
            Thread.onSpinWait();
        }
        assertThat(forgotten.get()).isNull();
        OpenDescriptors.assertNoMoreThan(before);
    }

    private static WeakReference<PktInfoChannel> forget() throws IOException {
        return new WeakReference<>(Loopback.open(Family.DUAL_STACK));
    }

    /** A thread blocked in receive. */
    private static final class Waiter {
        private final CompletableFuture<Datagram> result = new CompletableFuture<>();
        private final Thread thread;

        Waiter(PktInfoChannel channel) {
            this(channel::receive);
        }

        Waiter(Callable<Datagram> call) {
            thread = new Thread(() -> {
                try {
                    result.complete(call.call());
                } catch (Throwable e) {
                    result.completeExceptionally(e);
                }
            });
            thread.setDaemon(true);
            thread.start();
        }

        void awaitInKernel() {
            while (Stream.of(thread.getStackTrace())
                    .noneMatch(frame -> frame.getMethodName().equals("await"))) {
                assertThat(result).isNotDone();
                Thread.onSpinWait();
            }
        }

        Datagram get() throws Exception {
            return result.get(SOON.toMillis(), TimeUnit.MILLISECONDS);
        }

        Throwable failure() throws InterruptedException, TimeoutException {
            try {
                return result.get(SOON.toMillis(), TimeUnit.MILLISECONDS) == null
                        ? null
                        : new AssertionError("received");
            } catch (ExecutionException e) {
                return e.getCause();
            }
        }
    }
}
