package org.pktinfo;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * Finds the nodes that depend on themselves by way of others (strongly connected components), in a graph of some
 * hundred nodes.
 */
final class Circles {
    private Circles() {}

    /**
     * Finds the circles of a graph.
     *
     * @param arrows from each node to those that it uses
     * @return circles of two nodes or more, each as large as possible
     */
    static List<SortedSet<String>> of(Map<String, Set<String>> arrows) {
        List<SortedSet<String>> circles = new ArrayList<>();
        Set<String> placed = new TreeSet<>();
        for (String node : arrows.keySet()) {
            if (!placed.contains(node)) {
                SortedSet<String> circle = new TreeSet<>();
                for (String other : reachable(arrows, node)) {
                    if (reachable(arrows, other).contains(node)) {
                        circle.add(other);
                    }
                }
                placed.addAll(circle);
                if (circle.size() > 1) {
                    circles.add(circle);
                }
            }
        }
        return circles;
    }

    /** Returns the nodes that the arrows lead to from a node: the node itself only if they come back to it. */
    private static Set<String> reachable(Map<String, Set<String>> arrows, String from) {
        Set<String> reached = new TreeSet<>();
        Deque<String> waiting = new ArrayDeque<>(arrows.getOrDefault(from, Set.of()));
        while (!waiting.isEmpty()) {
            String node = waiting.remove();
            if (reached.add(node)) {
                waiting.addAll(arrows.getOrDefault(node, Set.of()));
            }
        }
        return reached;
    }
}
