package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.spi.ToolProvider;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.pktinfo.Endpoint;
import org.pktinfo.IpAddress;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.Requires;
import org.pktinfo.SendException;
import org.pktinfo.Source;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.RunTests;
import org.pktinfo.server.DatagramServer;

/** Counters, events and beans in JVMs that have the modules for them, and in those that do not. */
class ObservabilityIT {
    /** Sends a datagram that is refused and one that is not, and looks for a bean. */
    public static final class Program {
        private Program() {}

        public static void main(String[] arguments) throws IOException {
            try (PktInfoChannel channel = PktInfoChannel.open().bind(new InetSocketAddress(0));
                    DatagramServer server = DatagramServer.builder().start(request -> {})) {
                Endpoint itself = new Endpoint(
                        IpAddress.of(InetAddress.getByName("127.0.0.2")),
                        channel.localAddress().getPort());
                try {
                    channel.send(
                            ByteBuffer.allocate(1),
                            itself,
                            Source.of(IpAddress.of(InetAddress.getByName("192.0.2.7"))));
                } catch (SendException e) {
                    System.out.println(e.kind());
                }
                channel.send(ByteBuffer.allocate(1), itself, Source.systemChoice());
                System.out.println("received " + channel.receive().payload().length);
                System.out.println(channel.stats().sendErrors());
                server.registerBean("one");
                System.out.println("registered");
            } catch (UnsupportedOperationException e) {
                System.out.println(e.getMessage());
            }
        }
    }

    private static List<String> command(Path java, String... options) {
        List<String> command = new ArrayList<>(List.of(java.toString()));
        command.addAll(Arrays.asList(options));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Program.class.getName()));
        return command;
    }

    private static void assertWorks(String bean, List<String> command) throws IOException, InterruptedException {
        ChildProcess child = ChildProcess.run(command);
        assertThat(child.exitCode()).as("%s", child).isZero();
        assertThat(child.out())
                .as("%s", child)
                .containsSubsequence("SOURCE_UNUSABLE", "received 1", "{SOURCE_UNUSABLE=1}", bean);
        assertThat(child.err()).as("%s", child).isEmpty();
    }

    private static final String NO_BEAN =
            "no JMX bean: module java.management is missing, see --add-modules of java and jlink";

    @Test
    void withoutFlightRecorderAndBeansEverythingElseWorks() throws Exception {
        assertWorks(NO_BEAN, command(ChildProcess.java(), "--limit-modules", "java.base"));
        assertWorks(
                NO_BEAN,
                command(Requires.jdk25(), "--limit-modules", "java.base", "--enable-native-access=ALL-UNNAMED"));
    }

    @Test
    void soItDoesInARunTimeImageThatNeverHadThem(@TempDir Path folder) throws Exception {
        Path image = folder.resolve("image");
        ToolProvider jlink = ToolProvider.findFirst("jlink").orElseThrow();
        PrintWriter out = new PrintWriter(System.out, true, java.nio.charset.StandardCharsets.UTF_8);
        assertThat(jlink.run(out, out, "--add-modules", "java.base", "--output", image.toString()))
                .isZero();
        assertWorks(
                NO_BEAN,
                command(
                        image.resolve("bin/java"),
                        ChildProcess.nativeAccess("ALL-UNNAMED").toArray(String[]::new)));
    }

    private static void assertRecorded(Path java, Path folder, String... options) throws Exception {
        Path file = folder.resolve("recording.jfr");
        List<String> all = new ArrayList<>(Arrays.asList(options));
        all.add("-XX:StartFlightRecording:filename=" + file + ",+pktinfo.Send#enabled=true");
        all.add("-Xlog:jfr*=off");
        assertWorks("registered", command(java, all.toArray(String[]::new)));
        assertThat(Files.size(file)).isPositive();
        assertThat(RecordingFile.readAllEvents(file).stream()
                        .filter(event -> event.getEventType().getName().startsWith("pktinfo."))
                        .map(ObservabilityIT::inWords))
                .containsSubsequence("pktinfo.Send", "pktinfo.SourceUnusable SOURCE_UNUSABLE 192.0.2.7")
                .doesNotContain("pktinfo.Receive");
    }

    private static String inWords(RecordedEvent event) {
        String name = event.getEventType().getName();
        return event.hasField("kind") ? name + " " + event.getString("kind") + " " + event.getString("source") : name;
    }

    @Test
    void theCommandLineOfTheManualRecordsThemOnJdk17(@TempDir Path folder) throws Exception {
        assertRecorded(ChildProcess.java(), folder);
    }

    @Test
    void theCommandLineOfTheManualRecordsThemOnJdk25(@TempDir Path folder) throws Exception {
        assertRecorded(Requires.jdk25(), folder, "--enable-native-access=ALL-UNNAMED");
    }

    @Test
    void theirTestsPassOnJdk25() throws Exception {
        ChildProcess child = ChildProcess.run(List.of(
                Requires.jdk25().toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                RunTests.class.getName(),
                "org.pktinfo.ChannelStatsTest",
                "org.pktinfo.RecorderTest",
                "org.pktinfo.server.StatsBeanTest",
                "org.pktinfo.server.OverrunTest"));
        assertThat(child.exitCode()).as("%s", child).isZero();
    }
}
