package org.pktinfo.common;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** The counts of each kind. */
class KindCountersTest {
    private enum Kind {
        NEVER,
        ONCE,
        TWICE {}
    }

    @Test
    void eachKindIsCountedAloneAndThoseOfWhichThereWasNoneAreLeftOut() {
        KindCounters<Kind> counters = new KindCounters<>(Kind.class);
        assertThat(counters.snapshot()).isEmpty();
        counters.count(Kind.TWICE);
        counters.count(Kind.ONCE);
        assertThat(counters.snapshot()).containsEntry(Kind.TWICE, 1L).hasSize(2);
        counters.count(Kind.TWICE);
        assertThat(counters.snapshot())
                .containsEntry(Kind.ONCE, 1L)
                .containsEntry(Kind.TWICE, 2L)
                .hasSize(2);
    }
}
