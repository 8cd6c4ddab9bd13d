package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.pktinfo.Loopback.SOON;
import static org.pktinfo.Loopback.address;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketAddress;
import java.net.SocketException;
import java.net.SocketOption;
import java.net.SocketTimeoutException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.AlreadyConnectedException;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.DatagramChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.internal.Doors;
import org.pktinfo.internal.Layout;

/**
 * The JDK's channel is connected and disconnected. If it is connected twice in a row, by its socket, it takes the
 * address that the kernel chose for the first connection for the one that it was bound to, and puts a new socket there
 * when it is disconnected.
 */
@Timeout(60)
class ReconnectTest {
    private PktInfoChannel server;
    private Loopback client;
    private Loopback other;

    @BeforeEach
    void open() throws IOException {
        DatagramChannel jdk = DatagramChannel.open();
        jdk.setOption(StandardSocketOptions.SO_REUSEADDR, true); // else the JDK cannot bind its new one beside it
        server = PktInfoChannel.wrap(jdk.bind(new InetSocketAddress(freePort())));
        client = new Loopback();
        other = new Loopback();
    }

    @AfterEach
    void close() throws IOException {
        client.close();
        other.close();
        server.close();
    }

    /**
     * Returns a free port to bind to by number, because a port of the system's choice is released when the socket is
     * disconnected, and no new socket is made then.
     */
    private static int freePort() throws IOException {
        try (DatagramSocket socket = new DatagramSocket()) {
            return socket.getLocalPort();
        }
    }

    private static InetSocketAddress of(Loopback peer) throws IOException {
        return Loopback.to("127.0.0.1", peer.socket.getLocalPort());
    }

    /** Leaves the JDK's channel with another socket, bound to 127.0.0.1. */
    private void replace() throws IOException {
        server.jdkChannel().socket().connect(of(client));
        server.jdkChannel().socket().connect(of(other));
        server.jdkChannel().disconnect();
    }

    private void replace(boolean alone) throws IOException {
        long before = cookie();
        if (alone) {
            server.reconnect(this::replace);
        } else {
            replace();
        }
        assertThat(cookie()).as("the JDK's socket").isNotEqualTo(before);
        assertThat(server.localAddress().getAddress())
                .isEqualTo(address("127.0.0.1").toInetAddress());
    }

    private long cookie() {
        return Doors.cookie(server.jdkChannel());
    }

    private void assertAnswers(Loopback peer) throws IOException {
        assertThat(peer.exchange("127.0.0.1", server, SourceSelection.requestDestination()))
                .isEqualTo(address("127.0.0.1"));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aChannelHearsAtTheSocketThatTheJdkHasMade(boolean alone) throws IOException {
        assertAnswers(client);
        replace(alone);
        assertAnswers(client);
        assertAnswers(other);
    }

    /** Returns executors of platform threads, and of virtual ones if there are any. */
    static List<Arguments> waiters() throws ReflectiveOperationException {
        List<Executor> executors = new ArrayList<>();
        executors.add(task -> new Thread(task).start());
        if (Runtime.version().feature() >= 21) {
            Executor virtual = (Executor)
                    Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
            executors.add(task -> virtual.execute(task)); // JUnit would close it after the first test
        }
        return executors.stream()
                .flatMap(executor -> Stream.of(Arguments.of(true, executor), Arguments.of(false, executor)))
                .toList();
    }

    @ParameterizedTest
    @MethodSource("waiters")
    void aThreadThatWaitsHearsToo(boolean alone, Executor executor) throws Exception {
        CompletableFuture<Datagram> heard = CompletableFuture.supplyAsync(
                () -> {
                    try {
                        return server.receive();
                    } catch (IOException e) {
                        throw new AssertionError(e);
                    }
                },
                executor);
        while (server.receiver.mayReadAhead()) {
            Thread.onSpinWait(); // until it waits
        }
        replace(alone);
        client.send("127.0.0.1", server, new byte[] {7});
        assertThat(heard.get(10, TimeUnit.SECONDS).payload()).containsExactly(7);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aBatchHearsToo(boolean alone) throws IOException {
        DatagramBatch batch = server.newBatch(2, 10);
        replace(alone);
        client.send("127.0.0.1", server, new byte[1]);
        assertThat(batch.receive(SOON)).isEqualTo(1);
        batch.slot(0).reply(1);
        assertThat(batch.send()).isEqualTo(1);
        assertThat(client.replySource(new byte[1])).isEqualTo(address("127.0.0.1"));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void theNewSocketHasTheOptionsOfTheOneBefore(boolean alone) throws IOException {
        server.setOption(PktInfoSocketOptions.COALESCE_RECEIVED, true);
        server.setOption(PktInfoSocketOptions.FRAGMENTATION, Fragmentation.WANT);
        replace(alone);
        assertThat(server.receive(Duration.ofMillis(1))).isNull(); // checks the socket
        assertThat(server.socket.options().isOn(Layout.OPTION_IP_PKTINFO)).isTrue();
        assertThat(server.socket.options().family() == Layout.FAMILY_IPV4
                        || server.socket.options().isOn(Layout.OPTION_IPV6_RECVPKTINFO))
                .isTrue();
        assertThat(server.socket.options().isOn(Layout.OPTION_UDP_GRO)).isTrue();
        assertThat(server.socket.options().isOn(Layout.OPTION_IP_MTU_DISCOVER)).isTrue();
    }

    /** Sets each option that this kernel and the channel's family have and this user may, as root all others. */
    private Map<SocketOption<?>, Object> setAll() throws IOException {
        Map<SocketOption<?>, Object> values = new HashMap<>();
        for (SocketOption<?> option : PktInfoSocketOptions.all()) {
            try {
                values.put(option, setOther(option));
            } catch (SocketException e) {
                assertThat(e).hasMessageContaining("EPERM (1), needs ");
            } catch (UnsupportedOperationException e) {
                assertThat(e.getMessage()).matches(".*(ENOPROTOOPT, since Linux [0-9.]+|the channel is for IPv4 only)");
            }
        }
        return values;
    }

    /** Sets an option to another value than the default. */
    private <T> T setOther(SocketOption<T> option) throws IOException {
        Object value = true;
        if (option.type() != Boolean.class) {
            value = Map.<SocketOption<?>, Object>of(
                            PktInfoSocketOptions.FRAGMENTATION,
                            Fragmentation.PROBE,
                            PktInfoSocketOptions.MARK,
                            4_026_531_841L,
                            PktInfoSocketOptions.BIND_TO_DEVICE,
                            "lo",
                            PktInfoSocketOptions.RECEIVE_BUFFER_FORCE,
                            100_000_000,
                            PktInfoSocketOptions.BUSY_POLL,
                            50,
                            PktInfoSocketOptions.INCOMING_CPU,
                            0)
                    .get(option);
        }
        T set = option.type().cast(value);
        assertThat(server.getOption(option)).as("%s", option).isNotEqualTo(set);
        PktInfoChannel unused = server.setOption(option, set);
        return set;
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void everyOptionOutlivesTheSocket(boolean alone) throws IOException {
        Map<SocketOption<?>, Object> values = setAll();
        assertThat(values).hasSizeGreaterThan(10);
        replace(alone);
        assertThat(server.receive(Duration.ofMillis(1))).isNull(); // checks the socket
        for (Map.Entry<SocketOption<?>, Object> value : values.entrySet()) {
            assertThat(server.getOption(value.getKey()))
                    .as("%s", value.getKey())
                    .isEqualTo(value.getValue());
        }
        assertAnswers(client);
    }

    /** The kernel clears it although the socket stays. */
    @Test
    void theDeviceOutlivesADisconnect() throws IOException {
        PktInfoChannel unused = server.setOption(PktInfoSocketOptions.BIND_TO_DEVICE, "lo");
        server.reconnect(() -> server.jdkChannel().connect(of(client)));
        server.reconnect(() -> server.jdkChannel().disconnect());
        assertThat(server.getOption(PktInfoSocketOptions.BIND_TO_DEVICE)).isEqualTo("lo");
        assertThat(server.sender.boundInterface())
                .isEqualTo(NetworkInterface.getByName("lo").getIndex());
        assertAnswers(client);
    }

    /** The kernel writes the processor of the last datagram there while the socket is connected. */
    @Test
    void theProcessorIsThatWhichWasSetAndNotThatOfADatagram() throws IOException {
        server.reconnect(() -> server.jdkChannel().socket().connect(of(other)));
        other.socket.send(new DatagramPacket(new byte[1], 1, server.localAddress()));
        assertThat(server.receive(SOON)).isNotNull();
        assertThat(server.getOption(PktInfoSocketOptions.INCOMING_CPU)).isNotNegative();
        replace(/* alone= */ true);
        assertThat(server.getOption(PktInfoSocketOptions.INCOMING_CPU)).isEqualTo(-1);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whatWasOffStaysOff(boolean alone) throws IOException {
        server.setOption(PktInfoSocketOptions.FRAGMENTATION, Fragmentation.DONT);
        replace(alone);
        assertThat(server.receive(Duration.ofMillis(1))).isNull(); // checks the socket
        assertThat(server.socket.options().isOn(Layout.OPTION_UDP_GRO)).isFalse();
        assertThat(server.socket.options().isOn(Layout.OPTION_IP_MTU_DISCOVER)).isFalse();
    }

    /** Without SO_REUSEADDR too: no descriptor of the library keeps the port. */
    @Test
    void theJdkCanBindItsNewSocketToThePort() throws IOException {
        try (PktInfoChannel channel = PktInfoChannel.open().bind(new InetSocketAddress(freePort()))) {
            SocketAddress before = channel.localAddress();
            channel.reconnect(() -> channel.jdkChannel().socket().connect(of(client)));
            channel.reconnect(() -> channel.jdkChannel().socket().connect(of(other)));
            channel.reconnect(() -> channel.jdkChannel().disconnect());
            assertThat(channel.localAddress().getPort()).isEqualTo(((InetSocketAddress) before).getPort());
            assertThat(client.exchange("127.0.0.1", channel, SourceSelection.requestDestination()))
                    .isEqualTo(address("127.0.0.1"));
        }
    }

    @Test
    void nobodySendsWhileTheChannelIsReconnected() throws Exception {
        client.socket.setSoTimeout(100);
        Endpoint peer = Endpoint.of(of(client));
        CompletableFuture<Void> sent = new CompletableFuture<>();
        Thread sender = new Thread(() -> {
            try {
                server.send(ByteBuffer.allocate(3), peer, Source.systemChoice());
                sent.complete(null);
            } catch (IOException e) {
                sent.completeExceptionally(e);
            }
        });
        server.reconnect(() -> {
            server.jdkChannel().connect(of(client));
            sender.start();
            while (sender.getState() != Thread.State.WAITING) {
                assertThat(sent).isNotDone();
                Thread.onSpinWait();
            }
            server.jdkChannel().disconnect();
            assertThatThrownBy(() -> client.replySource(new byte[3])).isInstanceOf(SocketTimeoutException.class);
        });
        sent.get();
        assertThat(client.replySource(new byte[3])).isEqualTo(address("127.0.0.1"));
    }

    /** A socket whose port the system has chosen has no port for a moment when it is first disconnected. */
    @Test
    void aPortOfTheSystemsChoiceStays() throws Exception {
        CompletableFuture<Void> sender;
        try (PktInfoChannel channel = Loopback.open(PktInfoChannel.Family.DUAL_STACK)) {
            int port = channel.localAddress().getPort();
            Endpoint peer = Endpoint.of(of(other));
            sender = CompletableFuture.runAsync(() -> {
                try {
                    while (true) {
                        channel.send(ByteBuffer.allocate(1), peer, Source.systemChoice());
                    }
                } catch (IOException e) {
                    assertThat(channel.isOpen()).as("%s", e).isFalse();
                }
            });
            for (int i = 0; i < 100; i++) {
                channel.reconnect(() -> channel.jdkChannel().connect(of(other)));
                channel.reconnect(() -> channel.jdkChannel().disconnect());
                assertThat(channel.localAddress().getPort()).isEqualTo(port);
            }
            assertThat(client.exchange("127.0.0.1", channel, SourceSelection.requestDestination()))
                    .isEqualTo(address("127.0.0.1"));
            assertThat(sender).isNotDone();
        }
        sender.get();
    }

    /** The kernel refuses to make a bound socket IPv6-only, but a socket bound to an IPv6 address is that already. */
    @Test
    void aChannelForIpv6OnlyStaysOne() throws IOException {
        Environment.assumeIpv6();
        try (PktInfoChannel channel =
                PktInfoChannel.open(PktInfoChannel.Family.IPV6).bind(new InetSocketAddress(freePort()))) {
            channel.reconnect(() -> channel.jdkChannel().connect(Loopback.to("::1", client.socket.getLocalPort())));
            channel.reconnect(
                    () -> channel.jdkChannel().socket().connect(Loopback.to("::1", other.socket.getLocalPort())));
            channel.reconnect(() -> channel.jdkChannel().disconnect());
            assertThat(channel.localAddress().getAddress())
                    .isEqualTo(address("::1").toInetAddress());
            assertThat(channel.socket.options().isOn(Layout.OPTION_IPV6_V6ONLY)).isTrue();
            assertThat(client.exchange("::1", channel, SourceSelection.requestDestination()))
                    .isEqualTo(address("::1"));
        }
    }

    @Test
    void aReconnectionThatFailsLeavesTheChannelAsItWas() throws IOException {
        assertThatThrownBy(() -> server.reconnect(() -> {
                    throw new IOException("refused");
                }))
                .hasMessage("refused");
        assertThatThrownBy(() -> server.reconnect(() -> server.jdkChannel().connect(null)))
                .isInstanceOf(RuntimeException.class);
        assertAnswers(client);
    }

    @Test
    void aReconnectionThatUsesTheChannelIsToldSo() throws IOException {
        assertThatThrownBy(() -> server.reconnect(() -> server.receive(Duration.ZERO)))
                .isInstanceOf(IllegalStateException.class);
        server.reconnect(() -> server.reconnect(this::replace));
        assertAnswers(client);
    }

    @Test
    void closingDoesNotWaitForAReconnection() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch ends = new CountDownLatch(1);
        InetSocketAddress local = server.localAddress();
        CompletableFuture<Void> reconnecting = CompletableFuture.runAsync(() -> {
            try {
                server.reconnect(() -> {
                    begun.countDown();
                    boolean unused = uninterruptibly(ends);
                });
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        });
        begun.await();
        server.close();
        try (DatagramChannel next = DatagramChannel.open()) {
            next.bind(local);
        }
        ends.countDown();
        reconnecting.get();
        assertThatThrownBy(() -> server.receive()).isInstanceOf(java.nio.channels.ClosedChannelException.class);
    }

    private static boolean uninterruptibly(CountDownLatch latch) {
        try {
            return latch.await(1, TimeUnit.MINUTES);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void closingWakesWhoWaitsAtTheNewSocket() throws Exception {
        replace(/* alone= */ true);
        CompletableFuture<Datagram> waits = CompletableFuture.supplyAsync(() -> {
            try {
                return server.receive();
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        });
        while (server.receiver.mayReadAhead()) {
            Thread.onSpinWait();
        }
        server.close();
        assertThatThrownBy(waits::get)
                .isInstanceOf(ExecutionException.class)
                .hasRootCauseInstanceOf(AsynchronousCloseException.class);
    }

    @Test
    void noDescriptorIsLeftBehind() throws IOException {
        replace(/* alone= */ true);
        assertAnswers(client);
        long before = OpenDescriptors.count();
        for (int i = 0; i < 100; i++) {
            close();
            open();
            replace(i % 2 == 0);
            assertAnswers(client);
        }
        OpenDescriptors.assertNoMoreThan(before);
    }

    @Test
    void whatTheKernelLostIsCountedOnBySocketsThatFollow() throws IOException {
        for (int i = 1; i <= 2; i++) {
            Loopback.shrinkQueue(server);
            for (int j = 0; j < Loopback.FLOOD; j++) {
                client.send("127.0.0.1", server, new byte[100]);
            }
            int heard = 0;
            while (server.receive(Duration.ZERO) != null) {
                heard++;
            }
            assertThat(server.stats().received() + server.stats().kernelDrops()).isEqualTo(i * (long) Loopback.FLOOD);
            assertThat(heard).isLessThan(Loopback.FLOOD);
            if (i == 1) {
                replace(/* alone= */ true);
            }
        }
    }

    /** Behaves as a channel of the JDK's: replies of its peer would be received, and those of another would not. */
    @Test
    void aConnectedChannelSendsToItsPeerOnly() throws IOException {
        Endpoint friend = Endpoint.of(of(client));
        Endpoint stranger = Endpoint.of(of(other));
        ByteBuffer payload = ByteBuffer.wrap(new byte[] {1});
        DatagramBatch batch = server.newBatch(4, 10);
        Datagram before = other.ask("127.0.0.1", server);
        server.reconnect(() -> server.jdkChannel().connect(of(client)));
        assertThatThrownBy(() -> server.send(payload, stranger, Source.systemChoice()))
                .isInstanceOf(AlreadyConnectedException.class);
        assertThatThrownBy(() -> server.reply(before, payload)).isInstanceOf(AlreadyConnectedException.class);
        assertThatThrownBy(() -> batch.put(payload, stranger, Source.systemChoice()))
                .isInstanceOf(AlreadyConnectedException.class);
        assertThat(payload.remaining()).isOne();
        server.send(payload, friend, Source.systemChoice());
        assertThat(client.replySource(new byte[] {1})).isEqualTo(address("127.0.0.1"));

        server.reconnect(() -> server.jdkChannel().disconnect());
        server.send(payload.rewind(), stranger, Source.systemChoice());
        assertThat(other.replySource(new byte[] {1})).isNotNull();
    }

    @Test
    void oneThatWasConnectedWhenItWasWrappedDoesSoToo() throws IOException {
        DatagramChannel jdk = DatagramChannel.open().connect(of(client));
        try (PktInfoChannel wrapped = PktInfoChannel.wrap(jdk)) {
            assertThatThrownBy(
                            () -> wrapped.send(ByteBuffer.allocate(1), Endpoint.of(of(other)), Source.systemChoice()))
                    .isInstanceOf(AlreadyConnectedException.class);
        }
    }
}
