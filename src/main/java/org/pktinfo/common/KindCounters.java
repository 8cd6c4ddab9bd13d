package org.pktinfo.common;

import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.LongAdder;

/**
 * A counter for each kind of something. For any thread.
 *
 * @param <K> the kinds
 */
public final class KindCounters<K extends Enum<K>> {
    private final Class<K> type;
    private final Map<K, LongAdder> counters;

    /**
     * Makes counters that stand at 0.
     *
     * @param type of the kinds
     */
    public KindCounters(Class<K> type) {
        this.type = type;
        this.counters = new EnumMap<>(type);
        for (K kind : type.getEnumConstants()) {
            counters.put(kind, new LongAdder());
        }
    }

    /**
     * Counts one.
     *
     * @param kind of this kind
     */
    public void count(K kind) {
        Objects.requireNonNull(counters.get(kind), "there is one for each").increment();
    }

    /**
     * Returns what was counted so far.
     *
     * @return a new map, without the kinds of which there was none
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
