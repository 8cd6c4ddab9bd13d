package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.Requires;
import org.pktinfo.it.support.ChildProcess;

/**
 * The sample server as user nobody, on a file system that is read-only throughout, with only the system calls of
 * docs/confinement.md.
 */
class ConfinedIT {
    private static final int KILLED_BY_SIGSYS = 128 + 31;

    /** Mounts everything read-only. The user nobody cannot write to the mounts that cannot be changed, such as proc. */
    private static final String READ_ONLY = """
            cut -d' ' -f2 /proc/self/mounts | while read -r mount; do
                mount -o remount,bind,ro "$mount" 2>/dev/null || true
            done
            exec "$@"
            """;

    @TempDir
    private Path folder;

    @BeforeEach
    void makeAFolderThatNobodyMayRead() throws IOException {
        Requires.root();
        Requires.tool("setpriv");
        Requires.tool("unshare");
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private static Set<String> documentedCalls() throws IOException {
        Set<String> calls = new TreeSet<>();
        boolean inside = false;
        for (String line : Files.readAllLines(Path.of("docs/confinement.md"))) {
            if (line.startsWith("```")) {
                inside = line.equals("```calls");
            } else if (inside) {
                calls.addAll(Arrays.asList(line.split(" ", -1)));
            }
        }
        assertThat(calls).hasSizeGreaterThan(50);
        return calls;
    }

    /** Returns a launcher that allows these calls; calls that this processor does not have are omitted. */
    private Path launcher(Set<String> calls) throws Exception {
        Files.writeString(
                folder.resolve("calls.h"),
                calls.stream()
                        .map(call -> "#ifdef SYS_" + call + "\nSYS_" + call + ",\n#endif\n")
                        .collect(Collectors.joining()));
        Path launcher = folder.resolve("confine");
        ChildProcess gcc = ChildProcess.run(List.of(
                "gcc",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-I",
                folder.toString(),
                "src/test/confined/confine.c",
                "-o",
                launcher.toString()));
        assertThat(gcc.exitCode()).as("%s", gcc).isZero();
        return launcher;
    }

    private Path readable(Path file) throws IOException {
        Path copy = Files.copy(file, folder.resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
        Files.setPosixFilePermissions(copy, PosixFilePermissions.fromString("rw-r--r--"));
        return copy;
    }

    private static List<String> asNobody(String... command) {
        List<String> whole = new ArrayList<>(List.of("unshare", "--mount", "sh", "-c", READ_ONLY, "sh"));
        whole.addAll(
                List.of("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--bounding-set=-all"));
        whole.addAll(Arrays.asList(command));
        return whole;
    }

    private ChildProcess serve(Path java, Set<String> calls) throws Exception {
        Path library;
        try (Stream<Path> files = Files.walk(Path.of(System.getProperty("native.library")))) {
            library = readable(files.filter(file -> file.endsWith("libpktinfo.so"))
                    .findFirst()
                    .orElseThrow());
        }
        return ChildProcess.start(asNobody(
                launcher(calls).toString(),
                java.toString(),
                "-XX:-UsePerfData",
                "-Dpktinfo.library.path=" + library,
                "-jar",
                readable(Path.of(System.getProperty("server.jar"))).toString(),
                "--workers",
                "2",
                "--join",
                "239.1.2.3@lo",
                "--stats",
                "1",
                "0"));
    }

    private static int port(ChildProcess server) throws InterruptedException {
        String line = server.awaitErr(text -> text.startsWith("listening on "));
        return Integer.parseInt(line.split("[ ,]+", -1)[2].replaceAll("^.*:", ""));
    }

    @ParameterizedTest
    @ValueSource(ints = {17, 25})
    void theServerNeedsNoFolderToWriteToAndNoOtherSystemCall(int jdk) throws Exception {
        Path java = jdk == 25 ? Requires.jdk25() : ChildProcess.java();
        try (ChildProcess server = serve(java, documentedCalls())) {
            int port = port(server);
            for (int i = 1; i <= 200; i++) { // each from a port of its own
                try (DatagramSocket client = new DatagramSocket()) {
                    client.setSoTimeout(5000);
                    client.send(new DatagramPacket(new byte[3], 3, InetAddress.getByName("127.0.0." + i), port));
                    DatagramPacket reply = new DatagramPacket(new byte[100], 100);
                    client.receive(reply);
                    assertThat(reply.getAddress().getHostAddress()).isEqualTo("127.0.0." + i);
                }
            }
            server.terminate();
            assertThat(server.exitCode()).as("%s", server).isZero();
            assertThat(server.err())
                    .endsWith("received 200, replied 200, failed 0, rate limited 0, dropped by the kernel 0");
        }
    }

    /** A missing call shows that the filter is in effect, and an attempt to write shows that writing is refused. */
    @Test
    void aCallThatIsNotOnTheListEndsTheServerAndAFileCannotBeMade() throws Exception {
        Set<String> calls = documentedCalls();
        calls.removeAll(Set.of("sendmsg", "sendmmsg"));
        try (ChildProcess server = serve(ChildProcess.java(), calls)) { // it proves the source before it listens
            assertThat(server.exitCode()).as("%s", server).isEqualTo(KILLED_BY_SIGSYS);
        }
        for (String each : new String[] {"/tmp", "/var/tmp", "/dev/shm", "/run", folder.toString()}) {
            ChildProcess touch = ChildProcess.run(asNobody("touch", each + "/pktinfo-it-written"));
            assertThat(touch.exitCode()).as("%s", touch).isEqualTo(1);
        }
    }
}
