package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.nio.NioEventLoopGroup;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.pktinfo.Requires;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.RunTests;
import org.pktinfo.netty.PktInfoDatagramChannel;

/**
 * The tests of the Netty channel over loopback with another JVM, with the newest Netty, with fewer of its jars, and as
 * named modules.
 */
class NettyVersionsIT {
    private static final String CONFORMANCE = "org.pktinfo.netty.NettyConformanceTest";
    private static final List<String> ALL = List.of(
            CONFORMANCE,
            "org.pktinfo.netty.PktInfoDatagramChannelTest",
            "org.pktinfo.netty.BusyNettyChannelTest",
            "org.pktinfo.netty.NettyBatchTest");

    private static final String PROGRAM = """
            package consumer;

            import io.netty.bootstrap.Bootstrap;
            import io.netty.channel.*;
            import io.netty.channel.nio.NioIoHandler;
            import io.netty.channel.socket.DatagramPacket;
            import java.net.*;
            import org.pktinfo.netty.PktInfoDatagramChannel;

            public final class Main {
                public static void main(String[] arguments) throws Exception {
                    EventLoopGroup loops = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
                    Channel server = new Bootstrap()
                            .group(loops)
                            .channel(PktInfoDatagramChannel.class)
                            .handler(new SimpleChannelInboundHandler<DatagramPacket>() {
                                @Override
                                protected void channelRead0(ChannelHandlerContext context, DatagramPacket packet) {
                                    context.writeAndFlush(
                                            new DatagramPacket(packet.content().retain(), packet.sender()));
                                }
                            })
                            .bind(0)
                            .sync()
                            .channel();
                    try (DatagramSocket client = new DatagramSocket()) {
                        client.setSoTimeout(5000);
                        int port = ((InetSocketAddress) server.localAddress()).getPort();
                        InetAddress destination = InetAddress.getByName("127.0.0.2");
                        client.send(new java.net.DatagramPacket(new byte[5], 5, destination, port));
                        java.net.DatagramPacket reply = new java.net.DatagramPacket(new byte[10], 10);
                        client.receive(reply);
                        String netty = Channel.class.getModule().getName();
                        System.out.println(reply.getAddress().getHostAddress() + " "
                                + server.getClass().getModule() + " " + netty);
                    }
                    System.exit(0);
                }
            }
            """;

    private static final String MODULE = "module consumer { requires org.pktinfo; requires io.netty.transport;"
            + " requires io.netty.buffer; requires io.netty.common; }";

    private static Stream<String> classPath() {
        return Arrays.stream(System.getProperty("java.class.path").split(":"));
    }

    private static boolean isNetty(String entry) {
        return Path.of(entry).getFileName().toString().startsWith("netty-");
    }

    /** Runs with leak detection for every buffer and frequent young collections, so that each leak is reported. */
    private static void assertPass(Path java, String classPath, List<String> tests, String... options)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(java.toString(), "-XX:+UseSerialGC", "-Xmn2m"));
        command.add("-Dio.netty.leakDetection.level=paranoid");
        command.addAll(Arrays.asList(options));
        command.addAll(List.of("-cp", classPath, RunTests.class.getName()));
        command.addAll(tests);
        ChildProcess child = ChildProcess.run(command);
        assertThat(child.exitCode()).as("%s", child).isZero();
        assertThat(child.err()).noneMatch(line -> line.contains("LEAK") || line.contains("pktinfo"));
    }

    @Test
    void onJdk25WithIllegalNativeAccessDenied() throws Exception {
        assertPass(
                Requires.jdk25(),
                classPath().collect(Collectors.joining(":")),
                ALL,
                "--illegal-native-access=deny",
                "--enable-native-access=ALL-UNNAMED");
    }

    private static String jars(String folder) throws IOException {
        try (Stream<Path> jars = Files.list(Path.of(System.getProperty(folder)))) {
            return jars.map(Path::toString).sorted().collect(Collectors.joining(":"));
        }
    }

    /** Binds the channel as any program does. */
    static final class Older {
        @SuppressWarnings("deprecation") // of Netty 4.1
        public static void main(String[] arguments) {
            try {
                new Bootstrap()
                        .group(new NioEventLoopGroup(1))
                        .channel(PktInfoDatagramChannel.class)
                        .handler(new ChannelInboundHandlerAdapter())
                        .bind(0)
                        .sync();
                System.out.println("bound");
            } catch (Throwable e) {
                for (Throwable each = e; each != null; each = each.getCause()) {
                    System.out.println(each);
                }
            }
            System.exit(0);
        }
    }

    @Test
    void withNetty41TheFirstChannelSaysWhichItNeeds() throws Exception {
        String rest = classPath().filter(entry -> !isNetty(entry)).collect(Collectors.joining(":"));
        ChildProcess child = ChildProcess.run(List.of(
                ChildProcess.java().toString(), "-cp", jars("netty.older") + ":" + rest, Older.class.getName()));
        assertThat(child.out())
                .as("%s", child)
                .contains("java.lang.UnsupportedOperationException: PktInfoDatagramChannel needs Netty 4.2;"
                        + " there is 4.1.138.Final");
    }

    @Test
    void withTheNewestNetty() throws Exception {
        String newest = jars("netty.newest");
        assertThat(newest).contains("netty-transport-4.2");
        String rest = classPath().filter(entry -> !isNetty(entry)).collect(Collectors.joining(":"));
        assertPass(ChildProcess.java(), newest + ":" + rest, ALL);
    }

    @Test
    void withoutTheClassesThatAreOnlyForSegmentedPackets() throws Exception {
        String less = classPath()
                .filter(entry -> !entry.contains("netty-transport-native-unix-common"))
                .collect(Collectors.joining(":"));
        assertPass(ChildProcess.java(), less, List.of(CONFORMANCE));
    }

    private static void assertModuleWorks(Path java, Path folder, String... options) throws Exception {
        String path = OtherJvmIT.modulePath() + ":"
                + classPath()
                        .filter(NettyVersionsIT::isNetty)
                        .filter(entry -> entry.matches(".*/netty-(common|buffer|resolver|transport)-[0-9].*"))
                        .collect(Collectors.joining(":"));
        ChildProcess child = OtherJvmIT.runAsModule(java, folder, MODULE, PROGRAM, path, options);
        assertThat(child.out()).containsExactly("127.0.0.2 module org.pktinfo io.netty.transport");
        assertThat(child.err()).noneMatch(line -> line.contains("pktinfo"));
    }

    @Test
    void asNamedModules(@TempDir Path folder) throws Exception {
        assertModuleWorks(
                ChildProcess.java(),
                folder,
                ChildProcess.nativeAccess("org.pktinfo,io.netty.common").toArray(String[]::new));
    }

    @Test
    void asNamedModulesOnJdk25(@TempDir Path folder) throws Exception {
        assertModuleWorks(
                Requires.jdk25(),
                folder,
                "--illegal-native-access=deny",
                "--enable-native-access=org.pktinfo,io.netty.common");
    }
}
