package org.pktinfo.socket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketAddress;
import java.net.SocketException;
import java.net.StandardSocketOptions;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.pktinfo.Datagram;
import org.pktinfo.Endpoint;
import org.pktinfo.IpAddress;
import org.pktinfo.PacketInfo;
import org.pktinfo.PeerMemory;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.SendException;

/** The drop-in's memory of its peers, and its limits; verified at a client on loopback. */
@Timeout(60)
class PktInfoDatagramSocketTest {
    private static final int SOON = 5000; // milliseconds

    private DatagramSocket client;

    @BeforeEach
    void open() throws SocketException {
        client = new DatagramSocket();
        client.setSoTimeout(SOON);
    }

    @AfterEach
    void close() {
        client.close();
    }

    private void ask(String destination, int port) throws IOException {
        client.send(new DatagramPacket(new byte[4], 4, InetAddress.getByName(destination), port));
    }

    private String answeredFrom() throws IOException {
        DatagramPacket packet = new DatagramPacket(new byte[9], 9);
        client.receive(packet);
        return packet.getAddress().getHostAddress();
    }

    private static DatagramPacket receive(DatagramSocket server) throws IOException {
        DatagramPacket packet = new DatagramPacket(new byte[9], 9);
        server.setSoTimeout(SOON);
        server.receive(packet);
        return packet;
    }

    /** The first thread binds it; in each round there may be several first ones. */
    @Test
    void threadsThatUseAnUnboundSocketForTheFirstTimeAtOnceAllSend() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(2);
        try {
            for (int i = 0; i < 5000; i++) {
                try (DatagramSocket socket = new PktInfoDatagramSocket((SocketAddress) null)) {
                    AtomicInteger ready = new AtomicInteger();
                    Callable<Void> user = () -> {
                        ready.incrementAndGet();
                        while (ready.get() < 2) {
                            Thread.onSpinWait();
                        }
                        socket.send(new DatagramPacket(
                                new byte[1], 1, InetAddress.getLoopbackAddress(), client.getLocalPort()));
                        return null;
                    };
                    for (Future<Void> used : threads.invokeAll(List.of(user, user))) {
                        used.get();
                    }
                }
            }
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void thePeerIsAnsweredFromTheLastRequestDestination() throws IOException {
        try (DatagramSocket server = new PktInfoDatagramSocket(0)) {
            for (String asked : new String[] {"127.0.0.2", "127.0.0.3", "127.0.0.2"}) {
                ask(asked, server.getLocalPort());
                server.send(receive(server));
                assertThat(answeredFrom()).isEqualTo(asked);
            }
        }
    }

    /**
     * The limit of the interface: the first of two overlapping requests is answered from the second one's destination.
     */
    @Test
    void whoAsksTwoAddressesAtOnceIsAnsweredTwiceFromTheLast() throws IOException {
        try (DatagramSocket server = new PktInfoDatagramSocket(0)) {
            ask("127.0.0.2", server.getLocalPort());
            ask("127.0.0.3", server.getLocalPort());
            DatagramPacket first = receive(server);
            DatagramPacket second = receive(server);
            server.send(first);
            server.send(second);
            assertThat(answeredFrom()).isEqualTo("127.0.0.3");
            assertThat(answeredFrom()).isEqualTo("127.0.0.3");
        }
    }

    /** Does the same with the channel, which has the requests. */
    @Test
    void theChannelDoesNotHaveThisLimit() throws IOException {
        try (PktInfoChannel server = PktInfoChannel.open().bind(new InetSocketAddress(0))) {
            ask("127.0.0.2", server.localAddress().getPort());
            ask("127.0.0.3", server.localAddress().getPort());
            Datagram first = server.receive(Duration.ofMillis(SOON));
            Datagram second = server.receive(Duration.ofMillis(SOON));
            server.reply(first, first.payload());
            server.reply(second, second.payload());
            assertThat(answeredFrom()).isEqualTo("127.0.0.2");
            assertThat(answeredFrom()).isEqualTo("127.0.0.3");
        }
    }

    @Test
    void whoIsNotToBeRememberedIsAnsweredByTheSystemsChoice() throws IOException {
        try (PktInfoDatagramSocket server = new PktInfoDatagramSocket(0)) {
            server.rememberPeers(false);
            ask("127.0.0.2", server.getLocalPort());
            DatagramPacket request = receive(server);
            server.send(request);
            assertThat(answeredFrom()).isEqualTo("127.0.0.1");
            server.rememberPeers(true);
            server.send(request);
            assertThat(answeredFrom()).isEqualTo("127.0.0.1");
            ask("127.0.0.2", server.getLocalPort());
            server.send(receive(server));
            assertThat(answeredFrom()).isEqualTo("127.0.0.2");
        }
    }

    @Test
    void anAddressThatHasLeftTheHostFailsOnceAndIsForgotten() throws IOException {
        PeerMemory memory = new PeerMemory();
        try (DatagramSocket server = new PktInfoDatagramSocket(new InetSocketAddress(0), memory)) {
            ask("127.0.0.2", server.getLocalPort());
            DatagramPacket request = receive(server);
            IpAddress gone = IpAddress.of(InetAddress.getByName("192.0.2.77"));
            memory.remember(
                    Endpoint.of((InetSocketAddress) request.getSocketAddress()),
                    new PacketInfo(gone, gone, 1, true, false, false, false));
            assertThatThrownBy(() -> server.send(request))
                    .isInstanceOf(SocketException.class)
                    .hasMessageContaining("source 192.0.2.77")
                    .cause()
                    .isInstanceOfSatisfying(
                            SendException.class,
                            e -> assertThat(e.kind()).isEqualTo(SendException.Kind.SOURCE_UNUSABLE));
            server.send(request);
            assertThat(answeredFrom()).isEqualTo("127.0.0.1");
        }
    }

    /** Several sockets of one port may share a memory. */
    @Test
    void aMemoryMayBeShared() throws IOException {
        PeerMemory memory = new PeerMemory(64, Duration.ofMinutes(1));
        try (PktInfoDatagramSocket one = new PktInfoDatagramSocket(new InetSocketAddress(0), memory);
                PktInfoDatagramSocket other = new PktInfoDatagramSocket(new InetSocketAddress(0), memory)) {
            ask("127.0.0.4", one.getLocalPort());
            other.send(receive(one));
            assertThat(answeredFrom()).isEqualTo("127.0.0.4");
            assertThat(other.memory()).isSameAs(memory);
        }
    }

    @Test
    void aSocketThatIsBoundToAnAddressSendsFromThatWhateverASharedMemorySays() throws IOException {
        PeerMemory memory = new PeerMemory();
        try (DatagramSocket all = new PktInfoDatagramSocket(new InetSocketAddress(0), memory);
                DatagramSocket one = new PktInfoDatagramSocket(new InetSocketAddress("127.0.0.9", 0), memory)) {
            ask("127.0.0.2", all.getLocalPort());
            DatagramPacket request = receive(all);
            one.send(request);
            assertThat(answeredFrom()).isEqualTo("127.0.0.9");
            all.send(request);
            assertThat(answeredFrom()).isEqualTo("127.0.0.2");
            ask("127.0.0.9", one.getLocalPort());
            one.send(receive(one));
            assertThat(answeredFrom()).isEqualTo("127.0.0.9");
        }
    }

    /** An observation that goes on while its peer looks for others by a group, as CoAP's clients do. */
    @Test
    void aRequestToAGroupDoesNotMoveWhatThePeerHasAskedByUnicast() throws IOException {
        NetworkInterface lo = NetworkInterface.getByInetAddress(InetAddress.getByName("127.0.0.1"));
        client.setOption(StandardSocketOptions.IP_MULTICAST_IF, lo);
        client.setOption(StandardSocketOptions.IP_MULTICAST_TTL, 0);
        client.setBroadcast(true);
        try (DatagramSocket server = new PktInfoDatagramSocket(0)) {
            server.joinGroup(new InetSocketAddress("239.255.7.11", 0), lo);
            ask("239.255.7.11", server.getLocalPort());
            DatagramPacket request = receive(server);
            server.send(request);
            assertThat(answeredFrom()).isEqualTo("127.0.0.1");
            for (String further : new String[] {"127.0.0.2", "239.255.7.11", "127.255.255.255"}) {
                ask(further, server.getLocalPort());
                server.send(receive(server));
                assertThat(answeredFrom()).as("after %s", further).isEqualTo("127.0.0.2");
            }
        }
    }

    @Test
    void datagramsToPeersThatAreNotKnownAreCounted() throws IOException {
        try (PktInfoDatagramSocket server = new PktInfoDatagramSocket(0);
                DatagramSocket stranger = new DatagramSocket(0, InetAddress.getByName("127.0.0.1"))) {
            DatagramPacket unasked = new DatagramPacket(new byte[1], 1, stranger.getLocalSocketAddress());
            server.send(unasked);
            assertThat(server.memory().unknownPeers()).isZero();
            ask("127.0.0.2", server.getLocalPort());
            server.send(receive(server));
            assertThat(server.memory().unknownPeers()).isZero();
            server.send(unasked);
            assertThat(server.memory().unknownPeers()).isEqualTo(1);
            server.rememberPeers(false);
            server.send(unasked);
            assertThat(server.memory().unknownPeers()).isEqualTo(1);
        }
    }

    @Test
    void aSocketWithOneAddressToSendFromCountsNothing() throws IOException {
        try (PktInfoDatagramSocket server = new PktInfoDatagramSocket(new InetSocketAddress("127.0.0.9", 0));
                DatagramSocket stranger = new DatagramSocket(0, InetAddress.getByName("127.0.0.1"))) {
            ask("127.0.0.9", server.getLocalPort());
            server.send(receive(server));
            server.send(new DatagramPacket(new byte[1], 1, stranger.getLocalSocketAddress()));
            assertThat(server.memory().unknownPeers()).isZero();
        }
    }
}
