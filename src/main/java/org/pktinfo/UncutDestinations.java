package org.pktinfo;

import java.util.Arrays;
import java.util.concurrent.TimeUnit;

/**
 * To whom the kernel has refused to cut datagrams that left together, because of a device, a tunnel or a small MTU on the way.
 * Forgotten after ten minutes, as routes change. A fixed table, where destinations that meet in a place replace each other: the
 * loser is found out again. For one thread.
 */
final class UncutDestinations {
    private static final int PLACES = 1 << 6;
    private static final long LIFETIME = TimeUnit.MINUTES.toNanos(10);

    private final long[] places = new long[PLACES]; // 0: empty
    private boolean any;
    private long since;

    boolean has(long high, long low) {
        if (!any) {
            return false;
        }
        if (System.nanoTime() - since > LIFETIME) {
            Arrays.fill(places, 0);
            any = false;
            return false;
        }
        long key = key(high, low);
        return places[place(key)] == key;
    }

    void add(long high, long low) {
        if (!any) {
            any = true;
            since = System.nanoTime();
        }
        long key = key(high, low);
        places[place(key)] = key;
    }

    private static long key(long high, long low) {
        return (high * 0x9e3779b97f4a7c15L ^ low) | 1;
    }

    private static int place(long key) {
        return (int) ((key * 0x9e3779b97f4a7c15L) >>> 58);
    }
}
