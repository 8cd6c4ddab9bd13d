package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.Datagram;
import org.pktinfo.Endpoint;
import org.pktinfo.IpAddress;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.Requires;
import org.pktinfo.Source;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.socket.PktInfoDatagramSocket;

/** A program that opens another socket for each message: closed sockets are freed without a garbage collection. */
@Timeout(240)
class ManySocketsIT {
    private static final int SOCKETS = 20_000;

    @TempDir
    private Path folder;

    /** Opens a socket, sends itself a datagram and closes the socket, repeatedly. */
    static final class Program {
        private static final InetSocketAddress LOOPBACK =
                new InetSocketAddress(InetAddress.getLoopbackAddress(), /* port= */ 0);

        public static void main(String[] arguments) throws Exception {
            long received = 0;
            for (int i = 0; i < SOCKETS; i++) {
                received += arguments[0].equals("channel") ? byChannel() : bySocket(arguments[0]);
            }
            String peak;
            try (java.util.stream.Stream<String> lines = Files.lines(Path.of("/proc/self/status"))) {
                peak = lines.filter(line -> line.startsWith("VmHWM:"))
                        .findFirst()
                        .orElseThrow()
                        .replaceAll("\\D", "");
            }
            System.out.println(received + " bytes, " + Integer.parseInt(peak) / 1024 + " MiB");
        }

        private static int byChannel() throws Exception {
            try (PktInfoChannel channel = PktInfoChannel.open().bind(LOOPBACK)) {
                InetSocketAddress own = channel.localAddress();
                Endpoint to = new Endpoint(IpAddress.of(own.getAddress()), own.getPort());
                channel.send(ByteBuffer.allocate(1), to, Source.systemChoice());
                Datagram received = channel.receive();
                return received.payload().length;
            }
        }

        private static int bySocket(String which) throws Exception {
            try (DatagramSocket socket =
                    which.equals("socket") ? new PktInfoDatagramSocket(LOOPBACK) : new DatagramSocket(LOOPBACK)) {
                socket.setSoTimeout(30_000);
                DatagramPacket packet = new DatagramPacket(new byte[1], 1, socket.getLocalSocketAddress());
                socket.send(packet);
                socket.receive(packet);
                return packet.getLength();
            }
        }
    }

    private static int peakMebibytes(String which, String... options) throws Exception {
        List<String> command = new ArrayList<>(List.of(ChildProcess.java().toString()));
        command.addAll(Arrays.asList(options));
        command.addAll(List.of(
                // The JDK's own sockets need a little direct memory, once for each thread.
                "-XX:MaxDirectMemorySize=256k",
                "-XX:+DisableExplicitGC",
                "-cp",
                System.getProperty("java.class.path"),
                Program.class.getName(),
                which));
        ChildProcess child = ChildProcess.run(command);
        assertThat(child.exitCode()).as("%s", child).isZero();
        assertThat(child.out()).as("%s", child).singleElement().asString().startsWith(SOCKETS + " bytes, ");
        return Integer.parseInt(child.out().get(0).replaceAll(".*, (\\d+) MiB", "$1"));
    }

    /** Runs with a collector that never collects. */
    @Test
    void channelsNeedNoCollectionAtAll() throws Exception {
        int peak = peakMebibytes(
                "channel", "-XX:+UnlockExperimentalVMOptions", "-XX:+UseEpsilonGC", "-Xmx2g", "-Xlog:disable");
        assertThat(peak).as("MiB").isLessThan(1024); // 2600 if no memory outside the heap were freed
    }

    /** Opens sockets and leaves them idle while the watchdog checks each several times. */
    static final class Idle {
        static final int COUNT = 300;

        public static void main(String[] arguments) throws Exception {
            List<PktInfoChannel> channels = new ArrayList<>();
            for (int i = 0; i < COUNT; i++) {
                channels.add(PktInfoChannel.open().bind(null));
            }
            awaitRounds(channels); // each has been checked once since it was bound
            boolean began = Files.exists(Path.of(BEGIN));
            awaitRounds(channels);
            boolean ended = Files.exists(Path.of(END));
            System.out.println(began || ended || channels.isEmpty() ? "cannot be" : "done");
            System.exit(0);
        }

        /** Waits for several rounds: a channel whose JDK channel was closed is closed in the next round. */
        private static void awaitRounds(List<PktInfoChannel> channels) throws Exception {
            for (int i = 0; i < 4; i++) {
                PktInfoChannel last = channels.remove(channels.size() - 1);
                last.jdkChannel().close();
                while (last.isOpen()) {
                    Thread.onSpinWait();
                }
            }
        }
    }

    private static final String BEGIN = "/nonexistent/begin";
    private static final String END = "/nonexistent/end";

    @Test
    void idleSocketsCostNoSystemCalls() throws Exception {
        Path log = folder.resolve("log");
        ChildProcess child = ChildProcess.run(List.of(
                Requires.tool("strace").toString(),
                "-f",
                "-qq",
                "-e",
                "trace=file,network",
                "-o",
                log.toString(),
                ChildProcess.java().toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Idle.class.getName()));
        assertThat(child.out()).as("%s", child).containsExactly("done");
        List<String> calls = Files.readAllLines(log);
        int begin = indexOf(calls, BEGIN);
        int end = indexOf(calls, END);
        assertThat(begin).isBetween(1, end);
        assertThat(calls.subList(begin, end).stream().filter(line -> line.contains("sockopt(")))
                .as("system calls for sockets")
                .hasSizeLessThan(Idle.COUNT / 10);
    }

    private static int indexOf(List<String> calls, String file) {
        for (int i = 0; i < calls.size(); i++) {
            if (calls.get(i).contains(file)) {
                return i;
            }
        }
        return -1;
    }

    @ParameterizedTest
    @ValueSource(strings = {"socket", "agent"})
    void whereDirectMemoryIsShortAndNobodyMayAskForACollection(String which) throws Exception {
        String[] options = {"-Xmx64m"};
        if (which.equals("agent")) {
            options = new String[] {"-Xmx64m", "-javaagent:" + agentJar()};
        }
        assertThat(peakMebibytes(which, options)).as("MiB").isLessThan(512);
    }

    private static Path agentJar() {
        return Path.of(System.getProperty("agent.jar"));
    }
}
