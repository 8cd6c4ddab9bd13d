package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pktinfo.Requires;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.RunTests;

/** Systems for which the jar has no native library. */
class FallbackIT {
    private static void assertWorks(String... java) throws Exception {
        List<String> command = new ArrayList<>(List.of(java));
        command.addAll(List.of(
                "-Dpktinfo.library.path=/nonexistent/libpktinfo.so",
                "-Dpktinfo.fallback=plain",
                "-Djava.util.logging.SimpleFormatter.format=%5$s%n",
                "-cp",
                System.getProperty("java.class.path"),
                RunTests.class.getName(),
                FallbackCheck.class.getName()));
        ChildProcess child = ChildProcess.run(command);
        assertThat(child.exitCode()).as("%s", child).isZero();
        assertThat(child.err()).as("said once, whatever the number of channels").hasSize(1);
        assertThat(child.err().get(0))
                .startsWith("REPLIES LEAVE FROM ANY ADDRESS: ")
                .contains("/nonexistent/libpktinfo.so");
    }

    @Test
    void withTheFallbackAProgramRunsAndIsToldLoudlyOnceWhatItDoesWithout() throws Exception {
        assertWorks(ChildProcess.java().toString());
    }

    @Test
    void alsoOnJdk25() throws Exception {
        assertWorks(Requires.jdk25().toString(), "--enable-native-access=ALL-UNNAMED");
    }

    @ParameterizedTest
    @CsvSource({
        "os.arch=s390x, Linux on s390x",
        "os.name=FreeBSD, FreeBSD on amd64",
        "os.name=Mac OS X, Mac OS X on amd64"
    })
    void withoutItTheErrorNamesThePlatformThoseThatThereAreAndHowToGoOn(String property, String platform)
            throws Exception {
        ChildProcess child = ChildProcess.run(List.of(
                ChildProcess.java().toString(), "-D" + property, "-jar", System.getProperty("server.jar"), "0"));
        assertThat(child.exitCode()).as("%s", child).isEqualTo(1);
        assertThat(child.err()).hasSize(1);
        assertThat(child.err().get(0))
                .startsWith("pktinfo-server: no native library for " + platform + "; ")
                .containsPattern("the jar has the library for linux_\\w+")
                .contains("build your own", "-Dpktinfo.library.path", "-Dpktinfo.fallback=plain");
    }

    @Test
    void anotherValueOfThePropertyIsAnError() throws Exception {
        ChildProcess child = ChildProcess.run(List.of(
                ChildProcess.java().toString(),
                "-Dpktinfo.fallback=yes",
                "-jar",
                System.getProperty("server.jar"),
                "0"));
        assertThat(child.exitCode()).isEqualTo(1);
        assertThat(child.err())
                .containsExactly("pktinfo-server: -Dpktinfo.fallback=yes: must be \"plain\", or not be there");
    }
}
