package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.pktinfo.Requires;
import org.pktinfo.it.support.ChildProcess;

/** The same tests on other JVMs and with other options, and the library jar by module path and by class path. */
class OtherJvmIT {
    private static final String[] LOOPBACK_TESTS = {
        "org.pktinfo.ReplyTest",
        "org.pktinfo.ChannelTest",
        "org.pktinfo.ChannelClosingTest",
        "org.pktinfo.DatagramBatchTest",
        "org.pktinfo.server.DatagramServerTest",
        "org.pktinfo.socket.ConformanceTest",
        "org.pktinfo.socket.PktInfoDatagramSocketTest",
        "org.pktinfo.socket.ReconnectSocketTest"
    };

    /** The tests that need features that the emulated kernels lack, such as UDP_GRO. */
    private static final String[] NEWER_KERNELS_TESTS = {
        "org.pktinfo.ReceiverTest", "org.pktinfo.ReconnectTest", "org.pktinfo.FactsTest", "org.pktinfo.SendOptionsTest"
    };

    private static final String LOGGED = "logged: ";

    private static void assertTestsPass(Path java, String... options) throws IOException, InterruptedException {
        assertLoopbackTestsPass(List.of(java.toString()), NEWER_KERNELS_TESTS, options);
    }

    static void assertLoopbackTestsPass(List<String> java, String... options) throws IOException, InterruptedException {
        assertLoopbackTestsPass(java, new String[0], options);
    }

    /** Asserts that the tests pass in the JVM that the command starts, and that it prints nothing else on stderr. */
    private static void assertLoopbackTestsPass(List<String> java, String[] further, String... options)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(java);
        command.addAll(Arrays.asList(options));
        command.add("-Dpktinfo.segmentation=on");
        command.add("-Djava.util.logging.SimpleFormatter.format=" + LOGGED + "%5$s%n");
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), "org.pktinfo.it.support.RunTests"));
        command.addAll(Arrays.asList(LOOPBACK_TESTS));
        command.addAll(Arrays.asList(further));
        ChildProcess child = ChildProcess.run(command, Map.of(), Duration.ofMinutes(5));
        assertThat(child.exitCode()).as("%s", child).isZero();
        assertThat(child.err()).as("stderr").allMatch(line -> line.startsWith(LOGGED));
        assertThat(child.out()).as("%s", child).noneMatch(line -> line.startsWith("WARNING in native method"));
    }

    @Test
    void onJdk25WithoutAnyWarningAndWithIllegalNativeAccessDenied() throws Exception {
        assertTestsPass(Requires.jdk25(), "--illegal-native-access=deny", "--enable-native-access=ALL-UNNAMED");
    }

    @Test
    void onAJvmThatIsToldToPreferIpv4() throws Exception {
        assertTestsPass(ChildProcess.java(), "-Djava.net.preferIPv4Stack=true");
    }

    @Test
    void underTheJvmsOwnCheckOfJniCalls() throws Exception {
        assertTestsPass(ChildProcess.java(), "-Xcheck:jni");
    }

    @Test
    void asANamedModule(@TempDir Path folder) throws Exception {
        assertModuleWorks(
                ChildProcess.java(),
                folder,
                ChildProcess.nativeAccess("org.pktinfo").toArray(String[]::new));
    }

    @Test
    void asANamedModuleOnJdk25WithOnlyItsOwnModuleEnabled(@TempDir Path folder) throws Exception {
        assertModuleWorks(
                Requires.jdk25(), folder, "--illegal-native-access=deny", "--enable-native-access=org.pktinfo");
    }

    @Test
    void onTheClassPath(@TempDir Path folder) throws Exception {
        assertWorksOnTheClassPath(
                ChildProcess.java(),
                folder,
                ChildProcess.nativeAccess("ALL-UNNAMED").toArray(String[]::new));
    }

    @Test
    void onTheClassPathOfJdk25WithIllegalNativeAccessDenied(@TempDir Path folder) throws Exception {
        assertWorksOnTheClassPath(
                Requires.jdk25(), folder, "--illegal-native-access=deny", "--enable-native-access=ALL-UNNAMED");
    }

    private static final String PROGRAM = """
            package consumer;

            import java.net.*;
            import java.nio.channels.DatagramChannel;
            import java.nio.ByteBuffer;
            import org.pktinfo.*;

            public final class Main {
                public static void main(String[] arguments) throws Exception {
                    try (PktInfoChannel server = PktInfoChannel.open().bind(new InetSocketAddress(0));
                            DatagramSocket client = new DatagramSocket()) {
                        client.setSoTimeout(5000);
                        int port = server.localAddress().getPort();
                        client.send(new DatagramPacket(new byte[5], 5, InetAddress.getByName("127.0.0.2"), port));
                        Datagram request = server.receive();
                        server.reply(request, request.payload());
                        DatagramPacket reply = new DatagramPacket(new byte[10], 10);
                        client.receive(reply);
                        System.out.println(reply.getAddress().getHostAddress() + " "
                                + PktInfoChannel.class.getModule());
                    }
                }
            }
            """;

    private static void assertModuleWorks(Path java, Path folder, String... options) throws Exception {
        ChildProcess child =
                runAsModule(java, folder, "module consumer { requires org.pktinfo; }", PROGRAM, modulePath(), options);
        assertThat(child.out()).containsExactly("127.0.0.2 module org.pktinfo");
        assertThat(child.err()).as("warnings").isEmpty();
    }

    private static void assertWorksOnTheClassPath(Path java, Path folder, String... options) throws Exception {
        Path classes = compile(folder, "module consumer { requires org.pktinfo; }", PROGRAM, modulePath());
        List<String> way = List.of("-cp", modulePath() + ":" + classes, "consumer.Main");
        ChildProcess child = run(java, options, way);
        assertThat(child.out()).singleElement().asString().startsWith("127.0.0.2 unnamed module ");
        assertThat(child.err()).as("warnings").isEmpty();
    }

    /** Compiles the class Main of package and module "consumer" and runs it. */
    static ChildProcess runAsModule(
            Path java, Path folder, String moduleInfo, String program, String modulePath, String... options)
            throws Exception {
        Path classes = compile(folder, moduleInfo, program, modulePath);
        return run(java, options, List.of("-p", modulePath + ":" + classes, "-m", "consumer/consumer.Main"));
    }

    private static Path compile(Path folder, String moduleInfo, String program, String modulePath) throws IOException {
        Path sources = Files.createDirectories(folder.resolve("src/consumer"));
        Files.writeString(folder.resolve("src/module-info.java"), moduleInfo);
        Files.writeString(sources.resolve("Main.java"), program);
        Path classes = folder.resolve("classes");
        int result = ToolProvider.getSystemJavaCompiler()
                .run(
                        null,
                        null,
                        null,
                        "-d",
                        classes.toString(),
                        "-p",
                        modulePath,
                        folder.resolve("src/module-info.java").toString(),
                        sources.resolve("Main.java").toString());
        assertThat(result).isZero();
        return classes;
    }

    private static ChildProcess run(Path java, String[] options, List<String> way)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(java.toString()));
        command.addAll(Arrays.asList(options));
        command.addAll(way);
        ChildProcess child = ChildProcess.run(command);
        assertThat(child.exitCode()).as("%s", child).isZero();
        return child;
    }

    static String modulePath() throws IOException {
        try (Stream<Path> libraries = Files.list(Path.of(System.getProperty("runtime.libraries")))) {
            return libraries
                            .map(Path::toString)
                            .filter(name -> name.endsWith(".jar"))
                            .sorted()
                            .collect(Collectors.joining(":"))
                    + ":" + System.getProperty("library.jar");
        }
    }
}
