package org.pktinfo.common;

import java.util.concurrent.atomic.AtomicLong;

/** Lets one through in an interval and counts the others, so that a flood of them costs little. For any thread. */
public final class Throttle {
    private final long interval; // nanoseconds
    private final AtomicLong due;
    private final AtomicLong leftOut = new AtomicLong();

    /**
     * Makes one that lets the first through.
     *
     * @param interval nanoseconds from one that is let through to the next
     */
    public Throttle(long interval) {
        this(interval, System.nanoTime());
    }

    Throttle(long interval, long now) {
        this.interval = interval;
        this.due = new AtomicLong(now);
    }

    /**
     * Asks to be let through.
     *
     * @return how many were left out since the last that went through, -1 if this one is left out too
     */
    public long next() {
        return next(System.nanoTime());
    }

    long next(long now) {
        long next = due.get();
        if (now - next < 0 || !due.compareAndSet(next, now + interval)) {
            leftOut.incrementAndGet();
            return -1;
        }
        return takeLeftOut();
    }

    /**
     * Counts some as left out that were let through, and came to nothing.
     *
     * @param number how many
     */
    public void leaveOut(long number) {
        leftOut.addAndGet(number);
    }

    /**
     * Returns how many were left out and nobody was told of, who is told of now.
     *
     * @return 0 or more
     */
    public long takeLeftOut() {
        return leftOut.getAndSet(0);
    }
}
