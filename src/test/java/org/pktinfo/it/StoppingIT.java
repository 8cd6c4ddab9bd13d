package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.Requires;
import org.pktinfo.cli.PktInfoServer;
import org.pktinfo.it.support.ChildProcess;

/** The server and the probe when they are stopped: exit code, last line, and other work of the JVM at its end. */
@Timeout(120)
class StoppingIT {
    private static final String NOTHING_DONE =
            "received 0, replied 0, failed 0, rate limited 0, dropped by the kernel 0";
    private static final String ONE_ANSWERED =
            "received 1, replied 1, failed 0, rate limited 0, dropped by the kernel 0";

    /** The server with a slow shutdown hook of the program. */
    static final class WithSlowHook {
        public static void main(String[] arguments) {
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                try {
                    Process process = new ProcessBuilder("sleep", "0.5").start();
                    System.out.println("another hook's process ended with " + process.waitFor());
                } catch (Exception e) {
                    throw new IllegalStateException(e);
                }
            }));
            PktInfoServer.main(arguments);
        }
    }

    private static Path launcher(int jdk) {
        return jdk == 25 ? Requires.jdk25() : ChildProcess.java();
    }

    private static List<String> server(Path java, String... options) {
        List<String> command = new ArrayList<>(List.of(java.toString()));
        command.addAll(Arrays.asList(options));
        command.addAll(List.of("-jar", System.getProperty("server.jar")));
        return command;
    }

    private static List<String> plus(List<String> command, String... arguments) {
        return Stream.concat(command.stream(), Arrays.stream(arguments)).toList();
    }

    private static int port(ChildProcess server) throws InterruptedException {
        String line = server.awaitErr(text -> text.startsWith("listening on "));
        return Integer.parseInt(line.replaceAll(".*:(\\d+),.*", "$1"));
    }

    private static void ask(int port) throws Exception {
        try (DatagramSocket client = new DatagramSocket()) {
            client.setSoTimeout(60_000);
            client.send(new DatagramPacket(new byte[1], 1, new InetSocketAddress("127.0.0.1", port)));
            client.receive(new DatagramPacket(new byte[100], 100));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"TERM", "INT", "HUP"})
    void aSignalStopsTheServerWithinASecondWithTotalsAndExitCodeZero(String signal) throws Exception {
        try (ChildProcess server = ChildProcess.startInterruptible(plus(server(ChildProcess.java()), "0"))) {
            ask(port(server));
            long start = System.nanoTime();
            server.signal(signal);
            assertThat(server.exitCode()).as("%s", server).isZero();
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(1));
            assertThat(server.err()).endsWith(ONE_ANSWERED);
        }
    }

    @Test
    void aSignalThatItWasStartedToIgnoreStaysIgnored() throws Exception {
        List<String> command = plus(
                List.of("sh", "-c", "trap '' INT; exec \"$@\"", "sh"),
                server(ChildProcess.java()).toArray(String[]::new));
        try (ChildProcess server = ChildProcess.start(plus(command, "0"))) {
            int port = port(server);
            server.signal("INT");
            ask(port);
            server.signal("TERM");
            assertThat(server.exitCode()).as("%s", server).isZero();
            assertThat(server.err()).endsWith(ONE_ANSWERED);
        }
    }

    private static void assertWhole(Path recording, ChildProcess child) throws Exception {
        assertThat(recording).as("%s", child).isNotEmptyFile();
        assertThat(RecordingFile.readAllEvents(recording).stream()
                        .map(event -> event.getEventType().getName()))
                .contains("jdk.Shutdown");
    }

    @ParameterizedTest
    @ValueSource(ints = {17, 25})
    void aFlightRecordingOfTheServerIsWholeWhenItIsStopped(int jdk, @TempDir Path folder) throws Exception {
        Path file = folder.resolve("recording.jfr");
        try (ChildProcess server = ChildProcess.start(plus(recorded(jdk, file), "0"))) {
            port(server);
            server.terminate();
            assertThat(server.exitCode()).as("%s", server).isZero();
            assertThat(server.err()).endsWith(NOTHING_DONE);
            assertWhole(file, server);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {17, 25})
    void soIsOneOfTheProbeAndItSaysDownFirst(int jdk, @TempDir Path folder) throws Exception {
        Path file = folder.resolve("recording.jfr");
        String options = "probe --every 0.05 --rise 1 --on-up";
        List<String> command = plus(
                plus(recorded(jdk, file), options.split(" ", -1)), "echo up", "--on-down", "echo down", "127.0.0.1");
        try (ChildProcess asked = ChildProcess.start(plus(server(ChildProcess.java()), "--quiet", "0"));
                ChildProcess probe = ChildProcess.start(plus(command, String.valueOf(port(asked))))) {
            probe.awaitOut(line -> line.equals("up"));
            probe.terminate();
            assertThat(probe.exitCode()).as("%s", probe).isZero();
            assertThat(probe.out()).endsWith("down");
            assertWhole(file, probe);
        }
    }

    private static List<String> recorded(int jdk, Path file) {
        return server(launcher(jdk), "-XX:StartFlightRecording:filename=" + file, "-Xlog:jfr*=off");
    }

    @Test
    void aProbeThatWaitsForAnAnswerIsStoppedAtOnce() throws Exception {
        try (DatagramSocket silent = new DatagramSocket(new InetSocketAddress("127.0.0.1", 0))) {
            silent.setSoTimeout(60_000);
            String port = String.valueOf(silent.getLocalPort());
            List<String> command = plus(
                    server(ChildProcess.java()), "probe", "--every", "3600", "--timeout", "3600", "127.0.0.1", port);
            try (ChildProcess probe = ChildProcess.start(command)) {
                silent.receive(new DatagramPacket(new byte[100], 100));
                probe.terminate();
                assertThat(probe.exitCode()).as("%s", probe).isZero();
            }
        }
    }

    @Test
    void anotherHookIsNotCutOff() throws Exception {
        List<String> command = List.of(
                ChildProcess.java().toString(),
                "-cp",
                System.getProperty("server.jar") + ":"
                        + Path.of("target", "test-classes").toAbsolutePath(),
                WithSlowHook.class.getName(),
                "0");
        try (ChildProcess server = ChildProcess.start(command)) {
            port(server);
            server.terminate();
            assertThat(server.exitCode()).as("%s", server).isZero();
            assertThat(server.err()).endsWith(NOTHING_DONE);
            assertThat(server.out()).containsExactly("another hook's process ended with 0");
        }
    }

    /** The output is not read, and the pipe is full after some hundred datagrams. */
    @Test
    void whereNobodyReadsWhatItPrintsItAnswersAndSaysHowMuchItLeftOut() throws Exception {
        Process server = new ProcessBuilder(plus(server(ChildProcess.java()), "--rate-limit", "0", "0")).start();
        try (BufferedReader err = server.errorReader()) {
            int port = Integer.parseInt(err.readLine().replaceAll(".*:(\\d+),.*", "$1"));
            for (int i = 0; i < 5000; i++) {
                ask(port);
            }
            try (BufferedReader out = server.inputReader()) {
                List<String> lines = new ArrayList<>();
                String line = out.readLine();
                for (; !line.startsWith("... "); line = out.readLine()) {
                    lines.add(line);
                    if (lines.size() % 4000 == 0) {
                        ask(port);
                    }
                }
                assertThat(line).matches("\\.\\.\\. \\d+ datagrams not printed");
                int leftOut = Integer.parseInt(line.replaceAll("\\D", ""));
                assertThat(lines.stream()
                                .filter(each -> each.startsWith("received bytes len: 1"))
                                .count())
                        .isEqualTo(5000 - leftOut);
            }
        } finally {
            server.destroyForcibly();
        }
    }

    /** systemd and inetd hand over a socket like this: when the JDK closes it, it closes the standard outputs too. */
    @Test
    void whereTheSocketIsHandedOverAsStandardInputTheTotalsArePrintedAllTheSame() throws Exception {
        Requires.tool("perl");
        List<String> command =
                plus(List.of("perl", "-e", """
                        use Socket;
                        socket(my $socket, AF_INET, SOCK_DGRAM, 0) or die "socket: $!";
                        bind($socket, sockaddr_in(0, inet_aton("127.0.0.1"))) or die "bind: $!";
                        open(STDIN, "<&", $socket) or die "dup: $!";
                        exec(@ARGV) or die "exec: $!";
                        """), server(ChildProcess.java()).toArray(String[]::new));
        try (ChildProcess server = ChildProcess.start(command)) {
            ask(port(server));
            server.terminate();
            assertThat(server.exitCode()).as("%s", server).isZero();
            assertThat(server.err()).endsWith(ONE_ANSWERED);
        }
    }

    private static void assertSays(int jdk, String option, String first, String last) throws Exception {
        try (ChildProcess server = ChildProcess.start(plus(server(launcher(jdk), option), "0"))) {
            port(server);
            server.terminate();
            assertThat(server.exitCode()).as("%s", server).isEqualTo(143);
            assertThat(server.err()).startsWith(first).last().asString().startsWith(last);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {17, 25})
    void whereTheJvmCannotHandleSignalsItSaysWhatFollows(int jdk) throws Exception {
        assertSays(
                jdk,
                "-Xrs",
                "-Xrs leaves signals to the system: they end this program at once, without a last line",
                "listening on ");
        assertSays(
                jdk,
                "--limit-modules=java.base",
                "no module jdk.unsupported: SIGTERM ends this program with exit code 143, not 0",
                NOTHING_DONE);
    }
}
