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
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.I_Result;

/** A thread that has entered finds the descriptors open; the last one that leaves closes them. */
public final class NativeTransportRaces {
    private static final int REFUSED = 0;
    private static final DatagramChannel CHANNEL = channel();

    private NativeTransportRaces() {}

    private static DatagramChannel channel() {
        try {
            NativeLibrary.load();
            return DatagramChannel.open();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static NativeTransport descriptors() {
        try {
            return NativeTransport.of(CHANNEL);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Returns the socket's family (4 or 6), the error number (EBADF), or a value that means that entry was refused. */
    private static int use(NativeTransport descriptors) {
        if (!descriptors.enter()) {
            return REFUSED;
        }
        try {
            return (int) descriptors.getOption(Layout.OPTION_FAMILY);
        } finally {
            descriptors.leave();
        }
    }

    /** One thread uses the descriptors, one closes them. */
    @JCStressTest
    @Outcome(id = "[46], 0", expect = Expect.ACCEPTABLE, desc = "used before it was closed")
    @Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "closed before it was used")
    @State
    public static class UseAndClose {
        private final NativeTransport descriptors = descriptors();

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

    /** One thread uses the descriptors, one refuses entry and then allows it again. */
    @JCStressTest
    @Outcome(id = "[46], [46]", expect = Expect.ACCEPTABLE, desc = "used before or afterwards")
    @Outcome(id = "0, [46]", expect = Expect.ACCEPTABLE, desc = "kept out")
    @State
    public static class UseAndHold {
        private final NativeTransport descriptors = descriptors();

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

    /** The descriptors are held and closed at once, and are closed in the end in either order. */
    @JCStressTest
    @Outcome(id = "[46], 0", expect = Expect.ACCEPTABLE, desc = "held before it was closed")
    @Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "closed before it was held")
    @State
    public static class HoldAndClose {
        private final NativeTransport descriptors = descriptors();

        @Actor
        public void holder(II_Result result) {
            if (descriptors.hold()) {
                result.r1 = (int) descriptors.getOption(Layout.OPTION_FAMILY);
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

    /** The descriptors are closed twice at once, and are closed in the end in either order. */
    @JCStressTest
    @Outcome(id = "0", expect = Expect.ACCEPTABLE, desc = "closed")
    @State
    public static class CloseTwice {
        private final NativeTransport descriptors = descriptors();

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
