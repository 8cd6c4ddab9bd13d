package org.pktinfo.internal;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The kernel's counter of dropped datagrams, which counts modulo 2^32, and tallies that are added and removed. */
class ChannelCountersTest {
    private final ChannelCounters counters = new ChannelCounters();

    @Test
    void theCounterGoesOnWhereTheKernelsBeginsAnew() {
        assertThat(counters.lost(0xfffffff7)).isEqualTo(0xfffffff7L);
        assertThat(counters.lost(-1)).isEqualTo(8);
        assertThat(counters.lost(0)).isEqualTo(1);
        assertThat(counters.lost(3)).isEqualTo(3);
        assertThat(counters.kernelDrops()).isEqualTo((1L << 32) + 3);
        assertThat(counters.lost(0x7fffffff)).isEqualTo(0x7ffffffcL);
        assertThat(counters.lost(-2)).isEqualTo(0x7fffffffL);
        assertThat(counters.kernelDrops()).isEqualTo((2L << 32) - 2);
    }

    @Test
    void whatIsOlderThanWhatIsKnownChangesNothing() {
        counters.lost(0xfffffff0);
        counters.lost(5);
        assertThat(counters.lost(0xfffffff8)).isZero();
        assertThat(counters.lost(5)).isZero();
        assertThat(counters.lost(4)).isZero();
        assertThat(counters.kernelDrops()).isEqualTo((1L << 32) + 5);
    }

    /**
     * Each thread sees every datagram of its own in order, and those of all threads are mixed, across the counter's
     * overflow.
     */
    @ParameterizedTest
    @ValueSource(ints = {1, 0xfffff000})
    void severalReceiversCountNothingTwiceAndNothingBackwards(int begin) throws Exception {
        int threads = 4;
        int steps = 40_000;
        List<Callable<Long>> receivers = new ArrayList<>();
        for (int thread = 0; thread < threads; thread++) {
            int first = thread;
            receivers.add(() -> {
                long sum = 0;
                long before = 0;
                for (int step = first; step < steps; step += threads) {
                    sum += counters.lost(begin + step);
                    long now = counters.kernelDrops();
                    assertThat(now).isGreaterThanOrEqualTo(before);
                    before = now;
                }
                return sum;
            });
        }
        ExecutorService executor = Executors.newFixedThreadPool(threads);
        try {
            long sum = 0;
            for (Future<Long> receiver : executor.invokeAll(receivers)) {
                sum += receiver.get();
            }
            assertThat(sum).isEqualTo(counters.kernelDrops()).isEqualTo(Integer.toUnsignedLong(begin) + steps - 1);
        } finally {
            executor.shutdownNow();
        }
    }

    private long total(int what) {
        return counters.total().get(what);
    }

    @Test
    void whatARetiredTallyCountedIsKept() {
        Tally tally = new Tally();
        Tally other = new Tally();
        counters.add(tally);
        counters.add(other);
        tally.add(Tally.RECEIVED, 5);
        tally.add(Tally.COALESCED, 2);
        other.add(Tally.RECEIVED, 1);
        assertThat(total(Tally.RECEIVED)).isEqualTo(6);
        assertThat(total(Tally.COALESCED)).isEqualTo(2);
        counters.retire(tally);
        assertThat(total(Tally.RECEIVED)).isEqualTo(6);
        assertThat(total(Tally.COALESCED)).isEqualTo(2);
        other.add(Tally.RECEIVED, 1);
        counters.retire(other);
        assertThat(total(Tally.RECEIVED)).isEqualTo(7);
        assertThat(total(Tally.COALESCED)).isEqualTo(2);
    }
}
