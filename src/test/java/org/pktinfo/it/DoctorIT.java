package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.Requires;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.Namespaces;

/** {@code doctor} on hosts of many kinds. */
class DoctorIT {
    private static List<String> doctor(Path java, String... options) {
        List<String> command =
                new ArrayList<>(List.of(java.toString(), "-jar", System.getProperty("server.jar"), "doctor"));
        command.addAll(Arrays.asList(options));
        return command;
    }

    private static ChildProcess run(String... options) throws Exception {
        return ChildProcess.run(doctor(ChildProcess.java(), options));
    }

    private static ChildProcess runIn(Namespaces hosts, String... options) throws Exception {
        return ChildProcess.run(
                hosts.inside("host", doctor(ChildProcess.java(), options).toArray(String[]::new)));
    }

    private static void assertRight(ChildProcess doctor) throws Exception {
        assertThat(doctor.exitCode()).as("%s", doctor).isZero();
        assertThat(doctor.err()).isEmpty();
        assertThat(doctor.out()).anyMatch(line -> line.startsWith("pktinfo: right, "));
    }

    private static List<String> row(ChildProcess doctor, String title, String asked) {
        List<String> lines =
                doctor.out().subList(doctor.out().indexOf(title), doctor.out().size());
        return lines.stream()
                .filter(line -> line.startsWith("  " + asked + " "))
                .findFirst()
                .map(line -> List.of(line.trim().split(" {2,}", -1)))
                .orElseThrow(() -> new AssertionError("no row " + asked + " below " + title + ": " + doctor));
    }

    @Test
    void theTableShowsTheWrongSourceWithoutAControlMessageAndTheRightOneOfPktinfo() throws Exception {
        ChildProcess doctor = run();
        assertRight(doctor);
        assertThat(doctor.out()).anyMatch(line -> line.startsWith("This kernel: "));
        assertThat(doctor.out()).anyMatch(line -> line.startsWith("descriptor sun.nio.ch."));
        assertThat(doctor.out())
                .anyMatch(line -> line.matches("socket options: (all \\d+|\\d+ of \\d+, not [A-Z_, ]+)"));
        assertThat(doctor.out())
                .anyMatch(line -> line.matches("send buffer \\d+ KiB of the 4096 that a server asks for.*"));
        assertThat(doctor.out()).anyMatch(line -> line.startsWith("libc "));
        assertThat(row(doctor, "IPv4 socket, IP_PKTINFO", "127.0.0.2"))
                .containsExactly("127.0.0.2", "=, if 1", "-", "127.0.0.1 !", "=", "127.0.0.1 !", "=", "=");
    }

    @Test
    void asJsonItIsOneObjectWithTheSameFacts() throws Exception {
        ChildProcess doctor = run("--json");
        assertThat(doctor.exitCode()).as("%s", doctor).isZero();
        Map<String, String> facts = new TreeMap<>();
        int depth = 0;
        try (JsonParser json = new JsonFactory().createParser(String.join("\n", doctor.out()))) {
            for (JsonToken token = json.nextToken(); token != null; token = json.nextToken()) {
                depth += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
                if (token.isScalarValue() && depth == 1) {
                    facts.put(json.currentName(), json.getText());
                }
            }
        }
        assertThat(facts.keySet())
                .containsExactly(
                        "addressesLeftOut", "behaviour", "descriptor", "hostAddressesToldBy", "right", "supported");
        assertThat(facts).containsEntry("right", "true").containsEntry("supported", "true");
        assertThat(doctor.out()).anyMatch(line -> line.contains("\"ipi_spec_dst\" : \"127.0.0.2\""));
        assertThat(doctor.out()).anyMatch(line -> line.matches(" *\"RECEIVE_TIME\" : true,"));
    }

    @Test
    void withAllEveryCombinationOfOptionsHasItsTable() throws Exception {
        ChildProcess doctor = run("--all");
        assertRight(doctor);
        assertThat(doctor.out())
                .contains(
                        "dual-stack socket, no option",
                        "dual-stack socket, IP_PKTINFO",
                        "dual-stack socket, IPV6_RECVPKTINFO",
                        "dual-stack socket, IP_PKTINFO and IPV6_RECVPKTINFO",
                        "IPv4 socket, no option",
                        "IPv4 socket, IPV6_RECVPKTINFO",
                        "  not available: setsockopt(IPV6_RECVPKTINFO): ENOPROTOOPT (92)",
                        "IPv6-only socket, IPV6_RECVPKTINFO");
        assertThat(row(doctor, "dual-stack socket, no option", "127.0.0.2"))
                .startsWith("127.0.0.2", "-", "-", "127.0.0.1 !", "=");
    }

    @Test
    void aHostWithManyAddressesIsAskedAtAllOfThemAndShownAtEightOfEachFamily() throws Exception {
        try (Namespaces hosts = new Namespaces()) {
            hosts.host("host");
            for (int i = 1; i <= 20; i++) {
                hosts.address("host", "lo", "10.1.0." + i + "/32", "fd00::" + i + "/128");
            }
            ChildProcess some = runIn(hosts);
            assertRight(some);
            // each on two sockets: 2 + 20 of IPv4, broadcast and a group, 1 + 20 of IPv6, whose group loopback lacks
            assertThat(some.out()).contains("pktinfo: right, 90 of 90 replies left from the address asked.");
            assertThat(some.out())
                    .anyMatch(line -> line.startsWith("24 further local addresses are not in the tables"));
            assertThat(row(some, "dual-stack socket, IP_PKTINFO and IPV6_RECVPKTINFO", "10.1.0.1"))
                    .startsWith("10.1.0.1", "=, if 1", "=, if 1", "127.0.0.1 !", "=");
            assertThat(some.out()).noneMatch(line -> line.startsWith("  10.1.0.9 "));
            ChildProcess all = runIn(hosts, "--all");
            assertRight(all);
            assertThat(all.out()).noneMatch(line -> line.contains("not in the tables"));
            assertThat(row(all, "IPv6-only socket, IPV6_RECVPKTINFO", "fd00::20"))
                    .containsExactly("fd00::20", "-", "=, if 1", "::1 !", "::1 !", "=", "=", "=", "=");
        }
    }

    @Test
    void nothingLeavesTheHost() throws Exception {
        Requires.tool("tcpdump");
        try (Namespaces hosts = new Namespaces()) {
            hosts.host("host");
            hosts.host("other");
            hosts.cable("host", "eth0", "other", "eth0");
            hosts.address("host", "eth0", "10.2.0.1/24", "fd02::1/64", "fe80::1/64");
            hosts.address("other", "eth0", "10.2.0.2/24", "fd02::2/64");
            try (ChildProcess capture = ChildProcess.start(hosts.inside(
                    "other", "tcpdump", "-i", "eth0", "-n", "-l", "--immediate-mode", "-U", "udp or igmp or icmp6"))) {
                capture.awaitErr(line -> line.contains("listening on eth0"));
                ChildProcess doctor = runIn(hosts, "--all");
                assertRight(doctor);
                assertThat(row(doctor, "IPv4 socket, IP_PKTINFO", "224.0.0.1"))
                        .as("the group was asked on the cable's interface")
                        .contains("=, local 10.2.0.1, if "
                                + hosts.in("host", "cat /sys/class/net/eth0/ifindex")
                                        .trim());
                ChildProcess marker =
                        ChildProcess.run(hosts.inside("host", "bash", "-c", "echo marker > /dev/udp/10.2.0.2/9"));
                assertThat(marker.exitCode()).as("%s", marker).isZero();
                capture.awaitOut(line -> line.contains("> 10.2.0.2.9: UDP"));
                assertThat(capture.out().stream().filter(line -> line.contains("UDP") || line.contains("igmp")))
                        .hasSize(1);
                assertThat(capture.out()).noneMatch(line -> line.contains("706b:7469:6e66"));
            }
        }
    }

    @Test
    void withoutIpv6WhatIsMissingIsNotAvailableAndNotWrong() throws Exception {
        try (Namespaces hosts = new Namespaces()) {
            hosts.host("host");
            hosts.in("host", "sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.lo.disable_ipv6=1");
            ChildProcess doctor = runIn(hosts);
            assertRight(doctor);
            assertWithoutIpv6(doctor);
        }
        ChildProcess told = ChildProcess.run(List.of(
                ChildProcess.java().toString(),
                "-Djava.net.preferIPv4Stack=true",
                "-jar",
                System.getProperty("server.jar"),
                "doctor"));
        assertWithoutIpv6(told);
    }

    private static void assertWithoutIpv6(ChildProcess doctor) throws Exception {
        assertRight(doctor);
        assertThat(doctor.out())
                .anyMatch(line -> line.startsWith("This kernel: there is no dual-stack socket here"))
                .containsSequence(
                        "IPv6-only socket, IPV6_RECVPKTINFO",
                        "  not available: IPv6 is not available: the host has none,"
                                + " or java.net.preferIPv4Stack is set");
        assertThat(row(doctor, "IPv4 socket, IP_PKTINFO", "127.0.0.2")).contains("127.0.0.1 !");
    }

    @Test
    void whereRepliesAreStoppedTheExitCodeIsOneAndEachAddressIsNamed() throws Exception {
        Requires.tool("nft");
        try (Namespaces hosts = new Namespaces()) {
            hosts.host("host");
            hosts.in("host", "nft add table ip filter");
            hosts.in("host", "nft add chain ip filter output { type filter hook output priority 0 ; }");
            hosts.in("host", "nft add rule ip filter output ip saddr 127.0.0.2 drop");
            ChildProcess doctor = runIn(hosts);
            assertThat(doctor.exitCode()).as("%s", doctor).isEqualTo(1);
            assertThat(doctor.out()).contains("pktinfo: WRONG, 2 of 10 replies did not leave from the address asked:");
            assertThat(doctor.out())
                    .anyMatch(line -> line.matches("  IPv4 socket, asked at 127\\.0\\.0\\.2: sendmsg: EPERM \\(1\\),"
                            + " source 127\\.0\\.0\\.2, .*"));
        }
    }

    @Test
    void whereNothingCanBeAskedNothingIsSaidToBeRight() throws Exception {
        try (Namespaces hosts = new Namespaces()) {
            hosts.host("host");
            hosts.in("host", "ip link set lo down");
            ChildProcess doctor = runIn(hosts);
            assertThat(doctor.exitCode()).as("%s", doctor).isEqualTo(1);
            assertThat(doctor.out()).contains("pktinfo: nothing could be asked here.");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "--json"})
    void withoutTheNativeLibraryTheReasonIsGivenAndTheExitCodeIsOne(String option) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                ChildProcess.java().toString(),
                "-Dpktinfo.library.path=/nonexistent/library.so",
                "-jar",
                System.getProperty("server.jar"),
                "doctor"));
        if (!option.isEmpty()) {
            command.add(option);
        }
        ChildProcess doctor = ChildProcess.run(command);
        assertThat(doctor.exitCode()).isEqualTo(1);
        assertThat(String.join("\n", doctor.out())).contains("/nonexistent/library.so");
    }

    @Test
    void anUnprivilegedUserGetsTheSameTable(@TempDir Path folder) throws Exception {
        Requires.root();
        Requires.tool("setpriv");
        Path jar = Files.copy(Path.of(System.getProperty("server.jar")), folder.resolve("server.jar"));
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
        Files.setPosixFilePermissions(jar, PosixFilePermissions.fromString("rw-r--r--"));
        ChildProcess doctor = ChildProcess.run(List.of(
                "setpriv",
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                "--bounding-set=-all",
                ChildProcess.java().toString(),
                "-jar",
                jar.toString(),
                "doctor"));
        assertRight(doctor);
        assertThat(doctor.out()).isEqualTo(run().out());
    }

    @Test
    void onJdk25ItPrintsNoWarning() throws Exception {
        assertRight(ChildProcess.run(doctor(Requires.jdk25())));
    }

    @Test
    void aBadArgumentIsExitCodeTwo() throws Exception {
        ChildProcess doctor = run("everything");
        assertThat(doctor.exitCode()).isEqualTo(2);
        assertThat(doctor.err()).hasSize(1);
        assertThat(doctor.err().get(0)).contains("'everything'");
    }
}
