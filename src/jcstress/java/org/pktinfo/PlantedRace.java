package org.pktinfo;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** Users counted as in {@link Descriptors}, but without an atomic step: "run planted" must find it. */
@JCStressTest
@Outcome(id = {"1, 0", "0, 0"}, expect = Expect.ACCEPTABLE, desc = "used before it was closed, or not at all")
@Outcome(id = "-1, 0", expect = Expect.FORBIDDEN, desc = "used after it was closed")
@State
public class PlantedRace {
    private int users;
    private boolean closed;
    private boolean released;

    @Actor
    public void user(II_Result result) {
        if (!closed) {
            users++;
            Thread.yield();
            result.r1 = released ? -1 : 1;
            users--;
        }
    }

    @Actor
    public void closer() {
        closed = true;
        if (users == 0) {
            released = true;
        }
    }

    @Arbiter
    public void afterwards(II_Result result) {
        result.r2 = 0;
    }
}
