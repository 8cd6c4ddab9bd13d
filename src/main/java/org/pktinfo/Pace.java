package org.pktinfo;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** Lets one of a kind through every ten milliseconds and counts the others, so that a flood of them costs little. For any thread. */
final class Pace {
    private static final long INTERVAL = TimeUnit.MILLISECONDS.toNanos(10);

    private final AtomicLong due = new AtomicLong(System.nanoTime());
    private final AtomicLong leftOut = new AtomicLong();

    /** How many were left out since the last that went through, -1 if this one is left out too. */
    long next() {
        long now = System.nanoTime();
        long next = due.get();
        if (now - next < 0 || !due.compareAndSet(next, now + INTERVAL)) {
            leftOut.incrementAndGet();
            return -1;
        }
        return leftOut.getAndSet(0);
    }
}
