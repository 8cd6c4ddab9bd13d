package org.pktinfo;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Assumptions;

/**
 * The requirements of a test on its environment. Without them the test is skipped by name; with CI=true that is a
 * failure.
 */
public final class Requires {
    /** Debian's packages, if their names differ from the program's. */
    private static final Map<String, String> PACKAGES = Map.of(
            "dig", "dnsutils",
            "ip", "iproute2",
            "mvn", "maven",
            "nc", "netcat-openbsd",
            "nft", "nftables",
            "prlimit", "util-linux",
            "setpriv", "util-linux",
            "sysctl", "procps",
            "tc", "iproute2",
            "unshare", "util-linux");

    private Requires() {}

    public static void that(boolean present, String what) {
        if (!present && "true".equals(System.getenv("CI"))) {
            Assertions.fail("needs " + what + ", and with CI=true nothing is skipped");
        }
        Assumptions.assumeTrue(present, () -> "needs " + what);
    }

    public static void root() {
        that("root".equals(System.getProperty("user.name")), "to be run as root, for network namespaces");
    }

    /** Returns a program by its name, searched on the PATH. */
    public static Path tool(String name) {
        for (String folder : System.getenv("PATH").split(":", -1)) {
            Path file = Path.of(folder).resolve(name);
            if (Files.isExecutable(file)) {
                return file;
            }
        }
        that(false, "the program " + name + ": apt-get install " + debianPackage(name));
        throw new AssertionError("unreachable");
    }

    private static String debianPackage(String program) {
        return program.endsWith("-gcc")
                ? "gcc-" + program.replaceAll("-gcc$", "")
                : PACKAGES.getOrDefault(program, program);
    }

    /** Returns the java launcher of the JDK 25 that the property jdk25.home names, or that runs the tests. */
    public static Path jdk25() {
        String home = Objects.requireNonNullElse(System.getProperty("jdk25.home"), "");
        if (home.isEmpty() && Runtime.version().feature() >= 25) {
            home = System.getProperty("java.home");
        }
        Path java = Path.of(home, "bin", "java");
        that(!home.isEmpty() && Files.isExecutable(java), "a JDK 25: -Djdk25.home=/path/to/jdk-25");
        return java;
    }
}
