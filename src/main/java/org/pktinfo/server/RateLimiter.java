package org.pktinfo.server;

import java.util.SplittableRandom;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLongArray;
import org.pktinfo.common.Hash;

/**
 * Enforces a {@link RateLimit} by a fixed table of groups of eight places. A prefix has the place that bears its tag,
 * or takes one whose prefix has nothing left to make up for and need not be remembered. If there is none, it shares the
 * place with the least to make up for. A flood cannot evict a prefix before its time. Safe for use by any thread,
 * without locks.
 */
final class RateLimiter {
    /** The decision on a request. */
    enum Verdict {
        WITHIN,
        /** Over the limit, and selected for {@link DatagramHandler#handleOverLimit}. */
        SLIPS,
        OVER
    }

    private static final long LINK_LOCAL = 0xfe80 >>> 6;
    private static final long TRANSLATED = 0x64_ff9b_0000_0000L;
    private static final long TRANSLATED_LOCALLY = 0x64_ff9b_0001L;

    private static final int GROUP = 8;
    private static final int GROUPS = 1 << 13;

    /**
     * The number of bits of a place that hold the time at which the next reply would be due if replies were evenly
     * spaced, in ticks of 16 ns. The bits above are the tag.
     */
    private static final int TIME_BITS = 48;

    private static final long TIME = (1L << TIME_BITS) - 1;
    private static final int TICK = 4;

    private final AtomicLongArray places = new AtomicLongArray(GROUPS * GROUP);
    private final long interval; // ticks from one reply to the next
    private final long maxAhead; // ticks that a place may be ahead of its time
    private final long ipv4Mask;
    private final long ipv6Mask;
    private final int slip;

    /**
     * A secret that hides which prefixes share a group. The generator is seeded with the nanosecond at which the
     * program started.
     */
    private final long key = new SplittableRandom().nextLong();

    RateLimiter(RateLimit limit) {
        this.interval = (TimeUnit.SECONDS.toNanos(1) >> TICK) / limit.repliesPerSecond();
        this.maxAhead = limit.burst() * interval;
        this.ipv4Mask = -1L << (32 - limit.ipv4PrefixLength()) & 0xffff_ffffL;
        this.ipv6Mask = -1L << (Long.SIZE - limit.ipv6PrefixLength());
        this.slip = limit.slip();
    }

    /** Decides on one reply to a peer. The time is that of {@link System#nanoTime}. */
    Verdict ask(long peerHigh, long peerLow, long nanos) {
        long now = nanos >> TICK;
        long hash = Hash.mixed(prefix(peerHigh, peerLow) ^ key);
        int group = (int) (hash & GROUPS - 1) * GROUP;
        long tag = hash >>> TIME_BITS;
        while (true) {
            int place = place(group, tag, now);
            long before = places.get(place);
            long ahead = ahead(before, now);
            if (ahead + interval > maxAhead) {
                return slip > 0 && ThreadLocalRandom.current().nextInt(slip) == 0 ? Verdict.SLIPS : Verdict.OVER;
            }
            long owner = ahead == 0 ? tag : before >>> TIME_BITS;
            long after = owner << TIME_BITS | ((now + ahead + interval) & TIME);
            if (places.compareAndSet(place, before, after)) {
                return Verdict.WITHIN;
            }
        }
    }

    private int place(int group, long tag, long now) {
        int place = group;
        long smallest = Long.MAX_VALUE;
        for (int i = group; i < group + GROUP; i++) {
            long content = places.get(i);
            long ahead = ahead(content, now);
            if (ahead > 0 && content >>> TIME_BITS == tag) {
                return i;
            }
            if (ahead < smallest) {
                smallest = ahead;
                place = i;
            }
        }
        return place;
    }

    /**
     * Returns the number of ticks that a place has still to make up for. A time too far ahead is one long past: the
     * clock wraps around after 52 days.
     */
    private long ahead(long content, long now) {
        long difference = (content - now) << (Long.SIZE - TIME_BITS) >> (Long.SIZE - TIME_BITS);
        return difference > 0 && difference <= maxAhead ? difference : 0;
    }

    /**
     * Returns the prefix of a peer. An IPv4 client behind an IPv4/IPv6 translator has the prefix of its IPv4 address
     * (RFC 6052, 64:ff9b::/96; RFC 8215, 64:ff9b:1::/48, where the address may also be split in two), and each host of
     * a link has its own. By their IPv6 prefix, all of either kind would be one.
     */
    private long prefix(long peerHigh, long peerLow) {
        if (peerHigh == 0) {
            return 1L << 32 | (peerLow & ipv4Mask);
        }
        if (peerHigh == TRANSLATED && peerLow >>> 32 == 0) {
            return 1L << 33 | (peerLow & ipv4Mask);
        }
        if (peerHigh >>> 16 == TRANSLATED_LOCALLY) {
            return Hash.mixed(peerHigh) ^ (peerLow & ipv4Mask);
        }
        return peerHigh >>> 54 == LINK_LOCAL ? peerHigh ^ peerLow : peerHigh & ipv6Mask;
    }
}
