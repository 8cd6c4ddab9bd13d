package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.pktinfo.Loopback.address;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.PktInfoChannel.Family;
import org.pktinfo.SendException.Kind;
import org.pktinfo.internal.Addresses;
import org.pktinfo.internal.Errno;

/** Requests and replies over loopback, where every address of 127.0.0.0/8 is one of the host's. */
class ReplyTest {
    private Loopback client;

    @BeforeEach
    void openClient() throws IOException {
        client = new Loopback();
    }

    @AfterEach
    void closeClient() {
        client.close();
    }

    static Stream<Arguments> familiesAndDestinations() {
        return Stream.of(Family.DUAL_STACK, Family.IPV4, Family.IPV6)
                .flatMap(family -> Stream.of("127.0.0.1", "127.0.0.2", "127.0.1.19", "::1")
                        .filter(destination -> serves(family, destination))
                        .map(destination -> Arguments.of(family, destination)));
    }

    private static boolean serves(Family family, String destination) {
        boolean ipv6 = destination.indexOf(':') >= 0;
        return (ipv6 ? family != Family.IPV4 : family != Family.IPV6) && (!ipv6 || Environment.hasIpv6());
    }

    @ParameterizedTest
    @MethodSource("familiesAndDestinations")
    void aReplyLeavesFromTheRequestDestination(Family family, String destination) throws IOException {
        try (PktInfoChannel server = Loopback.open(family)) {
            Datagram request = client.ask(destination, server);
            assertThat(request.packetInfo().local()).isEqualTo(address(destination));
            assertThat(request.packetInfo().interfaceName()).isEqualTo("lo");
            boolean ipv4 = address(destination).isIpv4();
            assertThat(request.peer().address().isIpv4()).isEqualTo(ipv4);
            assertThat(request.packetInfo().inPktinfo())
                    .as("in_pktinfo came: %s", request)
                    .isEqualTo(ipv4);
            byte[] reply = "an answer\n".getBytes(StandardCharsets.UTF_8);
            server.reply(request, reply);
            assertThat(client.replySource(reply)).isEqualTo(address(destination));
        }
    }

    @Test
    void withoutPacketInformationTheReplyWouldLeaveFromAnotherAddress() throws IOException {
        try (PktInfoChannel server = Loopback.open(Family.IPV4)) {
            assertThat(client.exchange("127.0.0.2", server, SourceSelection.systemChoice()))
                    .isEqualTo(address("127.0.0.1"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.2", "::1"})
    void everySelectionThatKeepsTheAddressAnswersFromIt(String destination) throws IOException {
        Environment.assumeIpv6();
        try (PktInfoChannel server = Loopback.open(Family.DUAL_STACK)) {
            for (SourceSelection selection : Arrays.asList(
                    SourceSelection.requestDestination(),
                    SourceSelection.interfacePinned(),
                    SourceSelection.fixed(address(destination)),
                    (peer, info) -> Source.of(info.destination()))) {
                assertThat(client.exchange(destination, server, selection)).isEqualTo(address(destination));
            }
        }
    }

    @Test
    void aFixedSourceIsUsedWhateverWasAsked() throws IOException {
        try (PktInfoChannel server = Loopback.open(Family.DUAL_STACK)) {
            assertThat(client.exchange("127.0.0.2", server, SourceSelection.fixed(address("127.0.0.77"))))
                    .isEqualTo(address("127.0.0.77"));
        }
    }

    @Test
    void in6PktinfoFirstUsesTheIn6PktinfoWhereverOneCame() throws IOException {
        Environment.assumeIpv6();
        try (PktInfoChannel server = Loopback.open(Family.DUAL_STACK)) {
            Datagram request = client.ask("127.0.0.2", server);
            Source source = SourceSelection.in6PktinfoFirst().select(request.peer(), request.packetInfo());
            assertThat(source.controlMessage())
                    .isEqualTo(
                            request.packetInfo().in6Pktinfo()
                                    ? Source.ControlMessage.IN6_PKTINFO
                                    : Source.ControlMessage.IN_PKTINFO);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"DUAL_STACK", "IPV4"})
    void aBroadcastRequestIsAnsweredFromAUnicastAddress(Family family) throws IOException {
        try (PktInfoChannel server = Loopback.open(family)) {
            Datagram request = client.ask("127.255.255.255", server);
            assertThat(request.packetInfo().local()).as("%s", request).isEqualTo(address("127.0.0.1"));
            server.reply(request, new byte[] {1});
            assertThat(client.replySource(new byte[] {1})).isEqualTo(address("127.0.0.1"));
        }
    }

    @ParameterizedTest
    @MethodSource("familiesAndDestinations")
    void emptyDatagramsAreReceivedAndSent(Family family, String destination) throws IOException {
        try (PktInfoChannel server = Loopback.open(family)) {
            Datagram request = client.ask(destination, server, new byte[0]);
            server.reply(request, new byte[0]);
            assertThat(client.replySource(new byte[0])).isEqualTo(address(destination));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.2", "::1"})
    void theLargestDatagramGoesBothWays(String destination) throws IOException {
        Environment.assumeIpv6();
        byte[] payload = new byte[destination.equals("::1") ? PktInfoChannel.MAX_PAYLOAD : 65_507];
        Arrays.fill(payload, (byte) 0x5a);
        try (PktInfoChannel server = Loopback.open(Family.DUAL_STACK)) {
            client.socket.setSendBufferSize(1 << 20);
            Datagram request = client.ask(destination, server, payload);
            server.reply(request, request.payload());
            assertThat(client.replySource(payload)).isEqualTo(address(destination));
        }
    }

    @Test
    void oneByteMoreThanTheLargestIsTooLong() throws IOException {
        try (PktInfoChannel server = Loopback.open(Family.DUAL_STACK)) {
            Datagram request = client.ask("127.0.0.2", server);
            for (int length : new int[] {65_508, PktInfoChannel.MAX_PAYLOAD, PktInfoChannel.MAX_PAYLOAD + 1}) {
                SendException e =
                        catchThrowableOfType(SendException.class, () -> server.reply(request, new byte[length]));
                assertThat(e.kind()).as("%s", e).isEqualTo(Kind.MESSAGE_TOO_LONG);
                assertThat(e).hasMessageContaining(request.peer().toString());
            }
        }
    }

    @Test
    void whatDoesNotFitIsCutOffAndMarkedAndTheNextDatagramIsWhole() throws IOException {
        try (PktInfoChannel server = PktInfoChannel.open(Family.DUAL_STACK, 4).bind(new InetSocketAddress(0))) {
            client.send("127.0.0.2", server, "truncated".getBytes(StandardCharsets.UTF_8));
            client.send("127.0.0.3", server, "next".getBytes(StandardCharsets.UTF_8));
            Datagram cut = server.receive(Loopback.SOON);
            assertThat(cut.payload()).asString(StandardCharsets.UTF_8).isEqualTo("trun");
            assertThat(cut.wireLength()).isEqualTo(9);
            assertThat(cut.isTruncated()).isTrue();
            assertThat(cut.packetInfo().local()).isEqualTo(address("127.0.0.2"));
            Datagram next = server.receive(Loopback.SOON);
            assertThat(next.payload()).asString(StandardCharsets.UTF_8).isEqualTo("next");
            assertThat(next.isTruncated()).isFalse();
            assertThat(next.packetInfo().local()).isEqualTo(address("127.0.0.3"));
        }
    }

    @Test
    void aSourceThatIsNotOurOwnIsUnusableAndNothingLeaves() throws IOException {
        Environment.assumeIpv6();
        try (PktInfoChannel server = Loopback.open(Family.DUAL_STACK)) {
            for (String[] askedAndSource : new String[][] {{"127.0.0.2", "192.0.2.7"}, {"::1", "2001:db8::7"}}) {
                Datagram request = client.ask(askedAndSource[0], server);
                Source foreign = Source.of(address(askedAndSource[1]));
                SendException e = catchThrowableOfType(
                        SendException.class,
                        () -> server.send(ByteBuffer.wrap(new byte[] {1}), request.peer(), foreign));
                assertThat(e.kind()).as("%s", e).isEqualTo(Kind.SOURCE_UNUSABLE);
                assertThat(e.getMessage())
                        .startsWith("sendmsg: E")
                        .contains("source " + askedAndSource[1])
                        .endsWith("peer " + request.peer());
                server.reply(request, new byte[] {2});
                assertThat(client.replySource(new byte[] {2})).isEqualTo(address(askedAndSource[0]));
            }
        }
    }

    @Test
    void anUnknownInterfaceIsGone() throws IOException {
        Environment.assumeIpv6();
        try (PktInfoChannel server = Loopback.open(Family.DUAL_STACK)) {
            for (String asked : new String[] {"127.0.0.2", "::1"}) {
                Datagram request = client.ask(asked, server);
                SendException e = catchThrowableOfType(
                        SendException.class,
                        () -> server.send(
                                ByteBuffer.wrap(new byte[] {1}), request.peer(), Source.of(address(asked), 999_999)));
                assertThat(e.kind()).as("%s", e).isEqualTo(Kind.INTERFACE_GONE);
                assertThat(e.errno()).isEqualTo(Errno.ENODEV);
            }
        }
    }

    @Test
    void aPeerWithPortZeroIsRefusedBeforeAnySystemCall() throws IOException {
        try (PktInfoChannel server = Loopback.open(Family.DUAL_STACK)) {
            Datagram request = client.ask("127.0.0.2", server);
            Datagram spoofed =
                    new Datagram(request.payload(), new Endpoint(request.peer().address(), 0), request.packetInfo(), 7);
            SendException e = catchThrowableOfType(SendException.class, () -> server.reply(spoofed, new byte[1]));
            assertThat(e.kind()).isEqualTo(Kind.PEER_PORT_ZERO);
            assertThat(e.errno()).isZero();
        }
    }

    /** Such as a DHCP client's, which has no address yet: Linux would send a reply to this host itself. */
    @ParameterizedTest
    @ValueSource(strings = {"0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "ff02::1"})
    void aPeerWithAnAddressThatNobodyCanHaveIsRefusedBeforeAnySystemCall(String address) throws IOException {
        try (PktInfoChannel server = Loopback.open(Family.DUAL_STACK)) {
            Datagram request = client.ask("127.0.0.2", server);
            Endpoint peer = new Endpoint(address(address), client.socket.getLocalPort());
            Datagram spoofed = new Datagram(request.payload(), peer, request.packetInfo(), 7);
            SendException e = catchThrowableOfType(SendException.class, () -> server.reply(spoofed, new byte[1]));
            assertThat(e.kind()).isEqualTo(Kind.PEER_UNANSWERABLE);
            assertThat(e).hasMessageContaining(address);
            assertThat(server.stats().sendErrors()).containsOnly(java.util.Map.entry(Kind.PEER_UNANSWERABLE, 1L));
        }
    }

    @Test
    void aSourceOfTheOtherFamilyIsRefusedInsteadOfIgnored() throws IOException {
        Environment.assumeIpv6();
        try (PktInfoChannel server = Loopback.open(Family.DUAL_STACK)) {
            Datagram ipv6 = client.ask("::1", server);
            Datagram ipv4 = client.ask("127.0.0.2", server);
            for (SendException e : new SendException[] {
                catchThrowableOfType(
                        SendException.class,
                        () -> server.reply(
                                ipv6,
                                ByteBuffer.allocate(1),
                                SourceSelection.fixed(new IpAddress(0, Addresses.mapped(0x7f000002), 0)))),
                catchThrowableOfType(
                        SendException.class,
                        () -> server.reply(ipv4, ByteBuffer.allocate(1), SourceSelection.fixed(new IpAddress(0, 1, 0))))
            }) {
                assertThat(e.kind()).as("%s", e).isEqualTo(Kind.SOURCE_UNUSABLE);
            }
        }
    }

    @Test
    void thePayloadBufferIsConsumedOnSuccessAndUntouchedOtherwise() throws IOException {
        try (PktInfoChannel server = Loopback.open(Family.IPV4)) {
            Datagram request = client.ask("127.0.0.2", server);
            for (ByteBuffer whole : new ByteBuffer[] {
                ByteBuffer.allocate(16),
                ByteBuffer.allocateDirect(16),
                ByteBuffer.allocate(16).asReadOnlyBuffer()
            }) {
                ByteBuffer part = whole.slice(3, 10).position(2).limit(7);
                server.reply(request, part);
                assertThat(part.position()).isEqualTo(7);
                assertThat(client.replySource(new byte[5])).isEqualTo(address("127.0.0.2"));
                part.position(2);
                assertThatThrownBy(() -> server.send(part, request.peer(), Source.of(address("192.0.2.7"))))
                        .isInstanceOf(SendException.class);
                assertThat(part.position()).isEqualTo(2);
            }
        }
    }

    @Test
    void aPeerOfAFamilyThatTheChannelDoesNotHaveIsAnIllegalArgument() throws IOException {
        Environment.assumeIpv6();
        try (PktInfoChannel ipv4 = Loopback.open(Family.IPV4);
                PktInfoChannel ipv6 = Loopback.open(Family.IPV6)) {
            assertThatThrownBy(() ->
                            ipv4.send(ByteBuffer.allocate(1), new Endpoint(address("::1"), 9), Source.systemChoice()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("[::1]:9");
            assertThatThrownBy(() -> ipv6.send(
                            ByteBuffer.allocate(1), new Endpoint(address("127.0.0.1"), 9), Source.systemChoice()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("127.0.0.1:9");
        }
    }
}
