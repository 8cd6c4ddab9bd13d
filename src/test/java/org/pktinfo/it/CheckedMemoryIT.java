package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pktinfo.Datagram;
import org.pktinfo.DatagramBatch;
import org.pktinfo.Endpoint;
import org.pktinfo.IpAddress;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.PktInfoSocketOptions;
import org.pktinfo.Requires;
import org.pktinfo.Source;
import org.pktinfo.it.support.ChildProcess;

/**
 * The native library in a JVM under AddressSanitizer and UndefinedBehaviorSanitizer, under valgrind, and with the JVM's
 * own checks. Each of them is shown to detect a fault that native/test/planted/jvm.c makes.
 */
class CheckedMemoryIT {
    private static final Duration SOON = Duration.ofSeconds(30);

    /** The limit for runs that take twelve seconds on an idle machine. */
    private static final Duration SLOW = Duration.ofMinutes(4);

    /** A reply, a batch, and replies that are sent and received as one. */
    public static final class Exchanges {
        private static final int COUNT = 16;

        private Exchanges() {}

        public static void main(String[] arguments) throws IOException {
            for (String destination : List.of("127.0.0.7", "::1")) {
                try (PktInfoChannel server = PktInfoChannel.open().bind(new InetSocketAddress(0));
                        PktInfoChannel client = PktInfoChannel.open().bind(new InetSocketAddress(0))) {
                    Endpoint asked = new Endpoint(
                            IpAddress.of(InetAddress.getByName(destination)),
                            server.localAddress().getPort());
                    ask(client, asked, 1);
                    Datagram request = server.receive(SOON);
                    server.reply(request, request.payload());
                    System.out.println(client.receive(SOON).peer().equals(asked));
                    client.setOption(PktInfoSocketOptions.COALESCE_RECEIVED, true);
                    ask(client, asked, COUNT);
                    answer(server);
                    System.out.println(received(client, asked));
                }
            }
        }

        private static void ask(PktInfoChannel client, Endpoint asked, int count) throws IOException {
            for (int i = 0; i < count; i++) {
                client.send(ByteBuffer.allocate(100), asked, Source.systemChoice());
            }
        }

        private static void answer(PktInfoChannel server) throws IOException {
            DatagramBatch batch = server.newBatch(COUNT, 2000);
            for (int left = COUNT; left > 0; left -= batch.size()) {
                for (int i = 0, received = batch.receive(SOON); i < received; i++) {
                    batch.slot(i).reply(batch.slot(i).length());
                }
                batch.send();
            }
        }

        private static int received(PktInfoChannel client, Endpoint asked) throws IOException {
            int count = 0;
            while (count < COUNT) {
                Datagram reply = client.receive(SOON);
                count += reply.peer().equals(asked) ? 1 : COUNT + 1;
            }
            return count;
        }
    }

    private static final List<String> ALL_EXCHANGED = List.of("true", "16", "true", "16");

    private static Path library(String name) {
        Path library = Path.of(System.getProperty("checked.libraries"), name);
        Requires.that(Files.exists(library), "a compiler with AddressSanitizer, for " + library.getFileName());
        return library;
    }

    private static List<String> command(Path library, String... words) {
        List<String> command = new ArrayList<>(List.of(
                ChildProcess.java().toString(),
                "-Dpktinfo.segmentation=on",
                "-Dpktinfo.library.path=" + library,
                "-cp",
                System.getProperty("java.class.path")));
        command.addAll(Arrays.asList(words));
        return command;
    }

    /** Runs a JVM with the sanitizers' libraries loaded from its start; SIGSEGV and leaks are left to the JVM. */
    private static ChildProcess sanitized(String library, String fault, String... words) throws Exception {
        ChildProcess compiler =
                ChildProcess.run(List.of(Requires.tool("gcc").toString(), "-print-file-name=libasan.so"));
        return ChildProcess.run(
                command(library(library), words),
                Map.of(
                        "LD_PRELOAD",
                        compiler.out().get(0),
                        "ASAN_OPTIONS",
                        "handle_segv=0:detect_leaks=0",
                        "PKTINFO_PLANTED",
                        fault),
                SLOW);
    }

    @Test
    void underTheSanitizersTheTestsPassAndNothingIsSaid() throws Exception {
        ChildProcess child = sanitized(
                "sanitized/libpktinfo.so",
                "",
                "org.pktinfo.it.support.RunTests",
                "org.pktinfo.ReplyTest",
                "org.pktinfo.BatchCheck",
                "org.pktinfo.CoalescingTest");
        assertThat(child.exitCode()).as("%s", child).isZero();
        assertThat(child.err()).as("stderr").isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"arena, heap-buffer-overflow", "overflow, signed integer overflow"})
    void theSanitizersSeeAFault(String fault, String expected) throws Exception {
        ChildProcess child = sanitized("sanitized/libpktinfo_planted.so", fault, Exchanges.class.getName());
        assertThat(child.exitCode()).as("%s", child).isNotZero();
        assertThat(child.err()).anyMatch(line -> line.contains(expected));
        assertThat(child.err()).anyMatch(line -> line.contains("planted/jvm.c"));
    }

    /**
     * Returns valgrind's reports about frames of ours. Its many reports about the JVM's frames are no faults (the JVM
     * reads ahead).
     */
    private static List<String> faultsOfOurs(Path log) throws IOException {
        return Pattern.compile("\n==\\d+== *\n")
                .splitAsStream(Files.readString(log))
                .filter(report -> Pattern.compile(
                                "(at|by) 0x[0-9A-F]+: .*(libpktinfo|\\((jni|jvm|batch|pktinfo|\\w+_linux)\\.c:)")
                        .matcher(report)
                        .find())
                .toList();
    }

    private static ChildProcess valgrind(Path library, Path log, String fault) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                Requires.tool("valgrind").toString(), "--log-file=" + log, "--redzone-size=256", "--error-limit=no"));
        // Interpreted: valgrind would have to translate JIT-compiled code again and again.
        command.addAll(command(library));
        command.addAll(List.of("-Xint", "-XX:+UseSerialGC", "-Xmx128m", Exchanges.class.getName()));
        return ChildProcess.run(command, Map.of("PKTINFO_PLANTED", fault), SLOW);
    }

    @Test
    void underValgrindNothingIsSaidAboutOurFrames(@TempDir Path folder) throws Exception {
        Path log = folder.resolve("log");
        ChildProcess child = valgrind(library("named/libpktinfo.so"), log, "");
        assertThat(child.exitCode()).as("%s", child).isZero();
        assertThat(child.out()).isEqualTo(ALL_EXCHANGED);
        assertThat(Files.readString(log)).contains("ERROR SUMMARY");
        assertThat(faultsOfOurs(log)).isEmpty();
    }

    @Test
    void valgrindSeesAFault(@TempDir Path folder) throws Exception {
        Path log = folder.resolve("log");
        valgrind(library("named/libpktinfo_planted.so"), log, "arena");
        assertThat(faultsOfOurs(log))
                .anyMatch(report ->
                        report.contains("Invalid write of size 1") && report.contains("__wrap_arena_receive"));
    }

    @Test
    void theJvmSeesAJniCallThatMayNotBeMade() throws Exception {
        for (String fault : List.of("", "jni")) {
            ChildProcess child = ChildProcess.run(
                    command(library("named/libpktinfo_planted.so"), "-Xcheck:jni", Exchanges.class.getName()),
                    Map.of("PKTINFO_PLANTED", fault));
            assertThat(child.out().stream().anyMatch(line -> line.startsWith("WARNING in native method")))
                    .as("%s", child)
                    .isEqualTo(fault.equals("jni"));
            assertThat(child.out()).containsSubsequence(ALL_EXCHANGED);
        }
    }
}
