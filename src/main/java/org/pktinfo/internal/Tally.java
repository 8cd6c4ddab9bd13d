package org.pktinfo.internal;

import java.util.concurrent.atomic.AtomicLongArray;

/**
 * The counters of one arena. As only one thread at a time uses an arena, counting is a load and a store without an
 * atomic addition; any thread may read.
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

    /**
     * The number of unused longs on both sides, so that other threads' counters do not share a cache line with these.
     */
    private static final int MARGIN = 8;

    private final AtomicLongArray counts = new AtomicLongArray(MARGIN + SIZE + MARGIN);

    /** Adds to a counter. Only the arena's thread may call this. */
    public void add(int counter, long number) {
        counts.setOpaque(MARGIN + counter, counts.getPlain(MARGIN + counter) + number);
    }

    /** Adds all counters of another tally. Only one thread at a time may add here. */
    void addAll(Tally other) {
        for (int counter = 0; counter < SIZE; counter++) {
            add(counter, other.get(counter));
        }
    }

    public long get(int counter) {
        return counts.getOpaque(MARGIN + counter);
    }
}
