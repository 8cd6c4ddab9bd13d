package org.pktinfo.it.support;

import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;

/**
 * Records how each test ended, so that skipped tests are not taken for passed, in the file that the property {@code
 * outcomes.file} names: a line each with outcome, class, name and reason. As a program it sums such files up.
 */
public final class Outcomes implements TestExecutionListener {
    private static final String FILE = System.getProperty("outcomes.file", "");
    private static final String SKIPPED = "SKIPPED";

    private record Outcome(String status, String of, String name, String reason) {
        static Outcome parse(String line) {
            String[] fields = line.split("\t", -1);
            return new Outcome(fields[0], fields[1], fields[2], fields[3]);
        }

        String line() {
            return String.join("\t", status, of, name, reason);
        }
    }

    private final List<Outcome> outcomes = new CopyOnWriteArrayList<>();

    @Override
    public void executionSkipped(TestIdentifier test, String reason) {
        add(SKIPPED, test, reason);
    }

    @Override
    public void executionFinished(TestIdentifier test, TestExecutionResult result) {
        String reason = result.getThrowable().map(String::valueOf).orElse("");
        switch (result.getStatus()) {
            case ABORTED ->
                add(
                        SKIPPED,
                        test,
                        result.getThrowable().map(Throwable::getMessage).orElse("aborted"));
            case FAILED -> add("FAILED", test, reason);
            case SUCCESSFUL -> {
                if (test.isTest()) {
                    add("PASSED", test, "");
                }
            }
        }
    }

    private void add(String status, TestIdentifier test, String reason) {
        String of = test.getSource()
                .map(source -> source instanceof MethodSource method
                        ? method.getClassName()
                        : source instanceof ClassSource type ? type.getClassName() : source.toString())
                .orElse("");
        outcomes.add(new Outcome(status, of, oneLine(test.getDisplayName()), oneLine(reason)));
    }

    private static String oneLine(String text) {
        return text.replaceFirst("^Assumption failed: ", "").replaceAll("\\s+", " ");
    }

    @Override
    public void testPlanExecutionFinished(TestPlan plan) {
        if (FILE.isEmpty()) {
            print(outcomes, System.out);
            return;
        }
        try {
            Files.createDirectories(Path.of(FILE).toAbsolutePath().getParent());
            Files.write(Path.of(FILE), outcomes.stream().map(Outcome::line).toList());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void print(List<Outcome> outcomes, PrintStream out) {
        Map<String, Long> counts =
                outcomes.stream().collect(Collectors.groupingBy(Outcome::status, Collectors.counting()));
        out.println("tests: " + counts.getOrDefault("PASSED", 0L) + " passed, " + counts.getOrDefault("FAILED", 0L)
                + " failed, " + counts.getOrDefault(SKIPPED, 0L) + " skipped");
        Map<String, List<Outcome>> reasons = outcomes.stream()
                .filter(outcome -> outcome.status().equals(SKIPPED))
                .collect(Collectors.groupingBy(Outcome::reason));
        Comparator<Map.Entry<String, List<Outcome>>> mostFirst =
                Comparator.comparing(entry -> -entry.getValue().size());
        reasons.entrySet().stream().sorted(mostFirst).forEach(entry -> {
            String classes = entry.getValue().stream()
                    .map(outcome -> outcome.of().replaceAll(".*\\.", ""))
                    .distinct()
                    .sorted()
                    .collect(Collectors.joining(" "));
            out.printf("  not tested: %3d, %s (%s)%n", entry.getValue().size(), entry.getKey(), classes);
        });
    }

    /** Sums up the contents of those of the files that exist. */
    public static void main(String... files) {
        Function<Path, List<String>> lines = file -> {
            try {
                return Files.readAllLines(file);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        };
        print(
                Arrays.stream(files)
                        .map(Path::of)
                        .filter(Files::exists)
                        .map(lines)
                        .flatMap(List::stream)
                        .map(Outcome::parse)
                        .toList(),
                System.out);
    }
}
