package org.pktinfo.server;

import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;

/** Time that the rate limit takes for a datagram; in the library's package, as the limiter is package-private. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@State(Scope.Benchmark)
@Fork(2)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class RateLimitBenchmark {
    private static final long PEER = 0xffff_c000_0201L;

    private final RateLimiter limiter = new RateLimiter(RateLimit.of(RateLimit.MAX));
    private final RateLimiter strict = new RateLimiter(RateLimit.of(1));

    /** The state of each thread, so that generating numbers is not the bottleneck. */
    @State(Scope.Thread)
    public static class Sources {
        private final SplittableRandom random = new SplittableRandom(7);
        private long nanos;

        /** Returns a peer with a random prefix. */
        long next() {
            return 0xffff_0000_0000L | random.nextInt() & 0xffff_ffffL;
        }
    }

    /** Measures the generation of a forged source alone, to be subtracted from the others. */
    @Benchmark
    public long source(Sources sources) {
        return sources.next();
    }

    /** Measures one peer that sends a request every two microseconds and is within its limit. */
    @Benchmark
    public Object onePeerWithin(Sources sources) {
        sources.nanos += 2000;
        return limiter.ask(0, PEER, sources.nanos);
    }

    @Benchmark
    public Object onePeerOver(Sources sources) {
        return strict.ask(0, PEER, 0);
    }

    /** Measures a flood from forged sources, a million a second. */
    @Benchmark
    public Object forgedSources(Sources sources) {
        sources.nanos += 1000;
        return strict.ask(0, sources.next(), sources.nanos);
    }

    @Benchmark
    @Threads(2)
    public Object forgedSourcesTwoWorkers(Sources sources) {
        sources.nanos += 1000;
        return strict.ask(0, sources.next(), sources.nanos);
    }
}
