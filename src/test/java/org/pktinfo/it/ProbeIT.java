package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code probe}: what a health check sees of it. */
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
    void anAnswerFromTheAddressAskedIsExitCodeZero(String host, String shown) throws Exception {
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
        "--timeout 0 127.0.0.1 53, 0.0",
        "--timeout 3601 127.0.0.1 53, 3601.0",
        "--timeout NaN 127.0.0.1 53, NaN",
        "--hex 0g 127.0.0.1 53, 0g",
        "--hex 00 --message x 127.0.0.1 53, --message",
        "--from 192.0.2.77 127.0.0.1 53, 192.0.2.77",
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
