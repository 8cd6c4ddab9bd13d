package org.pktinfo;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pktinfo.common.Hash;
import org.pktinfo.internal.Addresses;
import org.pktinfo.internal.Arena;
import org.pktinfo.internal.Layout;

/**
 * Creates records of an arena's slots, and fills slots from records. It allocates nothing before a record is requested,
 * and nothing for a record that is still cached: a server has few addresses, and its peers return. For one thread at a
 * time.
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
    private final @Nullable CachedInfo[] cachedInfos = new CachedInfo[1 << INFO_BITS];

    /**
     * Packet information with everything that it was made of: the bytes of both control messages, flags, and the peer's
     * family.
     */
    private record CachedInfo(
            long first, long second, long third, long fourth, int flags, boolean ipv4, PacketInfo info) {}

    SlotRecords(Arena arena) {
        this.arena = arena;
    }

    /** Returns the records of an arena: the cached ones, unless they are of another arena. */
    static SlotRecords of(Arena arena, @Nullable SlotRecords cached) {
        return cached != null && cached.arena == arena ? cached : new SlotRecords(arena);
    }

    /** Copies a part of the received bytes, with the peer, the packet information and the facts of the whole. */
    Datagram datagram(int index, int from, int length, int wireLength) {
        byte[] payload = new byte[length];
        arena.read(index, from, payload);
        return new Datagram(payload, peer(index), packetInfo(index), wireLength, ReceivedFacts.of(arena, index));
    }

    /** Returns the packet information and the facts of a slot. */
    PacketReport report(int index) {
        return new PacketReport(packetInfo(index), ReceivedFacts.of(arena, index));
    }

    /** Copies all coalesced datagrams of a length, of which the last may be shorter. */
    List<Datagram> datagrams(int index, int length, int segment) {
        List<Datagram> datagrams = new ArrayList<>();
        for (int from = 0; from < length; from += segment) {
            int part = Math.min(segment, length - from);
            datagrams.add(datagram(index, from, part, part));
        }
        return datagrams;
    }

    /** Creates the exception for a reply that was refused without one. */
    SendException refusal(int index, SendException.Kind kind) {
        return switch (kind) {
            case PEER_PORT_ZERO -> SendException.portZero(peer(index));
            case PEER_UNANSWERABLE -> SendException.unanswerable(peer(index));
            default -> ReplyRule.refusal(ReplyRule.answer(arena, index), peer(index), packetInfo(index));
        };
    }

    /** Creates the exception for a datagram that the kernel refused. */
    SendException failure(int index, SendException.Kind kind) {
        return SendException.failed(kind, arena.error(index), source(index), peer(index), hasOwnFields(index));
    }

    /** Returns true if the slot has a traffic class or a hop limit of its own. */
    boolean hasOwnFields(int index) {
        return (arena.sendFlags(index) & (Layout.SEND_WITH_TRAFFIC_CLASS | Layout.SEND_WITH_HOP_LIMIT)) != 0;
    }

    Endpoint peer(int index) {
        long high = arena.peerHigh(index);
        long low = arena.peerLow(index);
        int scope = arena.peerScope(index);
        int port = arena.peerPort(index);
        int place = Hash.place(low ^ port, PEER_BITS);
        Endpoint cached = knownPeers[place];
        if (cached == null || cached.port() != port || !is(cached.address(), high, low, scope)) {
            cached = new Endpoint(new IpAddress(high, low, scope), port);
            knownPeers[place] = cached;
        }
        return cached;
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
        long key = (second * 31 + third) * 31 + fourth; // not ^: an address that occurs in both would cancel out
        int place = Hash.place(key, INFO_BITS);
        CachedInfo cached = cachedInfos[place];
        if (cached == null
                || cached.fourth != fourth
                || cached.third != third
                || cached.second != second
                || cached.first != first
                || cached.flags != flags
                || cached.ipv4 != ipv4) {
            cached = new CachedInfo(first, second, third, fourth, flags, ipv4, newPacketInfo(index));
            cachedInfos[place] = cached;
        }
        return cached.info;
    }

    private PacketInfo newPacketInfo(int index) {
        int interfaceIndex = ReplyRule.interfaceIndex(arena, index);
        long high = ReplyRule.destinationHigh(arena, index);
        long low = ReplyRule.destinationLow(arena, index);
        long localHigh = ReplyRule.localHigh(arena, index);
        long localLow = ReplyRule.localLow(arena, index);
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

    /** Prepares a slot to be sent to its peer from a source. */
    void prepareReply(int index, int length, Source source, int interfaceIndex) {
        IpAddress address = source.address();
        arena.prepareSend(index, length, form(source), address.high(), address.low(), interfaceIndex);
    }

    /** Prepares a slot to be sent to a given peer from a source. */
    void prepareSend(int index, int length, Endpoint peer, Source source, int interfaceIndex) {
        IpAddress address = peer.address();
        arena.putPeer(index, address.high(), address.low(), address.scopeId(), peer.port());
        prepareReply(index, length, source, interfaceIndex);
    }

    /** Prepares a slot as {@link #prepareSend} does, and discards what was received into it. */
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
