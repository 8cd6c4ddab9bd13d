package org.pktinfo.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.server.RateLimiter.Verdict;

/** The limit, with the test's own clock. */
class RateLimiterTest {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    private static long ipv4(int a, int b, int c, int d) {
        return 0xffff_0000_0000L | (long) a << 24 | b << 16 | c << 8 | d;
    }

    private static final long PEER = ipv4(192, 0, 2, 1);

    private static int within(RateLimiter limiter, long high, long low, long now, int requests) {
        int within = 0;
        for (int i = 0; i < requests; i++) {
            within += limiter.ask(high, low, now) == Verdict.WITHIN ? 1 : 0;
        }
        return within;
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1, -1L << 50, Long.MIN_VALUE, Long.MAX_VALUE - (1L << 51), (1L << 52) + 7, 1L << 51})
    void aBurstIsWithinAndThenTheRateWhateverTheClockShows(long start) {
        RateLimiter limiter = new RateLimiter(RateLimit.of(10).withBurst(25));
        assertThat(within(limiter, 0, PEER, start, 100)).isEqualTo(25);
        int later = 0;
        for (int tick = 1; tick <= 1000; tick++) { // ten seconds in steps of 10 ms
            later += within(limiter, 0, PEER, start + tick * SECOND / 100, 3);
        }
        assertThat(later).isBetween(99, 101);
    }

    /** The 52nd day: for a moment an unused place looks used. */
    @Test
    void whenTheClockTurnsAPrefixGetsAtMostTheBurstsOfItsGroup() {
        RateLimiter limiter = new RateLimiter(RateLimit.of(10).withBurst(25));
        assertThat(within(limiter, 0, PEER, -1, 1000) + within(limiter, 0, PEER, 1, 1000))
                .isBetween(25, 8 * 25);
        assertThat(within(limiter, 0, PEER, 10 * SECOND, 1000)).isEqualTo(25);
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "1, 10", "7, 3", "1000, 1000", "300000, 10", "1000000, 1000000"})
    void aSilenceMakesUpForNoMoreThanTheBurst(int rate, int burst) {
        RateLimiter limiter = new RateLimiter(RateLimit.of(rate).withBurst(burst));
        assertThat(within(limiter, 0, PEER, 0, burst + 10)).isEqualTo(burst);
        long silence = SECOND * burst / rate;
        for (long times : new long[] {1, 2, 1000, 1_000_000}) {
            long now = silence * times * 2 + SECOND * times;
            assertThat(within(limiter, 0, PEER, now, burst + 10))
                    .as("after %s", now)
                    .isEqualTo(burst);
        }
    }

    @Test
    void aPrefixIsOnePeerAndAnotherPrefixIsAnother() {
        RateLimiter limiter = new RateLimiter(RateLimit.of(1));
        assertThat(limiter.ask(0, ipv4(192, 0, 2, 1), 0)).isEqualTo(Verdict.WITHIN);
        assertThat(limiter.ask(0, ipv4(192, 0, 2, 255), 0)).isEqualTo(Verdict.OVER);
        assertThat(limiter.ask(0, ipv4(192, 0, 3, 1), 0)).isEqualTo(Verdict.WITHIN);
        assertThat(limiter.ask(0x20010db8_00000100L, 1, 0)).isEqualTo(Verdict.WITHIN);
        assertThat(limiter.ask(0x20010db8_000001ffL, 2, 0)).isEqualTo(Verdict.OVER);
        assertThat(limiter.ask(0x20010db8_00000200L, 1, 0)).isEqualTo(Verdict.WITHIN);
    }

    @Test
    void aPrefixIsAsLongAsItIsSaidToBe() {
        RateLimiter hosts = new RateLimiter(RateLimit.of(1).withPrefixLengths(32, 64));
        for (int d = 0; d < 256; d++) {
            assertThat(hosts.ask(0, ipv4(192, 0, 2, d), 0)).isEqualTo(Verdict.WITHIN);
            assertThat(hosts.ask(0x20010db8_00000000L | d, 1, 0)).isEqualTo(Verdict.WITHIN);
            assertThat(hosts.ask(0x20010db8_00000000L | d, 2, 0)).isEqualTo(Verdict.OVER);
        }
        RateLimiter halves = new RateLimiter(RateLimit.of(1).withPrefixLengths(1, 1));
        assertThat(within(halves, 0, ipv4(1, 0, 0, 0), 0, 2)).isEqualTo(1);
        assertThat(within(halves, 0, ipv4(127, 255, 255, 255), 0, 2)).isZero();
        assertThat(within(halves, 0, ipv4(128, 0, 0, 0), 0, 2)).isEqualTo(1);
        assertThat(within(halves, 1, 0, 0, 2)).isEqualTo(1);
        assertThat(within(halves, Long.MIN_VALUE, 0, 0, 2)).isEqualTo(1);
        assertThat(within(halves, -1, 0, 0, 2)).isZero();
    }

    @Test
    void aboutEveryNthOverTheLimitSlipsAndNoneWithinIt() {
        RateLimiter limiter = new RateLimiter(RateLimit.of(100).withSlip(4));
        Map<Verdict, Integer> verdicts = new EnumMap<>(Verdict.class);
        for (int i = 0; i < 100_100; i++) {
            verdicts.merge(limiter.ask(0, PEER, 0), 1, Integer::sum);
        }
        assertThat(verdicts.get(Verdict.WITHIN)).isEqualTo(100);
        assertThat(verdicts.get(Verdict.SLIPS)).isBetween(24_000, 26_000); // more than seven standard deviations
        RateLimiter never = new RateLimiter(RateLimit.of(1));
        for (int i = 0; i < 10_000; i++) {
            assertThat(never.ask(0, PEER, 0)).isNotEqualTo(Verdict.SLIPS);
        }
    }

    /** A flood from forged sources cannot make the limiter forget a prefix, which would then get its burst again. */
    @ParameterizedTest
    @ValueSource(ints = {1, 10, 1000})
    void whoIsFloodedByForgedRequestsGetsNoMoreThanItsRateAmongAMillionOtherSources(int rate) {
        RateLimiter limiter = new RateLimiter(RateLimit.of(rate));
        Random random = new Random(7);
        int within = 0;
        int others = 0;
        int requests = 1_000_000;
        for (int i = 0; i < requests; i++) { // a million of them in ten seconds
            long now = i * 10L * SECOND / requests;
            within += limiter.ask(0, PEER, now) == Verdict.WITHIN ? 1 : 0;
            others += limiter.ask(0, 0xffff_0000_0000L | (random.nextInt() & 0xffff_ffffL), now) == Verdict.WITHIN
                    ? 1
                    : 0;
        }
        assertThat(within).isBetween(0, rate + 10 * rate + 1);
        System.out.println("rate limit " + rate + ": " + within + " to the victim, " + others + " of " + requests
                + " to random sources");
        if (rate >= 10) { // no more than 10 000 prefixes are active at a time
            assertThat(within).isGreaterThan(9 * rate);
            assertThat(others).isGreaterThan(requests * 99 / 100);
        }
    }

    @Test
    void itsMemoryIsTheSameForAMillionSources() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        RateLimiter limiter = new RateLimiter(RateLimit.of(5).withSlip(2));
        long made = threads.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < 1_000_000; i++) {
            limiter.ask((long) i << 8 | 0x20010000_00000000L, i, i);
        }
        long asked = threads.getCurrentThreadAllocatedBytes();
        System.out.println(
                "rate limit: " + (made - before) + " bytes, and " + (asked - made) + " for a million sources");
        assertThat(made - before).isBetween(8L << 16, (8L << 16) + 4096);
        assertThat(asked - made).isLessThan(4096);
    }

    @Test
    void severalThreadsTogetherGetNoMoreThanOne() throws Exception {
        RateLimiter limiter = new RateLimiter(RateLimit.of(1000));
        ExecutorService pool = Executors.newFixedThreadPool(4);
        try {
            for (int round = 0; round < 20; round++) {
                long low = ipv4(10, 0, round, 1);
                List<Callable<Integer>> tasks = new ArrayList<>();
                for (int i = 0; i < 4; i++) {
                    tasks.add(() -> within(limiter, 0, low, 5, 2000));
                }
                int sum = 0;
                for (Future<Integer> task : pool.invokeAll(tasks)) {
                    sum += task.get();
                }
                assertThat(sum).isEqualTo(1000);
            }
        } finally {
            pool.shutdownNow();
        }
    }

    private static final RateLimit FIVE = RateLimit.of(5).withBurst(5);

    /** RFC 6052, 2.1 and RFC 8215: IPv4 clients that reach an IPv6 server. */
    @ParameterizedTest
    @ValueSource(longs = {0x64_ff9b_0000_0000L, 0x64_ff9b_0001_0000L, 0x64_ff9b_0001_abcdL})
    void clientsBehindATranslatorHaveThePrefixesOfTheirIpv4Addresses(long high) {
        RateLimiter limiter = new RateLimiter(FIVE);
        assertThat(within(limiter, high, 0xc000_0201L, 0, 100)).isEqualTo(5);
        assertThat(within(limiter, high, 0xc000_02ffL, 0, 100)).as("same /24").isZero();
        assertThat(within(limiter, high, 0xc633_6401L, 0, 100))
                .as("another /24")
                .isEqualTo(5);
    }

    /** RFC 6052, 2.2, of 64:ff9b:1::/48: 16 bits before the 64th, 16 behind. */
    @Test
    void anAddressThatIsCutInTwoIsOneToo() {
        RateLimiter limiter = new RateLimiter(FIVE);
        assertThat(within(limiter, 0x64_ff9b_0001_c000L, 0x0002_0100_0000_0000L, 0, 100))
                .isEqualTo(5);
        assertThat(within(limiter, 0x64_ff9b_0001_c633L, 0x0064_0100_0000_0000L, 0, 100))
                .isEqualTo(5);
    }

    @Test
    void eachHostOfALinkHasItsOwnLimit() {
        RateLimiter limiter = new RateLimiter(FIVE);
        long link = 0xfe80_0000_0000_0000L;
        assertThat(within(limiter, link, 1, 0, 100)).isEqualTo(5);
        assertThat(within(limiter, link, 1, 0, 100)).isZero();
        assertThat(within(limiter, link, 2, 0, 100)).isEqualTo(5);
    }

    @Test
    void hostsOfASiteStillShareOne() {
        RateLimiter limiter = new RateLimiter(FIVE);
        assertThat(within(limiter, 0x2001_0db8_0000_0000L, 1, 0, 100)).isEqualTo(5);
        assertThat(within(limiter, 0x2001_0db8_0000_00ffL, 2, 0, 100)).isZero();
        assertThat(within(limiter, 0x0064_ff9b_0000_0000L, 1L << 32 | 1, 0, 100))
                .as("not RFC 6052's")
                .isEqualTo(5);
        assertThat(within(limiter, 0x0064_ff9b_0000_00ffL, 2L << 32 | 1, 0, 100))
                .isZero();
    }
}
