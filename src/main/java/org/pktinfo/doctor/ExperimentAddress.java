package org.pktinfo.doctor;

import java.io.IOException;
import java.io.Serial;
import java.net.Inet4Address;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.nio.channels.DatagramChannel;
import java.nio.channels.MembershipKey;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.pktinfo.IpAddress;
import org.pktinfo.PktInfoChannel;

/**
 * An address of this host to which the host itself can send a request.
 *
 * @param group the interface on which a group is joined, null if the address is not multicast
 * @param isUnicast false for a group or broadcast
 */
record ExperimentAddress(IpAddress address, @Nullable NetworkInterface group, boolean isUnicast) {
    private static final IpAddress LOOPBACK = ControlMessages.ipv4(0x7f00_0001);
    private static final IpAddress LOOPBACK_2 = ControlMessages.ipv4(0x7f00_0002);
    private static final IpAddress LOOPBACK_IPV6 = new IpAddress(0, 1, 0);
    private static final IpAddress BROADCAST = ControlMessages.ipv4(0x7fff_ffff);

    /**
     * Two groups that are joined without a report to the routers: RFC 2236 6 (all systems), RFC 2710 5
     * (interface-local).
     */
    private static final IpAddress GROUP = ControlMessages.ipv4(0xe000_0001);

    private static final IpAddress GROUP_IPV6 = new IpAddress(0xff11_0000_0000_0000L, 0x706b_7469_6e66L, 0);

    /** Not a failure of the policy: the host has no such address, or a firewall or route forbids sending to it. */
    static final class UnreachableException extends Exception {
        @Serial
        private static final long serialVersionUID = 1;

        UnreachableException(IOException cause) {
            super(cause.getMessage(), cause);
        }
    }

    /**
     * Returns two loopback addresses of IPv4 and one of IPv6, further ones of the host up to the given number of each
     * family, and those that are not unicast.
     */
    static List<ExperimentAddress> all(int furtherOfEachFamily) throws SocketException {
        List<ExperimentAddress> all = new ArrayList<>();
        for (IpAddress wellKnown : List.of(LOOPBACK, LOOPBACK_2, LOOPBACK_IPV6)) {
            all.add(new ExperimentAddress(wellKnown, null, true));
        }
        int[] remaining = {furtherOfEachFamily, furtherOfEachFamily};
        for (IpAddress further : localAddresses()) {
            if (remaining[further.isIpv4() ? 0 : 1]-- > 0) {
                all.add(new ExperimentAddress(further, null, true));
            }
        }
        all.add(new ExperimentAddress(BROADCAST, null, false));
        all.add(new ExperimentAddress(GROUP, groupInterface(true), false));
        all.add(new ExperimentAddress(GROUP_IPV6, groupInterface(false), false));
        return all;
    }

    private static List<NetworkInterface> interfaces() throws SocketException {
        List<NetworkInterface> up = new ArrayList<>();
        for (NetworkInterface candidate : Collections.list(NetworkInterface.getNetworkInterfaces())) {
            if (candidate.isUp()) {
                up.add(candidate);
            }
        }
        return up;
    }

    /** Returns the addresses of all interfaces that are up, in numerical order, without the well-known ones. */
    private static Set<IpAddress> localAddresses() throws SocketException {
        Set<IpAddress> found = new TreeSet<>(Comparator.comparing(IpAddress::high, Long::compareUnsigned)
                .thenComparing(IpAddress::low, Long::compareUnsigned)
                .thenComparing(IpAddress::scopeId));
        for (NetworkInterface up : interfaces()) {
            up.inetAddresses().map(IpAddress::of).forEach(found::add);
        }
        List.of(LOOPBACK, LOOPBACK_2, LOOPBACK_IPV6).forEach(found::remove);
        return found;
    }

    /** Returns an interface that supports multicast; if there is none, loopback, on which Linux allows joining too. */
    private static NetworkInterface groupInterface(boolean ipv4) throws SocketException {
        List<NetworkInterface> interfaces = interfaces();
        for (NetworkInterface up : interfaces) {
            if (up.supportsMulticast()
                    && up.inetAddresses().anyMatch(address -> address instanceof Inet4Address == ipv4)) {
                return up;
            }
        }
        return NetworkInterface.getByInetAddress(LOOPBACK.toInetAddress());
    }

    boolean isFor(PktInfoChannel.Family socket) {
        return address.isIpv4() ? socket != PktInfoChannel.Family.IPV6 : socket != PktInfoChannel.Family.IPV4;
    }

    /**
     * Sends a request to the server from another address of this host if there is one, so that a wrong source shows.
     *
     * @throws UnreachableException if a datagram to this address cannot be sent here
     */
    ExperimentClient ask(DatagramChannel server) throws UnreachableException {
        MembershipKey membership = null;
        try {
            if (group != null) {
                membership = server.join(address.toInetAddress(), group);
            }
            return ExperimentClient.ask(address, clientAddress(), server, membership);
        } catch (IOException e) {
            if (membership != null) {
                membership.drop();
            }
            throw new UnreachableException(e);
        }
    }

    private @Nullable IpAddress clientAddress() {
        if (group != null) {
            return null;
        }
        if (address.isIpv4()) {
            return LOOPBACK;
        }
        return address.isLinkLocal() ? address : LOOPBACK_IPV6;
    }
}
