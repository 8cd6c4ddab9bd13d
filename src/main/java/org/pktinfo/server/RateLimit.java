package org.pktinfo.server;

/**
 * How many replies the peers of one prefix get, as DNS servers limit theirs: so that who forges the addresses of others cannot
 * use a server to flood them. Peers are counted by prefix because who is flooded does not care which of its addresses is, and
 * because an IPv6 host has 2^64 addresses to ask from. Clients of IPv4 behind a NAT64 (64:ff9b::/96, RFC 6052; 64:ff9b:1::/48, RFC 8215)
 * have the prefix of their IPv4 address, and link-local addresses are each their own. A value that any thread may use.
 *
 * <p>What is over the limit is dropped: not handled, not answered, counted. With a slip about every n-th of it is handed to
 * {@link DatagramHandler#handleOverLimit} instead, for an answer that is no longer than the request and tells a peer whose address
 * somebody else has forged how to go on, such as the truncated answer of DNS that makes it ask again over TCP.
 *
 * <p>The memory is 512 KiB for a server, whatever the number of peers. Each prefix has a place of its own as long as no more than
 * about 65 000 are active, that is, have had a reply that their rate has not yet made up for; beyond that some share a limit.
 *
 * @param repliesPerSecond how many replies a second, in the long run, in 1 to {@value #MAX}
 * @param burst how many at once after a silence, in 1 to {@value #MAX}
 * @param ipv4PrefixLength how many bits of an IPv4 address are the prefix, in 1 to 32
 * @param ipv6PrefixLength how many bits of an IPv6 address, in 1 to 64: one network has the rest
 * @param slip every how manyth request over the limit is handed to {@link DatagramHandler#handleOverLimit}, on average: 0 for none,
 *     or 2 to {@value #MAX}. Not 1: two servers would answer each other for ever
 */
public record RateLimit(int repliesPerSecond, int burst, int ipv4PrefixLength, int ipv6PrefixLength, int slip) {
    /** The largest rate, burst and slip. */
    public static final int MAX = 1_000_000;

    /** The prefix of an IPv4 peer unless something else is said, in bits. */
    public static final int IPV4_PREFIX_LENGTH = 24;

    /** The prefix of an IPv6 peer unless something else is said, in bits: what a small site is usually given. */
    public static final int IPV6_PREFIX_LENGTH = 56;

    /**
     * Checks the ranges.
     *
     * @param repliesPerSecond the rate
     * @param burst how many at once
     * @param ipv4PrefixLength bits of an IPv4 address
     * @param ipv6PrefixLength bits of an IPv6 address
     * @param slip every how manyth over the limit
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

    private static void check(String what, int value, int least, int most) {
        if (value < least || value > most) {
            throw new IllegalArgumentException(what + " " + value + " is not in " + least + " to " + most);
        }
    }

    /**
     * A rate, as many at once, prefixes of {@value #IPV4_PREFIX_LENGTH} and {@value #IPV6_PREFIX_LENGTH} bits, no slip.
     *
     * @param repliesPerSecond the rate, in 1 to {@value #MAX}
     * @return the limit
     * @throws IllegalArgumentException if the rate is out of range
     */
    public static RateLimit of(int repliesPerSecond) {
        return new RateLimit(repliesPerSecond, repliesPerSecond, IPV4_PREFIX_LENGTH, IPV6_PREFIX_LENGTH, 0);
    }

    /**
     * The same with another burst.
     *
     * @param replies how many at once, in 1 to {@value #MAX}
     * @return the limit
     * @throws IllegalArgumentException if the number is out of range
     */
    public RateLimit withBurst(int replies) {
        return new RateLimit(repliesPerSecond, replies, ipv4PrefixLength, ipv6PrefixLength, slip);
    }

    /**
     * The same with other prefixes.
     *
     * @param ipv4 bits of an IPv4 address, in 1 to 32
     * @param ipv6 bits of an IPv6 address, in 1 to 64
     * @return the limit
     * @throws IllegalArgumentException if a number is out of range
     */
    public RateLimit withPrefixLengths(int ipv4, int ipv6) {
        return new RateLimit(repliesPerSecond, burst, ipv4, ipv6, slip);
    }

    /**
     * The same with another slip.
     *
     * @param everyNth every how manyth over the limit, 0 for none, or 2 to {@value #MAX}
     * @return the limit
     * @throws IllegalArgumentException if the number is out of range
     */
    public RateLimit withSlip(int everyNth) {
        return new RateLimit(repliesPerSecond, burst, ipv4PrefixLength, ipv6PrefixLength, everyNth);
    }
}
