package org.pktinfo.common;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The callers that are let through, and the count of the others. */
@Timeout(60)
class ThrottleTest {
    @ParameterizedTest
    @ValueSource(longs = {0, -1, Long.MIN_VALUE, Long.MAX_VALUE, Long.MAX_VALUE - 50})
    void oneOfAnIntervalIsLetThroughWhereverTheClockIs(long now) {
        Throttle throttle = new Throttle(100, now);
        assertThat(throttle.next(now)).isZero();
        assertThat(throttle.next(now)).isEqualTo(-1);
        assertThat(throttle.next(now + 99)).isEqualTo(-1);
        assertThat(throttle.next(now + 100)).isEqualTo(2);
        assertThat(throttle.next(now + 199)).isEqualTo(-1);
        assertThat(throttle.next(now + 100_000)).isEqualTo(1);
        assertThat(throttle.next(now + 100_100)).isZero();
    }

    @Test
    void whatWasLeftOutIsToldOnce() {
        Throttle throttle = new Throttle(100, 0);
        assertThat(throttle.next(0)).isZero();
        assertThat(throttle.next(1)).isEqualTo(-1);
        throttle.leaveOut(5);
        assertThat(throttle.takeSuppressed()).isEqualTo(6);
        assertThat(throttle.takeSuppressed()).isZero();
        throttle.leaveOut(2);
        assertThat(throttle.next(100)).isEqualTo(2);
        assertThat(throttle.next(200)).isZero();
    }

    @Test
    void ofManyThreadsOneIsLetThroughAndTheOthersAreCounted() throws Exception {
        Throttle throttle = new Throttle(Long.MAX_VALUE / 2);
        int threads = 4;
        int asked = 10_000;
        Callable<Integer> asking = () -> {
            int passed = 0;
            for (int i = 0; i < asked; i++) {
                passed += throttle.next() < 0 ? 0 : 1;
            }
            return passed;
        };
        List<Callable<Integer>> all = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            all.add(asking);
        }
        ExecutorService executor = Executors.newFixedThreadPool(threads);
        try {
            int passed = 0;
            for (Future<Integer> each : executor.invokeAll(all)) {
                passed += each.get();
            }
            assertThat(passed).isEqualTo(1);
        } finally {
            executor.shutdownNow();
        }
    }
}
