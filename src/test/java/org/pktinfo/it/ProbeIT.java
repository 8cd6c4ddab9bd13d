package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pktinfo.it.support.ChildProcess;

/** {@code probe}, as a health check sees it. */
class ProbeIT {
    private static List<String> command(String... arguments) {
        List<String> command =
                new ArrayList<>(List.of(ChildProcess.java().toString(), "-jar", System.getProperty("server.jar")));
        command.addAll(Arrays.asList(arguments));
        return command;
    }

    private static ChildProcess probe(String arguments) throws Exception {
        List<String> command = new ArrayList<>(command("probe"));
        command.addAll(List.of(arguments.split(" ", -1)));
        return ChildProcess.run(command);
    }

    private static int port(ChildProcess server) throws InterruptedException {
        String line = server.awaitErr(text -> text.startsWith("listening on "));
        return Integer.parseInt(line.replaceAll(".*:(\\d+),.*", "$1"));
    }

    @ParameterizedTest
    @CsvSource({"127.0.0.2, 127.0.0.2", "::1, [::1]", "localhost, 127.0.0.1"})
    void anAnswerFromTheRequestDestinationIsExitCodeZero(String host, String shown) throws Exception {
        try (ChildProcess server = ChildProcess.start(command("--quiet", "0"))) {
            int port = port(server);
            ChildProcess probe = probe(host + " " + port);
            assertThat(probe.exitCode()).as("%s", probe).isZero();
            assertThat(probe.err()).isEmpty();
            assertThat(probe.out()).hasSize(1);
            assertThat(probe.out().get(0)).startsWith(shown + ":" + port + " answered from there, 29 bytes, ");
        }
    }

    @Test
    void anAnswerFromAnotherAddressIsExitCodeOneAndNamesIt() throws Exception {
        try (ChildProcess server = ChildProcess.start(command("--quiet", "--policy", "system", "0"))) {
            int port = port(server);
            ChildProcess probe = probe("127.0.0.2 " + port);
            assertThat(probe.exitCode()).isEqualTo(1);
            assertThat(probe.out()).isEmpty();
            assertThat(probe.err()).containsExactly("127.0.0.2:" + port + " WRONG: answered from 127.0.0.1:" + port);
        }
    }

    @Test
    void anAnswerFromAnotherPortIsWrongToo() throws Exception {
        try (DatagramSocket server = new DatagramSocket(new InetSocketAddress("127.0.0.1", 0));
                DatagramSocket other = new DatagramSocket(new InetSocketAddress("127.0.0.1", 0))) {
            server.setSoTimeout(60_000);
            CompletableFuture<Void> answering = CompletableFuture.runAsync(() -> {
                try {
                    DatagramPacket packet = new DatagramPacket(new byte[100], 100);
                    server.receive(packet);
                    other.send(packet);
                } catch (java.io.IOException e) {
                    throw new java.io.UncheckedIOException(e);
                }
            });
            ChildProcess probe = probe("127.0.0.1 " + server.getLocalPort());
            answering.join();
            assertThat(probe.exitCode()).isEqualTo(1);
            assertThat(probe.err().get(0)).endsWith("WRONG: answered from 127.0.0.1:" + other.getLocalPort());
        }
    }

    @Test
    void silenceIsExitCodeOneWhenTheTimeIsOver() throws Exception {
        try (DatagramSocket silent = new DatagramSocket(new InetSocketAddress("127.0.0.1", 0))) {
            ChildProcess probe = probe("--timeout 0.2 127.0.0.1 " + silent.getLocalPort());
            assertThat(probe.exitCode()).isEqualTo(1);
            assertThat(probe.err())
                    .containsExactly("127.0.0.1:" + silent.getLocalPort() + " did not answer within 0.2 s");
        }
    }

    /** Starts the probe as a health check does. */
    private static ChildProcess watch(int port, String from, String onUp, String onDown) throws Exception {
        String options = "probe --every 0.02 --timeout 1 --rise 2 --from " + from;
        List<String> arguments = new ArrayList<>(List.of(options.split(" ", -1)));
        arguments.addAll(List.of("--on-up", onUp, "--on-down", onDown, "127.0.0.2", String.valueOf(port)));
        return ChildProcess.start(command(arguments.toArray(String[]::new)));
    }

    private static ChildProcess watch(int port) throws Exception {
        return watch(port, "127.0.0.7", "echo announce", "echo withdraw");
    }

    /** Answers the given number of requests through {@code from}; if that is not the server, the answers are wrong. */
    private static void serve(DatagramSocket server, DatagramSocket from, int times) throws Exception {
        DatagramPacket packet = new DatagramPacket(new byte[100], 100);
        for (int i = 0; i < times; i++) {
            server.receive(packet);
            from.send(packet);
        }
    }

    @Test
    void everySoOftenItTellsByCommandsWhatManyInARowSay() throws Exception {
        try (DatagramSocket server = new DatagramSocket(new InetSocketAddress("127.0.0.2", 0));
                DatagramSocket other = new DatagramSocket(new InetSocketAddress("127.0.0.1", 0));
                ChildProcess probe = watch(server.getLocalPort())) {
            server.setSoTimeout(60_000);
            String asked = "127.0.0.2:" + server.getLocalPort();
            String wrong = asked + " WRONG: answered from 127.0.0.1:" + other.getLocalPort();
            serve(server, other, 2);
            serve(server, server, 1); // two wrong answers are not down, one right answer is not up
            serve(server, other, 3);
            assertThat(probe.awaitOut(2)).isEqualTo("withdraw");
            serve(server, server, 2);
            probe.awaitOut(line -> line.equals("announce"));
            serve(server, other, 2);
            serve(server, server, 4);
            serve(server, other, 3);
            assertThat(probe.awaitOut(6)).isEqualTo("withdraw");
            assertThat(probe.out().get(0)).isEqualTo("down: " + wrong);
            assertThat(probe.out().get(2)).startsWith("up: " + asked + " answered from there, ");
            assertThat(probe.out().get(3)).isEqualTo("announce");
            assertThat(probe.out().get(4)).isEqualTo("down: " + wrong);
            probe.terminate();
            assertThat(probe.exitCode()).as("%s", probe).isZero();
            assertThat(probe.out()).hasSize(6); // it was down already
            assertThat(probe.err()).isEmpty();
        }
    }

    @Test
    void stoppedWhileUpItSaysDownAndAFailureOfThatIsExitCodeOne() throws Exception {
        try (ChildProcess server = ChildProcess.start(command("--quiet", "0"))) {
            for (int wanted : new int[] {0, 1}) {
                try (ChildProcess probe =
                        watch(port(server), "127.0.0.7", "echo announce", "echo stopped; exit " + wanted)) {
                    probe.awaitOut(line -> line.equals("announce"));
                    probe.terminate();
                    assertThat(probe.exitCode()).as("%s", probe).isEqualTo(wanted);
                    assertThat(probe.out()).endsWith("stopped");
                }
            }
        }
    }

    @Test
    void aCommandThatFailsIsRunAgainUntilItSucceeds(@TempDir Path folder) throws Exception {
        Path flag = folder.resolve("flag");
        try (ChildProcess server = ChildProcess.start(command("--quiet", "0"));
                ChildProcess probe =
                        watch(port(server), "127.0.0.7", "test -e " + flag + " && echo announced", "true")) {
            probe.awaitErr(line -> line.endsWith("announced\": exit code 1"));
            assertThat(probe.out()).hasSize(1);
            Files.createFile(flag);
            probe.awaitOut(line -> line.equals("announced"));
        }
    }

    @Test
    void anAddressOfOursThatIsGoneIsDownAndNotTheEnd() throws Exception {
        try (ChildProcess probe = watch(9, "192.0.2.77", "echo announce", "echo withdraw")) {
            assertThat(probe.awaitOut(2)).isEqualTo("withdraw");
            assertThat(probe.out().get(0)).startsWith("down: --from must be an address of this host, not 192.0.2.77: ");
            assertThat(probe.process().isAlive()).isTrue();
        }
    }

    @ParameterizedTest
    @CsvSource({"'', pktinfo probe", "--message héllo, héllo", "--hex c3a9, é"})
    void itSendsWhatItIsToldFromWhereItIsTold(String option, String text) throws Exception {
        try (DatagramSocket server = new DatagramSocket(new InetSocketAddress("127.0.0.1", 0))) {
            server.setSoTimeout(60_000);
            String payload = option.isEmpty() ? "" : option + " ";
            List<String> arguments = new ArrayList<>(command("probe", "--from", "127.0.0.7"));
            arguments.addAll(List.of((payload + "127.0.0.1 " + server.getLocalPort()).split(" ", -1)));
            try (ChildProcess probe = ChildProcess.start(arguments)) {
                DatagramPacket packet = new DatagramPacket(new byte[100], 100);
                server.receive(packet);
                assertThat(packet.getAddress()).isEqualTo(InetAddress.getByName("127.0.0.7"));
                assertThat(new String(packet.getData(), 0, packet.getLength(), StandardCharsets.UTF_8))
                        .isEqualTo(text);
                server.send(packet);
                assertThat(probe.exitCode()).as("%s", probe).isZero();
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "127.0.0.1, 'PORT'",
        "127.0.0.1 0, 0",
        "127.0.0.1 65536, 65536",
        "127.0.0.1 x, 'x'",
        "224.0.0.1 53, 224.0.0.1",
        "255.255.255.255 53, 255.255.255.255",
        "0.0.0.0 53, 0.0.0.0",
        "--timeout 0 127.0.0.1 53, 'not \"0\"'",
        "--timeout 3601 127.0.0.1 53, 3601",
        "--timeout NaN 127.0.0.1 53, NaN",
        "--hex 0g 127.0.0.1 53, 0g",
        "--hex 00 --message x 127.0.0.1 53, --message",
        "--from 192.0.2.77 127.0.0.1 53, 192.0.2.77",
        "--every 0.001 127.0.0.1 53, 0.001",
        "--every NaN 127.0.0.1 53, NaN",
        "--every 1 --rise 0 127.0.0.1 53, --rise",
        "--every 1 --fall 1001 127.0.0.1 53, 1001",
        "--on-up true 127.0.0.1 53, --every",
        "--on-down true 127.0.0.1 53, --every",
        "--from nowhere 127.0.0.1 53, nowhere",
        "--from ::1 127.0.0.1 53, ::1"
    })
    void aBadArgumentIsOneMessageThatNamesItAndExitCodeTwo(String arguments, String named) throws Exception {
        ChildProcess probe = probe(arguments);
        assertThat(probe.exitCode()).as("%s", probe).isEqualTo(2);
        assertThat(probe.err()).as("%s", probe).hasSize(1);
        assertThat(probe.err().get(0)).startsWith("pktinfo-server: ").contains(named);
    }

    @Test
    void whatCannotBeAskedIsOneMessageAndExitCodeOne() throws Exception {
        ChildProcess broadcast = probe("127.255.255.255 53");
        assertThat(broadcast.exitCode()).isEqualTo(1);
        assertThat(broadcast.err()).hasSize(1);
        assertThat(broadcast.err().get(0)).startsWith("pktinfo-server: cannot ask 127.255.255.255:53: ");
        ChildProcess nobody = probe("no-such-host.invalid 53");
        assertThat(nobody.exitCode()).isEqualTo(1);
        assertThat(nobody.err())
                .containsExactly("pktinfo-server: cannot find out the address of \"no-such-host.invalid\"");
    }
}
