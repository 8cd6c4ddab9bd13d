package org.pktinfo.internal;

import java.util.concurrent.atomic.AtomicLongArray;

/**
 * What went through one arena. As only one thread at a time uses an arena, counting is a load and a store, no atomic
 * addition; any thread may look.
 */
public final class Tally {
    public static final int RECEIVED = 0;
    public static final int RECEIVED_BYTES = 1;
    public static final int RECEIVE_CALLS = 2;
    public static final int TRUNCATED = 3;
    public static final int CONTROL_TRUNCATED = 4;
    public static final int WITHOUT_PACKET_INFO = 5;
    public static final int SENT = 6;
    public static final int SENT_BYTES = 7;
    public static final int SEND_CALLS = 8;
    public static final int COALESCED = 9;
    private static final int SIZE = 10;

    /** Longs on both sides, so that no other thread's counters share a cache line with these. */
    private static final int MARGIN = 8;

    private final AtomicLongArray counts = new AtomicLongArray(MARGIN + SIZE + MARGIN);

    /** For the arena's thread. */
    public void add(int what, long number) {
        counts.setOpaque(MARGIN + what, counts.getPlain(MARGIN + what) + number);
    }

    /** For the one thread that may add here. */
    void addAll(Tally other) {
        for (int what = 0; what < SIZE; what++) {
            add(what, other.get(what));
        }
    }

    public long get(int what) {
        return counts.getOpaque(MARGIN + what);
    }
}
