package org.pktinfo;

import java.util.Objects;
import org.pktinfo.internal.Addresses;

/**
 * Decides which {@link Source} the reply to a request leaves from. The selections here are stateless and may be used by
 * any thread; one's own is a lambda and is called by whichever thread sends the reply.
 *
 * <p>{@link #addressAsked} is right on every kernel from 2.6.32 on; the others are for those who know why they want
 * them.
 */
@FunctionalInterface
public interface SourceSelection {
    /**
     * Decides for one request. Must not block.
     *
     * @param peer who sent the request and gets the reply
     * @param info where the request was sent to and came in
     * @return the source of the reply
     * @throws SendException if there is none, preferably {@link SendException#noSource}; nothing is sent then
     */
    Source select(Endpoint peer, PacketInfo info) throws SendException;

    /**
     * The address that the request was sent to; the default. Refuses with {@link SendException.Kind#NO_SOURCE} where
     * the kernel did not say which that is, and where the channel that is to reply is bound to another address or
     * connected from one: it never guesses.
     *
     * <ul>
     *   <li>To an IPv4 peer always one {@code in_pktinfo}, also on an AF_INET6 socket, and never an {@code
     *   in6_pktinfo},
     *       which kernels of RHEL 7.4 and Linux 3.14 ignore silently. A broadcast or multicast request is answered from
     *       the unicast address that the kernel names for it.
     *   <li>To an IPv6 peer one {@code in6_pktinfo}; for a multicast request with the unspecified address and the
     *   arrival
     *       interface, so that the kernel picks an address there.
     *   <li>The interface is left to the routing table, because pinning it loses replies on asymmetric routes; only
     *   where
     *       link-local addresses are involved it is the arrival interface.
     * </ul>
     *
     * @return the selection
     */
    static SourceSelection addressAsked() {
        return AddressAsked.SELECTION;
    }

    /**
     * The address asked, and the interface that the request came in on, whatever the routing table says: for a VRF
     * behind an unbound socket. Refuses as {@link #addressAsked} does. Over IPv4 a reply that is routed elsewhere is
     * lost without an error.
     *
     * @return the selection
     */
    static SourceSelection interfacePinned() {
        return AddressAsked.PINNED;
    }

    /**
     * The kernel's choice, as without this library: the wrong address on most hosts with several.
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
     * Always the same address. A request of the other address family cannot be answered from it:
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
     * Sends back the {@code in6_pktinfo} as it came, and only without one the {@code in_pktinfo}: the order that worked
     * up to RHEL 7.3 and answers from the wrong address on RHEL 7.4 and 7.5. Where what came cannot be a source, as
     * with a group, {@link #interfacePinned} decides. For experiments.
     *
     * @return the selection
     */
    static SourceSelection in6PktinfoFirst() {
        return (peer, info) -> {
            IpAddress came = info.destination();
            return info.in6Pktinfo()
                            && !info.truncated()
                            && came.isIpv4() == peer.address().isIpv4()
                            && Addresses.isUsableSource(came.high(), came.low())
                    ? new Source(Source.ControlMessage.IN6_PKTINFO, came, info.interfaceIndex())
                    : interfacePinned().select(peer, info);
        };
    }
}
