package org.pktinfo;

import java.net.NetworkInterface;
import java.net.SocketException;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What the kernel said about where a datagram was sent to and came in: the content of its {@code in_pktinfo} (ip(7)) and
 * {@code in6_pktinfo} (RFC 3542 6). A value that any thread may use.
 *
 * @param destination the header destination: the address that the peer wrote on the datagram, which may be a multicast or
 *     broadcast address; {@link IpAddress#UNSPECIFIED} if nothing is known
 * @param local the local address to answer from, the specific destination of RFC 1122 3.2.1.3: the header destination
 *     if that is unicast, the address that the kernel names for a broadcast or multicast request over IPv4, and
 *     {@link IpAddress#UNSPECIFIED} for a multicast request over IPv6 (the kernel picks on the arrival interface) or if
 *     nothing is known
 * @param interfaceIndex the index of the interface that the datagram came in on, 0 if unknown
 * @param inPktinfo whether an {@code in_pktinfo} came
 * @param in6Pktinfo whether an {@code in6_pktinfo} came; for IPv4 datagrams on a dual-stack socket it does on kernels
 *     since RHEL 7.4 and Linux 3.14
 * @param in6PktinfoFirst whether the {@code in6_pktinfo} came, and before the {@code in_pktinfo} if that came too
 * @param truncated whether control data was cut off (MSG_CTRUNC), so that nothing above can be relied on
 */
@SuppressWarnings("exports") // the annotations are not needed at run time
public record PacketInfo(
        IpAddress destination,
        IpAddress local,
        int interfaceIndex,
        boolean inPktinfo,
        boolean in6Pktinfo,
        boolean in6PktinfoFirst,
        boolean truncated) {
    /**
     * Checks that nothing is null and the index an index.
     *
     * @param destination the header destination
     * @param local the local address to answer from
     * @param interfaceIndex the arrival interface
     * @param inPktinfo whether an {@code in_pktinfo} came
     * @param in6Pktinfo whether an {@code in6_pktinfo} came
     * @param in6PktinfoFirst whether that came first
     * @param truncated whether control data was cut off
     * @throws IllegalArgumentException if the interface index is negative
     */
    public PacketInfo {
        Objects.requireNonNull(destination, "destination");
        Objects.requireNonNull(local, "local");
        if (interfaceIndex < 0) {
            throw new IllegalArgumentException("interface index " + interfaceIndex + " is negative");
        }
    }

    /**
     * The name that the arrival interface has now; a look-up in the kernel with each call, so not for every datagram.
     *
     * @return for example {@code eth0}, null if the index is 0 or the interface is gone
     */
    public @Nullable String interfaceName() {
        try {
            NetworkInterface found = interfaceIndex == 0 ? null : NetworkInterface.getByIndex(interfaceIndex);
            return found == null ? null : found.getName();
        } catch (SocketException e) {
            return null; // the JDK's answer when no interface at all can be listed
        }
    }
}
