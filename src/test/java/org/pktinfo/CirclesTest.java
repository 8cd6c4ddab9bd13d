package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Small graphs whose circles are known. */
class CirclesTest {
    @Test
    void layersHaveNoCircle() {
        assertThat(Circles.of(Map.of("a", Set.of("b", "c"), "b", Set.of("c"), "c", Set.of())))
                .isEmpty();
        assertThat(Circles.of(Map.of("a", Set.of("a", "unknown")))).isEmpty();
    }

    @Test
    void aCircleIsFoundWithoutThoseThatOnlyUseItOrAreUsedByIt() {
        Map<String, Set<String>> arrows = Map.of(
                "user", Set.of("a"), "a", Set.of("b"), "b", Set.of("c", "used"), "c", Set.of("a"), "used", Set.of());
        assertThat(Circles.of(arrows)).isEqualTo(List.of(new TreeSet<>(Set.of("a", "b", "c"))));
    }

    @Test
    void circlesThatShareANodeAreOneAndOthersAreApart() {
        Map<String, Set<String>> arrows = Map.of(
                "a", Set.of("b", "c"),
                "b", Set.of("a"),
                "c", Set.of("a", "x"),
                "x", Set.of("y"),
                "y", Set.of("x"));
        assertThat(Circles.of(arrows))
                .containsExactlyInAnyOrder(new TreeSet<>(Set.of("a", "b", "c")), new TreeSet<>(Set.of("x", "y")));
    }
}
