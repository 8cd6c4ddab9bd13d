package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.pktinfo.Loopback.address;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.pktinfo.PktInfoChannel.Family;

/**
 * A channel that is bound to one address or connected does not answer from another, although the kernel allows it;
 * verified at the client.
 */
@Timeout(60)
class BoundChannelTest {
    private static final byte[] REPLY = {1, 2};

    private Loopback client;
    private PktInfoChannel all;
    private PktInfoChannel bound;

    @BeforeEach
    void open() throws IOException {
        client = new Loopback();
        all = Loopback.open(Family.DUAL_STACK);
        bound = PktInfoChannel.open().bind(new InetSocketAddress("127.0.0.9", 0));
    }

    @AfterEach
    void close() throws IOException {
        client.close();
        all.close();
        bound.close();
    }

    private static void assertRefused(ThrowingCallable reply) {
        SendException refused = catchThrowableOfType(SendException.class, reply);
        assertThat(refused).isNotNull().hasMessageContaining("sent to 127.0.0.2");
        assertThat(refused.kind()).isEqualTo(SendException.Kind.NO_SOURCE);
    }

    private void connect(PktInfoChannel channel) throws IOException {
        InetSocketAddress peer = Loopback.to("127.0.0.1", client.socket.getLocalPort());
        channel.reconnect(() -> channel.jdkChannel().connect(peer));
    }

    @Test
    void aReplyToARequestForAnotherAddressIsRefusedAndCounted() throws IOException {
        Datagram request = client.ask("127.0.0.2", all);
        assertRefused(() -> bound.reply(request, REPLY));
        assertRefused(() -> bound.reply(request, ByteBuffer.wrap(REPLY), SourceSelection.interfacePinned()));
        assertThat(bound.stats().sendErrors()).containsEntry(SendException.Kind.NO_SOURCE, 2L);
        all.reply(request, REPLY);
        assertThat(client.replySource(REPLY)).isEqualTo(address("127.0.0.2"));
    }

    @Test
    void aReplyToARequestForItsOwnAddressLeavesFromThere() throws IOException {
        bound.reply(client.ask("127.0.0.9", all), REPLY);
        assertThat(client.replySource(REPLY)).isEqualTo(address("127.0.0.9"));
        assertThat(client.exchange("127.0.0.9", bound, SourceSelection.interfacePinned()))
                .isEqualTo(address("127.0.0.9"));
    }

    @Test
    void anotherSourceThatTheCallerNamesIsTheCallersWord() throws IOException {
        Datagram request = client.ask("127.0.0.2", all);
        bound.reply(request, ByteBuffer.wrap(REPLY), (peer, info) -> Source.of(info.local()));
        assertThat(client.replySource(REPLY)).isEqualTo(address("127.0.0.2"));
        bound.send(ByteBuffer.wrap(REPLY), request.peer(), Source.of(address("127.0.0.3")));
        assertThat(client.replySource(REPLY)).isEqualTo(address("127.0.0.3"));
    }

    @Test
    void connectedItAnswersFromTheAddressThatItIsConnectedFromOnly() throws IOException {
        Datagram elsewhere = client.ask("127.0.0.2", all);
        Datagram there = client.ask("127.0.0.1", all);
        connect(all);
        assertRefused(() -> all.reply(elsewhere, REPLY));
        all.reply(there, REPLY);
        assertThat(client.replySource(REPLY)).isEqualTo(address("127.0.0.1"));
        all.reconnect(() -> all.jdkChannel().disconnect());
        all.reply(elsewhere, REPLY);
        assertThat(client.replySource(REPLY)).isEqualTo(address("127.0.0.2"));
    }

    @Test
    void aSlotThatWasFilledBeforeTheChannelWasConnectedIsNotAnsweredFromAnotherAddress() throws IOException {
        DatagramBatch batch = all.newBatch(2, 100);
        client.send("127.0.0.2", all, REPLY);
        assertThat(batch.receive(Loopback.SOON)).isEqualTo(1);
        connect(all);
        for (SourceSelection selection :
                new SourceSelection[] {SourceSelection.requestDestination(), SourceSelection.interfacePinned()}) {
            batch.slot(0).reply(2, selection);
            SendException refused = batch.slot(0).failure();
            assertRefused(() -> {
                throw refused;
            });
        }
        batch.slot(0).reply(2, SourceSelection.systemChoice());
        assertThat(batch.send()).isEqualTo(1);
        assertThat(client.replySource(REPLY)).isEqualTo(address("127.0.0.1"));
        all.reconnect(() -> all.jdkChannel().disconnect());
        batch.slot(0).reply(2);
        assertThat(batch.send()).isEqualTo(1);
        assertThat(client.replySource(REPLY)).isEqualTo(address("127.0.0.2"));
    }

    /** No host sends from a broadcast address, so the source that the kernel reports is one of its own. */
    @Test
    void boundToABroadcastAddressItAnswersFromAnAddressOfTheHost() throws IOException {
        try (PktInfoChannel broadcast = bind(Loopback.to("127.255.255.255", 0))) {
            Datagram request = client.ask("127.255.255.255", broadcast);
            broadcast.reply(request, REPLY);
            assertThat(client.replySource(REPLY)).isEqualTo(address("127.0.0.1"));
        }
    }

    private static PktInfoChannel bind(SocketAddress local) throws IOException {
        return PktInfoChannel.open().bind(local);
    }

    @Test
    void itIsBoundToOneAddressOrToAll() throws IOException {
        IpAddress own = address("127.0.0.9");
        IpAddress other = address("127.0.0.1");
        try (PktInfoChannel unbound = PktInfoChannel.open()) {
            assertThat(unbound.isBoundTo(own)).isTrue();
            unbound.jdkChannel().socket().bind(new InetSocketAddress("127.0.0.9", 0)); // by the JDK alone
            assertThat(unbound.isBoundTo(own)).isTrue();
            assertThat(unbound.isBoundTo(other)).isFalse();
        }
        assertThat(bound.isBoundTo(own)).isTrue();
        assertThat(bound.isBoundTo(other)).isFalse();
        assertThat(bound.isBoundTo(IpAddress.UNSPECIFIED)).isTrue();
        assertThat(all.isBoundTo(other)).isTrue();
        assertThat(all.isBoundTo(address("::1"))).isTrue();
        connect(all);
        assertThat(all.isBoundTo(other)).isTrue();
        assertThat(all.isBoundTo(own)).isFalse();
        all.reconnect(() -> all.jdkChannel().disconnect());
        assertThat(all.isBoundTo(own)).isTrue();
        try (PktInfoChannel group = bind(Loopback.to("239.255.7.12", 0))) {
            assertThat(group.isBoundTo(own)).isTrue();
        }
        bound.close();
        assertThat(bound.isBoundTo(other)).isFalse();
    }

    @Test
    void boundToAnIpv6AddressItAnswersFromThere() throws IOException {
        Environment.assumeIpv6();
        try (PktInfoChannel ipv6 = bind(Loopback.to("::1", 0))) {
            ipv6.reply(client.ask("::1", ipv6), REPLY);
            assertThat(client.replySource(REPLY)).isEqualTo(address("::1"));
            assertThat(ipv6.isBoundTo(address("fe80::1"))).isFalse();
        }
    }

    @Test
    void aMemorySaysNothingToAChannelThatIsBoundToAnotherAddress() throws IOException {
        PeerMemory memory = new PeerMemory();
        Datagram request = client.ask("127.0.0.2", all);
        memory.remember(request.peer(), request.packetInfo());
        assertThat(memory.source(request.peer(), all)).isEqualTo(Source.of(address("127.0.0.2")));
        assertThat(memory.source(request.peer(), bound)).isEqualTo(Source.systemChoice());
        Endpoint stranger = new Endpoint(address("127.0.0.1"), 1);
        assertThat(memory.source(stranger, bound)).isEqualTo(Source.systemChoice());
        assertThat(memory.unknownPeers()).isZero();
        assertThat(memory.source(stranger, all)).isEqualTo(Source.systemChoice());
        assertThat(memory.unknownPeers()).isEqualTo(1);
    }

    @Test
    void whoHasLookedIsToldByWhatHeFoundAndCountedOnce() throws IOException {
        PeerMemory memory = new PeerMemory();
        Datagram request = client.ask("127.0.0.2", all);
        Endpoint peer = request.peer();
        memory.remember(peer, request.packetInfo());
        PacketInfo found = memory.lastDestination(peer);
        memory.remember(peer, client.ask("127.0.0.3", all).packetInfo());
        assertThat(memory.source(peer, found, all)).isEqualTo(Source.of(address("127.0.0.2")));
        assertThat(memory.source(peer, found, bound)).isEqualTo(Source.systemChoice());
        assertThat(memory.source(peer, null, bound)).isEqualTo(Source.systemChoice());
        assertThat(memory.unknownPeers()).isZero();
        assertThat(memory.source(peer, null, all)).isEqualTo(Source.systemChoice());
        assertThat(memory.unknownPeers()).isEqualTo(1);
    }

    /** The exception is that of any request without a destination. */
    @Test
    void aRequestWithoutPacketInformationIsRefusedAsSuch() throws IOException {
        Datagram request = client.ask("127.0.0.9", bound);
        PacketInfo nothing =
                new PacketInfo(IpAddress.UNSPECIFIED, IpAddress.UNSPECIFIED, 0, false, false, false, false);
        assertThatThrownBy(() -> bound.reply(new Datagram(REPLY, request.peer(), nothing, 2), REPLY))
                .isInstanceOf(SendException.class)
                .hasMessageContaining("without packet information");
        assertThat(bound.receive(Duration.ZERO)).isNull();
    }
}
