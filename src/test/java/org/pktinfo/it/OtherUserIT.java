package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.pktinfo.Requires;
import org.pktinfo.internal.ExtractsAgain;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.Namespaces;

/** Two users on one host: the protection of one from the other, and the limits of an unprivileged one. */
class OtherUserIT {
    /** Attacks each folder that appears in all ways it can until it is stopped, and prints how often it succeeded. */
    private static final String ATTACKER = """
            use strict;
            $| = 1;
            my ($parent, $done, $tried, $got) = (shift, 0, 0, 0);
            $SIG{TERM} = sub { $done = 1 };
            print "ready\\n";
            until ($done) {
                opendir(my $all, $parent) or die "opendir: $!";
                for my $name (grep { /^pktinfo-/ } readdir $all) {
                    my $folder = "$parent/$name";
                    $tried++;
                    if (opendir(my $inside, $folder)) { $got++ }
                    if (open(my $file, ">", "$folder/libpktinfo.so")) { $got++ }
                    if (symlink("/etc/passwd", "$folder/libpktinfo.so")) { $got++ }
                    if (chmod(0777, $folder)) { $got++ }
                    if (rename($folder, "$parent/away-$tried")) { $got++; mkdir $folder, 0777; }
                    if (rmdir($folder)) { $got++; symlink("/tmp", $folder); }
                }
            }
            print "tried $tried got $got\\n";
            """;

    @TempDir
    private Path folder;

    @BeforeEach
    void makeAFolderThatEverybodyMayEnter() throws IOException {
        Requires.root();
        Requires.tool("setpriv");
        Requires.tool("perl");
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    /** Returns a command that runs as nobody, without any capability. */
    private static List<String> asNobody(String... command) {
        List<String> whole = new ArrayList<>(List.of(
                "setpriv",
                "--reuid",
                "65534",
                "--regid",
                "65534",
                "--clear-groups",
                "--no-new-privs",
                "--bounding-set=-all"));
        whole.addAll(Arrays.asList(command));
        return whole;
    }

    private Path open(String mode) throws Exception {
        Path open = Files.createDirectory(folder.resolve("open"));
        assertThat(ChildProcess.run(List.of("chmod", mode, open.toString())).exitCode())
                .isZero();
        return open;
    }

    /** Returns the attacker's output when it is stopped after the work. */
    private static String attack(Path where, List<String> work) throws Exception {
        try (ChildProcess attacker = ChildProcess.start(asNobody("perl", "-e", ATTACKER, where.toString()))) {
            attacker.awaitOut("ready"::equals);
            ChildProcess victim = ChildProcess.run(work);
            assertThat(victim.exitCode()).as("%s", victim).isZero();
            attacker.terminate();
            return attacker.awaitOut(line -> line.startsWith("tried"));
        }
    }

    /** The library is loaded from the same place 300 times while another user attacks the folder. */
    @Test
    void anotherUserNeverGetsBetweenExtractingAndLoading() throws Exception {
        Path open = open("1777");
        String java = ChildProcess.java().toString();
        String path = System.getProperty("java.class.path");
        String said = attack(open, List.of(java, "-cp", path, ExtractsAgain.class.getName(), open.toString(), "300"));
        assertThat(said).endsWith(" got 0").doesNotContain("tried 0 ");
        assertThat(open).isEmptyDirectory();
    }

    /** Without the sticky bit the same attacker succeeds, and the library is not extracted there. */
    @Test
    void whereOthersMayRenameTheAttackSucceedsAndTheLibraryIsNotExtracted() throws Exception {
        Path open = open("0777");
        String victim = "i=0; while [ -z \"$(ls " + open + " | grep away)\" ] && [ $i -lt 5000 ]; do mkdir -p -m 700 "
                + open + "/pktinfo-1; i=$((i+1)); done";
        assertThat(attack(open, List.of("sh", "-c", victim))).doesNotEndWith(" got 0");
        ChildProcess refused = ChildProcess.run(List.of(
                ChildProcess.java().toString(),
                "-Dpktinfo.tmpdir=" + open,
                "-cp",
                System.getProperty("java.class.path"),
                LoadingIT.Program.class.getName()));
        assertThat(refused.out()).contains("supported false");
        assertThat(String.join("\n", refused.out()))
                .contains(open.toRealPath() + " is open to others and not sticky (mode 777)");
    }

    private Path copy(String file) throws IOException {
        Path from = Path.of(file);
        Path copy = Files.copy(from, folder.resolve(from.getFileName()));
        Files.setPosixFilePermissions(copy, PosixFilePermissions.fromString("rw-r--r--"));
        return copy;
    }

    private List<String> nobodysServer(String... arguments) throws IOException {
        List<String> command = asNobody(
                ChildProcess.java().toString(),
                "-jar",
                copy(System.getProperty("server.jar")).toString());
        command.addAll(Arrays.asList(arguments));
        return command;
    }

    @Test
    void withoutAnyPrivilegeItServesAndTheDoctorFindsEverythingRight() throws Exception {
        List<String> command = nobodysServer("--join", "239.1.2.3@lo", "0");
        try (ChildProcess server = ChildProcess.start(command)) {
            String line = server.awaitErr(text -> text.startsWith("listening on "));
            String port = line.split("[ ,]+", -1)[2].replaceAll("^.*:", "");
            List<String> probe = new ArrayList<>(command.subList(0, command.indexOf("--join")));
            List<String> doctor = new ArrayList<>(probe);
            probe.addAll(List.of("probe", "127.0.0.2", port));
            doctor.add("doctor");
            ChildProcess probed = ChildProcess.run(probe);
            assertThat(probed.exitCode()).as("%s", probed).isZero();
            ChildProcess examined = ChildProcess.run(doctor);
            assertThat(examined.exitCode()).as("%s", examined).isZero();
        }
    }

    @Test
    void aPortThatNeedsACapabilityIsNamedWithIt() throws Exception {
        try (Namespaces hosts = new Namespaces()) {
            hosts.host("alone"); // a host with the default first unprivileged port
            ChildProcess server =
                    ChildProcess.run(hosts.inside("alone", nobodysServer("53").toArray(String[]::new)));
            assertThat(server.exitCode()).as("%s", server).isEqualTo(1);
            assertThat(server.err()).hasSize(1);
            assertThat(server.err().get(0))
                    .startsWith("pktinfo-server: cannot bind ")
                    .contains(":53: ", "port 53 needs CAP_NET_BIND_SERVICE", "every port below 1024");
        }
    }
}
