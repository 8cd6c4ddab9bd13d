package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pktinfo.Datagram;
import org.pktinfo.Faults;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.Requires;
import org.pktinfo.SendException;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.RunTests;

/**
 * System calls that fail: by strace's fault injection, and in a test build of the library at any datagram of a batch.
 */
class FaultIT {
    /** Makes two exchanges with a channel in the mode given, and prints the outcome of each reply. */
    public static final class Program {
        private Program() {}

        public static void main(String[] mode) throws IOException {
            try (PktInfoChannel server = PktInfoChannel.open().bind(new InetSocketAddress(0));
                    DatagramSocket client = new DatagramSocket()) {
                server.jdkChannel().configureBlocking(mode[0].equals("blocking"));
                client.setSoTimeout(5000);
                int port = server.localAddress().getPort();
                for (int i = 0; i < 2; i++) {
                    client.send(new DatagramPacket(new byte[5], 5, InetAddress.getByName("127.0.0.2"), port));
                    exchange(server, client);
                }
            }
        }

        private static void exchange(PktInfoChannel server, DatagramSocket client) throws IOException {
            Datagram request = server.receive(Duration.ofSeconds(5));
            try {
                server.reply(request, request.payload());
                DatagramPacket reply = new DatagramPacket(new byte[10], 10);
                client.receive(reply);
                System.out.println("reply from " + reply.getAddress().getHostAddress());
            } catch (SendException e) {
                System.out.println(e.kind() + " " + e.getMessage().replaceAll(":\\d+$", ""));
            }
        }
    }

    /** Returns the command that runs the arguments after it with the test build and its plan. */
    private static List<String> faultyJava(Path plan) {
        return List.of(
                "env",
                "PKTINFO_FAULTS=" + plan,
                ChildProcess.java().toString(),
                "-Dpktinfo.segmentation=on",
                "-Dpktinfo.library.path=" + System.getProperty("faulty.library"));
    }

    @Test
    void everyErrorAtEveryDatagramOfABatchIsCountedAndTheOthersAreAnswered() throws Exception {
        ChildProcess child = runFaulty(
                "org.pktinfo.FaultCheck",
                "org.pktinfo.SendBufferFaultCheck",
                "org.pktinfo.CuttingFaultCheck",
                "org.pktinfo.OpeningFaultCheck",
                "org.pktinfo.OptionFaultCheck",
                "org.pktinfo.ErrorQueueFaultCheck");
        System.out.println("faults: " + child.out().get(child.out().size() - 1));
    }

    @Test
    void closingWritesIntoNobodyElsesDescriptor() throws Exception {
        ChildProcess unused = runFaulty("org.pktinfo.internal.CloseCheck");
    }

    private ChildProcess runFaulty(String... tests) throws Exception {
        Path plan = folder.resolve("plan");
        Faults.create(plan);
        List<String> command = new ArrayList<>(faultyJava(plan));
        command.addAll(List.of("-Djava.util.logging.SimpleFormatter.format=logged: %5$s%n", "-cp"));
        command.addAll(List.of(System.getProperty("java.class.path"), RunTests.class.getName()));
        command.addAll(List.of(tests));
        ChildProcess child = ChildProcess.start(command);
        assertThat(child.exitCode(Duration.ofMinutes(5))).as("%s", child).isZero();
        assertThat(child.err()).as("stderr").allMatch(line -> line.startsWith("logged: "));
        return child;
    }

    @Test
    void withoutAPlanTheTestBuildStopsTheProcess() throws Exception {
        List<String> command = new ArrayList<>(faultyJava(Path.of("/nonexistent/plan")));
        command.addAll(List.of("-jar", System.getProperty("server.jar"), "0"));
        ChildProcess server = ChildProcess.run(command);
        assertThat(server.exitCode()).as("%s", server).isEqualTo(1);
        assertThat(server.err()).anyMatch(line -> line.contains("PKTINFO_FAULTS"));
    }

    @BeforeEach
    void needsStrace() {
        Requires.tool("strace");
    }

    private static int proofs;

    /**
     * Counts the datagrams that the first channel of a process sends to prove the source, which depends on the
     * availability of IPv6.
     */
    private static synchronized int proofs(Path folder) throws IOException, InterruptedException {
        if (proofs == 0) {
            Path log = folder.resolve("log");
            assertThat(strace("trace=sendmsg", log, "blocking"))
                    .containsExactly("reply from 127.0.0.2", "reply from 127.0.0.2");
            List<String> calls = Files.readAllLines(log);
            proofs = (int) calls.stream()
                            .filter(line -> line.contains("sendmsg("))
                            .count()
                    - 2;
        }
        return proofs;
    }

    @TempDir
    private Path folder;

    private static List<String> inject(String fault, String mode) throws IOException, InterruptedException {
        return strace("inject=" + fault, Path.of("/dev/null"), mode);
    }

    private static List<String> strace(String expression, Path log, String mode)
            throws IOException, InterruptedException {
        ChildProcess child = ChildProcess.run(List.of(
                "strace",
                "-f",
                "-qq",
                "-o",
                log.toString(),
                "-e",
                expression,
                ChildProcess.java().toString(),
                "-cp",
                System.getProperty("java.class.path"),
                "-Dpktinfo.library.path=" + library(),
                Program.class.getName(),
                mode));
        assertThat(child.exitCode()).as("%s", child).isZero();
        return child.out();
    }

    private static Path library() throws IOException {
        try (var files = Files.walk(Path.of(System.getProperty("native.library")))) {
            return files.filter(file -> file.endsWith("libpktinfo.so"))
                    .findFirst()
                    .orElseThrow();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "EPERM, TRANSIENT",
        "ENOBUFS, TRANSIENT",
        "ENOMEM, TRANSIENT",
        "EHOSTUNREACH, PEER_UNREACHABLE",
        "ENETUNREACH, PEER_UNREACHABLE",
        "EACCES, PEER_UNREACHABLE",
        "ENODEV, INTERFACE_GONE",
        "EMSGSIZE, MESSAGE_TOO_LONG",
        "EIO, OTHER",
        "EINVAL, OTHER"
    })
    void aReplyThatFailsIsTypedAndTheNextIsSent(String errno, String kind) throws Exception {
        assertThat(inject("sendmsg:error=" + errno + ":when=" + (proofs(folder) + 1), "blocking"))
                .satisfiesExactly(
                        first -> assertThat(first)
                                .startsWith(kind + " sendmsg: " + errno + " (")
                                .endsWith("source 127.0.0.2, peer 127.0.0.1"),
                        second -> assertThat(second).isEqualTo("reply from 127.0.0.2"));
    }

    @Test
    void aFullSendBufferIsWaitedForInBlockingMode() throws Exception {
        assertThat(inject("sendmsg:error=EAGAIN:when=" + (proofs(folder) + 1), "blocking"))
                .containsExactly("reply from 127.0.0.2", "reply from 127.0.0.2");
    }

    @Test
    void aFullSendBufferIsTransientInNonBlockingMode() throws Exception {
        List<String> out = inject("sendmsg:error=EAGAIN:when=" + (proofs(folder) + 1), "non-blocking");
        assertThat(out.get(0)).startsWith("TRANSIENT sendmsg: EAGAIN (11), source 127.0.0.2, peer 127.0.0.1");
        assertThat(out.get(1)).isEqualTo("reply from 127.0.0.2");
    }

    @ParameterizedTest
    @CsvSource({"sendmsg", "recvmsg", "poll"})
    void aCallThatASignalInterruptsIsRepeated(String call) throws Exception {
        int first = call.equals("sendmsg") ? proofs(folder) + 1 : 1;
        assertThat(inject(call + ":error=EINTR:when=" + first + ".." + (first + 2), "blocking"))
                .containsExactly("reply from 127.0.0.2", "reply from 127.0.0.2");
    }

    /** Waits for three seconds without receiving a datagram. */
    public static final class Idle {
        private Idle() {}

        public static void main(String[] arguments) throws IOException {
            try (PktInfoChannel server = PktInfoChannel.open().bind(new InetSocketAddress(0))) {
                System.out.println(server.receive(Duration.ofSeconds(3)));
            }
        }
    }

    @Test
    void whoWaitsIsNotWokenInBetween() throws Exception {
        Path trace = folder.resolve("trace");
        ChildProcess child = ChildProcess.run(List.of(
                "strace",
                "-f",
                "-qq",
                "-e",
                "trace=poll,recvmsg",
                "-o",
                trace.toString(),
                ChildProcess.java().toString(),
                "-cp",
                System.getProperty("java.class.path"),
                "-Dpktinfo.library.path=" + library(),
                Idle.class.getName()));
        assertThat(child.out()).as("%s", child).containsExactly("null");
        List<String> calls = Files.readAllLines(trace);
        long polls = calls.stream().filter(line -> line.contains("poll(")).count();
        assertThat(polls).as("%s", calls).isBetween(1L, 2L);
        String waitedFor = calls.stream()
                .filter(line -> line.contains("poll("))
                .map(line -> line.replaceAll(".*?poll\\(\\[\\{fd=(\\d+).*", "recvmsg($1,"))
                .findFirst()
                .orElseThrow();
        assertThat(calls.stream().filter(line -> line.contains(waitedFor))) // not the datagrams of the source proof
                .as("%s", calls)
                .hasSizeBetween(2, (int) polls + 2);
    }
}
