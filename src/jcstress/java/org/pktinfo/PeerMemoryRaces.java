package org.pktinfo;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** A peer's last request destination is one of its request destinations, never a mixture of two. */
public final class PeerMemoryRaces {
    private static final long MAPPED = 0xffff_0000_0000L;
    private static final Endpoint PEER = new Endpoint(ipv4(100), 9);
    private static final Endpoint OTHER_PEER = new Endpoint(ipv4(101), 9);

    private PeerMemoryRaces() {}

    private static IpAddress ipv4(int last) {
        return new IpAddress(0, MAPPED | 0x0a09_0000 | last, 0);
    }

    private static PeerMemory memory() {
        return new PeerMemory(8, PeerMemory.DEFAULT_EXPIRY);
    }

    private static PacketInfo asked(int last) {
        return new PacketInfo(ipv4(last), ipv4(last), last, true, false, false, false);
    }

    /** Returns the number of the request destination, 0 if it is unknown, -1 if it is a mixture of two. */
    private static int lastDestination(PeerMemory memory, Endpoint peer) {
        PacketInfo info = memory.lastDestination(peer);
        if (info == null) {
            return 0;
        }
        int last = (int) info.local().low() & 0xff;
        return info.interfaceIndex() == last ? last : -1;
    }

    /** One peer sends to two addresses at once: its last request destination is one of the two. */
    @JCStressTest
    @Outcome(id = "[12], 0", expect = Expect.ACCEPTABLE, desc = "one of the two, and nobody else's")
    @State
    public static class OnePeer {
        private final PeerMemory memory = memory();

        @Actor
        public void first() {
            memory.remember(PEER, asked(1));
        }

        @Actor
        public void second() {
            memory.remember(PEER, asked(2));
        }

        @Arbiter
        public void afterwards(II_Result result) {
            result.r1 = lastDestination(memory, PEER);
            result.r2 = lastDestination(memory, OTHER_PEER);
        }
    }

    /** A reader sees each request destination as a whole, and never an older one after a newer one. */
    @JCStressTest
    @Outcome(
            id = {"0, 0", "0, 1", "0, 2", "1, 1", "1, 2", "2, 2"},
            expect = Expect.ACCEPTABLE,
            desc = "none, the first, the second, in this order")
    @State
    public static class LookMeanwhile {
        private final PeerMemory memory = memory();

        @Actor
        public void writer() {
            memory.remember(PEER, asked(1));
            memory.remember(PEER, asked(2));
        }

        @Actor
        public void reader(II_Result result) {
            result.r1 = lastDestination(memory, PEER);
            result.r2 = lastDestination(memory, PEER);
        }
    }

    /** Two peers arrive at once and may hash to the same entry: in the end one is known, with its own address. */
    @JCStressTest
    @Outcome(id = "1, 2", expect = Expect.ACCEPTABLE, desc = "both are known")
    @Outcome(
            id = {"1, 0", "0, 2"},
            expect = Expect.ACCEPTABLE_INTERESTING,
            desc = "one has taken the other's place")
    @State
    public static class TwoPeers {
        private final PeerMemory memory = memory();

        @Actor
        public void first() {
            memory.remember(PEER, asked(1));
        }

        @Actor
        public void second() {
            memory.remember(OTHER_PEER, asked(2));
        }

        @Arbiter
        public void afterwards(II_Result result) {
            result.r1 = lastDestination(memory, PEER);
            result.r2 = lastDestination(memory, OTHER_PEER);
        }
    }
}
