package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.unix.SegmentedDatagramPacket;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.DatagramBatch;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.Requires;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.netty.PktInfoChannelOption;
import org.pktinfo.netty.PktInfoDatagramChannel;

/** Programs that have the kernel segment their datagrams, where it can and where it cannot; by their system calls. */
class SegmentationIT {
    private static final String CORRUPTING = "-Dos.version=7.0.3-test";
    private static final String REASON =
            "off (Linux 7.0.3-test may corrupt what leaves in segments; -Dpktinfo.segmentation=on)";
    private static final String LENGTHS = "10 10 10 30 30 30 10 1000 1000 500 20 20 20";

    /**
     * Prints the lengths of the datagrams that a client receives: neighbours and a reply in segments from a batch, then
     * the same from Netty.
     */
    @SuppressWarnings("FutureReturnValueIgnored") // the client sees the outcome of a write
    static final class Program {
        private static final List<String> LENGTHS = new ArrayList<>();

        private Program() {}

        public static void main(String[] arguments) throws Exception {
            try (DatagramSocket client = new DatagramSocket(0, InetAddress.getByName("127.0.0.1"))) {
                client.setSoTimeout(5000);
                long together = fromABatch(client);
                fromNetty(client);
                System.out.println(String.join(" ", LENGTHS));
                System.out.println("coalesced " + together);
            }
            System.exit(0); // Netty's threads are no daemons
        }

        private static long fromABatch(DatagramSocket client) throws IOException {
            try (PktInfoChannel server = PktInfoChannel.open().bind(new InetSocketAddress(0))) {
                DatagramBatch batch = server.newBatch(8, 1500).coalesceReplies(true);
                for (int i = 0; i < 4; i++) {
                    client.send(new DatagramPacket(
                            new byte[10],
                            10,
                            InetAddress.getByName("127.0.0.2"),
                            server.localAddress().getPort()));
                }
                if (batch.receive(Duration.ofSeconds(5)) != 4) {
                    throw new IOException("not all requests came at once");
                }
                for (int i = 0; i < 3; i++) {
                    batch.slot(i).reply(10);
                }
                batch.slot(3).replyInSegments(100, 30);
                batch.send();
                receive(client, 7);
                return server.stats().coalesced();
            }
        }

        private static void fromNetty(DatagramSocket client) throws Exception {
            InetSocketAddress peer = new InetSocketAddress("127.0.0.1", client.getLocalPort());
            Channel server = new Bootstrap()
                    .group(new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory()))
                    .channel(PktInfoDatagramChannel.class)
                    .option(PktInfoChannelOption.COALESCE_WRITES, true)
                    .handler(new ChannelInboundHandlerAdapter())
                    .bind(0)
                    .sync()
                    .channel();
            server.writeAndFlush(new SegmentedDatagramPacket(Unpooled.wrappedBuffer(new byte[2500]), 1000, peer))
                    .sync();
            receive(client, 3);
            for (int i = 0; i < 3; i++) {
                server.write(new io.netty.channel.socket.DatagramPacket(Unpooled.wrappedBuffer(new byte[20]), peer));
            }
            server.flush();
            receive(client, 3);
        }

        private static void receive(DatagramSocket client, int count) throws IOException {
            DatagramPacket packet = new DatagramPacket(new byte[3000], 3000);
            for (int i = 0; i < count; i++) {
                packet.setLength(3000);
                client.receive(packet);
                LENGTHS.add(String.valueOf(packet.getLength()));
            }
        }
    }

    @TempDir
    private Path folder;

    /** Returns the calls by which a program that was started with options sent its datagrams. */
    private List<String> sends(String coalesced, String options) throws Exception {
        Path trace = folder.resolve("trace");
        List<String> command = new ArrayList<>(List.of(
                Requires.tool("strace").toString(),
                "-f",
                "-qq",
                "-e",
                "trace=sendmsg,sendmmsg",
                "-o",
                trace.toString(),
                ChildProcess.java().toString()));
        command.addAll(Arrays.asList(options.split(" ", -1)));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Program.class.getName()));
        ChildProcess child = ChildProcess.run(command);
        assertThat(child.exitCode()).as("%s", child).isZero();
        assertThat(child.out()).containsExactly(LENGTHS, coalesced);
        return Files.readAllLines(trace).stream()
                .filter(line -> line.contains("sendm"))
                .toList();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                CORRUPTING,
                CORRUPTING + " -Dpktinfo.segmentation=auto",
                "-Dpktinfo.segmentation=off",
                "-Dos.version=6.19.9 -Dpktinfo.segmentation=off"
            })
    void whereTheKernelMayNotCutEachLeavesAlone(String options) throws Exception {
        assertThat(sends("coalesced 0", options))
                .anyMatch(line -> line.contains("SOL_IP"))
                .noneMatch(line -> line.contains("SOL_UDP"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"-Dos.version=6.19.9", "-Dos.version=7.1.5-test", CORRUPTING + " -Dpktinfo.segmentation=on"})
    void whereItMayTheSameLeavesInOnePieceEach(String options) throws Exception {
        assertThat(sends("coalesced 3", options))
                .filteredOn(line -> line.contains("SOL_UDP"))
                .as("neighbours and a reply in segments, by a batch and by Netty")
                .hasSize(4);
    }

    private static ChildProcess program(String option, String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(ChildProcess.java().toString(), option, "-jar"));
        command.add(System.getProperty("server.jar"));
        command.addAll(Arrays.asList(arguments));
        return ChildProcess.run(command);
    }

    @Test
    void theDoctorAndTheVersionSayWhatHoldsAndWhy() throws Exception {
        for (String argument : List.of("doctor", "--version")) {
            assertThat(program(CORRUPTING, argument).out()).contains("segmentation " + REASON);
            assertThat(program("-Dpktinfo.segmentation=on", argument).out())
                    .contains("segmentation on where the kernel can (-Dpktinfo.segmentation=on)");
        }
        assertThat(program(CORRUPTING, "doctor", "--json").out())
                .anyMatch(line -> line.contains("\"segmentation\" : \"" + REASON + "\""));
    }

    @Test
    void aWrongValueIsNamedAndNothingStarts() throws Exception {
        String refusal = "-Dpktinfo.segmentation=yes: must be \"auto\", \"on\" or \"off\"";
        ChildProcess server = program("-Dpktinfo.segmentation=yes", "0");
        assertThat(server.exitCode()).isEqualTo(1);
        assertThat(server.err()).containsExactly("pktinfo-server: " + refusal);
        ChildProcess doctor = program("-Dpktinfo.segmentation=yes", "doctor");
        assertThat(doctor.exitCode()).isEqualTo(1);
        assertThat(doctor.out()).contains("segmentation " + refusal, "native library " + refusal);
    }
}
