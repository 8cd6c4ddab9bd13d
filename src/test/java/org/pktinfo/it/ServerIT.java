package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.Requires;
import org.pktinfo.it.support.ChildProcess;

/** The sample server as its user sees it: its jar, its output, its exit codes. */
class ServerIT {
    private static List<String> command(String java, String... arguments) {
        List<String> command = new ArrayList<>(List.of(java, "-jar", System.getProperty("server.jar")));
        command.addAll(Arrays.asList(arguments));
        return command;
    }

    private static ChildProcess run(String... arguments) throws IOException, InterruptedException {
        return ChildProcess.run(command(ChildProcess.java().toString(), arguments));
    }

    private static ChildProcess serve(String... arguments) throws IOException {
        return ChildProcess.start(command(ChildProcess.java().toString(), arguments));
    }

    private static int port(ChildProcess server) throws InterruptedException {
        String line = server.awaitErr(text -> text.startsWith("listening on "));
        String endpoint = line.split("[ ,]+", -1)[2];
        return Integer.parseInt(endpoint.substring(endpoint.lastIndexOf(':') + 1));
    }

    /** Sends text from an unconnected socket; returns the reply's source and text. */
    private static String ask(String destination, int port, String text) throws IOException {
        try (DatagramSocket client = new DatagramSocket()) {
            client.setSoTimeout(5000);
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            client.send(new DatagramPacket(bytes, bytes.length, InetAddress.getByName(destination), port));
            DatagramPacket reply = new DatagramPacket(new byte[2000], 2000);
            client.receive(reply);
            return reply.getAddress().getHostAddress() + " "
                    + new String(reply.getData(), 0, reply.getLength(), StandardCharsets.UTF_8);
        }
    }

    private static String askBroadcast(int port) throws IOException {
        try (DatagramSocket client = new DatagramSocket()) {
            client.setSoTimeout(5000);
            client.setBroadcast(true);
            client.send(new DatagramPacket(new byte[1], 1, InetAddress.getByName("127.255.255.255"), port));
            DatagramPacket reply = new DatagramPacket(new byte[100], 100);
            client.receive(reply);
            return reply.getAddress().getHostAddress() + " ";
        }
    }

    @Test
    void itPrintsTheArticlesLinesAndAnswersFromTheRequestDestination() throws Exception {
        try (ChildProcess server = serve("0")) {
            assertThat(ask("127.0.0.2", port(server), "command\n"))
                    .isEqualTo("127.0.0.2 This is PKT6INFO test server\n");
            server.awaitOut(line -> line.startsWith("Using "));
            assertThat(server.out())
                    .isIn(
                            List.of("received bytes len: 8", "pktinfo6 True", "pktinfo4 True", "Using in_pktinfo"),
                            List.of("received bytes len: 8", "pktinfo4 True", "Using in_pktinfo"));
        }
    }

    @Test
    void overIpv6ItUsesTheIn6Pktinfo() throws Exception {
        try (ChildProcess server = serve("--ipv6", "0")) {
            assertThat(ask("::1", port(server), "command\n")).startsWith("0:0:0:0:0:0:0:1 This is");
            server.awaitOut(line -> line.startsWith("Using "));
            assertThat(server.out()).containsExactly("received bytes len: 8", "pktinfo6 True", "Using in6_pktinfo");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "system, 127.0.0.1, ''",
        "pinned, 127.0.0.2, Using in_pktinfo",
        "fixed:127.0.0.3, 127.0.0.3, Using in_pktinfo",
        "asked, 127.0.0.2, Using in_pktinfo"
    })
    void aPolicyChoosesTheSource(String policy, String source, String using) throws Exception {
        try (ChildProcess server = serve("--policy", policy, "--ipv4", "0")) {
            assertThat(ask("127.0.0.2", port(server), "x")).startsWith(source + " ");
            server.terminate();
            assertThat(server.exitCode()).isZero();
            assertThat(server.out().stream()
                            .filter(line -> line.startsWith("Using"))
                            .toList())
                    .isEqualTo(using.isEmpty() ? List.of() : List.of(using));
        }
    }

    @Test
    void theResponseCanBeChosenOrBeTheRequestAndThePrintingLeftOut() throws Exception {
        try (ChildProcess server = serve("--response", "héllo", "--quiet", "0")) {
            assertThat(ask("127.0.0.2", port(server), "x")).isEqualTo("127.0.0.2 héllo");
            server.terminate();
            assertThat(server.exitCode()).isZero();
            assertThat(server.out()).isEmpty();
        }
        try (ChildProcess server = serve("--echo", "--bind", "127.0.0.5", "0")) {
            assertThat(ask("127.0.0.5", port(server), "again")).isEqualTo("127.0.0.5 again");
        }
    }

    @ParameterizedTest
    @CsvSource({"17, POSIX", "17, C.UTF-8", "25, POSIX", "25, C.UTF-8"})
    void whatIsNotAsciiIsAnsweredPrintedAndRunAsItWasTypedInEveryLocale(int jdk, String locale) throws Exception {
        String java = (jdk == 25 ? Requires.jdk25() : ChildProcess.java()).toString();
        List<String> command =
                command(java, "--response", "héllo €", "--drain", "0.1", "--on-drain", "echo wé; exit 3", "0");
        try (ChildProcess server = ChildProcess.start(command, Map.of("LC_ALL", locale))) {
            assertThat(ask("127.0.0.2", port(server), "x")).isEqualTo("127.0.0.2 héllo €");
            server.terminate();
            assertThat(server.exitCode()).as("%s", server).isZero();
            assertThat(server.out()).contains("wé");
            assertThat(server.err()).contains("--on-drain \"echo wé; exit 3\": exit code 3");
        }
        ChildProcess wrong = ChildProcess.run(command(java, "--policy", "gewählt", "0"), Map.of("LC_ALL", locale));
        assertThat(wrong.exitCode()).isEqualTo(2);
        assertThat(wrong.err()).hasSize(1).first().asString().contains("not \"gewählt\"");
    }

    @Test
    void anArgumentThatIsNotUtf8IsOneMessageAndExitCodeTwo() throws Exception {
        String java = ChildProcess.java() + " -jar " + System.getProperty("server.jar");
        for (String locale : List.of("POSIX", "C.UTF-8")) {
            ChildProcess child = ChildProcess.run(
                    List.of("sh", "-c", "exec " + java + " --response \"$(printf 'h\\351llo')\" 0"),
                    Map.of("LC_ALL", locale));
            assertThat(child.exitCode()).as("%s", child).isEqualTo(2);
            assertThat(child.err()).containsExactly("pktinfo-server: \"h\uFFFDllo\" is not UTF-8");
        }
    }

    @Test
    void anArgumentThatBeginsLikeAFileOfArgumentsIsAnsweredAsItIs(@TempDir Path folder) throws Exception {
        Path file = Files.writeString(folder.resolve("file"), "other");
        try (ChildProcess server = serve("--response", "@" + file, "0")) {
            assertThat(ask("127.0.0.2", port(server), "x")).isEqualTo("127.0.0.2 @" + file);
        }
    }

    @Test
    void toldToStopItRunsTheCommandGoesOnAnsweringAndEnds() throws Exception {
        try (ChildProcess server = serve("--quiet", "--drain", "1.5", "--on-drain", "echo withdrawn; exit 3", "0")) {
            int port = port(server);
            assertThat(ask("127.0.0.2", port, "x")).startsWith("127.0.0.2 ");
            long start = System.nanoTime();
            server.terminate();
            server.awaitOut(line -> line.equals("withdrawn"));
            server.awaitErr(line -> line.endsWith("exit 3\": exit code 3"));
            assertThat(ask("127.0.0.2", port, "x")).startsWith("127.0.0.2 ");
            assertThat(server.exitCode()).as("%s", server).isZero();
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThan(Duration.ofMillis(1500));
            assertThat(server.err())
                    .contains("draining for 1.5 s")
                    .endsWith("received 2, replied 2, failed 0, rate limited 0, dropped by the kernel 0");
        }
    }

    @Test
    void aCommandThatHangsIsKilledWhenTheTimeIsOver() throws Exception {
        try (ChildProcess server = serve("--quiet", "--drain", "0.3", "--on-drain", "sleep 100 & wait", "0")) {
            port(server);
            server.terminate();
            assertThat(server.exitCode()).as("%s", server).isZero();
            assertThat(server.err()).contains("--on-drain \"sleep 100 & wait\": killed after 0.3 s");
        }
    }

    @Test
    void pathMtuDiscoveryCanBeSwitchedOff() throws Exception {
        Requires.tool("strace");
        List<String> command = new ArrayList<>(List.of("strace", "-f", "-e", "trace=setsockopt"));
        command.addAll(command(ChildProcess.java().toString(), "--no-pmtu-discovery", "0"));
        try (ChildProcess server = ChildProcess.start(command)) {
            server.awaitErr(line -> line.contains("IP_MTU_DISCOVER, [0], 4) = 0"));
            assertThat(ask("127.0.0.2", port(server), "x")).startsWith("127.0.0.2 ");
        }
    }

    @Test
    void aReplyThatCannotBeSentIsOneLineAndTheNextIsTried() throws Exception {
        try (ChildProcess server = serve("--policy", "fixed:192.0.2.7", "0");
                DatagramSocket client = new DatagramSocket()) {
            int port = port(server);
            for (int i = 1; i <= 2; i++) {
                client.send(new DatagramPacket(new byte[1], 1, InetAddress.getByName("127.0.0.2"), port));
                server.awaitOut(4 * i);
            }
            assertThat(server.awaitErr(text -> text.startsWith("not answered")))
                    .contains("sendmsg: E", "source 192.0.2.7", "peer 127.0.0.1:" + client.getLocalPort());
            server.terminate();
            assertThat(server.exitCode()).isZero();
            assertThat(server.err())
                    .endsWith("received 2, replied 0, failed 2, rate limited 0, dropped by the kernel 0");
        }
    }

    @Test
    void severalWorkersAnswerAndTheStatisticsSaySo() throws Exception {
        try (ChildProcess server = serve("--workers", "3", "--batch", "4", "--stats", "1", "0")) {
            int port = port(server);
            for (int i = 1; i <= 20; i++) {
                assertThat(ask("127.0.0." + i, port, "x")).startsWith("127.0.0." + i + " ");
            }
            assertThat(askBroadcast(port)).startsWith("127.0.0.1 ");
            String line = server.awaitErr(text -> text.startsWith("received 23, replied 21"));
            assertThat(line)
                    .contains("rate limited 0", "dropped by the kernel 0", "batches ", "send errors {}")
                    .matches(".*; now \\d+\\.\\d datagrams/s, \\d+\\.\\d replies/s, 0\\.0 failed/s, 0\\.0 dropped/s");
        }
    }

    @Test
    void groupsOfBothFamiliesAreJoinedOnTheInterfaceNamed() throws Exception {
        try (ChildProcess server = serve("--join", "239.1.2.3@lo", "--join", "ff15::9@lo", "0")) {
            int port = port(server);
            try (DatagramSocket client = new DatagramSocket()) {
                client.setSoTimeout(5000);
                client.setOption(
                        java.net.StandardSocketOptions.IP_MULTICAST_IF, java.net.NetworkInterface.getByName("lo"));
                client.send(new DatagramPacket(new byte[1], 1, InetAddress.getByName("239.1.2.3"), port));
                DatagramPacket reply = new DatagramPacket(new byte[100], 100);
                client.receive(reply);
                assertThat(reply.getAddress().isMulticastAddress()).isFalse();
            }
        }
    }

    /** Sends one datagram that claims to come from another server, as any host on the path could send it. */
    private static void spoof(int from, int to) throws Exception {
        ChildProcess perl = ChildProcess.run(List.of("perl", "-e", """
                use Socket;
                my ($from, $to) = @ARGV;
                socket(my $raw, AF_INET, SOCK_RAW, 255) or die "raw socket: $!";
                my ($source, $target) = (inet_aton("127.0.0.1"), inet_aton("127.0.0.2"));
                my $udp = pack("nnnn", $from, $to, 8 + 5, 0) . "hello";
                my $ip = pack("CCnnnCCna4a4", 0x45, 0, 20 + length $udp, 0, 0, 64, 17, 0, $source, $target);
                send($raw, $ip . $udp, 0, sockaddr_in(0, $target)) or die "send: $!";
                """, String.valueOf(from), String.valueOf(to)));
        assertThat(perl.exitCode()).as("%s", perl).isZero();
    }

    @Test
    void oneSpoofedDatagramDoesNotSetTwoServersTalkingForEver() throws Exception {
        Requires.root();
        Requires.tool("perl");
        try (ChildProcess first = serve("0");
                ChildProcess second = serve("0")) {
            spoof(port(first), port(second));
            first.awaitOut(line -> line.startsWith("received bytes len: 29"));
            first.terminate();
            second.terminate();
            assertThat(first.exitCode()).isZero();
            assertThat(second.exitCode()).isZero();
            assertThat(second.err())
                    .endsWith("received 1, replied 1, failed 0, rate limited 0, dropped by the kernel 0");
            assertThat(first.err())
                    .endsWith("received 1, replied 0, failed 0, rate limited 0, dropped by the kernel 0");
        }
    }

    @Test
    void aPeerWithPortZeroIsCountedAndNotAnswered() throws Exception {
        Requires.root();
        Requires.tool("perl");
        try (ChildProcess server = serve("0")) {
            int port = port(server);
            spoof(0, port);
            spoof(port, port); // from 127.0.0.1 and the server's own port
            assertThat(ask("127.0.0.2", port, "x")).startsWith("127.0.0.2 ");
            server.awaitErr(line -> line.startsWith("not answered: nothing can be sent to port 0"));
            server.terminate();
            assertThat(server.exitCode()).isZero();
            assertThat(server.err())
                    .endsWith("received 3, replied 1, failed 1, rate limited 0, dropped by the kernel 0");
        }
    }

    @Test
    void twoEchoServersAreStoppedByTheRateLimit() throws Exception {
        Requires.root();
        Requires.tool("perl");
        try (ChildProcess first = serve("--echo", "--rate-limit", "50", "--quiet", "--stats", "1", "0");
                ChildProcess second = serve("--echo", "--rate-limit", "50", "--quiet", "0")) {
            spoof(port(first), port(second));
            String line = first.awaitErr(
                    text -> text.matches("received \\d\\d+, .*; now 0\\.0 datagrams/s, 0\\.0 replies/s.*"));
            second.terminate();
            assertThat(second.exitCode()).isZero();
            long replied = Long.parseLong(line.replaceAll(".*replied (\\d+).*", "$1"));
            assertThat(replied).as(line).isBetween(40L, 110L);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "x",
                "65536",
                "-1",
                "8888 9999",
                "--bind nowhere.invalid 0",
                "--bind 127.0.0.256 0",
                "--bind ::1 --ipv4 0",
                "--bind 127.0.0.1 --ipv6 0",
                "--policy none 0",
                "--policy fixed: 0",
                "--policy fixed:239.1.2.3 0",
                "--response a --echo 0",
                "--ipv4 --ipv6 0",
                "--workers 0 0",
                "--workers x 0",
                "--batch 1025 0",
                "--stats -1 0",
                "--rate-limit -1 0",
                "--spin -1 0",
                "--spin x 0",
                "--join 127.0.0.1 0",
                "--join 239.1.2.3@nosuch 0",
                "--nosuch 0"
            })
    void aBadArgumentIsOneMessageAndExitCodeTwo(String arguments) throws Exception {
        ChildProcess child = run(arguments.isEmpty() ? new String[0] : arguments.split(" ", -1));
        assertThat(child.exitCode()).as("%s", child).isEqualTo(2);
        assertThat(child.err()).as("%s", child).hasSize(1);
        assertThat(child.out()).isEmpty();
        String value = arguments
                .replaceAll(" 0$", "")
                .replaceAll("^.* ", "")
                .replaceAll("^--policy fixed:", "")
                .replaceAll("^.*@", "");
        assertThat(child.err().get(0)).startsWith("pktinfo-server: ").contains(value);
    }

    @Test
    void aPortInUseIsOneLineAndExitCodeOne() throws Exception {
        try (ChildProcess first = serve("0")) {
            String port = String.valueOf(port(first));
            ChildProcess second = run(port);
            assertThat(second.exitCode()).isEqualTo(1);
            assertThat(second.err()).hasSize(1);
            assertThat(second.err().get(0))
                    .startsWith("pktinfo-server: cannot bind")
                    .contains(port);
        }
    }

    @Test
    void helpAndVersionSayWhatTheyShould() throws Exception {
        ChildProcess help = run("--help");
        assertThat(help.exitCode()).isZero();
        assertThat(String.join("\n", help.out()))
                .contains(
                        "--bind",
                        "--policy",
                        "--response",
                        "--echo",
                        "--quiet",
                        "--ipv4",
                        "--ipv6",
                        "--workers",
                        "--batch",
                        "--join",
                        "--stats",
                        "--rate-limit",
                        "--spin",
                        "--no-coalescing",
                        "Exit codes");
        ChildProcess version = run("--version");
        assertThat(version.exitCode()).isZero();
        assertThat(version.err()).isEmpty();
        assertThat(version.out()).hasSize(7);
        assertThat(version.out().get(0)).matches("pktinfo \\d.*");
        assertThat(version.out().get(1)).contains(System.getProperty("java.runtime.version"));
        assertThat(version.out().get(2)).contains(System.getProperty("os.version"));
        assertThat(version.out().get(3)).contains(System.getProperty("os.arch"));
        assertThat(version.out().get(4)).matches("libc (glibc \\d+\\.\\d+|not glibc)");
        assertThat(version.out().get(5)).contains("out of the jar");
        assertThat(version.out().get(6)).matches("segmentation (on|off) .*");
    }

    @Test
    void onJdk25ItStartsWithoutAWarning() throws Exception {
        String java = Requires.jdk25().toString();
        try (ChildProcess server = ChildProcess.start(command(java, "0"))) {
            assertThat(ask("127.0.0.2", port(server), "x")).startsWith("127.0.0.2 ");
            assertThat(server.err()).hasSize(1);
        }
    }
}
