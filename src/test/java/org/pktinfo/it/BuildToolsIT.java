package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.Requires;
import org.pktinfo.it.support.ChildProcess;

/** The message of a build on a machine that lacks a tool that the native library is built with. */
class BuildToolsIT {
    /** Not a @TempDir: JUnit warns of every link that it deletes. */
    private Path folder;

    @BeforeEach
    void makeFolder() throws IOException {
        folder = Files.createTempDirectory("path");
    }

    @AfterEach
    void removeFolder() throws IOException {
        try (Stream<Path> links = Files.list(folder)) {
            for (Path link : links.toList()) {
                Files.delete(link);
            }
        }
        Files.delete(folder);
    }

    @ParameterizedTest
    @ValueSource(strings = {"cmake", "cc gcc clang", "make gmake"})
    void aMissingToolIsOneLineThatSaysWhatToInstall(String missing) throws Exception {
        assertThat(validateWithout(missing, "-Dunused"))
                .anyMatch(line ->
                        line.contains("apt-get install cmake gcc make") && line.contains("dnf install cmake gcc make"))
                .noneMatch(line -> line.contains("exec-maven-plugin"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"aarch64", "riscv64"})
    void aMissingCrossCompilerIsNamedWithItsPackageIfTheReleaseIsBuilt(String processor) throws Exception {
        Requires.tool(processor + "-linux-gnu-gcc");
        assertThat(validateWithout(processor + "-linux-gnu-gcc", "-Prelease"))
                .filteredOn(line -> line.contains("apt-get install"))
                .singleElement()
                .asString()
                .contains("needs " + processor + "-linux-gnu-gcc", "apt-get install gcc-" + processor + "-linux-gnu ");
    }

    /** Returns Maven's output as it fails. */
    private List<String> validateWithout(String missing, String option) throws Exception {
        Path path = pathWithout(Set.of(missing.split(" ", -1)));
        String mvn = Requires.tool("mvn").toString();
        ChildProcess build = ChildProcess.run(
                List.of(
                        mvn,
                        "-o",
                        "-q",
                        "-B",
                        option,
                        "-f",
                        Path.of("pom.xml").toAbsolutePath().toString(),
                        "-Dmaven.repo.local=" + System.getProperty("local.repository"),
                        "validate"),
                Map.of("PATH", path.toString(), "CC", ""));
        assertThat(build.exitCode()).as("%s", build).isEqualTo(1);
        return Stream.concat(build.out().stream(), build.err().stream()).toList();
    }

    private Path pathWithout(Set<String> missing) throws IOException {
        List<String> seen = new ArrayList<>();
        for (String part : System.getenv("PATH").split(":", -1)) {
            Path directory = Path.of(part);
            if (Files.isDirectory(directory)) {
                try (Stream<Path> programs = Files.list(directory)) {
                    for (Path program : programs.toList()) {
                        String name = program.getFileName().toString();
                        if (!missing.contains(name) && !seen.contains(name)) {
                            seen.add(name);
                            Files.createSymbolicLink(folder.resolve(name), program);
                        }
                    }
                }
            }
        }
        return folder;
    }
}
