package org.pktinfo.internal;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.DatagramChannel;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;
import org.openjdk.jcstress.infra.results.II_Result;

/** Who is inside has descriptors that are open, and the last one out closes them. */
public final class DescriptorsRaces {
    private static final int REFUSED = 0;
    private static final DatagramChannel CHANNEL = channel();

    private DescriptorsRaces() {}

    private static DatagramChannel channel() {
        try {
            NativeLibrary.load();
            return DatagramChannel.open();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Descriptors descriptors() {
        try {
            return Descriptors.of(CHANNEL);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The family of the socket, which is 4 or 6, or the number of the error (EBADF), or that nobody may enter. */
    private static int use(Descriptors descriptors) {
        if (!descriptors.enter()) {
            return REFUSED;
        }
        try {
            return descriptors.getOption(Layout.OPTION_FAMILY);
        } finally {
            descriptors.leave();
        }
    }

    /** One uses, one closes. */
    @JCStressTest
    @Outcome(id = "[46], 0", expect = Expect.ACCEPTABLE, desc = "used before it was closed")
    @Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "closed before it was used")
    @State
    public static class UseAndClose {
        private final Descriptors descriptors = descriptors();

        @Actor
        public void user(II_Result result) {
            result.r1 = use(descriptors);
        }

        @Actor
        public void closer() {
            descriptors.close();
        }

        @Arbiter
        public void afterwards(II_Result result) {
            result.r2 = use(descriptors);
        }
    }

    /** One uses, one keeps it out and lets it in again. */
    @JCStressTest
    @Outcome(id = "[46], [46]", expect = Expect.ACCEPTABLE, desc = "used before or afterwards")
    @Outcome(id = "0, [46]", expect = Expect.ACCEPTABLE, desc = "kept out")
    @State
    public static class UseAndHold {
        private final Descriptors descriptors = descriptors();

        @Actor
        public void user(II_Result result) {
            result.r1 = use(descriptors);
        }

        @Actor
        public void holder() {
            if (descriptors.hold()) {
                descriptors.letIn();
            }
        }

        @Arbiter
        public void afterwards(II_Result result) {
            result.r2 = use(descriptors);
            descriptors.close();
        }
    }

    /** Held and closed at once, and closed in the end however it went. */
    @JCStressTest
    @Outcome(id = "[46], 0", expect = Expect.ACCEPTABLE, desc = "held before it was closed")
    @Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "closed before it was held")
    @State
    public static class HoldAndClose {
        private final Descriptors descriptors = descriptors();

        @Actor
        public void holder(II_Result result) {
            if (descriptors.hold()) {
                result.r1 = descriptors.getOption(Layout.OPTION_FAMILY);
                descriptors.letIn();
            }
        }

        @Actor
        public void closer() {
            descriptors.close();
        }

        @Arbiter
        public void afterwards(II_Result result) {
            result.r2 = use(descriptors);
        }
    }

    /** Closed twice at once, and closed in the end however it went. */
    @JCStressTest
    @Outcome(id = "0", expect = Expect.ACCEPTABLE, desc = "closed")
    @State
    public static class CloseTwice {
        private final Descriptors descriptors = descriptors();

        @Actor
        public void first() {
            descriptors.close();
        }

        @Actor
        public void second() {
            descriptors.close();
        }

        @Arbiter
        public void afterwards(I_Result result) {
            result.r1 = use(descriptors);
        }
    }
}
