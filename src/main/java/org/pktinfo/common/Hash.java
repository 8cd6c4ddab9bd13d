package org.pktinfo.common;

/** Chooses places in tables of a fixed size. */
public final class Hash {
    /** 2^64 divided by the golden ratio: spreads keys that differ in a few bits (Knuth, Volume 3, section 6.4). */
    private static final long GOLDEN = 0x9e3779b97f4a7c15L;

    private Hash() {}

    /**
     * Returns the place of a key, by the upper bits of a product: cheap, and anybody can find keys that meet.
     *
     * @param key any number
     * @param bits the table has 2^bits places; 1 to 31
     * @return the place, from 0 on
     */
    public static int place(long key, int bits) {
        return (int) ((key * GOLDEN) >>> (Long.SIZE - bits));
    }

    /**
     * Makes one key of the halves of an address.
     *
     * @param high the upper half
     * @param low the lower half
     * @return a key that few other addresses have
     */
    public static long key(long high, long low) {
        return (high * GOLDEN) ^ low;
    }

    /**
     * Mixes a number so that every bit of the result depends on every bit given (the finalizer of SplitMix64). Of a
     * number that was combined with a secret, nobody else knows what the result meets.
     *
     * @param value any number
     * @return another one for each
     */
    public static long mixed(long value) {
        long mixed = (value ^ value >>> 30) * 0xbf58476d1ce4e5b9L;
        mixed = (mixed ^ mixed >>> 27) * 0x94d049bb133111ebL;
        return mixed ^ mixed >>> 31;
    }
}
