package org.pktinfo;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pktinfo.common.Hash;
import org.pktinfo.internal.Addresses;
import org.pktinfo.internal.Arena;
import org.pktinfo.internal.Layout;

/**
 * Makes records of an arena's slots, and slots of records. Nothing is allocated before a record is asked for, and
 * nothing for one that was made before and is still known: a server has few addresses, and its peers come again. For
 * one thread at a time.
 */
final class SlotRecords {
    private static final int PEER_BITS = 10;
    private static final int INFO_BITS = 5;
    private static final int INFO_FLAGS = Layout.FLAG_IN_PKTINFO
            | Layout.FLAG_IN6_PKTINFO
            | Layout.FLAG_IN6_PKTINFO_FIRST
            | Layout.FLAG_CONTROL_TRUNCATED;

    private final Arena arena;
    private final @Nullable Endpoint[] knownPeers = new Endpoint[1 << PEER_BITS];
    private final @Nullable KnownInfo[] knownInfos = new KnownInfo[1 << INFO_BITS];

    /**
     * With all that it was made of: the bytes of both control messages, flags, and whether the peer has an IPv4
     * address.
     */
    private record KnownInfo(
            long first, long second, long third, long fourth, int flags, boolean ipv4, PacketInfo info) {}

    SlotRecords(Arena arena) {
        this.arena = arena;
    }

    /** Returns the records of an arena: those known, unless they are another's. */
    static SlotRecords of(Arena arena, @Nullable SlotRecords known) {
        return known != null && known.arena == arena ? known : new SlotRecords(arena);
    }

    /** Copies a part of what was received, which has the peer and the packet information of the whole. */
    Datagram datagram(int index, int from, int length, int wireLength) {
        byte[] payload = new byte[length];
        arena.read(index, from, payload);
        return new Datagram(payload, peer(index), packetInfo(index), wireLength);
    }

    /** Copies all datagrams of a length that came as one, of which the last may be shorter. */
    List<Datagram> datagrams(int index, int length, int segment) {
        List<Datagram> datagrams = new ArrayList<>();
        for (int from = 0; from < length; from += segment) {
            int part = Math.min(segment, length - from);
            datagrams.add(datagram(index, from, part, part));
        }
        return datagrams;
    }

    /** Makes the exception for a reply that was refused without one. */
    SendException refusal(int index, SendException.Kind kind) {
        return switch (kind) {
            case PEER_PORT_ZERO -> SendException.portZero(peer(index));
            case PEER_UNANSWERABLE -> SendException.unanswerable(peer(index));
            default -> AddressAsked.refusal(AddressAsked.answer(arena, index), peer(index), packetInfo(index));
        };
    }

    Endpoint peer(int index) {
        long high = arena.peerHigh(index);
        long low = arena.peerLow(index);
        int scope = arena.peerScope(index);
        int port = arena.peerPort(index);
        int place = Hash.place(low ^ port, PEER_BITS);
        Endpoint known = knownPeers[place];
        if (known == null || known.port() != port || !is(known.address(), high, low, scope)) {
            known = new Endpoint(new IpAddress(high, low, scope), port);
            knownPeers[place] = known;
        }
        return known;
    }

    private static boolean is(IpAddress address, long high, long low, int scope) {
        return address.low() == low && address.high() == high && address.scopeId() == scope;
    }

    PacketInfo packetInfo(int index) {
        long first = arena.pktinfoBytes(index, 0);
        long second = arena.pktinfoBytes(index, 1);
        long third = arena.pktinfoBytes(index, 2);
        long fourth = arena.pktinfoBytes(index, 3);
        int flags = arena.flags(index) & INFO_FLAGS;
        boolean ipv4 = Addresses.isIpv4(arena.peerHigh(index), arena.peerLow(index));
        long key = (second * 31 + third) * 31 + fourth; // not ^: an address that is there twice would be gone
        int place = Hash.place(key, INFO_BITS);
        KnownInfo known = knownInfos[place];
        if (known == null
                || known.fourth != fourth
                || known.third != third
                || known.second != second
                || known.first != first
                || known.flags != flags
                || known.ipv4 != ipv4) {
            known = new KnownInfo(first, second, third, fourth, flags, ipv4, newPacketInfo(index));
            knownInfos[place] = known;
        }
        return known.info;
    }

    private PacketInfo newPacketInfo(int index) {
        int interfaceIndex = AddressAsked.interfaceIndex(arena, index);
        long high = AddressAsked.destinationHigh(arena, index);
        long low = AddressAsked.destinationLow(arena, index);
        long localHigh = AddressAsked.localHigh(arena, index);
        long localLow = AddressAsked.localLow(arena, index);
        IpAddress destination = new IpAddress(high, low, Addresses.isOnOneLink(high) ? interfaceIndex : 0);
        boolean same = localHigh == high && localLow == low;
        return new PacketInfo(
                destination,
                same ? destination : new IpAddress(localHigh, localLow, 0),
                interfaceIndex,
                arena.has(index, Layout.FLAG_IN_PKTINFO),
                arena.has(index, Layout.FLAG_IN6_PKTINFO),
                arena.has(index, Layout.FLAG_IN6_PKTINFO_FIRST),
                arena.has(index, Layout.FLAG_CONTROL_TRUNCATED));
    }

    /** Makes a slot ready to answer its peer from a source. */
    void prepareReply(int index, int length, Source source, int interfaceIndex) {
        IpAddress address = source.address();
        arena.prepareSend(index, length, form(source), address.high(), address.low(), interfaceIndex);
    }

    /** Makes a slot ready to send to a peer from a source. */
    void prepareSend(int index, int length, Endpoint peer, Source source, int interfaceIndex) {
        IpAddress address = peer.address();
        arena.putPeer(index, address.high(), address.low(), address.scopeId(), peer.port());
        prepareReply(index, length, source, interfaceIndex);
    }

    /** As {@link #prepareSend}, in a slot that holds nothing else: what was received there is forgotten. */
    void put(int index, int length, Endpoint peer, Source source, int interfaceIndex) {
        arena.clear(index, length);
        prepareSend(index, length, peer, source, interfaceIndex);
    }

    private static int form(Source source) {
        Source.ControlMessage message = source.controlMessage();
        if (message == Source.ControlMessage.NONE) {
            return Layout.FORM_NONE;
        }
        return message == Source.ControlMessage.IN_PKTINFO ? Layout.FORM_IN_PKTINFO : Layout.FORM_IN6_PKTINFO;
    }

    /** Returns the source that a slot is, or was, to be sent from. */
    Source source(int index) {
        IpAddress address = new IpAddress(arena.sourceHigh(index), arena.sourceLow(index), 0);
        int interfaceIndex = arena.sourceInterface(index);
        return switch (arena.sourceForm(index)) {
            case Layout.FORM_IN_PKTINFO -> new Source(Source.ControlMessage.IN_PKTINFO, address, interfaceIndex);
            case Layout.FORM_IN6_PKTINFO -> new Source(Source.ControlMessage.IN6_PKTINFO, address, interfaceIndex);
            default -> Source.systemChoice();
        };
    }
}
