package org.pktinfo.socket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.Datagram;
import org.pktinfo.Endpoint;
import org.pktinfo.Fragmentation;
import org.pktinfo.IpAddress;
import org.pktinfo.PacketReport;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.PktInfoSocketOptions;
import org.pktinfo.ReceivedFacts;
import org.pktinfo.SendOptions;
import org.pktinfo.Source;

/** The drop-in's options, reports and header fields, as a peer on loopback sees them. */
@Timeout(60)
class SocketFactsTest {
    private static final int SOON = 5000; // milliseconds

    private PktInfoChannel peer;
    private PktInfoDatagramSocket socket;

    @BeforeEach
    void open() throws IOException {
        peer = PktInfoChannel.open()
                .setOption(PktInfoSocketOptions.RECEIVE_TRAFFIC_CLASS, true)
                .setOption(PktInfoSocketOptions.RECEIVE_HOP_LIMIT, true)
                .bind(new InetSocketAddress(0));
        socket = new PktInfoDatagramSocket(0);
        socket.setSoTimeout(SOON);
    }

    @AfterEach
    void close() throws IOException {
        peer.close();
        socket.close();
    }

    private void ask(String destination, byte[] payload, SendOptions options) throws IOException {
        InetSocketAddress to = new InetSocketAddress(InetAddress.getByName(destination), socket.getLocalPort());
        peer.send(ByteBuffer.wrap(payload), Endpoint.of(to), Source.systemChoice(), options);
    }

    private static DatagramPacket packet() {
        return new DatagramPacket(new byte[9], 9);
    }

    @Test
    void theOptionsOfBothAreSetReadAndListed() throws IOException {
        assertThat(socket.supportedOptions())
                .containsAll(PktInfoSocketOptions.all())
                .contains(StandardSocketOptions.SO_RCVBUF, StandardSocketOptions.SO_REUSEPORT);
        assertThat(socket.setOption(PktInfoSocketOptions.FRAGMENTATION, Fragmentation.PROBE))
                .isSameAs(socket);
        assertThat(socket.getOption(PktInfoSocketOptions.FRAGMENTATION)).isEqualTo(Fragmentation.PROBE);
        assertThat(socket.getOption(PktInfoSocketOptions.RECEIVE_TIME)).isFalse();
        assertThatThrownBy(() -> socket.setOption(PktInfoSocketOptions.BUSY_POLL, -1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("BUSY_POLL -1");
        assertThatThrownBy(() -> socket.setOption(PktInfoSocketOptions.BIND_TO_DEVICE, "none0"))
                .isInstanceOf(SocketException.class)
                .hasMessageContaining("none0");
        socket.close();
        assertThatThrownBy(() -> socket.setOption(PktInfoSocketOptions.RECEIVE_TIME, true))
                .isInstanceOf(IOException.class);
        assertThatThrownBy(() -> socket.getOption(PktInfoSocketOptions.RECEIVE_TIME))
                .isInstanceOf(IOException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.2", "::1"})
    void aReportHasTheDestinationAndTheFactsAndThePeerIsRemembered(String destination) throws IOException {
        socket.setOption(PktInfoSocketOptions.RECEIVE_TRAFFIC_CLASS, true);
        socket.setOption(PktInfoSocketOptions.RECEIVE_HOP_LIMIT, true);
        IpAddress asked = IpAddress.of(InetAddress.getByName(destination));
        ask(destination, new byte[] {1, 2, 3}, new SendOptions(46, 2, 70));
        DatagramPacket packet = packet();
        PacketReport report = socket.receiveReport(packet);
        assertThat(report.facts()).isEqualTo(new ReceivedFacts(46 << 2 | 2, 70, null, null, -1, -1));
        assertThat(report.packetInfo().destination()).isEqualTo(asked);
        assertThat(packet.getLength()).isEqualTo(3);
        assertThat(packet.getPort()).isEqualTo(peer.localAddress().getPort());

        socket.send(packet, SendOptions.NONE.withEcn(report.facts().ecn()).withHopLimit(71));
        Datagram reply = peer.receive(Duration.ofMillis(SOON));
        assertThat(reply).isNotNull();
        assertThat(reply.peer().address()).isEqualTo(asked);
        assertThat(reply.facts()).isEqualTo(new ReceivedFacts(2, 71, null, null, -1, -1));
        socket.send(packet);
        assertThat(peer.receive(Duration.ofMillis(SOON)).facts().ecn()).isZero();
    }

    @Test
    void withoutOptionsAReportHasNoFacts() throws IOException {
        ask("127.0.0.2", new byte[1], new SendOptions(46, 2, 70));
        assertThat(socket.receiveReport(packet()).facts()).isSameAs(ReceivedFacts.NONE);
        socket.setSoTimeout(1);
        assertThatThrownBy(() -> socket.receiveReport(packet())).isInstanceOf(SocketTimeoutException.class);
        socket.close();
        assertThatThrownBy(() -> socket.receiveReport(packet())).isInstanceOf(SocketException.class);
    }

    /** The hop limit of each datagram is also its content. */
    @Test
    void eachOfSeveralThreadsGetsTheFactsOfItsOwnDatagram() throws Exception {
        socket.setOption(PktInfoSocketOptions.RECEIVE_HOP_LIMIT, true);
        int threads = 4;
        int each = 50;
        ExecutorService receivers = Executors.newFixedThreadPool(threads);
        try {
            List<Future<Integer>> results = new ArrayList<>();
            Callable<Integer> receiver = () -> {
                int right = 0;
                for (int i = 0; i < each; i++) {
                    DatagramPacket packet = packet();
                    int hopLimit = socket.receiveReport(packet).facts().hopLimit();
                    right += packet.getData()[0] == (byte) hopLimit ? 1 : 0;
                }
                return right;
            };
            for (int i = 0; i < threads; i++) {
                results.add(receivers.submit(receiver));
            }
            for (int i = 1; i <= threads * each; i++) {
                ask("127.0.0.2", new byte[] {(byte) i}, SendOptions.NONE.withHopLimit(i));
            }
            for (Future<Integer> result : results) {
                assertThat(result.get()).isEqualTo(each);
            }
        } finally {
            receivers.shutdownNow();
        }
    }
}
