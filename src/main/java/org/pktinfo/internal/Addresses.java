package org.pktinfo.internal;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;

/**
 * Arithmetic and text of addresses held as two longs and a scope: the first and the last 8 bytes in network order. An
 * IPv4 address is held as an IPv4-mapped address (RFC 4291 2.5.5.2).
 */
public final class Addresses {
    private static final long MAPPED = 0xffff_0000_0000L;
    private static final long LINK_LOCAL = 0xfe80_0000_0000_0000L;

    private Addresses() {}

    /** Returns the last 8 bytes of an IPv4 address in its IPv4-mapped form. */
    public static long mapped(int ipv4) {
        return MAPPED | Integer.toUnsignedLong(ipv4);
    }

    /** Returns true for an IPv4 address. */
    public static boolean isIpv4(long high, long low) {
        return high == 0 && (low & 0xffff_ffff_0000_0000L) == MAPPED;
    }

    /** Returns true for {@code 0.0.0.0} and {@code ::}. */
    public static boolean isUnspecified(long high, long low) {
        return high == 0 && (low == 0 || low == MAPPED);
    }

    /** Returns true for a multicast address of either family. */
    public static boolean isMulticast(long high, long low) {
        return isIpv4(high, low) ? (low & 0xf000_0000L) == 0xe000_0000L : high >>> 56 == 0xff;
    }

    /** Returns true for a link-local unicast IPv6 address. */
    public static boolean isLinkLocal(long high) {
        return (high & 0xffc0_0000_0000_0000L) == LINK_LOCAL;
    }

    /**
     * Returns true for link-local unicast and for multicast of interface-local or link-local scope (RFC 4291 2.7). Such
     * an address is complete only with its interface.
     */
    public static boolean isOnOneLink(long high) {
        long multicastScope = high >>> 48 & 0xff0f;
        return isLinkLocal(high) || multicastScope == 0xff01 || multicastScope == 0xff02;
    }

    /**
     * Returns true if the address can be a source. Multicast of either family, the limited broadcast address and the
     * unspecified address cannot.
     */
    public static boolean isUsableSource(long high, long low) {
        if (isIpv4(high, low)) {
            int first = (int) (low >>> 24) & 0xff;
            return (int) low != 0 && (first < 224 || first >= 240) && (int) low != -1;
        }
        return (high | low) != 0 && high >>> 56 != 0xff;
    }

    /** Returns the first 8 bytes of an address of 4 or 16 bytes. */
    public static long high(byte[] address) {
        return address.length == 4 ? 0 : ByteBuffer.wrap(address).getLong();
    }

    /** Returns the last 8 bytes of an address of 4 or 16 bytes. */
    public static long low(byte[] address) {
        ByteBuffer buffer = ByteBuffer.wrap(address);
        return address.length == 4 ? mapped(buffer.getInt()) : buffer.getLong(8);
    }

    /**
     * Returns the scope of an address with these first 8 bytes, or 0 where a scope has no meaning. The JDK gives a
     * scope to every IPv6 address of an interface.
     */
    public static int scope(InetAddress address, long high) {
        return isOnOneLink(high) ? ((Inet6Address) address).getScopeId() : 0;
    }

    /** Returns the address as an {@link InetAddress}. */
    public static InetAddress toInetAddress(long high, long low, int scopeId) {
        try {
            if (isIpv4(high, low)) {
                return InetAddress.getByAddress(
                        ByteBuffer.allocate(4).putInt((int) low).array());
            }
            byte[] bytes = ByteBuffer.allocate(16).putLong(high).putLong(low).array();
            return scopeId == 0
                    ? InetAddress.getByAddress(bytes)
                    : Inet6Address.getByAddress(/* host= */ null, bytes, scopeId);
        } catch (UnknownHostException e) {
            throw new AssertionError("4 and 16 bytes are legal lengths", e);
        }
    }

    /**
     * Returns the usual text form: dotted decimal for IPv4, RFC 5952 for IPv6, with {@code %scope} unless the scope is
     * 0.
     */
    public static String text(long high, long low, int scopeId) {
        if (isIpv4(high, low)) {
            int address = (int) low;
            return (address >>> 24) + "." + (address >>> 16 & 0xff) + "." + (address >>> 8 & 0xff) + "."
                    + (address & 0xff);
        }
        return scopeId == 0 ? ipv6Text(high, low) : ipv6Text(high, low) + "%" + scopeId;
    }

    /** Returns the usual text form of an address and a port. */
    public static String text(long high, long low, int scopeId, int port) {
        String address = text(high, low, scopeId);
        return isIpv4(high, low) ? address + ":" + port : "[" + address + "]:" + port;
    }

    /**
     * Returns the RFC 5952 form: lower case, no leading zeros, the first longest run of two or more zero groups
     * shortened.
     */
    private static String ipv6Text(long high, long low) {
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
