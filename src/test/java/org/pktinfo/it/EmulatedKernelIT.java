package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.pktinfo.it.support.ArticleHosts.RESPONSE;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.Requires;
import org.pktinfo.it.support.Agent;
import org.pktinfo.it.support.ArticleHosts;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.EmulatedKernel;
import org.pktinfo.it.support.Opened;

/**
 * The library and the sample server on the article's kernels, whose rules a test build of the native library enforces.
 */
@Timeout(60)
class EmulatedKernelIT {
    private static final List<String> ALIASES = List.of(
            "192.168.122.31",
            "192.168.122.200",
            "192.168.122.201",
            "192.168.122.202",
            "fd00:122::31",
            "fd00:122::200",
            "fd00:122::201",
            "fd00:122::202");

    @RegisterExtension
    static final Opened OPENED = new Opened();

    private static ArticleHosts hosts;
    private static Agent client;

    @BeforeAll
    static void connectTwoMachines() throws IOException {
        hosts = new ArticleHosts(OPENED);
        hosts.namespaces.in("vm1", "sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0");
        hosts.namespaces.address("vm2", "lo", "10.77.0.1/32");
        client = OPENED.add(new Agent(hosts.namespaces, "vm2"));
    }

    /** Runs all but the tests that make load for seconds, whose subject is the same on every kernel. */
    @ParameterizedTest
    @EnumSource
    void theLoopbackTestsPass(EmulatedKernel kernel) throws Exception {
        OtherJvmIT.assertLoopbackTestsPass(kernel.java(), "-Dexcluded.tag=load");
    }

    /** Returns the server's output for one request to each alias. */
    private static List<String> printed(EmulatedKernel kernel) {
        List<String> lines = new ArrayList<>();
        for (String alias : ALIASES) {
            boolean ipv6 = alias.indexOf(':') >= 0;
            lines.add("received bytes len: 8");
            if (ipv6 || !kernel.isLegacy()) {
                lines.add("pktinfo6 True");
            }
            if (!ipv6) {
                lines.add("pktinfo4 True");
            }
            lines.add(ipv6 ? "Using in6_pktinfo" : "Using in_pktinfo");
        }
        return lines;
    }

    /** Returns netcat's output for one request to each alias; it accepts answers from there only, for a second. */
    private static List<String> netcat() throws Exception {
        String command = "for alias in " + String.join(" ", ALIASES)
                + "; do echo \"$alias $(echo command | nc -u -W 1 -w 1 $alias 8888)\"; done";
        return ChildProcess.run(hosts.namespaces.inside("vm2", "bash", "-c", command))
                .out();
    }

    @ParameterizedTest
    @EnumSource
    void theSampleServerAnswersEveryAliasAndSaysWhichPacketInformationCame(EmulatedKernel kernel) throws Exception {
        List<String> answers =
                ALIASES.stream().map(alias -> alias + " " + RESPONSE).toList();
        try (ChildProcess server = hosts.serve(kernel.java())) {
            assertThat(netcat()).isEqualTo(answers);
            List<String> lines = printed(kernel);
            server.awaitOut(lines.size());
            assertThat(server.out()).isEqualTo(lines);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aBroadcastAndAGroupAreAnsweredFromAUnicastAddress(EmulatedKernel kernel) throws Exception {
        try (ChildProcess server = hosts.serve(kernel.java(), "--join", "239.1.2.3", "--join", "ff15::9")) {
            for (String destination : List.of("192.168.122.255", "239.1.2.3")) {
                assertThat(ask(destination)).as("%s %s", destination, server).isEqualTo("192.168.122.31");
            }
            assertThat(ask("ff15::9%eth0")).as("%s", server).startsWith("fd00:122::");
        }
    }

    /** Sends a request from a socket that accepts answers from any address; returns the answer's source address. */
    private static String ask(String destination) throws Exception {
        assertThat(client.say("send " + destination + " 8888")).isEqualTo("sent");
        return client.say("await");
    }

    @ParameterizedTest
    @EnumSource
    void in6PktinfoFirstAnswersFromTheWrongAddressWhereOnlyHalfOfItIsImplemented(EmulatedKernel kernel)
            throws Exception {
        try (ChildProcess server = hosts.serve(kernel.java(), "--policy", "in6-first")) {
            for (String alias : ALIASES) {
                boolean wrong = kernel.isHalf() && alias.indexOf(':') < 0;
                assertThat(ask(alias)).as("%s", server).isEqualTo(wrong ? "192.168.122.31" : alias);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(mode = Mode.MATCH_NONE, names = ".*WITHOUT.*")
    void anAddressRemovedBeforeTheReplyIsAnUnusableSourceWhateverItsErrorNumber(EmulatedKernel kernel)
            throws Exception {
        String address = "192.168.122.203";
        hosts.namespaces.in("vm1", "ip addr replace " + address + "/24 dev eth0");
        try (Agent server = new Agent(hosts.namespaces, "vm1", kernel.java())) {
            assertThat(server.say("open DUAL_STACK 7000")).isEqualTo("open");
            assertThat(client.say("send " + address + " 7000")).isEqualTo("sent");
            assertThat(server.say("receive")).startsWith(address + " " + address + " eth0");
            hosts.namespaces.in("vm1", "ip addr del " + address + "/24 dev eth0");
            String errno = kernel.isModern() ? "ENETUNREACH (101)" : "EINVAL (22)";
            assertThat(server.say("reply asked"))
                    .startsWith("SOURCE_UNUSABLE sendmsg: " + errno + ", source " + address + ", peer 192.168.122.1:");
            hosts.namespaces.in("vm1", "ip addr replace " + address + "/24 dev eth0");
            assertThat(server.say("reply asked")).isEqualTo("sent");
            assertThat(client.say("await")).isEqualTo(address);
        }
    }

    /**
     * Sends a request to a socket that was bound to eth0 before or after it was handed to the library. Returns the
     * source address of the answer, or the kind of error. The peer can be answered only through the device: no route
     * leads there.
     */
    private static String askASocketBound(String when, EmulatedKernel kernel) throws Exception {
        Requires.tool("perl");
        List<String> command = new ArrayList<>(List.of("perl", "-e", BoundDeviceIT.HAND_OVER, "eth0", "7001", when));
        command.addAll(kernel.java());
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), BoundDeviceIT.Program.class.getName()));
        try (ChildProcess server = ChildProcess.start(hosts.namespaces.inside("vm1", command.toArray(String[]::new)));
                Agent far = new Agent(hosts.namespaces, "vm2")) {
            assertThat(far.say("bind 10.77.0.1")).isEqualTo("bound");
            server.awaitOut(line -> line.equals("ready"));
            if (when.equals("after")) {
                server.process().outputWriter().append("now\n").flush();
                server.awaitOut(line -> line.equals("bound"));
            }
            assertThat(far.say("send 192.168.122.202 7001")).isEqualTo("sent");
            assertThat(server.exitCode()).as("%s", server).isZero();
            String last = server.out().get(server.out().size() - 1);
            return last.equals("sent") ? far.say("await") : last;
        }
    }

    @ParameterizedTest
    @EnumSource(mode = Mode.MATCH_NONE, names = ".*WITHOUT.*")
    void aSocketThatIsBoundToADeviceAnswersByWayOfIt(EmulatedKernel kernel) throws Exception {
        assertThat(askASocketBound("before", kernel)).isEqualTo("192.168.122.202");
    }

    /** The library does not know of the binding, so it sends index 0, which old kernels take for any interface. */
    @ParameterizedTest
    @EnumSource(mode = Mode.MATCH_NONE, names = ".*WITHOUT.*")
    void aSocketBoundWhileItIsInUseAnswersByWayOfTheDeviceOnlyOnAModernKernel(EmulatedKernel kernel) throws Exception {
        assertThat(askASocketBound("after", kernel))
                .isEqualTo(kernel.isModern() ? "192.168.122.202" : "PEER_UNREACHABLE");
    }

    @Test
    void aKernelThatIsNotEmulatedStopsTheProcess() throws Exception {
        List<String> command = new ArrayList<>(EmulatedKernel.java("moderne"));
        command.addAll(List.of("-jar", System.getProperty("server.jar"), "0"));
        ChildProcess server = ChildProcess.run(command);
        assertThat(server.exitCode()).as("%s", server).isEqualTo(1);
        assertThat(server.err()).anyMatch(line -> line.contains("PKTINFO_EMULATE") && line.endsWith("'moderne'."));
    }

    private static boolean isEmulator(byte[] library) {
        return new String(library, StandardCharsets.ISO_8859_1).contains("PKTINFO_EMULATE");
    }

    @ParameterizedTest
    @ValueSource(strings = {"library.jar", "server.jar"})
    void aJarContainsTheReleasedLibraryAndNoEmulator(String jar) throws Exception {
        Path folder = Path.of(System.getProperty("native.library"));
        List<String> inJar = new ArrayList<>();
        try (ZipFile zip = new ZipFile(System.getProperty(jar))) {
            for (ZipEntry entry :
                    zip.stream().filter(each -> !each.isDirectory()).toList()) {
                byte[] bytes = zip.getInputStream(entry).readAllBytes();
                assertThat(isEmulator(bytes)).as("%s is the emulator", entry).isFalse();
                if (entry.getName().endsWith(".so")) {
                    inJar.add(entry.getName().replace("META-INF/lib/", ""));
                    assertThat(bytes).isEqualTo(Files.readAllBytes(folder.resolve(inJar.get(inJar.size() - 1))));
                }
            }
        }
        try (Stream<Path> built = Files.walk(folder).filter(Files::isRegularFile)) {
            assertThat(inJar)
                    .isNotEmpty()
                    .containsExactlyInAnyOrderElementsOf(
                            built.map(file -> folder.relativize(file).toString())
                                    .toList());
        }
        assertThat(isEmulator(Files.readAllBytes(Path.of(System.getProperty("emulated.library")))))
                .isTrue();
    }
}
