package org.pktinfo;

import java.net.Inet6Address;
import java.net.InetAddress;
import org.pktinfo.internal.Addresses;
import org.pktinfo.internal.HostAddress;

/**
 * An IPv4 or IPv6 address as numbers. A value that any thread may use, compared by content. It is cheap to create:
 * there is no {@link InetAddress} until {@link #toInetAddress} is called.
 *
 * @param high the first 8 bytes of the address in network order; 0 for an IPv4 address
 * @param low the last 8 bytes; an IPv4 address is IPv4-mapped (RFC 4291 2.5.5.2): {@code 0x0000ffff} and its 4 bytes
 * @param scopeId the index of the interface that a link-local address belongs to (RFC 4007), 0 if none
 */
public record IpAddress(long high, long low, int scopeId) {
    /**
     * Checks the scope.
     *
     * @param high the first 8 bytes
     * @param low the last 8 bytes
     * @param scopeId the interface of a link-local address
     * @throws IllegalArgumentException if the scope is negative
     */
    public IpAddress {
        if (scopeId < 0) {
            throw new IllegalArgumentException("scope " + scopeId + " is negative");
        }
    }

    /** The address {@code ::}, which stands for "no address". */
    public static final IpAddress UNSPECIFIED = new IpAddress(0, 0, 0);

    /**
     * Converts an address of the JDK.
     *
     * @param address an IPv4 or IPv6 address
     * @return the same address, with its scope if it is valid on one link only: link-local unicast, or multicast of
     *     interface-local or link-local scope. The JDK gives every IPv6 address of an interface a scope, and ignores it
     *     in {@link Inet6Address#equals}
     */
    public static IpAddress of(InetAddress address) {
        byte[] bytes = address.getAddress();
        long high = Addresses.high(bytes);
        return new IpAddress(high, Addresses.low(bytes), Addresses.scope(address, high));
    }

    static IpAddress ipv4(int address) {
        return new IpAddress(0, Addresses.mapped(address), 0);
    }

    /**
     * Returns true if this is an IPv4 address.
     *
     * @return true for IPv4, false for IPv6
     */
    public boolean isIpv4() {
        return Addresses.isIpv4(high, low);
    }

    /**
     * Returns true if this is {@code 0.0.0.0} or {@code ::}.
     *
     * @return true if this is the unspecified address
     */
    public boolean isUnspecified() {
        return Addresses.isUnspecified(high, low);
    }

    /**
     * Returns true if this is a link-local unicast address, {@code fe80::/10} or {@code 169.254.0.0/16}.
     *
     * @return true if the address is valid on one link only
     */
    public boolean isLinkLocal() {
        return isIpv4() ? (low & 0xffff_0000L) == 0xa9fe_0000L : Addresses.isLinkLocal(high);
    }

    /**
     * Returns true if this is a multicast address, {@code 224.0.0.0/4} or {@code ff00::/8}.
     *
     * @return true if the address is that of a group
     */
    public boolean isMulticast() {
        return Addresses.isMulticast(high, low);
    }

    /**
     * Converts this address to an address of the JDK; creates a new object with each call.
     *
     * @return the same address, with its scope if it has one
     */
    public InetAddress toInetAddress() {
        return Addresses.toInetAddress(high, low, scopeId);
    }

    /**
     * Returns true if this is currently an address of this host: of one of its interfaces, of 127.0.0.0/8, or covered
     * by a route of type local. Queries the routing table by a netlink socket of the process, with two system calls
     * whatever the number of addresses. If netlink is refused, it binds a socket to the address instead.
     *
     * @return true if it is; false for a multicast, broadcast or unspecified address, and if it cannot be determined,
     *     which is possible without netlink and with {@code ip_nonlocal_bind} on
     */
    public boolean isLocal() {
        return HostAddress.ask(high, low, scopeId) == HostAddress.Answer.LOCAL;
    }

    /**
     * Returns the address in its usual form: dotted for IPv4, RFC 5952 for IPv6, with {@code %scope} if it has one.
     *
     * @return for example {@code 192.0.2.1}, {@code 2001:db8::1} or {@code fe80::1%2}
     */
    @Override
    public String toString() {
        return Addresses.text(high, low, scopeId);
    }
}
