package org.pktinfo;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** What a peer asked last is one of the addresses that it asked, as a whole. */
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

    /** Number of the address asked, 0 if nobody knows, -1 if it is half of one and half of the other. */
    private static int lastAsked(PeerMemory memory, Endpoint peer) {
        PacketInfo info = memory.lastAsked(peer);
        if (info == null) {
            return 0;
        }
        int last = (int) info.local().low() & 0xff;
        return info.interfaceIndex() == last ? last : -1;
    }

    /** One peer asks two addresses at once: it is the one or the other. */
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
            result.r1 = lastAsked(memory, PEER);
            result.r2 = lastAsked(memory, OTHER_PEER);
        }
    }

    /** Who looks while a peer asks one address and then another sees whole ones, and never goes back. */
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
            result.r1 = lastAsked(memory, PEER);
            result.r2 = lastAsked(memory, PEER);
        }
    }

    /** Two peers come at once and may want the same place: one of them is known in the end, and by its own address. */
    @JCStressTest
    @Outcome(id = "1, 2", expect = Expect.ACCEPTABLE, desc = "both are known")
    @Outcome(id = {"1, 0", "0, 2"}, expect = Expect.ACCEPTABLE_INTERESTING, desc = "one has taken the other's place")
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
            result.r1 = lastAsked(memory, PEER);
            result.r2 = lastAsked(memory, OTHER_PEER);
        }
    }
}
