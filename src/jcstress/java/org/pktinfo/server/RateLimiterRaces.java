package org.pktinfo.server;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;

/** A limit holds for all workers together. */
public final class RateLimiterRaces {
    private static final long PEER = 0xffff_0a09_0001L;

    private RateLimiterRaces() {}

    /** Two workers have a request of the same prefix each, and one reply remains. */
    @JCStressTest
    @Outcome(
            id = {"1, 0, 0", "0, 1, 0"},
            expect = Expect.ACCEPTABLE,
            desc = "one of them answers")
    @State
    public static class TheLastReply {
        private final RateLimiter limiter = new RateLimiter(RateLimit.of(1));

        /** Returns 1 within the limit, 0 over it. */
        private int ask() {
            return limiter.ask(0, PEER, 0) == RateLimiter.Verdict.WITHIN ? 1 : 0;
        }

        @Actor
        public void first(III_Result result) {
            result.r1 = ask();
        }

        @Actor
        public void second(III_Result result) {
            result.r2 = ask();
        }

        @Arbiter
        public void afterwards(III_Result result) {
            result.r3 = ask();
        }
    }
}
