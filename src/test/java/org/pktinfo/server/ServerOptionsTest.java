package org.pktinfo.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.pktinfo.Datagram;
import org.pktinfo.Endpoint;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.PktInfoSocketOptions;
import org.pktinfo.ReceivedFacts;
import org.pktinfo.SendOptions;
import org.pktinfo.Source;

/** The socket options of a server, and replies with header fields of their own, as a peer on loopback sees them. */
@Timeout(60)
class ServerOptionsTest {
    private static final DatagramHandler ECHO = request -> request.reply(request.length());

    private PktInfoChannel peer;

    @BeforeEach
    void open() throws IOException {
        peer = newPeer();
    }

    @AfterEach
    void close() throws IOException {
        peer.close();
    }

    private static PktInfoChannel newPeer() throws IOException {
        return PktInfoChannel.open()
                .setOption(PktInfoSocketOptions.RECEIVE_TRAFFIC_CLASS, true)
                .setOption(PktInfoSocketOptions.RECEIVE_HOP_LIMIT, true)
                .bind(new InetSocketAddress(0));
    }

    private static void send(PktInfoChannel from, DatagramServer server, SendOptions options) throws IOException {
        InetSocketAddress to = new InetSocketAddress(
                InetAddress.getByName("127.0.0.2"), server.localAddress().getPort());
        from.send(ByteBuffer.wrap(new byte[8]), Endpoint.of(to), Source.systemChoice(), options);
    }

    private static ReceivedFacts answer(PktInfoChannel asking) throws IOException {
        Datagram reply = asking.receive(Duration.ofSeconds(5));
        assertThat(reply).as("a reply in time").isNotNull();
        assertThat(reply.peer().address().toInetAddress()).isEqualTo(InetAddress.getByName("127.0.0.2"));
        return reply.facts();
    }

    /** Asks from so many ports that each worker gets some requests. */
    @Test
    void theSocketsOfAllWorkersHaveTheOptions() throws IOException {
        Set<String> threads = ConcurrentHashMap.newKeySet();
        try (DatagramServer server = DatagramServer.builder()
                .workers(2)
                .payloadCapacity(100)
                .option(PktInfoSocketOptions.RECEIVE_HOP_LIMIT, true)
                .option(PktInfoSocketOptions.RECEIVE_TRAFFIC_CLASS, false)
                .option(PktInfoSocketOptions.RECEIVE_TRAFFIC_CLASS, true)
                .option(StandardSocketOptions.IP_TOS, 7 << 2)
                .start(request -> {
                    threads.add(Thread.currentThread().getName());
                    int received = request.facts().hopLimit();
                    request.reply(request.length());
                    request.sendOptions(new SendOptions(-1, request.facts().ecn(), received - 1));
                })) {
            for (int i = 0; i < 1000 && (threads.size() < 2 || i < 20); i++) {
                try (PktInfoChannel asking = newPeer()) {
                    send(asking, server, new SendOptions(1, 2, 100));
                    assertThat(answer(asking)).isEqualTo(new ReceivedFacts(7 << 2 | 2, 99, null, null, -1, -1));
                }
            }
            assertThat(threads).hasSize(2);
        }
    }

    @Test
    void theOptionsAreSetBeforeTheSocketIsBound() throws IOException {
        try (DatagramServer first = DatagramServer.builder()
                        .payloadCapacity(100)
                        .option(StandardSocketOptions.SO_REUSEPORT, true)
                        .start(ECHO);
                DatagramServer second = DatagramServer.builder()
                        .payloadCapacity(100)
                        .bind(first.localAddress())
                        .option(StandardSocketOptions.SO_REUSEPORT, true)
                        .start(ECHO)) {
            assertThat(second.localAddress()).isEqualTo(first.localAddress());
        }
    }

    @Test
    void anExistingSocketGetsTheOptionsWhenTheServerStarts() throws IOException {
        DatagramChannel existing = DatagramChannel.open().bind(new InetSocketAddress(0));
        try (DatagramServer server = DatagramServer.builder()
                .channel(existing)
                .payloadCapacity(100)
                .option(PktInfoSocketOptions.RECEIVE_HOP_LIMIT, true)
                .option(StandardSocketOptions.SO_SNDBUF, 40_000)
                .start(request -> {
                    int received = request.facts().hopLimit();
                    request.reply(request.length());
                    request.sendOptions(SendOptions.NONE.withHopLimit(received + 1));
                })) {
            assertThat(existing.getOption(StandardSocketOptions.SO_SNDBUF))
                    .as("the server's own choice of a buffer gives way")
                    .isLessThan(DatagramServer.SEND_BUFFER / 2);
            send(peer, server, SendOptions.NONE.withHopLimit(50));
            assertThat(answer(peer).hopLimit()).isEqualTo(51);
        }
    }

    @Test
    void aBadOptionFailsTheStartAndLeavesNothingOpen() throws IOException {
        DatagramChannel existing = DatagramChannel.open().bind(new InetSocketAddress(0));
        DatagramServer.Builder builder =
                DatagramServer.builder().channel(existing).option(PktInfoSocketOptions.BIND_TO_DEVICE, "none0");
        assertThatThrownBy(() -> builder.start(ECHO))
                .isInstanceOf(SocketException.class)
                .hasMessageContaining("none0");
        assertThat(existing.isOpen()).isFalse();
        InetSocketAddress free;
        try (PktInfoChannel bound = PktInfoChannel.open().bind(new InetSocketAddress("127.0.0.1", 0))) {
            free = bound.localAddress();
        }
        DatagramServer.Builder bad = DatagramServer.builder().workers(2).bind(free);
        assertThatThrownBy(() -> bad.option(PktInfoSocketOptions.BUSY_POLL, -1).start(ECHO))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("BUSY_POLL -1");
        assertThatThrownBy(() -> bad.option(PktInfoSocketOptions.BUSY_POLL, 0)
                        .option(StandardSocketOptions.TCP_NODELAY, true)
                        .start(ECHO))
                .isInstanceOf(UnsupportedOperationException.class)
                .hasMessageContaining("TCP_NODELAY");
        try (PktInfoChannel again = PktInfoChannel.open().bind(free)) {
            assertThat(again.localAddress()).isEqualTo(free);
        }
    }

    @Test
    void whatAHandlerCannotTakeIsRefused() {
        DatagramServer.Builder builder = DatagramServer.builder();
        assertThatThrownBy(() -> builder.option(PktInfoSocketOptions.COALESCE_RECEIVED, true))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("one datagram");
        assertThatThrownBy(() -> builder.option(PktInfoSocketOptions.MARK, null))
                .isInstanceOf(NullPointerException.class)
                .hasMessageContaining("MARK");
    }

    @Test
    void aLaterReplyHasFieldsOfItsOwn() throws Exception {
        LinkedBlockingQueue<Datagram> requests = new LinkedBlockingQueue<>();
        try (DatagramServer server = DatagramServer.builder()
                .payloadCapacity(100)
                .option(PktInfoSocketOptions.RECEIVE_TRAFFIC_CLASS, true)
                .start(request -> requests.add(request.toDatagram()))) {
            send(peer, server, new SendOptions(12, 1, -1));
            Datagram request = requests.poll(5, TimeUnit.SECONDS);
            assertThat(request).isNotNull();
            server.reply(
                    request,
                    ByteBuffer.wrap(new byte[4]),
                    SendOptions.dscpOf(request).withHopLimit(44));
            assertThat(answer(peer)).isEqualTo(new ReceivedFacts(12 << 2, 44, null, null, -1, -1));
            assertThat(server.stats().replied()).isEqualTo(1);
        }
    }
}
