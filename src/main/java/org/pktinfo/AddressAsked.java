package org.pktinfo;

/** The rule: which source answers a request from the address it was sent to. Once, for records and for slots. */
final class AddressAsked {
    /** What the rule comes to. */
    enum Answer {
        /** The packet information was cut off. */
        REFUSED_TRUNCATED,
        /** There is none that names a local address. */
        REFUSED_NOTHING,
        /** One in_pktinfo with the local address. */
        IN_PKTINFO,
        /** One in6_pktinfo with the local address. */
        IN6_PKTINFO,
        /** One in6_pktinfo with the local address, or without one, and the arrival interface. */
        IN6_PKTINFO_ON_LINK
    }

    /** One object, so that a batch can tell it from others and apply the rule without making any. */
    static final SourceSelection SELECTION = AddressAsked::select;

    /** The same, by the interface that the request came in on. */
    static final SourceSelection PINNED =
            (peer, info) -> Source.of(select(peer, info).address(), info.interfaceIndex());

    private AddressAsked() {}

    static Answer answer(
            long peerHigh,
            long peerLow,
            long localHigh,
            long localLow,
            int interfaceIndex,
            boolean in6Pktinfo,
            boolean truncated) {
        boolean noLocal = (localHigh | localLow) == 0;
        boolean ipv4Local = IpAddress.isIpv4(localHigh, localLow);
        boolean usable = IpAddress.isUsableSource(localHigh, localLow);
        if (truncated) {
            return Answer.REFUSED_TRUNCATED;
        }
        if (IpAddress.isIpv4(peerHigh, peerLow)) {
            return ipv4Local && usable ? Answer.IN_PKTINFO : Answer.REFUSED_NOTHING;
        }
        if (!in6Pktinfo || ipv4Local || (noLocal ? interfaceIndex == 0 : !usable)) {
            return Answer.REFUSED_NOTHING;
        }
        return noLocal || IpAddress.isLinkLocal(localHigh) || IpAddress.isLinkLocal(peerHigh)
                ? Answer.IN6_PKTINFO_ON_LINK
                : Answer.IN6_PKTINFO;
    }

    static Source select(Endpoint peer, PacketInfo info) throws SendException {
        if (!IpAddress.isUsableSource(peer.address().high(), peer.address().low())) {
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
        return switch (answer) {
            case IN_PKTINFO, IN6_PKTINFO -> Source.of(info.local(), 0);
            case IN6_PKTINFO_ON_LINK -> Source.of(info.local(), info.interfaceIndex());
            case REFUSED_TRUNCATED, REFUSED_NOTHING -> throw refusal(answer, peer, info);
        };
    }

    /** Returns true if the request alone says where from, and not the caller. */
    @SuppressWarnings("ReferenceEquality") // there is one object of each
    static boolean isRuleOf(SourceSelection selection) {
        return selection == SELECTION || selection == PINNED;
    }

    /** A kernel would let a socket that is bound to one address answer from another, to which it does not listen. */
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
