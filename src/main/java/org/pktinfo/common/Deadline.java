package org.pktinfo.common;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * When waiting ends. A deadline is a {@code long}, so that waiting makes no garbage: an instant of {@link
 * System#nanoTime}, which may overflow, or {@link #NEVER}. Deadlines are for these methods only, not to be compared.
 */
public final class Deadline {
    /** The deadline of who waits for ever. */
    public static final long NEVER = Long.MAX_VALUE;

    private Deadline() {}

    /**
     * Returns the length of a duration, negative if that is.
     *
     * @param duration of any length
     * @return nanoseconds, {@link Long#MAX_VALUE} if they do not fit
     */
    public static long nanos(Duration duration) {
        return duration.compareTo(Duration.ofNanos(Long.MAX_VALUE)) >= 0 ? Long.MAX_VALUE : duration.toNanos();
    }

    /**
     * Returns the deadline that is a duration away.
     *
     * @param duration not negative; one whose nanoseconds do not fit a {@code long} is for ever
     * @return the deadline
     */
    public static long after(Duration duration) {
        return after(nanos(duration));
    }

    /**
     * Returns the deadline that is some time away.
     *
     * @param nanos not negative; {@link Long#MAX_VALUE} is for ever
     * @return the deadline
     */
    public static long after(long nanos) {
        return after(nanos, System.nanoTime());
    }

    /**
     * Returns the deadline that is some time away, for who has read the clock.
     *
     * @param nanos not negative; {@link Long#MAX_VALUE} is for ever
     * @param now what {@link System#nanoTime} said
     * @return the deadline
     */
    public static long after(long nanos, long now) {
        long deadline = now + nanos;
        if (nanos == Long.MAX_VALUE) {
            return NEVER;
        }
        return deadline == NEVER ? deadline - 1 : deadline; // a nanosecond early is better than never
    }

    /**
     * Returns the deadline that follows another of a row: a period later, or now if that has passed already, so that
     * what is late is not made up for.
     *
     * @param deadline the one before
     * @param period from one to the next
     * @return the deadline
     */
    public static long following(long deadline, Duration period) {
        return following(deadline, nanos(period), System.nanoTime());
    }

    static long following(long deadline, long period, long now) {
        long next = deadline == NEVER ? NEVER : after(period, deadline);
        return left(next, now) == 0 ? after(0, now) : next;
    }

    /**
     * Returns how long it is until a deadline.
     *
     * @param deadline the deadline
     * @return nanoseconds, 0 if it has passed, {@link Long#MAX_VALUE} if it never does
     */
    public static long left(long deadline) {
        return deadline == NEVER ? Long.MAX_VALUE : left(deadline, System.nanoTime());
    }

    static long left(long deadline, long now) {
        return deadline == NEVER ? Long.MAX_VALUE : Math.max(0, deadline - now);
    }

    /**
     * Returns whether a deadline has passed.
     *
     * @param deadline the deadline
     * @return true if there is no time left
     */
    public static boolean isOver(long deadline) {
        return left(deadline) == 0;
    }

    /**
     * Rounds a time up to milliseconds, for calls that take no other: rounded down, the last millisecond would be spent
     * in calls that do not wait.
     *
     * @param nanos not negative
     * @return milliseconds, {@link Integer#MAX_VALUE} at most
     */
    public static int millis(long nanos) {
        return nanos <= 0 ? 0 : (int) Math.min(Integer.MAX_VALUE, TimeUnit.NANOSECONDS.toMillis(nanos - 1) + 1);
    }

    /**
     * Waits until a deadline has passed, whatever else wakes the thread.
     *
     * @param deadline the deadline
     */
    public static void sleepUntil(long deadline) {
        for (long left = left(deadline); left > 0; left = left(deadline)) {
            LockSupport.parkNanos(left);
        }
    }
}
