package org.pktinfo.server;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * How many replies a second one prefix of peers gets (IPv4 /24, IPv6 /56), so that a server is no amplifier and two servers do
 * not answer each other for ever. A fixed table, whatever the number of peers: prefixes that meet in a place share a limit. Any
 * thread may ask.
 */
final class RateLimit {
    private static final int PLACES = 1 << 12;
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    private final long interval; // nanoseconds from one reply to the next; 0: no limit

    /** When the next reply of each place would be due if they were evenly spaced; it may run a second ahead. */
    private final AtomicLongArray due;

    RateLimit(int repliesPerSecond) {
        this.interval = repliesPerSecond == 0 ? 0 : Math.max(1, SECOND / repliesPerSecond);
        this.due = new AtomicLongArray(interval == 0 ? 0 : PLACES);
        long now = System.nanoTime();
        for (int i = 0; i < due.length(); i++) {
            due.set(i, now);
        }
    }

    boolean allows(long peerHigh, long peerLow, long now) {
        if (interval == 0) {
            return true;
        }
        int place = place(peerHigh == 0 ? peerLow >>> 8 : peerHigh >>> 8);
        while (true) {
            long before = due.get(place);
            long after = (before - now < 0 ? now : before) + interval;
            if (after - now > SECOND) {
                return false;
            }
            if (due.compareAndSet(place, before, after)) {
                return true;
            }
        }
    }

    /** The upper bits of a multiplication by a large odd number depend on all bits of the prefix. */
    private static int place(long prefix) {
        return (int) ((prefix * 0x9e3779b97f4a7c15L) >>> 52);
    }
}
