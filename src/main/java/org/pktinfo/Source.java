package org.pktinfo;

import java.util.Objects;

/**
 * The source of a datagram: the control message that is sent with it, and its content. A value that any thread may use.
 *
 * @param controlMessage the control message that carries the choice, or {@link ControlMessage#NONE}
 * @param address the source address; if unspecified, the kernel chooses it
 * @param interfaceIndex the outgoing interface, 0 to let the routing table decide, which also honours source rules and
 *     asymmetric routes. Over IPv4 a wrong interface loses the datagram without any error
 */
public record Source(ControlMessage controlMessage, IpAddress address, int interfaceIndex) {
    /** The control message of a datagram that is sent. */
    public enum ControlMessage {
        /** No control message: the routing table chooses. */
        NONE,
        /** {@code IP_PKTINFO} with {@code ipi_spec_dst}, for an IPv4 peer on a socket of either family, ip(7). */
        IN_PKTINFO,
        /**
         * {@code IPV6_PKTINFO}, for an IPv6 peer, RFC 3542 6.2. For an IPv4 peer, the kernels of RHEL 7.4 and 7.5 and
         * Linux up to 3.14 ignore it without an error.
         */
        IN6_PKTINFO
    }

    private static final Source SYSTEM = new Source(ControlMessage.NONE, IpAddress.UNSPECIFIED, 0);

    /**
     * Checks that the components are consistent.
     *
     * @param controlMessage the control message
     * @param address the source address
     * @param interfaceIndex the outgoing interface
     * @throws IllegalArgumentException if the interface index is negative, if {@code IN_PKTINFO} has an IPv6 address,
     *     or if {@code NONE} has an address or an interface
     */
    public Source {
        Objects.requireNonNull(controlMessage, "controlMessage");
        Objects.requireNonNull(address, "address");
        if (interfaceIndex < 0) {
            throw new IllegalArgumentException("interface index " + interfaceIndex + " is negative");
        }
        if (controlMessage == ControlMessage.IN_PKTINFO && !address.isIpv4()) {
            throw new IllegalArgumentException("IN_PKTINFO cannot carry the IPv6 address " + address);
        }
        if (controlMessage == ControlMessage.NONE && (!address.isUnspecified() || interfaceIndex != 0)) {
            throw new IllegalArgumentException(
                    "NONE cannot carry address " + address + " or interface " + interfaceIndex);
        }
    }

    /**
     * Returns the choice of the routing table: often not the request destination, on a host with several addresses.
     *
     * @return always the same object
     */
    public static Source systemChoice() {
        return SYSTEM;
    }

    /**
     * Creates a source with a local address, in the control message of its family; an IPv6 link-local address also with
     * the interface of its scope.
     *
     * @param address a unicast address of this host; the kernel checks that when the datagram is sent
     * @return the source
     */
    public static Source of(IpAddress address) {
        return of(address, address.scopeId());
    }

    /**
     * Creates a source with a local address and the outgoing interface.
     *
     * @param address a unicast address of this host, or {@code 0.0.0.0} or {@code ::} to choose the interface only
     * @param interfaceIndex the interface's index, 0 for none
     * @return the source
     * @throws IllegalArgumentException if the interface index is negative
     */
    public static Source of(IpAddress address, int interfaceIndex) {
        return new Source(
                address.isIpv4() ? ControlMessage.IN_PKTINFO : ControlMessage.IN6_PKTINFO, address, interfaceIndex);
    }

    /**
     * Returns the source in words.
     *
     * @return for example {@code 192.0.2.1}, {@code fe80::1 on interface 2} or {@code the system's choice}
     */
    @Override
    public String toString() {
        if (controlMessage == ControlMessage.NONE) {
            return "the system's choice";
        }
        String text = address.isUnspecified() ? "any address" : address.toString();
        return interfaceIndex == 0 ? text : text + " on interface " + interfaceIndex;
    }
}
