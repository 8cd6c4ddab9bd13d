package org.pktinfo;

import java.util.Objects;
import org.pktinfo.internal.Addresses;

/**
 * A strategy that chooses the {@link Source} of the reply to a request. The selections of this interface are stateless
 * and may be used by any thread. Your own can be a lambda; it is called by the thread that sends the reply.
 *
 * <p>{@link #requestDestination} is correct on every kernel from 2.6.32 on; use the others only for a particular
 * reason.
 */
@FunctionalInterface
public interface SourceSelection {
    /**
     * Chooses the source of the reply to one request. Must not block.
     *
     * @param peer the sender of the request, which gets the reply
     * @param info the packet information of the request
     * @return the source of the reply
     * @throws SendException if there is none, preferably {@link SendException#noSource}; nothing is sent then
     */
    Source select(Endpoint peer, PacketInfo info) throws SendException;

    /**
     * Returns the default selection: the address that the request was sent to. It never guesses: it refuses with
     * {@link SendException.Kind#NO_SOURCE} if the kernel did not report that address, or if the channel that replies is
     * bound to another address or connected from one.
     *
     * <p>A reply to an IPv4 peer always carries one {@code in_pktinfo}, also on an AF_INET6 socket. It never carries an
     * {@code in6_pktinfo}, which kernels of RHEL 7.4 and Linux 3.14 ignore without an error. A broadcast or multicast
     * request is answered from the unicast address that the kernel names for it.
     *
     * <p>A reply to an IPv6 peer carries one {@code in6_pktinfo}. For a multicast request it contains the unspecified
     * address and the arrival interface, so that the kernel picks an address of that interface.
     *
     * <p>The routing table decides the outgoing interface, because pinning it loses replies on asymmetric routes. Only
     * for link-local addresses it is the arrival interface.
     *
     * @return the selection
     */
    static SourceSelection requestDestination() {
        return ReplyRule.SELECTION;
    }

    /**
     * Returns {@link #requestDestination}.
     *
     * @return the selection
     * @deprecated renamed to {@link #requestDestination}
     */
    @Deprecated(since = "0.1.0", forRemoval = true)
    static SourceSelection addressAsked() {
        return requestDestination();
    }

    /**
     * Returns a selection of the request destination and the arrival interface, whatever the routing table says: for a
     * VRF behind an unbound socket. It refuses as {@link #requestDestination} does. Over IPv4 a reply that is routed
     * elsewhere is lost without an error.
     *
     * @return the selection
     */
    static SourceSelection interfacePinned() {
        return ReplyRule.PINNED;
    }

    /**
     * Returns a selection of the kernel's choice, as without this library: the wrong address on most hosts with
     * several.
     *
     * @return the selection
     */
    static SourceSelection systemChoice() {
        return always(Source.systemChoice());
    }

    private static SourceSelection always(Source source) {
        return (peer, info) -> {
            Objects.requireNonNull(peer, "peer");
            Objects.requireNonNull(info, "info");
            return source;
        };
    }

    /**
     * Returns a selection of one fixed address. It cannot answer a request of the other address family:
     * {@link SendException.Kind#SOURCE_UNUSABLE}.
     *
     * @param address a unicast address of this host
     * @return the selection
     * @throws IllegalArgumentException if the address is multicast, broadcast or unspecified
     */
    static SourceSelection fixed(IpAddress address) {
        if (!Addresses.isUsableSource(address.high(), address.low())) {
            throw new IllegalArgumentException(address + " is not a unicast address, so it cannot be a source");
        }
        return always(Source.of(address));
    }

    /**
     * Returns a selection that sends back the {@code in6_pktinfo} as received, and only without one the
     * {@code in_pktinfo}: the order that worked up to RHEL 7.3 and replies from the wrong address on RHEL 7.4 and 7.5.
     * If the received address cannot be a source, such as a multicast address, {@link #interfacePinned} decides. For
     * experiments.
     *
     * @return the selection
     */
    static SourceSelection in6PktinfoFirst() {
        return (peer, info) -> {
            IpAddress destination = info.destination();
            return info.in6Pktinfo()
                            && !info.truncated()
                            && destination.isIpv4() == peer.address().isIpv4()
                            && Addresses.isUsableSource(destination.high(), destination.low())
                    ? new Source(Source.ControlMessage.IN6_PKTINFO, destination, info.interfaceIndex())
                    : interfacePinned().select(peer, info);
        };
    }
}
