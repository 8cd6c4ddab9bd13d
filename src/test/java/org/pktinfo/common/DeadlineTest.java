package org.pktinfo.common;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Instants of a clock that may begin anywhere and overflow. */
@Timeout(60)
class DeadlineTest {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    @Test
    void aDurationThatDoesNotFitIsForEver() {
        assertThat(Deadline.nanos(Duration.ZERO)).isZero();
        assertThat(Deadline.nanos(Duration.ofNanos(-1))).isEqualTo(-1);
        assertThat(Deadline.nanos(Duration.ofNanos(Long.MAX_VALUE - 1))).isEqualTo(Long.MAX_VALUE - 1);
        assertThat(Deadline.nanos(Duration.ofNanos(Long.MAX_VALUE))).isEqualTo(Long.MAX_VALUE);
        assertThat(Deadline.nanos(Duration.ofNanos(Long.MAX_VALUE).plusNanos(1)))
                .isEqualTo(Long.MAX_VALUE);
        assertThat(Deadline.nanos(Duration.ofSeconds(Long.MAX_VALUE))).isEqualTo(Long.MAX_VALUE);
        assertThat(Deadline.after(Duration.ofSeconds(Long.MAX_VALUE))).isEqualTo(Deadline.NEVER);
        assertThat(Deadline.remaining(Deadline.after(Duration.ofSeconds(Long.MAX_VALUE))))
                .isEqualTo(Long.MAX_VALUE);
    }

    /** The clock's beginning, its overflow, and shortly before that. */
    @ParameterizedTest
    @ValueSource(longs = {0, 1, -1, Long.MIN_VALUE, Long.MAX_VALUE, Long.MAX_VALUE - 500_000_000, -500_000_000})
    void whatIsLeftIsWhatHasNotPassedWhereverTheClockIs(long now) {
        long deadline = Deadline.after(SECOND, now);
        assertThat(Deadline.remaining(deadline, now)).isEqualTo(SECOND);
        assertThat(Deadline.remaining(deadline, now + 1)).isEqualTo(SECOND - 1);
        assertThat(Deadline.remaining(deadline, now + SECOND - 1)).isEqualTo(1);
        assertThat(Deadline.remaining(deadline, now + SECOND)).isZero();
        assertThat(Deadline.remaining(deadline, now + 2 * SECOND)).isZero();
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 7, -2, Long.MIN_VALUE, Long.MAX_VALUE, Long.MAX_VALUE - 1})
    void aVeryLongTimeIsCountedAndForEverIsNot(long now) {
        long deadline = Deadline.after(Long.MAX_VALUE - 1, now);
        assertThat(Deadline.remaining(deadline, now)).isEqualTo(Long.MAX_VALUE - 1);
        assertThat(Deadline.remaining(deadline, now + SECOND)).isEqualTo(Long.MAX_VALUE - 1 - SECOND);
        long never = Deadline.after(Long.MAX_VALUE, now);
        assertThat(Deadline.remaining(never, now)).isEqualTo(Long.MAX_VALUE);
        assertThat(Deadline.remaining(never, now + SECOND)).isEqualTo(Long.MAX_VALUE);
    }

    @Test
    void anInstantThatLooksLikeNeverIsNot() {
        long now = Deadline.NEVER - SECOND;
        long deadline = Deadline.after(SECOND, now);
        assertThat(deadline).isNotEqualTo(Deadline.NEVER);
        assertThat(Deadline.remaining(deadline, now)).isEqualTo(SECOND - 1);
        assertThat(Deadline.remaining(deadline, now + SECOND)).isZero();
        assertThat(Deadline.remaining(Deadline.after(0, Deadline.NEVER), Deadline.NEVER))
                .isZero();
    }

    @Test
    void noTimeIsOverAtOnceAndForEverIsNever() {
        assertThat(Deadline.isOver(Deadline.after(0))).isTrue();
        assertThat(Deadline.isOver(Deadline.after(Duration.ofHours(1)))).isFalse();
        assertThat(Deadline.isOver(Deadline.NEVER)).isFalse();
        assertThat(Deadline.remaining(Deadline.after(Duration.ofHours(1))))
                .isBetween(TimeUnit.MINUTES.toNanos(58), TimeUnit.HOURS.toNanos(1));
    }

    @ParameterizedTest
    @ValueSource(longs = {0, Long.MAX_VALUE - SECOND_AND_A_HALF, Long.MAX_VALUE - 5, Long.MIN_VALUE})
    void aRowKeepsItsPaceAndMakesUpForNothing(long begin) {
        long first = Deadline.after(0, begin);
        long second = Deadline.following(first, SECOND, begin + SECOND / 10);
        assertThat(Deadline.remaining(second, begin)).isBetween(SECOND - 2, SECOND);
        long late = begin + 5 * SECOND;
        long afterwards = Deadline.following(second, SECOND, late);
        assertThat(Deadline.remaining(afterwards, late)).isZero();
        assertThat(Deadline.remaining(Deadline.following(afterwards, SECOND, late + 1), late))
                .isBetween(SECOND - 2, SECOND);
    }

    private static final long SECOND_AND_A_HALF = 1_500_000_000;

    @Test
    void nothingFollowsForEver() {
        assertThat(Deadline.following(Deadline.NEVER, SECOND, 0)).isEqualTo(Deadline.NEVER);
        assertThat(Deadline.following(5, Long.MAX_VALUE, 0)).isEqualTo(Deadline.NEVER);
    }

    @Test
    void millisecondsAreRoundedUpAndBounded() {
        assertThat(Deadline.millis(-1)).isZero();
        assertThat(Deadline.millis(0)).isZero();
        assertThat(Deadline.millis(1)).isEqualTo(1);
        assertThat(Deadline.millis(1_000_000)).isEqualTo(1);
        assertThat(Deadline.millis(1_000_001)).isEqualTo(2);
        assertThat(Deadline.millis(Integer.MAX_VALUE * 1_000_000L)).isEqualTo(Integer.MAX_VALUE);
        assertThat(Deadline.millis(Integer.MAX_VALUE * 1_000_000L + 1)).isEqualTo(Integer.MAX_VALUE);
        assertThat(Deadline.millis(Long.MAX_VALUE)).isEqualTo(Integer.MAX_VALUE);
    }

    /** Woken repeatedly, it goes on to sleep. */
    @Test
    void sleepingEndsWithTheDeadlineAndNotBefore() throws InterruptedException {
        Thread sleeper = Thread.currentThread();
        AtomicBoolean awake = new AtomicBoolean();
        Thread waking = new Thread(() -> {
            while (!awake.get()) {
                LockSupport.unpark(sleeper);
            }
        });
        waking.start();
        long begin = System.nanoTime();
        Deadline.sleepUntil(Deadline.after(Duration.ofMillis(30)));
        long slept = System.nanoTime() - begin;
        awake.set(true);
        waking.join();
        assertThat(slept).isGreaterThanOrEqualTo(TimeUnit.MILLISECONDS.toNanos(30));
        begin = System.nanoTime();
        Deadline.sleepUntil(Deadline.after(0));
        assertThat(System.nanoTime() - begin).isLessThan(SECOND);
    }
}
