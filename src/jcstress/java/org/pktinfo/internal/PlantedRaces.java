package org.pktinfo.internal;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.I_Result;

/** The same tests of code with a planted mistake: these must fail, see run. */
public final class PlantedRaces {
    private PlantedRaces() {}

    /** A user of the descriptors does not enter: the fault that this run must find. */
    @JCStressTest
    @Outcome(id = "[46]", expect = Expect.ACCEPTABLE, desc = "used before it was closed")
    @State
    public static class PlantedUseWithoutEntering {
        private final NativeTransport descriptors = NativeTransportRaces.descriptors();

        @Actor
        public void user(I_Result result) {
            result.r1 = (int) descriptors.getOption(Layout.OPTION_FAMILY);
        }

        @Actor
        public void closer() {
            descriptors.close();
        }
    }

    /** The last reply is checked first and taken afterwards, in two steps. */
    @JCStressTest
    @Outcome(
            id = {"1, 0", "0, 1"},
            expect = Expect.ACCEPTABLE,
            desc = "one of them answers")
    @State
    public static class PlantedLookThenTake {
        private volatile int left = 1;

        private int take() {
            int before = left;
            left = before - 1;
            return before > 0 ? 1 : 0;
        }

        @Actor
        public void first(II_Result result) {
            result.r1 = take();
        }

        @Actor
        public void second(II_Result result) {
            result.r2 = take();
        }
    }
}
