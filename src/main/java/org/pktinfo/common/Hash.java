package org.pktinfo.common;

/** Hash functions for tables of fixed size. */
public final class Hash {
    /**
     * 2^64 divided by the golden ratio, which spreads keys that differ in a few bits (Knuth, Volume 3, section 6.4).
     */
    private static final long GOLDEN = 0x9e3779b97f4a7c15L;

    private Hash() {}

    /**
     * Returns the table index of a key, from the upper bits of a product. This is cheap, and not safe against chosen
     * keys that collide.
     *
     * @param key any number
     * @param bits the binary logarithm of the table's size, 1 to 31
     * @return the index, from 0 on
     */
    public static int place(long key, int bits) {
        return (int) ((key * GOLDEN) >>> (Long.SIZE - bits));
    }

    /**
     * Combines the halves of an address into one key.
     *
     * @param high the upper half
     * @param low the lower half
     * @return a key that few other addresses share
     */
    public static long key(long high, long low) {
        return (high * GOLDEN) ^ low;
    }

    /**
     * Mixes a number so that every bit of the result depends on every bit of the argument (the finalizer of
     * SplitMix64). If the argument was combined with a secret, collisions are unpredictable without the secret.
     *
     * @param value any number
     * @return the mixed number, a different one for each argument
     */
    public static long mixed(long value) {
        long mixed = (value ^ value >>> 30) * 0xbf58476d1ce4e5b9L;
        mixed = (mixed ^ mixed >>> 27) * 0x94d049bb133111ebL;
        return mixed ^ mixed >>> 31;
    }
}
