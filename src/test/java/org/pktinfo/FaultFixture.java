package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.pktinfo.Loopback.SOON;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.channels.DatagramChannel;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.provider.Arguments;
import org.pktinfo.SendException.Kind;
import org.pktinfo.internal.Errno;
import org.pktinfo.server.DatagramServer;
import org.pktinfo.server.ServerStats;

/**
 * A socket with five clients, and a plan of system calls that fail: for a JVM that has the test build of the library
 * which makes them fail.
 */
abstract class FaultFixture {
    static final int DATAGRAMS = 5;
    static final int SILENCE_MILLIS = 20;

    /** Maps the kernel's errors to the outcome of a reply; null: it is sent all the same. */
    static final Map<Integer, Kind> ERRORS = new LinkedHashMap<>();

    static final int EINTR = 4;
    static final int ENOSYS = 38;

    static {
        ERRORS.put(EINTR, null);
        ERRORS.put(Errno.EAGAIN, null);
        ERRORS.put(Errno.ENOBUFS, Kind.TRANSIENT);
        ERRORS.put(Errno.ENOMEM, Kind.TRANSIENT);
        ERRORS.put(Errno.EPERM, Kind.TRANSIENT);
        ERRORS.put(Errno.ENETUNREACH, Kind.PEER_UNREACHABLE);
        ERRORS.put(Errno.EHOSTUNREACH, Kind.PEER_UNREACHABLE);
        ERRORS.put(Errno.EACCES, Kind.PEER_UNREACHABLE);
        ERRORS.put(Errno.EINVAL, Kind.OTHER);
        ERRORS.put(Errno.ENODEV, Kind.INTERFACE_GONE);
        ERRORS.put(Errno.EMSGSIZE, Kind.MESSAGE_TOO_LONG);
        ERRORS.put(Errno.EIO, Kind.OTHER);
        ERRORS.put(Errno.ECONNREFUSED, Kind.PEER_UNREACHABLE);
        ERRORS.put(Errno.ENETDOWN, Kind.PEER_UNREACHABLE);
        ERRORS.put(ENOSYS, Kind.OTHER);
    }

    static Faults faults;

    final List<Loopback> clients = new ArrayList<>();
    DatagramChannel socket;
    PktInfoChannel channel;
    DatagramServer server;

    @BeforeEach
    void open() throws IOException {
        if (faults == null) {
            faults = new Faults();
        }
        faults.clear();
        socket = DatagramChannel.open().bind(new InetSocketAddress(0));
        for (int i = 0; i < DATAGRAMS; i++) {
            clients.add(new Loopback());
        }
    }

    @AfterEach
    void close() throws IOException {
        faults.clear();
        if (server != null) {
            server.close();
        }
        if (channel != null) {
            channel.close();
        }
        socket.close();
        clients.forEach(Loopback::close);
    }

    /** Returns the request destination of a client; each client has another one. */
    static String asked(int client) {
        return "127.0.0." + (client + 2);
    }

    void ask(int client) throws IOException {
        byte[] payload = {(byte) client};
        clients.get(client)
                .socket
                .send(new DatagramPacket(
                        payload,
                        1,
                        InetAddress.getByName(asked(client)),
                        socket.socket().getLocalPort()));
    }

    void askAll() throws IOException {
        for (int i = 0; i < DATAGRAMS; i++) {
            ask(i);
        }
    }

    void assertAnswered(int client) throws IOException {
        assertThat(clients.get(client).replySource(new byte[] {(byte) client})).hasToString(asked(client));
    }

    void assertSilence(int client) throws IOException {
        clients.get(client).socket.setSoTimeout(SILENCE_MILLIS);
        assertThatThrownBy(() -> assertAnswered(client)).isInstanceOf(SocketTimeoutException.class);
        clients.get(client).socket.setSoTimeout((int) SOON.toMillis());
    }

    /** Asserts that all clients but this one are answered, and this one too once it asks again. */
    void assertAllAnsweredBut(int lost) throws IOException {
        for (int i = 0; i < DATAGRAMS; i++) {
            if (i != lost) {
                assertAnswered(i);
            }
        }
        if (lost >= 0) {
            assertSilence(lost);
        }
    }

    /**
     * Returns every error at the first, a middle and the last datagram, with the calls for many and with those for one.
     */
    static Stream<Arguments> errors() {
        return ERRORS.keySet().stream()
                .flatMap(errno -> IntStream.of(0, DATAGRAMS / 2, DATAGRAMS - 1)
                        .boxed()
                        .flatMap(at -> Stream.of(true, false).map(many -> Arguments.of(errno, at, many))));
    }

    void startServer() throws IOException {
        server =
                DatagramServer.builder().channel(socket).payloadCapacity(1500).start(slot -> slot.reply(slot.length()));
    }

    ServerStats awaitStats(Predicate<ServerStats> done) {
        long deadline = System.nanoTime() + SOON.toNanos();
        while (!done.test(server.stats()) && System.nanoTime() < deadline) {
            Thread.onSpinWait();
        }
        assertThat(server.stats()).matches(done);
        return server.stats();
    }

    static Map<Kind, Long> once(Kind kind) {
        return kind == null ? Map.of() : Map.of(kind, 1L);
    }

    void assertNextIsAnswered(int client) throws IOException {
        ask(client);
        assertAnswered(client);
    }

    DatagramBatch batch() throws IOException {
        channel = PktInfoChannel.wrap(socket, 1500);
        return channel.newBatch(32, 1500);
    }

    static void replyToAll(DatagramBatch batch) {
        for (int i = 0; i < batch.size(); i++) {
            batch.slot(i).reply(batch.slot(i).length());
        }
    }

    /** Returns every error at the first, a middle and the last datagram, one datagram at a time. */
    static Stream<Arguments> errorsOfOne() {
        return ERRORS.keySet().stream()
                .flatMap(
                        errno -> IntStream.of(0, DATAGRAMS / 2, DATAGRAMS - 1).mapToObj(at -> Arguments.of(errno, at)));
    }
}
