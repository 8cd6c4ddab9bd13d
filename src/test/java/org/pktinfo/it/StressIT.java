package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pktinfo.Requires;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.Stress;

/**
 * {@link Stress} for some seconds, on both JDKs and with both kinds of threads; and its detection of planted faults.
 */
class StressIT {
    private static final String SECONDS = System.getProperty("stress.seconds", "5");
    private static final String SEED = System.getProperty("stress.seed", "1");

    private static ChildProcess stress(String fault, List<String> command, String threads) throws Exception {
        List<String> whole = new ArrayList<>(command);
        whole.addAll(
                List.of("-cp", System.getProperty("java.class.path"), Stress.class.getName(), SECONDS, threads, SEED));
        Duration limit = Duration.ofSeconds(Long.parseLong(SECONDS) + 120);
        return ChildProcess.run(whole, Map.of("PKTINFO_PLANTED", fault), limit);
    }

    private static List<String> java(String jdk) {
        return jdk.equals("25")
                ? List.of(Requires.jdk25().toString(), "--enable-native-access=ALL-UNNAMED")
                : List.of(ChildProcess.java().toString());
    }

    @ParameterizedTest
    @CsvSource({"17, platform", "25, platform", "25, virtual"})
    void noForeignSocketIsTouchedEveryThreadEndsAndNothingIsLeaked(String jdk, String threads) throws Exception {
        ChildProcess child = stress("", java(jdk), threads);
        System.out.println("JDK " + jdk + ", " + threads + ": " + child.out());
        assertThat(child.exitCode()).as("%s, %s", child.out(), child).isZero();
        assertThat(child.err()).as("stderr").isEmpty();
    }

    /** Repeats a run that does not end: the fault may hit a descriptor of the JVM itself, which then waits for ever. */
    private static ChildProcess faulty(String fault, List<String> command) throws Exception {
        for (int tries = 3; ; tries--) {
            try {
                return stress(fault, command, "platform");
            } catch (AssertionError e) {
                if (tries == 1) {
                    throw e;
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"descriptor, ''", "signal, was not woken"})
    void aFaultIsSeen(String fault, String expected) throws Exception {
        Path library = Path.of(System.getProperty("checked.libraries"), "named/libpktinfo_planted.so");
        Requires.that(Files.exists(library), "the library with faults");
        ChildProcess child =
                faulty(fault, List.of(ChildProcess.java().toString(), "-Dpktinfo.library.path=" + library));
        assertThat(child.exitCode()).as("%s", child).isEqualTo(1);
        assertThat(child.out()).as("%s", child).anyMatch(line -> line.startsWith("WRONG: ") && line.contains(expected));
    }
}
