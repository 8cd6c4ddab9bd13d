package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.pktinfo.Loopback.SOON;
import static org.pktinfo.Loopback.address;

import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import java.nio.channels.IllegalBlockingModeException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.PktInfoChannel.Family;
import org.pktinfo.internal.Layout;

/** The channel as a channel: opening, options, waiting, closing, wrapping. */
@Timeout(60)
class ChannelTest {
    private Loopback client;

    @BeforeEach
    void openClient() throws IOException {
        client = new Loopback();
    }

    @AfterEach
    void closeClient() {
        client.close();
    }

    private static void assertOptionsOn(PktInfoChannel channel, String when) throws IOException {
        assertThat(channel.socket.options().isOn(Layout.OPTION_IP_PKTINFO))
                .as("IP_PKTINFO after " + when)
                .isTrue();
        if (isIpv6(channel)) {
            assertThat(channel.socket.options().isOn(Layout.OPTION_IPV6_RECVPKTINFO))
                    .as("IPV6_RECVPKTINFO after " + when)
                    .isTrue();
        }
    }

    private static boolean isIpv6(PktInfoChannel channel) throws IOException {
        return channel.socket.options().family() == Layout.FAMILY_IPV6;
    }

    @ParameterizedTest
    @EnumSource(Family.class)
    void bothPacketInformationOptionsAreOnAfterOpenBindAndJoin(Family family) throws IOException {
        if (family == Family.IPV6) {
            Environment.assumeIpv6();
        }
        NetworkInterface loopback = NetworkInterface.getByName("lo");
        try (PktInfoChannel channel = PktInfoChannel.open(family)) {
            assertOptionsOn(channel, "open");
            channel.bind(new InetSocketAddress(0));
            assertOptionsOn(channel, "bind");
            if (family != Family.IPV6) {
                channel.jdkChannel().join(InetAddress.getByName("239.1.2.3"), loopback);
            }
            if (isIpv6(channel)) {
                channel.jdkChannel().join(InetAddress.getByName("ff15::9"), loopback);
            }
            assertOptionsOn(channel, "join");
            channel.jdkChannel().setOption(StandardSocketOptions.SO_REUSEADDR, true);
            channel.jdkChannel().setOption(StandardSocketOptions.IP_MULTICAST_LOOP, true);
            assertOptionsOn(channel, "setOption");
        }
    }

    @Test
    void portZeroIsChosenByTheSystem() throws IOException {
        try (PktInfoChannel channel = PktInfoChannel.open()) {
            assertThat(channel.localAddress()).isNull();
            channel.bind(null);
            assertThat(channel.localAddress().getPort()).isPositive();
        }
    }

    @Test
    void aPortInUseIsNamed() throws IOException {
        try (PktInfoChannel first = Loopback.open(Family.DUAL_STACK);
                PktInfoChannel second = PktInfoChannel.open()) {
            InetSocketAddress taken = new InetSocketAddress(first.localAddress().getPort());
            assertThatThrownBy(() -> second.bind(taken))
                    .isInstanceOf(BindException.class)
                    .hasMessageContaining(String.valueOf(taken.getPort()));
        }
    }

    @Test
    void anAddressOfTheOtherFamilyCannotBeBound() throws IOException {
        Environment.assumeIpv6();
        try (PktInfoChannel ipv4 = PktInfoChannel.open(Family.IPV4);
                PktInfoChannel ipv6 = PktInfoChannel.open(Family.IPV6)) {
            assertThatThrownBy(() -> ipv4.bind(new InetSocketAddress(InetAddress.getByName("::1"), 0)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("IPv4 only");
            assertThatThrownBy(() -> ipv6.bind(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("127.0.0.1")
                    .hasMessageContaining("IPv6 only");
        }
    }

    @Test
    void boundToOneAddressOnlyThatIsServed() throws IOException {
        try (PktInfoChannel server =
                PktInfoChannel.open().bind(new InetSocketAddress(InetAddress.getByName("127.0.0.2"), 0))) {
            client.send("127.0.0.3", server, new byte[] {3});
            assertThat(client.exchange("127.0.0.2", server, SourceSelection.requestDestination()))
                    .isEqualTo(address("127.0.0.2"));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, -1, PktInfoChannel.MAX_PAYLOAD + 1})
    void aCapacityOutOfRangeIsRefused(int capacity) {
        assertThatThrownBy(() -> PktInfoChannel.open(Family.DUAL_STACK, capacity))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(String.valueOf(capacity));
    }

    @Test
    void receivingTimesOutWithNull() throws IOException {
        try (PktInfoChannel channel = Loopback.open(Family.DUAL_STACK)) {
            assertThat(channel.receive(Duration.ZERO)).isNull();
            long start = System.nanoTime();
            assertThat(channel.receive(Duration.ofMillis(120))).isNull();
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isBetween(Duration.ofMillis(120), SOON);
            assertThatThrownBy(() -> channel.receive(Duration.ofNanos(-1)))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void theLongestTimeoutThereIsDoesNotOverflow() throws IOException {
        try (PktInfoChannel server = Loopback.open(Family.DUAL_STACK)) {
            client.send("127.0.0.1", server, new byte[] {1});
            assertThat(server.receive(Duration.ofSeconds(Long.MAX_VALUE))).isNotNull();
        }
    }

    @Test
    void aSelectorWaitsForTheChannel() throws IOException {
        try (PktInfoChannel server = Loopback.open(Family.DUAL_STACK);
                Selector selector = Selector.open()) {
            server.jdkChannel().configureBlocking(false);
            server.jdkChannel().register(selector, SelectionKey.OP_READ);
            assertThatThrownBy(server::receive).isInstanceOf(IllegalBlockingModeException.class);
            assertThat(server.receive(Duration.ZERO)).isNull();
            client.send("127.0.0.2", server, new byte[] {1});
            assertThat(selector.select(SOON.toMillis())).isEqualTo(1);
            Datagram request = server.receive(Duration.ZERO);
            server.reply(request, new byte[] {2});
            assertThat(client.replySource(new byte[] {2})).isEqualTo(address("127.0.0.2"));
            selector.selectedKeys().clear();
            assertThat(selector.selectNow()).isZero();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aJdkChannelCanBeWrapped(boolean ipv6) throws IOException {
        if (ipv6) {
            Environment.assumeIpv6();
        }
        DatagramChannel jdk = DatagramChannel.open(ipv6 ? StandardProtocolFamily.INET6 : StandardProtocolFamily.INET);
        try (PktInfoChannel server = PktInfoChannel.wrap(jdk)) {
            jdk.bind(new InetSocketAddress(0));
            assertThat(server.jdkChannel()).isSameAs(jdk);
            assertThat(client.exchange("127.0.0.2", server, SourceSelection.requestDestination()))
                    .isEqualTo(address("127.0.0.2"));
        }
        assertThat(jdk.isOpen()).isFalse();
    }

    @Test
    void aDatagramQueuedBeforeWrappingIsAnsweredFromItsDestinationOrRefused() throws IOException {
        DatagramChannel jdk = DatagramChannel.open(StandardProtocolFamily.INET).bind(new InetSocketAddress(0));
        try (Loopback early = new Loopback()) {
            int port = ((InetSocketAddress) jdk.getLocalAddress()).getPort();
            early.socket.send(new java.net.DatagramPacket(
                    new byte[] {1}, 1, new InetSocketAddress(InetAddress.getByName("127.0.0.2"), port)));
            try (PktInfoChannel server = PktInfoChannel.wrap(jdk)) {
                Datagram request = server.receive(SOON);
                assertThat(request.packetInfo().local()).as("%s", request).isEqualTo(address("127.0.0.2"));
                server.reply(request, new byte[] {2});
                assertThat(early.replySource(new byte[] {2})).isEqualTo(address("127.0.0.2"));
            }
        }
    }

    @Test
    void aClosedOrForeignChannelCannotBeWrapped() throws IOException {
        DatagramChannel closed = DatagramChannel.open();
        closed.close();
        assertThatThrownBy(() -> PktInfoChannel.wrap(closed)).isInstanceOf(ClosedChannelException.class);
        try (ForeignDatagramChannel foreign = new ForeignDatagramChannel()) {
            assertThatThrownBy(() -> PktInfoChannel.wrap(foreign))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("ForeignDatagramChannel");
        }
    }

    @Test
    void aConnectedChannelHearsThatNobodyListens() throws IOException {
        int port = portThatNobodyListensOn();
        try (PktInfoChannel channel = PktInfoChannel.open(Family.IPV4)) {
            channel.jdkChannel().connect(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), port));
            Endpoint peer = new Endpoint(address("127.0.0.1"), port);
            channel.send(ByteBuffer.allocate(1), peer, Source.systemChoice());
            assertThatThrownBy(() -> channel.receive(SOON)).isInstanceOf(java.net.PortUnreachableException.class);
        }
    }

    private static int portThatNobodyListensOn() throws IOException {
        try (Loopback gone = new Loopback()) {
            return gone.socket.getLocalPort();
        }
    }

    @Test
    void aDatagramStaysValidAfterTheNextIsReceivedAndTheChannelClosed() throws IOException {
        Datagram first;
        try (PktInfoChannel server = Loopback.open(Family.DUAL_STACK)) {
            first = client.ask("127.0.0.2", server, new byte[] {1, 1});
            client.ask("127.0.0.3", server, new byte[] {2, 2});
        }
        assertThat(first.payload()).containsExactly(1, 1);
        assertThat(first.packetInfo().local()).isEqualTo(address("127.0.0.2"));
    }
}
