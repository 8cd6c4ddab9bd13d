package org.pktinfo.common;

import java.util.concurrent.atomic.AtomicLong;

/**
 * A limiter that admits one event per interval and counts the others, so that a flood of them costs little.
 * Thread-safe.
 */
public final class Throttle {
    private final long interval; // nanoseconds
    private final AtomicLong due;
    private final AtomicLong suppressed = new AtomicLong();

    /**
     * Creates a throttle that admits the first event.
     *
     * @param interval the least number of nanoseconds from one admitted event to the next
     */
    public Throttle(long interval) {
        this(interval, System.nanoTime());
    }

    Throttle(long interval, long now) {
        this.interval = interval;
        this.due = new AtomicLong(now);
    }

    /**
     * Requests admission of an event.
     *
     * @return the number of events suppressed since the last one that was admitted, -1 if this one is suppressed too
     */
    public long next() {
        return next(System.nanoTime());
    }

    long next(long now) {
        long next = due.get();
        if (now - next < 0 || !due.compareAndSet(next, now + interval)) {
            suppressed.incrementAndGet();
            return -1;
        }
        return takeSuppressed();
    }

    /**
     * Counts events as suppressed that were admitted without a result.
     *
     * @param number the number of events
     */
    public void leaveOut(long number) {
        suppressed.addAndGet(number);
    }

    /**
     * Returns and resets the number of suppressed events that were not reported yet.
     *
     * @return the number, 0 or more
     */
    public long takeSuppressed() {
        return suppressed.getAndSet(0);
    }
}
