package org.pktinfo.common;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.BitSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The distribution of keys over a table. */
class HashTest {
    /** Addresses of a network, and ports, are consecutive numbers. */
    @ParameterizedTest
    @ValueSource(ints = {1, 6, 10, 31})
    void keysInARowAreSpreadOverTheTable(int bits) {
        BitSet taken = new BitSet();
        int keys = Math.min(1 << 12, 1 << bits);
        for (long key = 0; key < keys; key++) {
            int place = Hash.place(0xffff_c000_0200L + key, bits);
            assertThat(place).isBetween(0, (int) ((1L << bits) - 1));
            taken.set(place);
        }
        assertThat(taken.cardinality()).isGreaterThan(keys / 2);
    }

    @Test
    void bothHalvesOfAnAddressCount() {
        assertThat(Hash.key(1, 2)).isNotEqualTo(Hash.key(2, 2)).isNotEqualTo(Hash.key(1, 3));
        assertThat(Hash.key(1, 2)).isNotEqualTo(Hash.key(2, 1));
    }

    /** About half of the bits change, whichever input bit is changed. */
    @Test
    void everyBitGivenChangesManyOfTheResult() {
        for (int bit = 0; bit < Long.SIZE; bit++) {
            long change = Hash.mixed(0x2001_0db8L) ^ Hash.mixed(0x2001_0db8L ^ 1L << bit);
            assertThat(Long.bitCount(change)).as("bit %s", bit).isBetween(12, 52);
        }
    }
}
