package org.pktinfo.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The measurements of one cell. */
final class Results {
    /** The least share of its processor that a saturated server uses; below it, the server was waiting for the load. */
    static final double BUSY = 0.95;

    /** The counts of one variant under load for a fraction of a second. */
    record Slice(long requests, long wrong, long lost, long cpuNanos, long wallNanos, long allocated) {
        double nanosPerRequest() {
            return (double) cpuNanos / Math.max(1, requests);
        }

        double busy() {
            return (double) cpuNanos / wallNanos;
        }
    }

    /** The figures that do not change from slice to slice. */
    record Facts(double systemCalls, long sockets, long descriptors, long residentKilobytes, double p50, double p90) {}

    /** The lower, middle and upper value; quartiles, because the extremes are the machine's noise. */
    record Spread(double low, double median, double high) {
        static Spread of(List<Double> values) {
            double[] sorted =
                    values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
            return new Spread(at(sorted, 0.25), at(sorted, 0.5), at(sorted, 0.75));
        }

        private static double at(double[] sorted, double part) {
            if (sorted.length == 0) {
                return Double.NaN;
            }
            double place = part * (sorted.length - 1);
            int below = (int) place;
            int above = Math.min(below + 1, sorted.length - 1);
            return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
        }
    }

    final Cell cell;
    private final Map<String, List<Slice>> slices = new LinkedHashMap<>();
    final Map<String, Facts> facts = new LinkedHashMap<>();

    Results(Cell cell) {
        this.cell = cell;
        cell.variants().forEach(variant -> slices.put(variant, new ArrayList<>()));
    }

    void add(String variant, Slice slice) {
        slices.get(variant).add(slice);
    }

    List<Slice> slices(String variant) {
        return slices.get(variant);
    }

    double nanos(String variant) {
        return Spread.of(slices(variant).stream().map(Slice::nanosPerRequest).toList())
                .median();
    }

    /** Returns the cost of the other divided by that of ours, paired by round; above 1, ours is cheaper. */
    Spread ratio(String ours, String other) {
        List<Double> ratios = new ArrayList<>();
        for (int i = 0; i < slices(ours).size(); i++) {
            ratios.add(
                    slices(other).get(i).nanosPerRequest() / slices(ours).get(i).nanosPerRequest());
        }
        return Spread.of(ratios);
    }

    /** Returns by how many nanoseconds a request costs more with one than with the other, for each round. */
    List<Double> more(String one, String other) {
        List<Double> more = new ArrayList<>();
        for (int i = 0; i < slices(one).size(); i++) {
            more.add(slices(one).get(i).nanosPerRequest() - slices(other).get(i).nanosPerRequest());
        }
        return more;
    }

    /**
     * Returns what ours costs more with a feature than without, less what it costs the other server, as a share of ours
     * without it, for each round.
     */
    Spread ownPart(String oursWith, String ours, String otherWith, String other) {
        List<Double> all = more(oursWith, ours);
        List<Double> kernels = more(otherWith, other);
        List<Double> parts = new ArrayList<>();
        for (int i = 0; i < all.size(); i++) {
            parts.add((all.get(i) - kernels.get(i)) / slices(ours).get(i).nanosPerRequest());
        }
        return Spread.of(parts);
    }

    /** Returns true if the load kept the variant busy; otherwise its figures include sleeping and waking. */
    boolean isSaturated(String variant) {
        return Spread.of(slices(variant).stream().map(Slice::busy).toList()).median() >= BUSY;
    }

    double wrongShare(String variant) {
        long wrong = slices(variant).stream().mapToLong(Slice::wrong).sum();
        return (double) wrong / Math.max(1, requests(variant));
    }

    long requests(String variant) {
        return slices(variant).stream().mapToLong(Slice::requests).sum();
    }

    double lostShare(String variant) {
        long lost = slices(variant).stream().mapToLong(Slice::lost).sum();
        return (double) lost / Math.max(1, requests(variant) + lost);
    }

    double allocatedPerRequest(String variant) {
        // The least of all rounds: compilers allocate too.
        return Arrays.stream(slices(variant).stream()
                        .mapToDouble(slice -> (double) slice.allocated() / Math.max(1, slice.requests()))
                        .toArray())
                .min()
                .orElse(Double.NaN);
    }
}
