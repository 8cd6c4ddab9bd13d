package org.pktinfo.common;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Arithmetic of deadlines. A deadline is a {@code long}, so that waiting allocates nothing: an instant of {@link
 * System#nanoTime}, which may overflow, or {@link #NEVER}. Deadlines are only for these methods, not to be compared.
 */
public final class Deadline {
    /** The deadline that never passes. */
    public static final long NEVER = Long.MAX_VALUE;

    private Deadline() {}

    /**
     * Returns the length of a duration in nanoseconds, negative if the duration is.
     *
     * @param duration a duration of any length
     * @return nanoseconds, {@link Long#MAX_VALUE} if they do not fit
     */
    public static long nanos(Duration duration) {
        return duration.compareTo(Duration.ofNanos(Long.MAX_VALUE)) >= 0 ? Long.MAX_VALUE : duration.toNanos();
    }

    /**
     * Returns the deadline that is a duration from now.
     *
     * @param duration the time from now, not negative; {@link #NEVER} results if its nanoseconds do not fit a {@code
     * long}
     * @return the deadline
     */
    public static long after(Duration duration) {
        return after(nanos(duration));
    }

    /**
     * Returns the deadline that is a number of nanoseconds from now.
     *
     * @param nanos the time from now in nanoseconds, not negative; {@link Long#MAX_VALUE} means {@link #NEVER}
     * @return the deadline
     */
    public static long after(long nanos) {
        return after(nanos, System.nanoTime());
    }

    /**
     * Returns the deadline that is a number of nanoseconds from a given instant.
     *
     * @param nanos the time in nanoseconds, not negative; {@link Long#MAX_VALUE} means {@link #NEVER}
     * @param now the instant, from {@link System#nanoTime}
     * @return the deadline
     */
    public static long after(long nanos, long now) {
        long deadline = now + nanos;
        if (nanos == Long.MAX_VALUE) {
            return NEVER;
        }
        return deadline == NEVER ? deadline - 1 : deadline; // one nanosecond early, as the number means NEVER
    }

    /**
     * Returns the next deadline of a periodic series: one period later, or now if that has already passed, so that
     * missed periods are not made up for.
     *
     * @param deadline the previous deadline
     * @param period the time from one deadline to the next
     * @return the deadline
     */
    public static long following(long deadline, Duration period) {
        return following(deadline, nanos(period), System.nanoTime());
    }

    static long following(long deadline, long period, long now) {
        long next = deadline == NEVER ? NEVER : after(period, deadline);
        return remaining(next, now) == 0 ? after(0, now) : next;
    }

    /**
     * Returns the time until a deadline.
     *
     * @param deadline the deadline
     * @return nanoseconds, 0 if it has passed, {@link Long#MAX_VALUE} if it never passes
     */
    public static long remaining(long deadline) {
        return deadline == NEVER ? Long.MAX_VALUE : remaining(deadline, System.nanoTime());
    }

    static long remaining(long deadline, long now) {
        return deadline == NEVER ? Long.MAX_VALUE : Math.max(0, deadline - now);
    }

    /**
     * Returns true if a deadline has passed.
     *
     * @param deadline the deadline
     * @return true if no time is left
     */
    public static boolean isOver(long deadline) {
        return remaining(deadline) == 0;
    }

    /**
     * Rounds a time up to milliseconds, for calls that take no other unit. Rounded down, the last millisecond would be
     * spent in calls that do not wait.
     *
     * @param nanos the time in nanoseconds, not negative
     * @return milliseconds, at most {@link Integer#MAX_VALUE}
     */
    public static int millis(long nanos) {
        return nanos <= 0 ? 0 : (int) Math.min(Integer.MAX_VALUE, TimeUnit.NANOSECONDS.toMillis(nanos - 1) + 1);
    }

    /**
     * Waits until a deadline has passed, whatever wakes the thread before.
     *
     * @param deadline the deadline
     */
    public static void sleepUntil(long deadline) {
        for (long left = remaining(deadline); left > 0; left = remaining(deadline)) {
            LockSupport.parkNanos(left);
        }
    }
}
