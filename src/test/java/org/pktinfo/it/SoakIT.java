package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.pktinfo.Requires;
import org.pktinfo.it.support.Agent;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.Jvm;
import org.pktinfo.it.support.Namespaces;
import org.pktinfo.it.support.Opened;

/**
 * Memory and descriptors of a server under load. The property {@code soak.minutes} is the duration, {@code soak.rate}
 * the number of requests a second.
 */
class SoakIT {
    private static final double LONG_MINUTES = 10;
    private static final double WARM_UP = 1.0 / 6; // of the time, until the JVM has compiled the hot code
    private static final long SLICE_MILLIS = 500;
    private static final String ADDRESSES = " 127.0.0.1 127.0.0.2 127.0.0.3 127.7.7.7 ::1";

    private static final List<String> PLAIN_KINDS = List.of("datagram", "channel", "selector");

    private record Sample(double hours, double mebibytes, long descriptors) {}

    /** The numbers of the server's own beans, after a collection. */
    private record Inside(long heapKibibytes, long outsideKibibytes, long threads) {}

    private final double minutes = Double.parseDouble(System.getProperty("soak.minutes", "0.3"));
    private final int rate = Integer.getInteger("soak.rate", 5000);

    @RegisterExtension
    final Opened opened = new Opened();

    private Namespaces hosts;
    private Agent server;
    private Agent client;
    private String tally;
    private Inside first; // at the end of the warm-up

    private void start(String... options) throws IOException {
        hosts = opened.add(new Namespaces());
        hosts.host("soak");
        // The heap has its full size from the beginning: growth is outside the heap.
        List<String> java =
                new ArrayList<>(List.of(ChildProcess.java().toString(), "-Xms32m", "-Xmx32m", "-XX:+AlwaysPreTouch"));
        java.addAll(List.of(options));
        server = opened.add(new Agent(hosts, "soak", java));
        client = opened.add(new Agent(hosts, "soak"));
    }

    private double mebibytes() throws IOException {
        try (Stream<String> lines = Files.lines(Path.of("/proc/" + server.pid() + "/status"))) {
            String kibibytes = lines.filter(line -> line.startsWith("VmRSS:"))
                    .findFirst()
                    .orElseThrow()
                    .replaceAll("\\D", "");
            return Long.parseLong(kibibytes) / 1024.0;
        }
    }

    private long descriptors() throws IOException {
        try (Stream<Path> open = Files.list(Path.of("/proc/" + server.pid() + "/fd"))) {
            return open.count();
        }
    }

    private Inside inside() throws Exception {
        String[] numbers = server.say("memory").split(" ", -1);
        return new Inside(Long.parseLong(numbers[0]), Long.parseLong(numbers[1]), Long.parseLong(numbers[2]));
    }

    private void assertFlat(Inside before, Inside after, String what) {
        String both = what + ", at first " + before + ", at last " + after;
        System.out.println(both);
        assertThat(after.heapKibibytes - before.heapKibibytes).as(both).isLessThan(1024);
        assertThat(after.outsideKibibytes).as(both).isLessThanOrEqualTo(before.outsideKibibytes);
        assertThat(after.threads).as(both).isLessThanOrEqualTo(before.threads);
    }

    /** Returns a sample after each slice of load, none during the warm-up. */
    private List<Sample> soak(double howLong, int leak, String addresses) throws Exception {
        List<Sample> samples = new ArrayList<>();
        first = null;
        long begin = System.nanoTime();
        double hours = 0;
        while (hours * 60 < howLong) {
            tally = client.say("storm 7001 " + SLICE_MILLIS + " " + rate + addresses);
            assertThat(tally).startsWith("requests ").contains(" wrong 0 malformed 0 unsent 0");
            if (leak > 0) {
                assertThat(server.say("keep " + leak)).isEqualTo("kept");
            }
            hours = (System.nanoTime() - begin) / 3.6e12;
            if (hours * 60 > Math.min(5, howLong * WARM_UP)) {
                first = first == null ? inside() : first;
                samples.add(new Sample(hours, mebibytes(), descriptors()));
            }
        }
        return samples;
    }

    /** Returns the slope of the regression line, in MiB per hour. */
    private static double growth(List<Sample> samples) {
        double meanHours = samples.stream().mapToDouble(Sample::hours).average().orElseThrow();
        double mean = samples.stream().mapToDouble(Sample::mebibytes).average().orElseThrow();
        double products = 0;
        double squares = 0;
        for (Sample sample : samples) {
            products += (sample.hours - meanHours) * (sample.mebibytes - mean);
            squares += (sample.hours - meanHours) * (sample.hours - meanHours);
        }
        return products / squares;
    }

    private static long mostDescriptors(List<Sample> samples) {
        return samples.stream().mapToLong(Sample::descriptors).max().orElseThrow();
    }

    private static double grown(List<Sample> samples) {
        return samples.get(samples.size() - 1).mebibytes - samples.get(0).mebibytes;
    }

    private void assertFlat(List<Sample> samples, String of, String stats) throws Exception {
        String what = String.format(
                "soak%s of %.1f minutes: %d samples, from %.2f to %.2f MiB, %.3f MiB per hour, at most %d descriptors,"
                        + " %s, %s",
                of,
                minutes,
                samples.size(),
                samples.get(0).mebibytes,
                samples.get(samples.size() - 1).mebibytes,
                growth(samples),
                mostDescriptors(samples),
                tally,
                stats);
        assertFlat(first, inside(), what);
        assertThat(mostDescriptors(samples)).as(what).isLessThanOrEqualTo(samples.get(0).descriptors);
        if (minutes >= LONG_MINUTES) {
            assertThat(growth(samples)).as(what).isLessThan(1);
        } else { // a slope over seconds means little
            assertThat(grown(samples)).as(what).isLessThan(4);
        }
    }

    @Test
    void neitherMemoryNorDescriptorsOfAServerUnderLoadGrow() throws Exception {
        start();
        assertThat(server.say("answer 7001 asked")).isEqualTo("open");
        List<Sample> samples = soak(minutes, 0, ADDRESSES);
        assertFlat(samples, "", server.say("stats"));
    }

    /** A peer is one of the client's sockets, and sends to changing addresses. */
    @Test
    void norDoThoseOfUnmodifiedServersUnderTheAgent() throws Exception {
        start(Jvm.agent("log=quiet"));
        StringBuilder addresses = new StringBuilder();
        for (String kind : PLAIN_KINDS) {
            int port = 7001 + PLAIN_KINDS.indexOf(kind);
            assertThat(server.say("answer-plainly " + kind + " " + port)).isEqualTo("open");
            addresses.append(ADDRESSES.replaceAll("(\\S+)", "$1#" + port));
        }
        List<Sample> samples = soak(minutes, 0, addresses.toString());
        assertFlat(samples, " under the agent", server.say("stats-of-plain"));
        assertThat(server.say("stats-of-plain")).matches("\\{replied=\\d+}");
        assertThat(Long.parseLong(server.say("bean Pinned"))).isPositive();
        assertThat(server.say("bean UnknownPeers")).isEqualTo("0");
    }

    @Test
    void tenThousandChannelsOpenedUsedAndClosedLeaveNeitherDescriptorsNorMemory() throws Exception {
        start();
        List<Sample> samples = new ArrayList<>();
        for (int i = 0; i < 15; i++) {
            assertThat(server.say("cycle 1000")).isEqualTo("done");
            first = i == 4 ? inside() : first;
            samples.add(new Sample(i, mebibytes(), descriptors()));
        }
        List<Sample> after = samples.subList(4, samples.size()); // the JVM has settled
        String what = "10 000 channels: " + after;
        assertFlat(first, inside(), what);
        assertThat(mostDescriptors(after)).as(what).isLessThanOrEqualTo(after.get(0).descriptors);
        assertThat(grown(after)).as(what).isLessThan(4);
    }

    /** Shows that the tests above can fail. */
    @Test
    void aLeakOfMemoryAndOneOfDescriptorsIsFound() throws Exception {
        start();
        assertThat(server.say("answer 7001 asked")).isEqualTo("open");
        List<Sample> samples = soak(0.1, 1 << 20, ADDRESSES);
        assertThat(grown(samples)).isGreaterThan(4);
        assertThat(growth(samples)).isGreaterThan(1);
        assertThat(mostDescriptors(samples)).isGreaterThan(samples.get(0).descriptors);
    }

    @BeforeEach
    void needsProc() {
        Requires.that(Files.isReadable(Path.of("/proc/self/status")), "/proc");
    }
}
