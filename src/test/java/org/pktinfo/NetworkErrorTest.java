package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.pktinfo.Loopback.SOON;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.PortUnreachableException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pktinfo.NetworkError.Kind;
import org.pktinfo.NetworkError.Origin;
import org.pktinfo.PktInfoChannel.Family;
import org.pktinfo.internal.Errno;
import org.pktinfo.internal.NetworkErrors;

/** Errors of this host's loopback, where a closed port is reported before sending returns. */
@Timeout(60)
class NetworkErrorTest {
    private static final byte[] PAYLOAD = {1, 2, 3};

    private PktInfoChannel channel;
    private Loopback honest;

    @BeforeEach
    void open() throws IOException {
        honest = new Loopback();
        channel = Loopback.open(Family.DUAL_STACK);
    }

    @AfterEach
    void close() throws IOException {
        channel.close();
        honest.close();
    }

    private static void switchOn(PktInfoChannel channel, boolean on) throws IOException {
        PktInfoChannel unused = channel.setOption(PktInfoSocketOptions.RECEIVE_ERRORS, on);
        assertThat(channel.getOption(PktInfoSocketOptions.RECEIVE_ERRORS)).isEqualTo(on);
    }

    private void switchOn() throws IOException {
        switchOn(channel, true);
    }

    /** Returns an address and port that no program has bound. */
    private static Endpoint closed(String address) throws IOException {
        try (DatagramSocket socket = new DatagramSocket(new InetSocketAddress(InetAddress.getByName(address), 0))) {
            return new Endpoint(IpAddress.of(InetAddress.getByName(address)), socket.getLocalPort());
        }
    }

    private Endpoint honestPeer() throws IOException {
        return new Endpoint(IpAddress.of(InetAddress.getByName("127.0.0.1")), honest.socket.getLocalPort());
    }

    private void sendTo(Endpoint peer) throws IOException {
        channel.send(ByteBuffer.wrap(PAYLOAD), peer, Source.systemChoice());
    }

    private void assertHonestPeerGets() throws IOException {
        sendTo(honestPeer());
        assertThat(honest.replySource(PAYLOAD)).hasToString("127.0.0.1");
    }

    @ParameterizedTest
    @CsvSource({"IPV4, 127.0.0.1, ICMP, 3, 3", "DUAL_STACK, 127.0.0.1, ICMP, 3, 3", "DUAL_STACK, ::1, ICMPV6, 1, 4"})
    void aClosedPortIsReportedWithPeerReporterTypeAndCode(
            Family family, String address, Origin origin, int type, int code) throws IOException {
        try (PktInfoChannel each = Loopback.open(family)) {
            switchOn(each, true);
            assertThat(each.receiveError()).isNull();
            Endpoint peer = closed(address);
            each.send(ByteBuffer.wrap(PAYLOAD), peer, Source.systemChoice());
            assertThat(each.receiveError())
                    .isEqualTo(new NetworkError(peer, peer.address(), origin, type, code, Errno.ECONNREFUSED, 0))
                    .matches(error -> error.kind() == Kind.PORT_UNREACHABLE);
            assertThat(each.receiveError()).isNull();
            assertThat(each.stats().networkErrors()).isEqualTo(1);
            assertThat(each.stats().networkErrorsDropped()).isZero();
        }
    }

    @Test
    void afterAnErrorTheNextDatagramToAnotherPeerIsSent() throws IOException {
        switchOn();
        for (int i = 0; i < 20; i++) {
            sendTo(closed("127.0.0.1"));
            assertHonestPeerGets();
        }
        assertThat(channel.stats().sendErrors()).isEmpty();
        assertThat(channel.stats().networkErrors()).isEqualTo(20);
    }

    @Test
    void inABatchOfClosedAndOpenPortsAllOpenOnesAreReached() throws IOException {
        switchOn();
        Endpoint closed = closed("127.0.0.1");
        DatagramBatch batch = channel.newBatch(32, 100);
        for (int i = 0; i < 32; i++) {
            batch.put(ByteBuffer.wrap(PAYLOAD), i % 2 == 0 ? closed : honestPeer(), Source.systemChoice());
        }
        assertThat(batch.send()).isEqualTo(32);
        for (int i = 0; i < 16; i++) {
            assertThat(honest.replySource(PAYLOAD)).hasToString("127.0.0.1");
        }
        assertThat(channel.stats().sent()).isEqualTo(32);
        assertThat(channel.stats().sendErrors()).isEmpty();
    }

    @Test
    void anErrorFailsNoReceive() throws IOException {
        switchOn();
        DatagramBatch batch = channel.newBatch(8, 100);
        for (int i = 0; i < 20; i++) {
            sendTo(closed("127.0.0.1"));
            honest.send("127.0.0.2", channel, PAYLOAD);
            assertThat(channel.receive().payload()).isEqualTo(PAYLOAD);
            sendTo(closed("127.0.0.1"));
            honest.send("127.0.0.2", channel, PAYLOAD);
            assertThat(batch.receive()).isEqualTo(1);
            assertThat(batch.slot(0).packetInfo().local()).hasToString("127.0.0.2");
        }
    }

    /** Without room for the report, the kernel still fails the next call with its error. */
    @Test
    void anErrorForWhichTheReceiveBufferHasNoRoomFailsNoSend() throws IOException {
        channel.close();
        channel = Loopback.open(Family.IPV4);
        switchOn();
        Loopback.shrinkQueue(channel);
        honest.flood(channel);
        Endpoint closed = closed("127.0.0.1");
        sendTo(closed);
        assertHonestPeerGets();
        assertThat(channel.stats().networkErrors()).isZero();
        DatagramBatch batch = channel.newBatch(4, 100);
        for (int i = 0; i < 4; i++) {
            batch.put(ByteBuffer.wrap(PAYLOAD), i % 2 == 0 ? closed : honestPeer(), Source.systemChoice());
        }
        assertThat(batch.send()).isEqualTo(4);
    }

    @Test
    void aFloodIsKeptUpToALimitAndTheRestIsCounted() throws IOException {
        switchOn();
        Endpoint closed = closed("127.0.0.1");
        int flood = 3 * NetworkErrors.ROOM;
        for (int i = 0; i < flood; i++) {
            sendTo(closed);
            assertThat(channel.receive(Duration.ZERO)).isNull();
        }
        int kept = 0;
        while (channel.receiveError() != null) {
            kept++;
        }
        assertThat(kept).isEqualTo(NetworkErrors.ROOM);
        assertThat(channel.stats().networkErrors()).isEqualTo(flood);
        assertThat(channel.stats().networkErrorsDropped()).isEqualTo(flood - NetworkErrors.ROOM);
        assertHonestPeerGets();
    }

    @Test
    void withoutTheOptionNothingIsReportedAndNoCallFails() throws IOException {
        sendTo(closed("127.0.0.1"));
        assertHonestPeerGets();
        assertThat(channel.receive(Duration.ZERO)).isNull();
        assertThat(channel.receiveError()).isNull();
        assertThat(channel.stats().networkErrors()).isZero();
    }

    @Test
    void switchedOffItReportsNoMore() throws IOException {
        switchOn();
        sendTo(closed("127.0.0.1"));
        switchOn(channel, false);
        sendTo(closed("127.0.0.1"));
        assertThat(channel.receiveError()).isNull();
        assertHonestPeerGets();
    }

    @Test
    void aConnectedChannelThrowsWithoutTheOptionAndReportsWithIt() throws IOException {
        Endpoint closed = closed("127.0.0.1");
        channel.reconnect(() -> channel.jdkChannel().connect(closed.toSocketAddress()));
        sendTo(closed);
        assertThatThrownBy(() -> channel.receive(Duration.ZERO)).isInstanceOf(PortUnreachableException.class);
        switchOn();
        sendTo(closed);
        assertThat(channel.receive(Duration.ZERO)).isNull();
        assertThat(channel.receiveError()).matches(error -> error.destination().equals(closed));
        channel.reconnect(() -> channel.jdkChannel().disconnect());
        sendTo(closed);
        assertHonestPeerGets();
        assertThat(channel.receiveError()).as("also on the socket after").isNotNull();
    }

    @Test
    void waitingEndsForAReportOnceAndNotAgain() throws IOException {
        switchOn();
        sendTo(closed("127.0.0.1"));
        assertThat(channel.awaitReadable(SOON)).isTrue();
        assertThat(channel.awaitReadable(Duration.ZERO)).isFalse();
        assertThat(channel.receiveError()).isNotNull();
    }

    @Test
    void aSelectorFindsNothingMoreAfterAReceiveInVain() throws IOException {
        switchOn();
        try (Selector selector = Selector.open()) {
            channel.jdkChannel().configureBlocking(false);
            channel.jdkChannel().register(selector, SelectionKey.OP_READ);
            assertThat(selector.selectNow()).isZero();
            sendTo(closed("127.0.0.1"));
            assertThat(selector.select(SOON.toMillis())).isEqualTo(1);
            selector.selectedKeys().clear();
            assertThat(channel.receive(Duration.ZERO)).isNull();
            assertThat(selector.selectNow()).isZero();
            assertThat(channel.receiveError()).isNotNull();
        }
    }

    @Test
    void aClosedChannelReportsNothing() throws IOException {
        switchOn();
        sendTo(closed("127.0.0.1"));
        channel.close();
        assertThatThrownBy(channel::receiveError).isInstanceOf(ClosedChannelException.class);
    }

    @ParameterizedTest
    @CsvSource({
        "ICMP, 3, 0, 101, NETWORK_UNREACHABLE",
        "ICMP, 3, 1, 113, HOST_UNREACHABLE",
        "ICMP, 3, 2, 92, OTHER",
        "ICMP, 3, 3, 111, PORT_UNREACHABLE",
        "ICMP, 3, 4, 90, PACKET_TOO_BIG",
        "ICMP, 3, 13, 113, PROHIBITED",
        "ICMP, 11, 0, 113, TIME_EXCEEDED",
        "ICMP, 12, 0, 71, OTHER",
        "ICMPV6, 1, 0, 101, NETWORK_UNREACHABLE",
        "ICMPV6, 1, 1, 13, PROHIBITED",
        "ICMPV6, 1, 3, 113, HOST_UNREACHABLE",
        "ICMPV6, 1, 4, 111, PORT_UNREACHABLE",
        "ICMPV6, 1, 255, 71, OTHER",
        "ICMPV6, 2, 0, 90, PACKET_TOO_BIG",
        "ICMPV6, 3, 0, 113, TIME_EXCEEDED",
        "ICMPV6, 255, 0, 71, OTHER",
        "LOCAL, 0, 0, 90, PACKET_TOO_BIG",
        "LOCAL, 0, 0, 101, NETWORK_UNREACHABLE",
        "LOCAL, 0, 0, 4095, OTHER"
    })
    void theKindFollowsTypeAndCode(Origin origin, int type, int code, int errno, Kind kind) {
        Endpoint peer = new Endpoint(IpAddress.UNSPECIFIED, 0);
        assertThat(new NetworkError(peer, null, origin, type, code, errno, 0).kind())
                .isEqualTo(kind);
    }

    @Test
    void theTextNamesEverything() throws IOException {
        Endpoint peer = new Endpoint(IpAddress.of(InetAddress.getByName("192.0.2.1")), 4711);
        IpAddress router = IpAddress.of(InetAddress.getByName("192.0.2.254"));
        assertThat(new NetworkError(peer, router, Origin.ICMP, 3, 4, Errno.EMSGSIZE, 1400))
                .hasToString("PACKET_TOO_BIG: EMSGSIZE (90), MTU 1400, peer 192.0.2.1:4711, ICMP type 3 code 4 from"
                        + " 192.0.2.254");
        assertThat(new NetworkError(peer, null, Origin.LOCAL, 0, 0, Errno.EMSGSIZE, 1500))
                .hasToString("PACKET_TOO_BIG: EMSGSIZE (90), MTU 1500, peer 192.0.2.1:4711, by this host");
    }

    @ParameterizedTest
    @CsvSource({"-1, 0, 1, 0", "256, 0, 1, 0", "0, 256, 1, 0", "0, -1, 1, 0", "0, 0, 0, 0", "0, 0, 1, -1"})
    void numbersOutOfRangeAreRefused(int type, int code, int errno, int mtu) {
        Endpoint peer = new Endpoint(IpAddress.UNSPECIFIED, 0);
        assertThatThrownBy(() -> new NetworkError(peer, null, Origin.ICMP, type, code, errno, mtu))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @CsvSource({"127.0.0.1, 127.0.0.2, 65535", "::1, ::1, 2147483647"})
    void thePathToThisHostHasTheMtuOfLoopback(String peer, String source, int longest) throws IOException {
        IpAddress address = IpAddress.of(InetAddress.getByName(peer));
        int mtu = Math.min(
                longest,
                NetworkInterface.getByInetAddress(InetAddress.getLoopbackAddress())
                        .getMTU());
        assertThat(channel.pathMtu(address, Source.systemChoice())).isEqualTo(mtu);
        assertThat(channel.pathMtu(address, Source.of(IpAddress.of(InetAddress.getByName(source)))))
                .isEqualTo(mtu);
    }

    @Test
    void aPathMtuThatCannotBeReadIsAnErrorWithTheAddresses() throws IOException {
        IpAddress peer = IpAddress.of(InetAddress.getByName("127.0.0.1"));
        IpAddress ipv6 = IpAddress.of(InetAddress.getByName("::1"));
        Source foreign = Source.of(IpAddress.of(InetAddress.getByName("192.0.2.7")));
        assertThatThrownBy(() -> channel.pathMtu(peer, foreign))
                .isInstanceOf(IOException.class)
                .hasMessage("path MTU to 127.0.0.1 from 192.0.2.7: EADDRNOTAVAIL (99)");
        assertThatThrownBy(() -> channel.pathMtu(ipv6, foreign)).isInstanceOf(IllegalArgumentException.class);
        try (PktInfoChannel ipv4 = PktInfoChannel.open(Family.IPV4)) {
            assertThatThrownBy(() -> ipv4.pathMtu(ipv6, Source.systemChoice()))
                    .isInstanceOf(IllegalArgumentException.class);
        }
        channel.close();
        assertThatThrownBy(() -> channel.pathMtu(peer, Source.systemChoice()))
                .isInstanceOf(ClosedChannelException.class);
    }

    @Test
    void thePathMtuLeavesNoDescriptorOpen() throws IOException {
        IpAddress peer = IpAddress.of(InetAddress.getByName("127.0.0.1"));
        int first = channel.pathMtu(peer, Source.systemChoice());
        long before = OpenDescriptors.count();
        for (int i = 0; i < 100; i++) {
            assertThat(channel.pathMtu(peer, Source.systemChoice())).isEqualTo(first);
        }
        OpenDescriptors.assertNoMoreThan(before);
    }
}
