package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.pktinfo.doctor.Diagnosis.Behaviour;
import org.pktinfo.doctor.Doctor;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.KernelRows;

/** Every experiment on the kernel that runs the tests: a real kernel behaves as the table says of its kind. */
class KernelRowsIT {
    /** The three kinds of kernels, a column each, in the order of the table. */
    static final List<Behaviour> KINDS =
            List.of(Behaviour.BOTH_HONOURED, Behaviour.IN6_PKTINFO_IGNORED, Behaviour.ONLY_IN_PKTINFO);

    static List<String> resource(String name) {
        try (InputStream in = KernelRowsIT.class.getResourceAsStream("/kernels/" + name)) {
            return new String(Objects.requireNonNull(in, name).readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Runs all experiments and compares row by row; the result is written to the folder kernel.rows, to be kept if it
     * is right.
     */
    static void assertRows(Behaviour kind, String name, List<String> java) throws Exception {
        List<KernelRows.Experiment> all = KernelRows.all();
        Map<KernelRows.Experiment, String> expected =
                KernelRows.columns(resource("rows.tsv")).get(KINDS.indexOf(kind));
        try (KernelRows rows = new KernelRows(java)) {
            Map<KernelRows.Experiment, String> actual = rows.run(all, expected);
            keep(name, actual);
            assertThat(actual).containsExactlyEntriesOf(expected);
        }
    }

    private static void keep(String name, Map<KernelRows.Experiment, String> rows) throws IOException {
        String folder = System.getProperty("kernel.rows");
        if (folder != null) {
            List<String> lines = rows.entrySet().stream()
                    .map(row -> row.getKey() + "\t" + row.getValue())
                    .toList();
            Files.write(Files.createDirectories(Path.of(folder)).resolve(name + ".tsv"), lines);
        }
    }

    @Test
    void thisKernelDoesWhatTheTableSaysOfItsKind() throws Exception {
        Behaviour kind = Doctor.examine().behaviour();
        assertRows(kind, "this", List.of(ChildProcess.java().toString()));
    }

    /** The small table was measured by hand on real kernels: 6.18, 3.14.1 and 3.10.108, one for each kind. */
    @Test
    void theTableAgreesWithWhatWasMeasuredOnRealKernelsOfEachKind() {
        List<Map<KernelRows.Experiment, String>> table = KernelRows.columns(resource("rows.tsv"));
        List<Map<KernelRows.Experiment, String>> measured = KernelRows.columns(resource("measured.tsv"));
        assertThat(measured).hasSize(KINDS.size());
        for (int i = 0; i < KINDS.size(); i++) {
            assertThat(measured.get(i)).hasSizeGreaterThan(80);
            assertThat(table.get(i)).as("%s", KINDS.get(i)).containsAllEntriesOf(measured.get(i));
        }
    }
}
