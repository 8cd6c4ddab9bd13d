package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pktinfo.internal.Arena;
import org.pktinfo.internal.Doors;
import org.pktinfo.internal.Layout;
import org.pktinfo.internal.NativeLibrary;

/** A slot as Java reads it, with the test in place of the kernel. */
class ArenaTest {
    private static final int BOTH = Layout.FLAG_IN_PKTINFO | Layout.FLAG_IN6_PKTINFO;

    @BeforeAll
    static void load() {
        NativeLibrary.load();
    }

    private final Arena arena = new Arena(2, 100, Layout.FAMILY_IPV6);
    private final ByteBuffer memory = Doors.memory(arena);
    private final SlotRecords records = new SlotRecords(arena);

    private Datagram datagram() {
        return records.datagram(1, 0, arena.length(1), arena.wireLength(1));
    }

    /** Returns an offset in the second slot, so that a wrong offset does not go unnoticed. */
    private int at(int field) {
        return Layout.HEADER_SIZE + Layout.SLOT_SIZE + field;
    }

    private void put(int field, String literal) throws IOException {
        IpAddress address = Loopback.address(literal);
        ByteBuffer bytes = memory.duplicate().order(ByteOrder.BIG_ENDIAN);
        bytes.putLong(at(field), address.high()).putLong(at(field) + 8, address.low());
    }

    private void put4(int field, String literal) throws IOException {
        memory.duplicate().order(ByteOrder.BIG_ENDIAN).putInt(at(field), (int)
                Loopback.address(literal).low());
    }

    private void receiveFromIpv4(int flags) throws IOException {
        put(Layout.PEER_ADDRESS, "192.0.2.1");
        memory.putInt(at(Layout.FLAGS), flags);
        put(Layout.IN6_ADDRESS, "192.0.2.9");
        memory.putInt(at(Layout.IN6_INTERFACE), 3);
        put4(Layout.IN_ADDRESS, "192.0.2.9");
        put4(Layout.IN_LOCAL, "192.0.2.9");
        memory.putInt(at(Layout.IN_INTERFACE), 3);
    }

    @ParameterizedTest
    @CsvSource({"2, only in6_pktinfo", "1, only in_pktinfo", "7, in6_pktinfo first", "3, in_pktinfo first"})
    void theLocalAddressIsTheSameInWhicheverWayTheKernelTellsIt(int flags, String what) throws IOException {
        receiveFromIpv4(flags);
        PacketInfo info = records.packetInfo(1);
        assertThat(info.local()).as(what).isEqualTo(Loopback.address("192.0.2.9"));
        assertThat(info.destination()).as(what).isEqualTo(Loopback.address("192.0.2.9"));
        assertThat(info.interfaceIndex()).as(what).isEqualTo(3);
        Source reply = SourceSelection.requestDestination().select(records.peer(1), info);
        assertThat(reply.controlMessage()).isEqualTo(Source.ControlMessage.IN_PKTINFO);
    }

    @Test
    void theTwoLocalAddressesOfABroadcastAreKeptApart() throws IOException {
        receiveFromIpv4(BOTH);
        put(Layout.IN6_ADDRESS, "192.0.2.255");
        put4(Layout.IN_ADDRESS, "192.0.2.255");
        PacketInfo info = records.packetInfo(1);
        assertThat(info.destination()).isEqualTo(Loopback.address("192.0.2.255"));
        assertThat(info.local()).isEqualTo(Loopback.address("192.0.2.9"));
    }

    @ParameterizedTest
    @CsvSource({"192.0.2.9, 192.0.2.9", "239.1.2.3, ::", "255.255.255.255, ::"})
    void aSpecificDestinationOfZeroIsReplacedByAUnicastHeaderDestination(String destination, String local)
            throws IOException {
        receiveFromIpv4(BOTH);
        put4(Layout.IN_ADDRESS, destination);
        put4(Layout.IN_LOCAL, "0.0.0.0");
        assertThat(records.packetInfo(1).local()).isEqualTo(Loopback.address(local));
    }

    @Test
    void aMulticastRequestOverIpv6NamesNoLocalAddress() throws IOException {
        put(Layout.PEER_ADDRESS, "2001:db8::1");
        put(Layout.IN6_ADDRESS, "ff15::9");
        memory.putInt(at(Layout.IN6_INTERFACE), 3);
        memory.putInt(at(Layout.FLAGS), Layout.FLAG_IN6_PKTINFO);
        PacketInfo info = records.packetInfo(1);
        assertThat(info.local()).isEqualTo(IpAddress.UNSPECIFIED);
        assertThat(SourceSelection.requestDestination().select(records.peer(1), info))
                .isEqualTo(Source.of(IpAddress.UNSPECIFIED, 3));
    }

    @ParameterizedTest
    @CsvSource({"fe80::9, 3", "ff02::9, 3", "ff01::9, 3", "ff15::9, 0", "2001:db8::9, 0", "::1, 0"})
    void onlyAddressesOfOneLinkCarryAScope(String destination, int scope) throws IOException {
        put(Layout.PEER_ADDRESS, "fe80::1");
        put(Layout.IN6_ADDRESS, destination);
        memory.putInt(at(Layout.IN6_INTERFACE), 3);
        memory.putInt(at(Layout.FLAGS), Layout.FLAG_IN6_PKTINFO);
        assertThat(records.packetInfo(1).destination().scopeId()).isEqualTo(scope);
    }

    @Test
    void packetInformationOfTheOtherFamilyIsNotBelieved() throws IOException {
        put(Layout.PEER_ADDRESS, "192.0.2.1");
        put(Layout.IN6_ADDRESS, "2001:db8::9");
        memory.putInt(at(Layout.FLAGS), Layout.FLAG_IN6_PKTINFO);
        assertThat(records.packetInfo(1).local()).isEqualTo(IpAddress.UNSPECIFIED);
    }

    @Test
    void aSlotKnowsWhetherItsDestinationIsKnownAndUnicast() throws IOException {
        receiveFromIpv4(BOTH);
        assertThat(ReplyRule.hasPacketInfo(arena, 1)).isTrue();
        assertThat(ReplyRule.isUnicast(arena, 1)).isTrue();
        put4(Layout.IN_ADDRESS, "192.0.2.255");
        assertThat(ReplyRule.isUnicast(arena, 1)).isFalse();
        receiveFromIpv4(BOTH | Layout.FLAG_CONTROL_TRUNCATED);
        assertThat(ReplyRule.hasPacketInfo(arena, 1)).isFalse();
        receiveFromIpv4(0);
        assertThat(ReplyRule.hasPacketInfo(arena, 1)).isFalse();
        assertThat(ReplyRule.isUnicast(arena, 1)).isFalse();
    }

    @Test
    void aDatagramSaysEverythingThatTheSlotDoes() throws IOException {
        receiveFromIpv4(BOTH | Layout.FLAG_CONTROL_TRUNCATED);
        memory.putShort(at(Layout.PEER_PORT), (short) 65_535);
        memory.putInt(at(Layout.LENGTH), 100);
        memory.putInt(at(Layout.WIRE_LENGTH), 101);
        Datagram datagram = datagram();
        assertThat(datagram.payload()).hasSize(100);
        assertThat(datagram.isTruncated()).isTrue();
        assertThat(datagram.packetInfo().truncated()).isTrue();
        assertThat(datagram.peer()).hasToString("192.0.2.1:65535");
        assertThat(datagram).isEqualTo(datagram()).hasSameHashCodeAs(datagram());
        memory.put(Layout.HEADER_SIZE + 2 * Layout.SLOT_SIZE + 104, (byte) 1); // the first byte of the second payload
        assertThat(datagram()).isNotEqualTo(datagram);
    }
}
