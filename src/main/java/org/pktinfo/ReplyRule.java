package org.pktinfo;

import org.pktinfo.internal.Addresses;
import org.pktinfo.internal.Arena;
import org.pktinfo.internal.Layout;

/**
 * The rule that decides which control message is believed, and which source replies to a request from the address that
 * it was sent to. The same code serves records and slots.
 *
 * <p>For an IPv4 peer the in_pktinfo is believed, because only it names the local address of a broadcast or multicast
 * request, or without one an IPv4-mapped in6_pktinfo; for an IPv6 peer the in6_pktinfo.
 */
final class ReplyRule {
    /** The results of the rule. */
    enum Answer {
        /** A refusal: the packet information was truncated. */
        REFUSED_TRUNCATED,
        /** A refusal: no packet information names a local address. */
        REFUSED_NOTHING,
        /** One in_pktinfo with the local address. */
        IN_PKTINFO,
        /** One in6_pktinfo with the local address. */
        IN6_PKTINFO,
        /** One in6_pktinfo with the local address, or without one, and the arrival interface. */
        IN6_PKTINFO_ON_LINK;

        boolean isRefusal() {
            return this == REFUSED_TRUNCATED || this == REFUSED_NOTHING;
        }
    }

    /** A single object, so that a batch can recognise it and apply the rule without allocating. */
    static final SourceSelection SELECTION = new Rule(false);

    /** The same rule, with the arrival interface as the outgoing interface. */
    static final SourceSelection PINNED = new Rule(true);

    private record Rule(boolean pinned) implements SourceSelection {
        @Override
        public Source select(Endpoint peer, PacketInfo info) throws SendException {
            Source source = ReplyRule.select(peer, info);
            return pinned ? Source.of(source.address(), info.interfaceIndex()) : source;
        }
    }

    private ReplyRule() {}

    static Answer answer(
            long peerHigh,
            long peerLow,
            long localHigh,
            long localLow,
            int interfaceIndex,
            boolean in6Pktinfo,
            boolean truncated) {
        boolean noLocal = (localHigh | localLow) == 0;
        boolean ipv4Local = Addresses.isIpv4(localHigh, localLow);
        boolean usable = Addresses.isUsableSource(localHigh, localLow);
        if (truncated) {
            return Answer.REFUSED_TRUNCATED;
        }
        if (Addresses.isIpv4(peerHigh, peerLow)) {
            return ipv4Local && usable ? Answer.IN_PKTINFO : Answer.REFUSED_NOTHING;
        }
        if (!in6Pktinfo || ipv4Local || (noLocal ? interfaceIndex == 0 : !usable)) {
            return Answer.REFUSED_NOTHING;
        }
        return noLocal || Addresses.isLinkLocal(localHigh) || Addresses.isLinkLocal(peerHigh)
                ? Answer.IN6_PKTINFO_ON_LINK
                : Answer.IN6_PKTINFO;
    }

    private static boolean believesIn(Arena arena, int slot) {
        return arena.has(slot, Layout.FLAG_IN_PKTINFO) && Addresses.isIpv4(arena.peerHigh(slot), arena.peerLow(slot));
    }

    private static boolean believesIn6(Arena arena, int slot) {
        return arena.has(slot, Layout.FLAG_IN6_PKTINFO)
                && !believesIn(arena, slot)
                && Addresses.isIpv4(arena.in6High(slot), arena.in6Low(slot))
                        == Addresses.isIpv4(arena.peerHigh(slot), arena.peerLow(slot));
    }

    /** Returns the first 8 bytes of the datagram's destination; 0 if the kernel did not report it. */
    static long destinationHigh(Arena arena, int slot) {
        return believesIn6(arena, slot) ? arena.in6High(slot) : 0;
    }

    static long destinationLow(Arena arena, int slot) {
        if (believesIn(arena, slot)) {
            return Addresses.mapped(arena.inAddress(slot));
        }
        return believesIn6(arena, slot) ? arena.in6Low(slot) : 0;
    }

    /** Returns the first 8 bytes of this host's address to reply from; 0 if there is none. */
    static long localHigh(Arena arena, int slot) {
        long high = destinationHigh(arena, slot);
        return Addresses.isUsableSource(high, destinationLow(arena, slot)) ? high : 0;
    }

    /**
     * Returns the last 8 bytes of that address. A datagram that was queued before IP_PKTINFO was on has ipi_spec_dst
     * 0.0.0.0, which would mean "any" in a reply, so that value is not used.
     */
    static long localLow(Arena arena, int slot) {
        int specific = believesIn(arena, slot) ? arena.inLocal(slot) : 0;
        if (specific != 0) {
            return Addresses.mapped(specific);
        }
        long low = destinationLow(arena, slot);
        return Addresses.isUsableSource(destinationHigh(arena, slot), low) ? low : 0;
    }

    static int interfaceIndex(Arena arena, int slot) {
        return believesIn(arena, slot) ? arena.inInterface(slot) : arena.in6Interface(slot);
    }

    static boolean hasPacketInfo(Arena arena, int slot) {
        return (believesIn(arena, slot) || believesIn6(arena, slot)) && !arena.has(slot, Layout.FLAG_CONTROL_TRUNCATED);
    }

    /** Returns false for multicast and broadcast: the kernel then names another local address, or none. */
    static boolean isUnicast(Arena arena, int slot) {
        long low = localLow(arena, slot);
        long high = localHigh(arena, slot);
        return (high | low) != 0 && low == destinationLow(arena, slot) && high == destinationHigh(arena, slot);
    }

    static Answer answer(Arena arena, int slot) {
        return answer(arena, slot, localHigh(arena, slot), localLow(arena, slot), interfaceIndex(arena, slot));
    }

    private static Answer answer(Arena arena, int slot, long localHigh, long localLow, int interfaceIndex) {
        return answer(
                arena.peerHigh(slot),
                arena.peerLow(slot),
                localHigh,
                localLow,
                interfaceIndex,
                arena.has(slot, Layout.FLAG_IN6_PKTINFO),
                arena.has(slot, Layout.FLAG_CONTROL_TRUNCATED));
    }

    /**
     * Prepares a slot to be sent from its own local address, and returns the answer; a refusal leaves the slot
     * unchanged.
     */
    static Answer prepareReply(Arena arena, int slot, int length, int boundInterface) {
        long high = localHigh(arena, slot);
        long low = localLow(arena, slot);
        int arrival = interfaceIndex(arena, slot);
        Answer answer = answer(arena, slot, high, low, arrival);
        if (!answer.isRefusal()) {
            int form = answer == Answer.IN_PKTINFO ? Layout.FORM_IN_PKTINFO : Layout.FORM_IN6_PKTINFO;
            int onLink = answer == Answer.IN6_PKTINFO_ON_LINK ? arrival : boundInterface;
            arena.prepareSend(slot, length, form, high, low, onLink);
        }
        return answer;
    }

    static Source select(Endpoint peer, PacketInfo info) throws SendException {
        if (!Addresses.isUsableSource(peer.address().high(), peer.address().low())) {
            throw SendException.unanswerable(peer);
        }
        Answer answer = answer(
                peer.address().high(),
                peer.address().low(),
                info.local().high(),
                info.local().low(),
                info.interfaceIndex(),
                info.in6Pktinfo(),
                info.truncated());
        if (answer.isRefusal()) {
            throw refusal(answer, peer, info);
        }
        return Source.of(info.local(), answer == Answer.IN6_PKTINFO_ON_LINK ? info.interfaceIndex() : 0);
    }

    /** Returns true if the request alone determines the source, and not the caller. */
    @SuppressWarnings("ReferenceEquality") // there is one object of each
    static boolean isRuleOf(SourceSelection selection) {
        return selection == SELECTION || selection == PINNED;
    }

    /** The kernel would let a socket bound to one address reply from another one, on which it does not listen. */
    static SendException elsewhere(Endpoint peer, PacketInfo info) {
        return SendException.noSource(
                peer,
                "the request was sent to " + info.destination() + ", and the channel is bound to another address");
    }

    static SendException refusal(Answer answer, Endpoint peer, PacketInfo info) {
        if (answer == Answer.REFUSED_TRUNCATED) {
            return SendException.noSource(peer, "the packet information was cut off");
        }
        return SendException.noSource(
                peer,
                info.inPktinfo() || info.in6Pktinfo()
                        ? "the request names no local address that can answer it (destination " + info.destination()
                                + ")"
                        : "the request came without packet information (was it queued before the channel wrapped its"
                                + " socket?)");
    }
}
