package org.pktinfo;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Assumptions;

/** What a test needs of its surroundings. Without it the test is skipped by name; with CI=true that is a failure. */
public final class Requires {
    private Requires() {}

    public static void that(boolean present, String what) {
        if (!present && "true".equals(System.getenv("CI"))) {
            Assertions.fail("needs " + what + ", and with CI=true nothing is skipped");
        }
        Assumptions.assumeTrue(present, () -> "needs " + what);
    }

    public static void root() {
        that("root".equals(System.getProperty("user.name")), "root, for network namespaces");
    }

    public static Path tool(String name) {
        for (String folder : System.getenv("PATH").split(":", -1)) {
            Path file = Path.of(folder, name);
            if (Files.isExecutable(file)) {
                return file;
            }
        }
        that(false, "the program " + name);
        throw new AssertionError("unreachable");
    }

    /** The java launcher of the JDK 25 that the property jdk25.home names. */
    public static Path jdk25() {
        String home = Objects.requireNonNullElse(System.getProperty("jdk25.home"), "");
        Path java = Path.of(home, "bin", "java");
        that(!home.isEmpty() && Files.isExecutable(java), "a JDK 25 in -Djdk25.home=...");
        return java;
    }
}
