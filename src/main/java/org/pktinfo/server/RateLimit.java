package org.pktinfo.server;

/**
 * A limit on the replies to the peers of one prefix, as DNS servers apply it, so that an attacker who forges source
 * addresses cannot use a server to flood them. Peers are counted by prefix because a flood harms the whole network,
 * whichever of its addresses it is sent to, and because an IPv6 host has 2^64 addresses to send from. IPv4 clients
 * behind a NAT64 (64:ff9b::/96, RFC 6052; 64:ff9b:1::/48, RFC 8215) have the prefix of their IPv4 address. Each
 * link-local address counts by itself. Immutable, and safe for use by any thread.
 *
 * <p>Requests over the limit are dropped: they are counted, and neither handled nor answered. With a slip, about one in
 * n of them is handed to {@link DatagramHandler#handleOverLimit} instead. A reply from there that is no longer than the
 * request can direct a peer whose address is being forged to another way, such as the truncated reply of DNS that makes
 * it retry over TCP.
 *
 * <p>A server needs 512 KiB for the limit, whatever the number of peers. Each prefix has its own place as long as no
 * more than about 65 000 are active, that is, have received replies that their rate has not yet made up for; beyond
 * that some share a limit.
 *
 * @param repliesPerSecond the number of replies a second in the long run, in 1 to {@value #MAX}
 * @param burst the number of replies at once after a silence, in 1 to {@value #MAX}
 * @param ipv4PrefixLength the number of bits of an IPv4 address that are the prefix, in 1 to 32
 * @param ipv6PrefixLength the number of bits of an IPv6 address that are the prefix, in 1 to 64: the other 64 are of
 *     one network
 * @param slip n, if on average one in n requests over the limit is to be handed to {@link
 *     DatagramHandler#handleOverLimit}: 0 for none, or 2 to {@value #MAX}. Not 1: two servers would answer each other
 *     for ever
 */
public record RateLimit(int repliesPerSecond, int burst, int ipv4PrefixLength, int ipv6PrefixLength, int slip) {
    /** The largest rate, burst and slip. */
    public static final int MAX = 1_000_000;

    /** The default length of an IPv4 prefix, in bits. */
    public static final int IPV4_PREFIX_LENGTH = 24;

    /** The default length of an IPv6 prefix, in bits: the usual allocation to a small site. */
    public static final int IPV6_PREFIX_LENGTH = 56;

    /**
     * Checks the ranges.
     *
     * @param repliesPerSecond the rate
     * @param burst the number of replies at once
     * @param ipv4PrefixLength the bits of an IPv4 prefix
     * @param ipv6PrefixLength the bits of an IPv6 prefix
     * @param slip n for one in n requests over the limit
     * @throws IllegalArgumentException if a number is out of its range
     */
    public RateLimit {
        check("rate", repliesPerSecond, 1, MAX);
        check("burst", burst, 1, MAX);
        check("IPv4 prefix length", ipv4PrefixLength, 1, 32);
        check("IPv6 prefix length", ipv6PrefixLength, 1, 64);
        if (slip == 1) {
            throw new IllegalArgumentException("slip 1 is not 0 or 2 to " + MAX + ": it would be no limit");
        }
        check("slip", slip, 0, MAX);
    }

    private static void check(String name, int value, int min, int max) {
        if (value < min || value > max) {
            throw new IllegalArgumentException(name + " " + value + " is not in " + min + " to " + max);
        }
    }

    /**
     * Returns a limit with an equal rate and burst, prefixes of {@value #IPV4_PREFIX_LENGTH} and {@value
     * #IPV6_PREFIX_LENGTH} bits, and no slip.
     *
     * @param repliesPerSecond the rate, in 1 to {@value #MAX}
     * @return the limit
     * @throws IllegalArgumentException if the rate is out of range
     */
    public static RateLimit of(int repliesPerSecond) {
        return new RateLimit(repliesPerSecond, repliesPerSecond, IPV4_PREFIX_LENGTH, IPV6_PREFIX_LENGTH, 0);
    }

    /**
     * Returns this limit with another burst.
     *
     * @param replies the number of replies at once, in 1 to {@value #MAX}
     * @return the limit
     * @throws IllegalArgumentException if the number is out of range
     */
    public RateLimit withBurst(int replies) {
        return new RateLimit(repliesPerSecond, replies, ipv4PrefixLength, ipv6PrefixLength, slip);
    }

    /**
     * Returns this limit with other prefix lengths.
     *
     * @param ipv4 the bits of an IPv4 prefix, in 1 to 32
     * @param ipv6 the bits of an IPv6 prefix, in 1 to 64
     * @return the limit
     * @throws IllegalArgumentException if a number is out of range
     */
    public RateLimit withPrefixLengths(int ipv4, int ipv6) {
        return new RateLimit(repliesPerSecond, burst, ipv4, ipv6, slip);
    }

    /**
     * Returns this limit with another slip.
     *
     * @param everyNth n for one in n requests over the limit: 0 for none, or 2 to {@value #MAX}
     * @return the limit
     * @throws IllegalArgumentException if the number is out of range
     */
    public RateLimit withSlip(int everyNth) {
        return new RateLimit(repliesPerSecond, burst, ipv4PrefixLength, ipv6PrefixLength, everyNth);
    }
}
