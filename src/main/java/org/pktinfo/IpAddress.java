package org.pktinfo;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;

/**
 * An IPv4 or IPv6 address as numbers. A value: it is cheap to make (no {@link InetAddress} is made before
 * {@link #toInetAddress} is called), compares by content, and may be used by any thread.
 *
 * @param high the first 8 bytes of the address in network order; 0 for an IPv4 address
 * @param low the last 8 bytes; an IPv4 address is IPv4-mapped here (RFC 4291 2.5.5.2): {@code 0x0000ffff} and its 4 bytes
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

    /** {@code ::}, which stands for "no address". */
    public static final IpAddress UNSPECIFIED = new IpAddress(0, 0, 0);

    private static final long MAPPED = 0xffff_0000_0000L;
    private static final long LINK_LOCAL = 0xfe80_0000_0000_0000L;

    /**
     * The address as the JDK has it.
     *
     * @param address an IPv4 or IPv6 address
     * @return the same address, with its scope if it means something on one link only: link-local unicast, or multicast of interface-local or
     *     link-local scope. The JDK gives every IPv6 address of an interface a scope, and ignores it in {@link Inet6Address#equals}
     */
    public static IpAddress of(InetAddress address) {
        byte[] bytes = address.getAddress();
        if (bytes.length == 4) {
            return ipv4(ByteBuffer.wrap(bytes).getInt());
        }
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        long high = buffer.getLong();
        return new IpAddress(high, buffer.getLong(), isOnOneLink(high) ? ((Inet6Address) address).getScopeId() : 0);
    }

    static IpAddress ipv4(int address) {
        return new IpAddress(0, mapped(address), 0);
    }

    static long mapped(int ipv4) {
        return MAPPED | Integer.toUnsignedLong(ipv4);
    }

    static boolean isIpv4(long high, long low) {
        return high == 0 && (low & 0xffff_ffff_0000_0000L) == MAPPED;
    }

    static boolean isLinkLocal(long high) {
        return (high & 0xffc0_0000_0000_0000L) == LINK_LOCAL;
    }

    /** Link-local unicast, and multicast of interface-local and link-local scope (RFC 4291 2.7): the interface is part of it. */
    static boolean isOnOneLink(long high) {
        long multicastScope = high >>> 48 & 0xff0f;
        return isLinkLocal(high) || multicastScope == 0xff01 || multicastScope == 0xff02;
    }

    /** Multicast of either family, the limited broadcast or the unspecified address: nothing that can be a source. */
    static boolean isUsableSource(long high, long low) {
        if (isIpv4(high, low)) {
            int first = (int) (low >>> 24) & 0xff;
            return (int) low != 0 && (first < 224 || first >= 240) && (int) low != -1;
        }
        return (high | low) != 0 && high >>> 56 != 0xff;
    }

    /**
     * Whether this is an IPv4 address.
     *
     * @return true for IPv4, false for IPv6
     */
    public boolean isIpv4() {
        return isIpv4(high, low);
    }

    /**
     * Whether this is {@code 0.0.0.0} or {@code ::}.
     *
     * @return true if it names no address
     */
    public boolean isUnspecified() {
        return high == 0 && (low == 0 || low == MAPPED);
    }

    /**
     * Whether this is a link-local unicast address, {@code fe80::/10} or {@code 169.254.0.0/16}.
     *
     * @return true if it means something on one link only
     */
    public boolean isLinkLocal() {
        return isIpv4() ? (low & 0xffff_0000L) == 0xa9fe_0000L : isLinkLocal(high);
    }

    /**
     * Whether this is a multicast address, {@code 224.0.0.0/4} or {@code ff00::/8}.
     *
     * @return true if it names a group
     */
    public boolean isMulticast() {
        return isIpv4() ? (low & 0xf000_0000L) == 0xe000_0000L : high >>> 56 == 0xff;
    }

    /**
     * The address as the JDK has it; makes a new object with each call.
     *
     * @return the same address, with its scope if it has one
     */
    public InetAddress toInetAddress() {
        try {
            if (isIpv4()) {
                return InetAddress.getByAddress(
                        ByteBuffer.allocate(4).putInt((int) low).array());
            }
            byte[] bytes = bytes();
            return scopeId == 0
                    ? InetAddress.getByAddress(bytes)
                    : Inet6Address.getByAddress(/* host= */ null, bytes, scopeId);
        } catch (UnknownHostException e) {
            throw new AssertionError("4 and 16 bytes are legal lengths", e);
        }
    }

    /**
     * Returns true if this is an address of this host now: of one of its interfaces, of 127.0.0.0/8, or covered by a route of type local. Asks
     * the routing table, two system calls whatever the number of addresses, by a socket of the process's own; where netlink is refused
     * it binds a socket to the address.
     *
     * @return true if it is; false for a multicast, broadcast or unspecified address, and if nobody would say, which can be without
     *     netlink and with {@code ip_nonlocal_bind} on
     */
    public boolean isLocal() {
        return HostAddress.ask(this, scopeId) == HostAddress.Answer.LOCAL;
    }

    private byte[] bytes() {
        return ByteBuffer.allocate(16).putLong(high).putLong(low).array();
    }

    /**
     * The address in its usual form: dotted for IPv4, RFC 5952 for IPv6, with {@code %scope} if it has one.
     *
     * @return for example {@code 192.0.2.1}, {@code 2001:db8::1} or {@code fe80::1%2}
     */
    @Override
    public String toString() {
        if (isIpv4()) {
            int address = (int) low;
            return (address >>> 24) + "." + (address >>> 16 & 0xff) + "." + (address >>> 8 & 0xff) + "."
                    + (address & 0xff);
        }
        return scopeId == 0 ? ipv6Text() : ipv6Text() + "%" + scopeId;
    }

    /** RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups shortened. */
    private String ipv6Text() {
        int[] groups = new int[8];
        for (int i = 0; i < 8; i++) {
            groups[i] = (int) ((i < 4 ? high : low) >>> (48 - 16 * (i % 4))) & 0xffff;
        }
        int start = -1;
        int length = 1;
        for (int i = 0; i < 8; i++) {
            int end = i;
            while (end < 8 && groups[end] == 0) {
                end++;
            }
            if (end - i > length) {
                start = i;
                length = end - i;
            }
        }
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 8; i++) {
            if (i == start) {
                text.append("::");
                i += length - 1;
            } else {
                boolean first = text.length() == 0 || text.charAt(text.length() - 1) == ':';
                text.append(first ? "" : ":").append(Integer.toHexString(groups[i]));
            }
        }
        return text.toString();
    }
}
