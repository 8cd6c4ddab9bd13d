package org.pktinfo;

import java.net.NetworkInterface;
import java.net.SocketException;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The packet information that the kernel reports for a datagram: the content of its {@code in_pktinfo} (ip(7)) and
 * {@code in6_pktinfo} (RFC 3542 6). A value that any thread may use.
 *
 * @param destination the header destination: the destination address in the IP header, which may be a multicast or
 *     broadcast address; {@link IpAddress#UNSPECIFIED} if unknown
 * @param local the local address to reply from, the specific destination of RFC 1122 3.2.1.3: the header destination if
 *     that is unicast, the address that the kernel names for a broadcast or multicast request over IPv4, and
 *     {@link IpAddress#UNSPECIFIED} for a multicast request over IPv6 (the kernel picks an address of the arrival
 *     interface) or if unknown
 * @param interfaceIndex the index of the arrival interface, 0 if unknown
 * @param inPktinfo true if the datagram came with an {@code in_pktinfo}
 * @param in6Pktinfo true if the datagram came with an {@code in6_pktinfo}; an IPv4 datagram on a dual-stack socket does
 *     on kernels since RHEL 7.4 and Linux 3.14
 * @param in6PktinfoFirst true if there is an {@code in6_pktinfo}, and no {@code in_pktinfo} precedes it
 * @param truncated true if control data was truncated (MSG_CTRUNC); no other component is reliable then
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
     * Checks that no argument is null and that the interface index is not negative.
     *
     * @param destination the header destination
     * @param local the local address to reply from
     * @param interfaceIndex the index of the arrival interface
     * @param inPktinfo true if there is an {@code in_pktinfo}
     * @param in6Pktinfo true if there is an {@code in6_pktinfo}
     * @param in6PktinfoFirst true if the {@code in6_pktinfo} is the first
     * @param truncated true if control data was truncated
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
     * Returns the current name of the arrival interface. Each call queries the kernel, so do not call it for every
     * datagram.
     *
     * @return for example {@code eth0}, null if the index is 0 or the interface no longer exists
     */
    public @Nullable String interfaceName() {
        try {
            NetworkInterface found = interfaceIndex == 0 ? null : NetworkInterface.getByIndex(interfaceIndex);
            return found == null ? null : found.getName();
        } catch (SocketException e) {
            return null; // the JDK throws this if no interface at all can be listed
        }
    }
}
