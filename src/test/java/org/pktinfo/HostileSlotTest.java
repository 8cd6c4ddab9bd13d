package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.pktinfo.internal.Addresses;
import org.pktinfo.internal.Arena;
import org.pktinfo.internal.Doors;
import org.pktinfo.internal.Layout;

/** Slots with any content, written by a user or by a misbehaving kernel. */
class HostileSlotTest {
    private static final int SLOTS = 3;

    private static PktInfoChannel server;
    private static PktInfoChannel client;

    @BeforeContainer
    static void open() throws IOException {
        server = PktInfoChannel.open().bind(new InetSocketAddress(0));
        client = PktInfoChannel.open().bind(new InetSocketAddress(0));
    }

    @AfterContainer
    static void close() throws IOException {
        server.close();
        client.close();
    }

    /** Provides addresses of every kind, more often those that cannot be a source than those that can. */
    @Provide
    Arbitrary<IpAddress> addresses() {
        Arbitrary<IpAddress> ipv4 = Arbitraries.integers().map(IpAddress::ipv4);
        Arbitrary<IpAddress> special = Arbitraries.of(0, -1, 0xe0000001, 0xefffffff, 0x7f000001, 0xc00002ff, 1)
                .map(IpAddress::ipv4);
        Arbitrary<IpAddress> ipv6 = Combinators.combine(Arbitraries.longs(), Arbitraries.longs())
                .as((high, low) -> new IpAddress(high, low, 0));
        Arbitrary<IpAddress> prefixed = Combinators.combine(
                        Arbitraries.of(0L, 0xff02L << 48, 0xff0eL << 48, 0xfe80L << 48, 0x20010db8L << 32),
                        Arbitraries.of(0L, 1L, 0xffffL, 0xffff_0000_0000L, -1L))
                .as((high, low) -> new IpAddress(high, low, 0));
        return Arbitraries.oneOf(ipv4, special, ipv6, prefixed);
    }

    @Provide
    Arbitrary<Endpoint> peers() {
        return Combinators.combine(addresses(), Arbitraries.integers().between(0, 65_535))
                .as(Endpoint::new);
    }

    @Provide
    Arbitrary<PacketInfo> infos() {
        return Combinators.combine(
                        addresses(),
                        addresses(),
                        Arbitraries.of(0, 1, Integer.MAX_VALUE),
                        Arbitraries.of(true, false),
                        Arbitraries.of(true, false),
                        Arbitraries.of(true, false),
                        Arbitraries.frequency(Tuple.of(5, false), Tuple.of(1, true)))
                .as(PacketInfo::new);
    }

    private static boolean isUsable(IpAddress address) {
        return !address.isMulticast()
                && !address.isUnspecified()
                && !address.toString().equals("255.255.255.255");
    }

    /**
     * Asserts that the source is a usable address of the peer's family; or over IPv6 none, with an interface, if the
     * kernel chooses.
     */
    private static void assertUsable(Source source, Endpoint peer) {
        boolean kernelPicks = !peer.address().isIpv4()
                && source.address().equals(IpAddress.UNSPECIFIED)
                && source.interfaceIndex() > 0;
        assertThat(isUsable(source.address()) || kernelPicks)
                .as("%s for %s", source, peer)
                .isTrue();
        assertThat(Sender.fits(source, peer.address().isIpv4()))
                .as("%s for %s", source, peer)
                .isTrue();
    }

    @Property
    void noPolicySelectsAnUnusableSource(@ForAll("peers") Endpoint peer, @ForAll("infos") PacketInfo info)
            throws IOException {
        for (SourceSelection policy : List.of(
                SourceSelection.requestDestination(),
                SourceSelection.interfacePinned(),
                SourceSelection.in6PktinfoFirst())) {
            try {
                assertUsable(policy.select(peer, info), peer);
            } catch (SendException e) {
                assertThat(e.kind()).isIn(SendException.Kind.NO_SOURCE, SendException.Kind.PEER_UNANSWERABLE);
            }
        }
        assertThat(SourceSelection.systemChoice().select(peer, info)).isEqualTo(Source.systemChoice());
    }

    @Property
    void anAddressIsFixedOnlyIfItIsUsable(@ForAll("addresses") IpAddress address) throws IOException {
        if (isUsable(address)) {
            Endpoint peer = new Endpoint(address, 1);
            assertUsable(SourceSelection.fixed(address).select(peer, nothing()), peer);
        } else {
            assertThatThrownBy(() -> SourceSelection.fixed(address))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(address.toString());
        }
    }

    private static PacketInfo nothing() {
        return new PacketInfo(IpAddress.UNSPECIFIED, IpAddress.UNSPECIFIED, 0, false, false, false, false);
    }

    /** The rule on a slot and the rule on its records agree, whatever the 128 bytes of the slot are. */
    @Property
    void anySlotIsReadAndAnsweredFromAUsableSourceOrNotAtAll(
            @ForAll @Size(Layout.SLOT_SIZE) byte[] bytes,
            @ForAll("addresses") IpAddress peerAddress,
            @ForAll("addresses") IpAddress destination,
            @ForAll @IntRange(min = 0, max = 1023) int flags) {
        Arena arena = new Arena(SLOTS, 100, Layout.FAMILY_IPV6);
        ByteBuffer memory = Doors.memory(arena);
        int slot = Layout.HEADER_SIZE + Layout.SLOT_SIZE;
        memory.put(slot, bytes);
        put(memory, slot + Layout.PEER_ADDRESS, peerAddress);
        put(memory, slot + Layout.IN6_ADDRESS, destination);
        memory.putInt(slot + Layout.FLAGS, flags);
        SlotRecords records = new SlotRecords(arena);
        Endpoint peer = records.peer(1);
        PacketInfo info = records.packetInfo(1);
        assertThat(info.interfaceIndex()).isNotNegative();
        assertThat(peer.address().scopeId()).isNotNegative().isEqualTo(arena.peerScope(1));
        assertThat(ReplyRule.isUnicast(arena, 1) && info.destination().isMulticast())
                .isFalse();
        ReplyRule.Answer answer = ReplyRule.answer(arena, 1);
        boolean answerable =
                Addresses.isUsableSource(peer.address().high(), peer.address().low());
        try {
            Source expected = ReplyRule.select(peer, info);
            assertUsable(expected, peer);
            assertThat(ReplyRule.prepareReply(arena, 1, 5, 0)).isEqualTo(answer);
            IpAddress unscoped =
                    new IpAddress(expected.address().high(), expected.address().low(), 0);
            assertThat(records.source(1))
                    .isEqualTo(new Source(expected.controlMessage(), unscoped, expected.interfaceIndex()));
            assertThat(answerable).isTrue();
        } catch (SendException e) {
            assertThat(e.kind() == SendException.Kind.PEER_UNANSWERABLE).isEqualTo(!answerable);
            if (answerable) {
                assertThat(answer).isIn(ReplyRule.Answer.REFUSED_NOTHING, ReplyRule.Answer.REFUSED_TRUNCATED);
            }
        }
    }

    private static void put(ByteBuffer memory, int at, IpAddress address) {
        memory.put(
                at,
                ByteBuffer.allocate(16)
                        .putLong(address.high())
                        .putLong(address.low())
                        .array());
    }

    @Provide
    Arbitrary<Source> sources() {
        return Combinators.combine(addresses(), Arbitraries.integers().between(0, Integer.MAX_VALUE))
                .as(Source::of);
    }

    @Property
    void whatIsWrittenIsReadAgainAndNoOtherSlotIsTouched(
            @ForAll @IntRange(min = 0, max = SLOTS - 1) int index,
            @ForAll @Size(max = 100) byte[] payload,
            @ForAll("peers") Endpoint peer,
            @ForAll("sources") Source source) {
        Arena arena = new Arena(SLOTS, 100, Layout.FAMILY_IPV6);
        List<byte[]> before = outside(Doors.memory(arena), index);
        arena.write(index, ByteBuffer.wrap(payload));
        SlotRecords records = new SlotRecords(arena);
        records.put(index, payload.length, peer, source, source.interfaceIndex());
        assertThat(records.peer(index)).isEqualTo(peer);
        assertThat(records.source(index)).isEqualTo(source);
        assertThat(records.datagram(index, 0, arena.length(index), payload.length)
                        .payload())
                .isEqualTo(payload);
        assertThat(arena.wireLength(index)).isEqualTo(payload.length);
        assertUntouched(Doors.memory(arena), index, before);
    }

    /** Returns all memory except the slot's own and its payload's. */
    private static List<byte[]> outside(ByteBuffer memory, int index) {
        int stride = 104; // 100 rounded up to 8
        int payloads = Layout.HEADER_SIZE + SLOTS * Layout.SLOT_SIZE;
        int[] borders = {
            0,
            Layout.HEADER_SIZE + index * Layout.SLOT_SIZE,
            Layout.HEADER_SIZE + (index + 1) * Layout.SLOT_SIZE,
            payloads + index * stride,
            payloads + index * stride + 100,
            memory.capacity()
        };
        List<byte[]> parts = new ArrayList<>();
        for (int i = 0; i < borders.length; i += 2) {
            byte[] part = new byte[borders[i + 1] - borders[i]];
            memory.get(borders[i], part);
            parts.add(part);
        }
        return parts;
    }

    private static void assertUntouched(ByteBuffer memory, int index, List<byte[]> before) {
        List<byte[]> after = outside(memory, index);
        for (int i = 0; i < before.size(); i++) {
            assertThat(after.get(i)).isEqualTo(before.get(i));
        }
    }

    @Property
    void noSlotIsWrittenBeyondItsBounds(
            @ForAll @IntRange(min = 0, max = SLOTS - 1) int index,
            @ForAll @IntRange(min = -1, max = 103) int at,
            @ForAll @IntRange(min = -1, max = 110) int length,
            @ForAll int anyLength)
            throws IOException {
        Arena arena = new Arena(SLOTS, 100, server.socket.options().family());
        DatagramBatch batch = new DatagramBatch(server.receiver, server.sender, arena);
        Endpoint peer = new Endpoint(Loopback.address("127.0.0.1"), 9);
        for (int i = 0; i < SLOTS; i++) {
            batch.put(ByteBuffer.wrap(new byte[] {1, 2, 3}), peer, Source.systemChoice());
        }
        List<byte[]> before = outside(Doors.memory(arena), index);
        DatagramSlot slot = batch.slot(index);
        assertThat(slot.payload().capacity()).isEqualTo(100);
        boolean fits = at >= 0 && length >= 0 && at + length <= 100;
        if (length >= 0) {
            assertThrowsUnless(fits, () -> slot.payload().clear().put(at, new byte[length]));
            assertThrowsUnless(
                    length <= 100,
                    () -> slot.reply(ByteBuffer.allocate(length + 5).position(5).limit(length + 5)));
        }
        assertThrowsUnless(length >= 0 && length <= 100, () -> slot.reply(length));
        assertThrowsUnless(anyLength >= 0 && anyLength <= 100, () -> slot.reply(anyLength));
        assertThrowsUnless(length >= 1 && length <= 100 && at >= 1, () -> slot.replyInSegments(length, at));
        assertThat(arena.length(index)).isBetween(0, 100);
        assertUntouched(Doors.memory(arena), index, before);
    }

    @Property
    void theFactsOfASlotAreInTheirRangesWhateverItHolds(@ForAll @Size(Layout.SLOT_SIZE) byte[] bytes, @ForAll int flags)
            throws IOException {
        Arena arena = new Arena(1, 100, server.socket.options().family());
        DatagramBatch batch = new DatagramBatch(server.receiver, server.sender, arena);
        Endpoint peer = new Endpoint(Loopback.address("127.0.0.1"), 9);
        batch.put(ByteBuffer.allocate(1), peer, Source.systemChoice());
        Doors.memory(arena).put(Layout.HEADER_SIZE, bytes).putInt(Layout.HEADER_SIZE + Layout.FLAGS, flags);
        SlotFacts view = batch.slot(0).facts();
        ReceivedFacts facts = view.toRecord(); // refuses numbers out of range
        assertThat(facts.trafficClass() >= 0).isEqualTo((flags & Layout.FLAG_TRAFFIC_CLASS) != 0);
        assertThat(facts.hopLimit() >= 0).isEqualTo((flags & Layout.FLAG_HOP_LIMIT) != 0);
        assertThat(facts.originalPort() >= 0).isEqualTo((flags & Layout.FLAG_ORIGINAL_PORT) != 0);
        assertThat(facts.mark() >= 0).isEqualTo((flags & Layout.FLAG_MARK) != 0);
        assertThat(facts.time() != null).isEqualTo(view.hasTime()).isEqualTo((flags & Layout.FLAG_RECEIVE_TIME) != 0);
        assertThat(facts.hardwareTime() != null)
                .isEqualTo(view.hasHardwareTime())
                .isEqualTo((flags & Layout.FLAG_HARDWARE_TIME) != 0);
        assertThat(new ReceivedFacts(
                        view.trafficClass(),
                        view.hopLimit(),
                        facts.time(),
                        facts.hardwareTime(),
                        view.originalPort(),
                        view.mark()))
                .isEqualTo(facts);
        assertThat(SendOptions.ecnOf(view)).isEqualTo(SendOptions.NONE.withEcn(facts.ecn()));
        assertThat(SendOptions.dscpOf(view)).isEqualTo(SendOptions.NONE.withDscp(facts.dscp()));
    }

    @Property
    void optionsAreWrittenIntoTheirSlotOnly(
            @ForAll @IntRange(min = 0, max = SLOTS - 1) int index,
            @ForAll @IntRange(min = -1, max = 63) int dscp,
            @ForAll @IntRange(min = -1, max = 3) int ecn,
            @ForAll @IntRange(min = 1, max = 255) int hopLimit)
            throws IOException {
        Arena arena = new Arena(SLOTS, 100, server.socket.options().family());
        DatagramBatch batch = new DatagramBatch(server.receiver, server.sender, arena);
        Endpoint peer = new Endpoint(Loopback.address("127.0.0.1"), 9);
        for (int i = 0; i < SLOTS; i++) {
            batch.put(ByteBuffer.allocate(1), peer, Source.systemChoice());
        }
        List<byte[]> before = outside(Doors.memory(arena), index);
        batch.slot(index).sendOptions(new SendOptions(dscp, ecn, hopLimit));
        assertThat(arena.lacksTrafficClass(index)).isEqualTo(dscp < 0 != ecn < 0);
        if (arena.lacksTrafficClass(index)) {
            arena.completeTrafficClass(index, 0xff);
        }
        int at = Layout.HEADER_SIZE + index * Layout.SLOT_SIZE;
        ByteBuffer memory = Doors.memory(arena);
        if (dscp >= 0 || ecn >= 0) {
            assertThat(memory.get(at + Layout.SEND_TRAFFIC_CLASS) & 0xff)
                    .isEqualTo((dscp < 0 ? 63 : dscp) << 2 | (ecn < 0 ? 3 : ecn));
        }
        assertThat(memory.get(at + Layout.SEND_HOP_LIMIT) & 0xff).isEqualTo(hopLimit);
        assertUntouched(memory, index, before);
    }

    private static void assertThrowsUnless(boolean fine, ThrowingCallable call) {
        if (fine) {
            assertThatCode(call).doesNotThrowAnyException();
        } else {
            assertThatThrownBy(call).isInstanceOfAny(IndexOutOfBoundsException.class, IllegalArgumentException.class);
        }
    }

    /** Encoded by the native library, carried by the kernel, decoded by the native library; and back. */
    @Property(tries = 500)
    void whatIsSentIsReceivedAndItsReplyComesFromThere(
            @ForAll @IntRange(min = 1, max = 0xfffffe) int from,
            @ForAll @IntRange(min = 1, max = 0xfffffe) int to,
            @ForAll @Size(max = 1000) byte[] payload,
            @ForAll @Size(max = 1000) byte[] answer)
            throws IOException {
        IpAddress source = IpAddress.ipv4(0x7f000000 | from);
        Endpoint asked = new Endpoint(
                IpAddress.ipv4(0x7f000000 | to), server.localAddress().getPort());
        Endpoint asking = new Endpoint(source, client.localAddress().getPort());
        client.send(ByteBuffer.wrap(payload), asked, Source.of(source));
        Datagram request = server.receive(Loopback.SOON);
        assertThat(request).isNotNull();
        assertThat(request.payload()).isEqualTo(payload);
        assertThat(request.peer()).isEqualTo(asking);
        assertThat(request.packetInfo().destination()).isEqualTo(asked.address());
        server.reply(request, answer);
        Datagram reply = client.receive(Loopback.SOON);
        assertThat(reply).isNotNull();
        assertThat(reply.payload()).isEqualTo(answer);
        assertThat(reply.peer()).isEqualTo(asked);
        assertThat(reply.packetInfo().local()).isEqualTo(source);
    }
}
