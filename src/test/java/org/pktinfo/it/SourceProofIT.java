package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.EmulatedKernel;
import org.pktinfo.it.support.Namespaces;

/**
 * The proof that the kernel sends from the source address given to it, made before a channel is open. A kernel that
 * does not is emulated.
 */
@Timeout(60)
class SourceProofIT {
    /** Opens a channel of each kind in each way, and prints the outcome. */
    static final class Program {
        private interface Opening {
            AutoCloseable run() throws Exception;
        }

        public static void main(String[] arguments) throws Exception {
            for (PktInfoChannel.Family family : PktInfoChannel.Family.values()) {
                say(family.name(), () -> PktInfoChannel.open(family));
            }
            say("wrap", () -> PktInfoChannel.wrap(java.nio.channels.DatagramChannel.open()));
            say("socket", () -> new org.pktinfo.socket.PktInfoDatagramSocket(0));
            say("server", () -> org.pktinfo.server.DatagramServer.builder().start(request -> {}));
            say("netty", () -> {
                new org.pktinfo.netty.PktInfoDatagramChannel();
                return () -> {};
            });
            System.exit(0);
        }

        private static void say(String what, Opening opening) {
            try {
                opening.run().close();
                System.out.println(what + " open");
            } catch (Exception | UnsatisfiedLinkError e) {
                System.out.println(what + " " + e);
            }
        }
    }

    private static final List<String> OPENINGS =
            List.of("DUAL_STACK", "IPV4", "IPV6", "wrap", "socket", "server", "netty");

    private static List<String> deaf(String... rest) {
        List<String> command = new ArrayList<>(EmulatedKernel.java("deaf"));
        command.addAll(Arrays.asList(rest));
        return command;
    }

    private static ChildProcess run(List<String> java, String... options) throws Exception {
        List<String> command = new ArrayList<>(java);
        command.addAll(Arrays.asList(options));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Program.class.getName()));
        return ChildProcess.run(command);
    }

    private static void assertAllOpen(ChildProcess child) {
        assertThat(child.out())
                .as("%s", child)
                .containsExactlyElementsOf(
                        OPENINGS.stream().map(what -> what + " open").toList());
    }

    @Test
    void aKernelThatIgnoresTheSourceIsRefusedByNameWhateverIsOpened() throws Exception {
        ChildProcess child = run(deaf());
        assertThat(child.out()).as("%s", child).hasSize(OPENINGS.size());
        for (int i = 0; i < OPENINGS.size(); i++) {
            assertThat(child.out().get(i))
                    .startsWith(OPENINGS.get(i) + " ")
                    .contains(
                            "this kernel (Linux " + System.getProperty("os.version") + ")", "-Dpktinfo.unproven=allow");
        }
    }

    @Test
    void whoAllowsItGoesOnAndIsWarnedOnce() throws Exception {
        ChildProcess child = run(deaf("-Dpktinfo.unproven=allow"));
        assertAllOpen(child);
        assertThat(child.err().stream().filter(line -> line.contains("takes the source of a datagram and ignores it")))
                .hasSize(1);
    }

    @Test
    void aKernelThatHonoursItIsNotEvenMentioned() throws Exception {
        ChildProcess child = run(List.of(ChildProcess.java().toString()));
        assertAllOpen(child);
        assertThat(child.err()).noneMatch(line -> line.contains("source"));
    }

    @Test
    void anotherValueThanAllowIsNamed() throws Exception {
        ChildProcess child = run(List.of(ChildProcess.java().toString()), "-Dpktinfo.unproven=yes");
        assertThat(child.out())
                .as("%s", child)
                .hasSize(OPENINGS.size())
                .allMatch(line -> line.contains("-Dpktinfo.unproven=yes: must be \"allow\""));
    }

    @Test
    void theDoctorSaysSo() throws Exception {
        ChildProcess doctor = ChildProcess.run(deaf("-jar", System.getProperty("server.jar"), "doctor"));
        assertThat(doctor.exitCode()).isEqualTo(1);
        assertThat(doctor.out())
                .anyMatch(
                        line -> line.startsWith("the source of what is sent: IPv4 socket IGNORED, IPv6 socket IGNORED"))
                .anyMatch(line -> line.startsWith("pktinfo: WRONG"));
    }

    @Test
    void theSampleServerSaysItAndEndsWithOne() throws Exception {
        ChildProcess server = ChildProcess.run(deaf("-jar", System.getProperty("server.jar"), "0"));
        assertThat(server.exitCode()).as("%s", server).isEqualTo(1);
        assertThat(server.err())
                .anyMatch(line -> line.contains("ignores it, so that replies leave from another address"));
    }

    /** Without loopback or IPv6 the proof cannot be made, and opening succeeds. */
    @ParameterizedTest
    @ValueSource(strings = {"ip link set lo down", "sysctl -qw net.ipv6.conf.all.disable_ipv6=1"})
    void whatCannotBeToldIsNoReasonNotToOpen(String change) throws Exception {
        try (Namespaces hosts = new Namespaces()) {
            hosts.host("host");
            hosts.in("host", change);
            ChildProcess child = run(hosts.inside("host", ChildProcess.java().toString()));
            assertThat(child.out()).as("%s", child).hasSize(OPENINGS.size());
            assertThat(child.out().stream().filter(line -> !line.startsWith("IPV6 "))) // the JDK has none there
                    .allMatch(line -> line.endsWith(" open"));
            ChildProcess doctor = ChildProcess.run(hosts.inside(
                    "host", ChildProcess.java().toString(), "-jar", System.getProperty("server.jar"), "doctor"));
            assertThat(doctor.out())
                    .as("%s", doctor)
                    .anyMatch(line -> line.startsWith("the source of what is sent: ") && line.contains("not tested"));
        }
    }

    /** The proof also holds where a foreign address may be a source. */
    @Test
    void withNonlocalBindItIsProvenToo() throws Exception {
        try (Namespaces hosts = new Namespaces()) {
            hosts.host("host");
            hosts.in("host", "sysctl -qw net.ipv4.ip_nonlocal_bind=1 net.ipv6.ip_nonlocal_bind=1");
            assertAllOpen(run(hosts.inside("host", ChildProcess.java().toString())));
            ChildProcess doctor = ChildProcess.run(hosts.inside(
                    "host", ChildProcess.java().toString(), "-jar", System.getProperty("server.jar"), "doctor"));
            assertThat(doctor.out())
                    .as("%s", doctor)
                    .contains("the source of what is sent: IPv4 socket honoured, IPv6 socket honoured,"
                            + " IPv4 on a dual-stack socket honoured");
        }
    }
}
