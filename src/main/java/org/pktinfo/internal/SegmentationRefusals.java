package org.pktinfo.internal;

import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.pktinfo.common.Hash;

/**
 * The destinations for which the kernel has refused to segment, because of a device, a tunnel or a small MTU on the
 * path. Forgotten after ten minutes, as routes change. In this table of fixed size, colliding destinations replace each
 * other, and the refusal is found again. Not thread-safe.
 */
public final class SegmentationRefusals {
    private static final int BITS = 6;
    private static final long LIFETIME = TimeUnit.MINUTES.toNanos(10);

    private final long[] places = new long[1 << BITS]; // 0: empty
    private boolean any;
    private long since;

    public boolean has(long high, long low) {
        if (!any) {
            return false;
        }
        if (System.nanoTime() - since > LIFETIME) {
            Arrays.fill(places, 0);
            any = false;
            return false;
        }
        long key = key(high, low);
        return places[Hash.place(key, BITS)] == key;
    }

    public void add(long high, long low) {
        if (!any) {
            any = true;
            since = System.nanoTime();
        }
        long key = key(high, low);
        places[Hash.place(key, BITS)] = key;
    }

    private static long key(long high, long low) {
        return Hash.key(high, low) | 1;
    }
}
