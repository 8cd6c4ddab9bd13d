package org.pktinfo.common;

import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.LongAdder;

/**
 * A counter for each constant of an enum. Thread-safe.
 *
 * @param <K> the enum
 */
public final class KindCounters<K extends Enum<K>> {
    private final Class<K> type;
    private final Map<K, LongAdder> counters;

    /**
     * Creates counters that are 0.
     *
     * @param type the class of the enum
     */
    public KindCounters(Class<K> type) {
        this.type = type;
        this.counters = new EnumMap<>(type);
        for (K kind : type.getEnumConstants()) {
            counters.put(kind, new LongAdder());
        }
    }

    /**
     * Increments a counter.
     *
     * @param kind the constant to be counted
     */
    public void count(K kind) {
        Objects.requireNonNull(counters.get(kind), "there is one for each").increment();
    }

    /**
     * Returns the counts so far.
     *
     * @return a new map, without the constants that have a count of 0
     */
    public Map<K, Long> snapshot() {
        Map<K, Long> counted = new EnumMap<>(type);
        counters.forEach((kind, counter) -> {
            long sum = counter.sum();
            if (sum > 0) {
                counted.put(kind, sum);
            }
        });
        return counted;
    }
}
