package org.pktinfo.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.net.BindException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketTimeoutException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.Datagram;
import org.pktinfo.DatagramBatch;
import org.pktinfo.DatagramSlot;
import org.pktinfo.Endpoint;
import org.pktinfo.IpAddress;
import org.pktinfo.PacketInfo;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.PktInfoSocketOptions;
import org.pktinfo.Requires;
import org.pktinfo.SendException;
import org.pktinfo.Source;

/** The server loop over loopback. */
@Timeout(60)
class DatagramServerTest {
    private static final DatagramHandler ECHO = request -> request.reply(request.length());

    private DatagramServer server;

    @AfterEach
    void close() throws IOException {
        if (server != null) {
            server.close();
        }
    }

    private void start(int workers, DatagramHandler handler) throws IOException {
        server = DatagramServer.builder()
                .workers(workers)
                .batchSize(8)
                .payloadCapacity(1500)
                .start(handler);
    }

    static DatagramSocket client() throws IOException {
        DatagramSocket socket = new DatagramSocket();
        socket.setSoTimeout(5000);
        socket.setBroadcast(true);
        return socket;
    }

    private void send(DatagramSocket client, String destination) throws IOException {
        send(client, destination, server, 8);
    }

    static void send(DatagramSocket client, String destination, DatagramServer server, int length) throws IOException {
        client.send(new DatagramPacket(
                new byte[length],
                length,
                InetAddress.getByName(destination),
                server.localAddress().getPort()));
    }

    static String source(DatagramSocket client) throws IOException {
        DatagramPacket reply = new DatagramPacket(new byte[100], 100);
        client.receive(reply);
        return reply.getAddress().getHostAddress();
    }

    /** Waits for a counter, because counters change after the reply has been sent. */
    static void await(LongSupplier counter, long expected) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
        while (counter.getAsLong() != expected && System.nanoTime() < deadline) {
            Thread.onSpinWait();
        }
        assertThat(counter.getAsLong()).isEqualTo(expected);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4})
    void everyWorkerAnswersFromTheRequestDestination(int workers) throws IOException {
        Set<String> threads = new HashSet<>();
        start(workers, request -> {
            synchronized (threads) {
                threads.add(Thread.currentThread().getName());
            }
            request.reply(request.length());
        });
        for (int i = 1; i <= 200; i++) { // each with a port of its own, so that all workers get some
            try (DatagramSocket client = client()) {
                send(client, "127.0.0." + (i % 200 + 1));
                assertThat(source(client)).isEqualTo("127.0.0." + (i % 200 + 1));
            }
        }
        await(() -> server.stats().replied(), 200);
        await(() -> server.stats().received(), 200);
        assertThat(threads).hasSize(workers);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4})
    void aBroadcastIsAnsweredExactlyOnceHoweverManyWorkersThereAre(int workers) throws IOException {
        start(workers, ECHO);
        try (DatagramSocket client = client()) {
            for (int i = 0; i < 20; i++) {
                send(client, "127.255.255.255");
                assertThat(source(client)).isEqualTo("127.0.0.1");
            }
            await(() -> server.stats().received(), 20L * workers);
            await(() -> server.stats().otherWorkers(), 20L * (workers - 1));
            await(() -> server.stats().replied(), 20);
            client.setSoTimeout(50);
            assertThatThrownBy(() -> source(client)).isInstanceOf(SocketTimeoutException.class);
        }
    }

    @Test
    void aHandlerThatThrowsIsCountedAndTheLoopGoesOn() throws IOException {
        AtomicBoolean broken = new AtomicBoolean(true);
        start(1, request -> {
            request.reply(request.length());
            if (broken.get()) {
                throw new IllegalStateException("on purpose");
            }
        });
        try (DatagramSocket client = client()) {
            send(client, "127.0.0.2");
            await(() -> server.stats().handlerErrors(), 1);
            broken.set(false);
            send(client, "127.0.0.3");
            assertThat(source(client)).isEqualTo("127.0.0.3");
            await(() -> server.stats().replied(), 1);
        }
    }

    @Test
    void whatCannotBeSentIsCountedByKindAndTheOthersAreSent() throws IOException {
        start(1, request -> {
            if (request.packetInfo().local().toString().equals("127.0.0.66")) {
                request.reply(1, Source.of(IpAddress.of(InetAddress.getByName("192.0.2.7"))));
            } else {
                request.reply(request.length());
            }
        });
        try (DatagramSocket client = client()) {
            for (String destination : new String[] {"127.0.0.2", "127.0.0.66", "127.0.0.3"}) {
                send(client, destination);
            }
            assertThat(source(client)).isEqualTo("127.0.0.2");
            assertThat(source(client)).isEqualTo("127.0.0.3");
            await(() -> server.stats().failed(), 1);
            assertThat(server.stats().sendErrors()).containsOnlyKeys(SendException.Kind.SOURCE_UNUSABLE);
        }
    }

    @Test
    void whatClaimsToComeFromTheServerItselfIsNeverAnswered() throws IOException {
        start(1, ECHO);
        int port = server.localAddress().getPort();
        Endpoint itself = new Endpoint(IpAddress.of(InetAddress.getByName("127.0.0.1")), port);
        PacketInfo info = new PacketInfo(itself.address(), itself.address(), 1, true, false, false, false);
        server.reply(new Datagram(new byte[0], itself, info, 0), ByteBuffer.allocate(3)); // arrives at the server
        await(() -> server.stats().ownAddress(), 1);
        try (DatagramSocket client = client()) {
            send(client, "127.0.0.2");
            assertThat(source(client)).isEqualTo("127.0.0.2");
            await(() -> server.stats().replied(), 2); // the one to itself, and this one
        }
    }

    @Test
    void onePrefixGetsNoMoreRepliesThanTheLimitAndOthersGetTheirs() throws IOException {
        server = DatagramServer.builder().rateLimit(10).start(ECHO);
        try (DatagramSocket client = client()) {
            for (int i = 0; i < 100; i++) {
                send(client, "127.0.0.2");
            }
            await(() -> server.stats().received(), 100);
            await(() -> server.stats().replied() + server.stats().rateLimited(), 100);
            assertThat(server.stats().replied()).isBetween(10L, 20L);
            try (DatagramSocket other = new DatagramSocket(0, InetAddress.getByName("127.9.9.9"))) {
                other.setSoTimeout(5000);
                send(other, "127.0.0.2");
                assertThat(source(other)).isEqualTo("127.0.0.2");
            }
        }
    }

    @Test
    void someOfWhatIsOverTheLimitIsHandedOverToBeToldSo() throws IOException {
        DatagramHandler dns = new DatagramHandler() {
            @Override
            public void handle(DatagramSlot request) {
                request.reply(request.length());
            }

            @Override
            public void handleOverLimit(DatagramSlot request) {
                request.reply(1);
            }
        };
        server = DatagramServer.builder()
                .rateLimit(RateLimit.of(1).withBurst(10).withSlip(2))
                .start(dns);
        try (DatagramSocket client = client()) {
            for (int i = 0; i < 210; i++) {
                send(client, "127.0.0.2");
            }
            await(() -> server.stats().received(), 210);
            await(() -> server.stats().replied() + server.stats().rateLimited(), 210);
            int whole = 0;
            int truncated = 0;
            for (long left = server.stats().replied(); left > 0; left--) {
                DatagramPacket reply = new DatagramPacket(new byte[100], 100);
                client.receive(reply);
                whole += reply.getLength() == 8 ? 1 : 0;
                truncated += reply.getLength() == 1 ? 1 : 0;
            }
            assertThat(whole).isBetween(10, 20);
            assertThat(truncated).isBetween(50, 150);
        }
    }

    /** A datagram that the server sends to each of its own addresses arrives from that address. */
    @Test
    void everyLocalAddressIsKnownAsTheServersOwn() throws IOException {
        start(1, ECHO);
        int port = server.localAddress().getPort();
        List<InetAddress> addresses = new ArrayList<>(List.of(InetAddress.getByName("127.7.7.7")));
        NetworkInterface.networkInterfaces()
                .forEach(each -> each.inetAddresses().forEach(addresses::add));
        for (InetAddress address : addresses) {
            IpAddress own = IpAddress.of(address);
            Endpoint itself = new Endpoint(own, port);
            PacketInfo info = new PacketInfo(own, own, own.scopeId(), own.isIpv4(), !own.isIpv4(), false, false);
            server.reply(new Datagram(new byte[0], itself, info, 0), ByteBuffer.allocate(3));
        }
        await(() -> server.stats().ownAddress(), addresses.size());
        assertThat(server.stats().replied()).as("what was sent above").isEqualTo(addresses.size());
    }

    @ParameterizedTest
    @ValueSource(ints = {7, 13, 17, 19, 37})
    void whatComesFromAPortThatAnswersEverythingIsNeverAnswered(int port) throws IOException {
        Requires.root();
        start(1, ECHO);
        try (DatagramSocket service = new DatagramSocket(port, InetAddress.getByName("127.0.0.9"));
                DatagramSocket client = client()) {
            service.setSoTimeout(50);
            send(service, "127.0.0.2");
            await(() -> server.stats().answeringPorts(), 1);
            assertThatThrownBy(() -> source(service)).isInstanceOf(SocketTimeoutException.class);
            send(client, "127.0.0.2");
            assertThat(source(client)).isEqualTo("127.0.0.2");
        }
    }

    private static long cpuTime(Thread thread) {
        return ManagementFactory.getThreadMXBean().getThreadCpuTime(thread.getId());
    }

    private static boolean sleeps(Thread thread) {
        return Stream.of(thread.getStackTrace())
                .anyMatch(frame -> frame.getMethodName().equals("awaitReadable"));
    }

    @Test
    void aWorkerThatIsToSpinSleepsOnlyWhenTheTimeIsOver() throws IOException {
        server = DatagramServer.builder().spin(Duration.ofSeconds(1)).start(ECHO);
        Thread worker = Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().equals("pktinfo-server-0"))
                .findAny()
                .orElseThrow();
        await(() -> sleeps(worker) ? 1 : 0, 1);
        long before = cpuTime(worker);
        try (DatagramSocket client = client()) {
            send(client, "127.0.0.2");
            assertThat(source(client)).isEqualTo("127.0.0.2");
            await(() -> Math.min(1, TimeUnit.NANOSECONDS.toMillis(cpuTime(worker) - before) / 20), 1);
            send(client, "127.0.0.3");
            assertThat(source(client)).isEqualTo("127.0.0.3");
        }
        await(() -> sleeps(worker) ? 1 : 0, 1);
        assertThatThrownBy(() -> DatagramServer.builder().spin(Duration.ofNanos(-1)))
                .isInstanceOf(IllegalArgumentException.class);
    }

    /** Returns true if the kernel coalesces, since Linux 5.0; an emulated one does not. */
    private static boolean coalesces(PktInfoChannel client) throws IOException {
        try {
            client.setOption(PktInfoSocketOptions.COALESCE_RECEIVED, true);
            return true;
        } catch (UnsupportedOperationException e) {
            assertThat(e).hasMessageContaining("UDP_GRO");
            return false;
        }
    }

    /** The whole burst is in the queue before the server starts to answer it. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void repliesOfABurstLeaveTogetherUnlessThatIsSwitchedOffOrTheKernelCannot(boolean wanted) throws IOException {
        DatagramChannel socket = DatagramChannel.open().bind(new InetSocketAddress(0));
        try (PktInfoChannel client = PktInfoChannel.open().bind(new InetSocketAddress(0))) {
            boolean together = coalesces(client) && wanted;
            Endpoint to = new Endpoint(
                    IpAddress.of(InetAddress.getByName("127.0.0.6")),
                    socket.socket().getLocalPort());
            for (int i = 0; i < 8; i++) {
                client.send(ByteBuffer.allocate(20), to, Source.systemChoice());
            }
            DatagramBatch answers = client.newBatch(8, PktInfoChannel.MAX_PAYLOAD);
            server = DatagramServer.builder()
                    .channel(socket)
                    .coalesceReplies(together)
                    .start(ECHO);
            await(() -> server.stats().replied(), 8);
            int slots = answers.receive(Duration.ofSeconds(5));
            assertThat(slots).isEqualTo(together ? 1 : 8);
            assertThat(answers.slot(0).length()).isEqualTo(together ? 160 : 20);
            assertThat(answers.slot(0).segmentSize()).isEqualTo(together ? 20 : 0);
            assertThat(answers.slot(0).peer()).isEqualTo(to);
        }
    }

    @Test
    void whatDoesNotFitIsCounted() throws IOException {
        start(1, ECHO);
        try (DatagramSocket client = client()) {
            client.send(new DatagramPacket(
                    new byte[1501],
                    1501,
                    InetAddress.getByName("127.0.0.2"),
                    server.localAddress().getPort()));
            assertThat(source(client)).isEqualTo("127.0.0.2");
            await(() -> server.stats().truncated(), 1);
            assertThat(server.stats().withoutPacketInfo()).isZero();
        }
    }

    @Test
    void aReplyMayComeLaterAndFromAnotherThread() throws Exception {
        CompletableFuture<Datagram> taken = new CompletableFuture<>();
        start(1, request -> taken.complete(request.toDatagram()));
        try (DatagramSocket client = client()) {
            send(client, "127.0.0.2");
            Datagram request = taken.get(5, TimeUnit.SECONDS);
            await(() -> server.stats().unanswered(), 1);
            server.reply(request, ByteBuffer.wrap(request.payload()));
            assertThat(source(client)).isEqualTo("127.0.0.2");
            await(() -> server.stats().replied(), 1);
        }
    }

    @Tag("load")
    @ParameterizedTest
    @ValueSource(ints = {1, 4})
    void stoppedInAStormEveryDatagramTakenIsAccountedFor(int workers) throws Exception {
        for (int round = 0; round < 20; round++) {
            start(workers, ECHO);
            InetSocketAddress to = new InetSocketAddress(
                    InetAddress.getByName("127.0.0.2"), server.localAddress().getPort());
            AtomicBoolean storm = new AtomicBoolean(true);
            CompletableFuture<Void> load = CompletableFuture.runAsync(() -> flood(to, storm));
            long wanted = 200L * (round + 1);
            while (server.stats().received() < wanted) {
                Thread.onSpinWait();
            }
            server.stop(Duration.ofSeconds(5));
            storm.set(false);
            load.get(5, TimeUnit.SECONDS);
            ServerStats stats = server.stats();
            assertThat(stats.replied() + stats.failed()).as("%s", stats).isEqualTo(stats.received());
            assertThat(stats.receiveErrors()).isZero();
        }
    }

    private static void flood(InetSocketAddress to, AtomicBoolean storm) {
        try (DatagramSocket socket = new DatagramSocket()) {
            DatagramPacket packet = new DatagramPacket(new byte[64], 64, to);
            while (storm.get()) {
                socket.send(packet);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void aSlowHandlerIsWaitedForAndItsReplyIsSent() throws Exception {
        CountDownLatch entered = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        start(1, request -> {
            entered.countDown();
            release.await();
            request.reply(request.length());
        });
        try (DatagramSocket client = client()) {
            send(client, "127.0.0.2");
            assertThat(entered.await(5, TimeUnit.SECONDS)).isTrue();
            CompletableFuture<Void> stop = CompletableFuture.runAsync(() -> {
                try {
                    server.stop(Duration.ofSeconds(5));
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            release.countDown();
            stop.get(5, TimeUnit.SECONDS);
            assertThat(source(client)).isEqualTo("127.0.0.2");
            await(() -> server.stats().replied(), 1);
        }
    }

    @Test
    void whatIsFinishedHasAnsweredWhatItTookTakesNoMoreAndStaysBound() throws Exception {
        CountDownLatch entered = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        start(2, request -> {
            entered.countDown();
            assertThat(release.await(5, TimeUnit.SECONDS)).isTrue();
            request.reply(request.length());
        });
        InetSocketAddress bound = server.localAddress();
        try (DatagramSocket client = client()) {
            send(client, "127.0.0.2");
            assertThat(entered.await(5, TimeUnit.SECONDS)).isTrue();
            CompletableFuture<Void> finish = CompletableFuture.runAsync(() -> server.finish(Duration.ofSeconds(5)));
            release.countDown();
            finish.get(5, TimeUnit.SECONDS);
            ServerStats stats = server.stats();
            assertThat(stats.replied()).isEqualTo(1);
            assertThat(source(client)).isEqualTo("127.0.0.2");
            for (int i = 1; i <= 20; i++) { // to both workers' sockets
                try (DatagramSocket another = client()) {
                    send(another, "127.0.0." + i);
                }
            }
            assertThatThrownBy(() -> DatagramServer.builder().bind(bound).start(ECHO))
                    .isInstanceOf(BindException.class);
            server.close();
            assertThat(server.stats().received()).isEqualTo(1);
            DatagramServer.builder().bind(bound).start(ECHO).close(); // the port is free
        }
    }

    @Test
    void aSmallSendBufferIsRaised() throws IOException {
        DatagramChannel small = DatagramChannel.open().setOption(StandardSocketOptions.SO_SNDBUF, 20_000);
        server = DatagramServer.builder().channel(small.bind(null)).start(ECHO);
        assertThat(small.getOption(StandardSocketOptions.SO_SNDBUF)).isGreaterThan(20_000);
    }

    @Test
    void aPortInUseLeavesNothingOpen() throws IOException {
        start(1, ECHO);
        InetSocketAddress taken = new InetSocketAddress(server.localAddress().getPort());
        assertThatThrownBy(() -> DatagramServer.builder().bind(taken).workers(2).start(ECHO))
                .isInstanceOf(BindException.class);
        assertThatThrownBy(() -> DatagramServer.builder().workers(0)).hasMessageContaining("0 workers");
        assertThatThrownBy(() -> DatagramServer.builder().batchSize(0).start(ECHO))
                .hasMessageContaining("0 slots");
    }
}
