package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.Requires;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.server.DatagramServer;

/**
 * A thread that the system refuses, here because the address space has no room for its stack: the operation that needs
 * it fails as a whole, and succeeds the next time.
 */
@Timeout(120)
class RefusedThreadsIT {
    private static final int STACK_MEGABYTES = 16; // of each thread, by the JVM's option below

    /** Limits its own address space, tries, lifts the limit and tries again. */
    public static final class Program {
        private Program() {}

        public static void main(String[] arguments) throws Exception {
            prlimit("unlimited"); // loads the classes that it needs now
            DatagramSocket loadsTheJdksClasses = new DatagramSocket();
            loadsTheJdksClasses.close();
            System.out.println("library " + PktInfoChannel.isSupported());
            int before = descriptors();
            limit(0);
            System.out.println("channel: " + tryChannel());
            System.out.println("descriptors left: " + (descriptors() - before));
            prlimit("unlimited");
            System.out.println("channel: " + tryChannel());
            awaitDescriptors(before);
            limit(4);
            System.out.println("server of 8: " + tryServer(7700));
            prlimit("unlimited");
            try (DatagramSocket port = new DatagramSocket(7700)) {
                System.out.println("port free: " + (port.getLocalPort() == 7700));
            }
            System.out.println("workers left: " + workers());
            System.out.println("server of 8: " + tryServer(7700));
        }

        /** Limits the address space to room for the given number of further threads, and half a stack. */
        private static void limit(int threads) throws Exception {
            String size = Files.readAllLines(Path.of("/proc/self/status")).stream()
                    .filter(line -> line.startsWith("VmSize:"))
                    .findFirst()
                    .orElseThrow()
                    .replaceAll("\\D", "");
            prlimit(String.valueOf((Long.parseLong(size) << 10) + ((long) STACK_MEGABYTES << 19) * (2 * threads + 1)));
        }

        private static void prlimit(String bytes) throws Exception {
            String self = String.valueOf(ProcessHandle.current().pid());
            Process process = new ProcessBuilder("prlimit", "--pid", self, "--as=" + bytes + ":unlimited")
                    .inheritIO()
                    .start();
            if (process.waitFor() != 0) {
                throw new IllegalStateException("prlimit " + bytes);
            }
        }

        /** Returns whether a channel opens, and is closed when the JDK's channel is, which another thread detects. */
        private static String tryChannel() throws IOException {
            PktInfoChannel channel;
            try {
                channel = PktInfoChannel.open();
            } catch (OutOfMemoryError e) {
                return "refused";
            }
            channel.jdkChannel().close();
            while (channel.isOpen()) {
                Thread.onSpinWait();
            }
            return "watched";
        }

        private static String tryServer(int port) throws IOException {
            DatagramServer server;
            try {
                server = DatagramServer.builder()
                        .bind(new InetSocketAddress(port))
                        .payloadCapacity(1500)
                        .workers(8)
                        .start(request -> request.reply(request.length()));
            } catch (OutOfMemoryError e) {
                return "refused";
            }
            try (server;
                    DatagramSocket client = new DatagramSocket()) {
                client.setSoTimeout(60_000);
                client.send(new DatagramPacket(new byte[3], 3, InetAddress.getByName("127.0.0.2"), port));
                DatagramPacket reply = new DatagramPacket(new byte[3], 3);
                client.receive(reply);
                return "answers from " + reply.getAddress().getHostAddress() + " with " + workers();
            }
        }

        private static long workers() {
            return Thread.getAllStackTraces().keySet().stream()
                    .filter(thread -> thread.getName().startsWith("pktinfo-server-"))
                    .count();
        }

        private static int descriptors() throws IOException {
            try (var files = Files.list(Path.of("/proc/self/fd"))) {
                return (int) files.count();
            }
        }

        private static void awaitDescriptors(int count) throws IOException {
            while (descriptors() > count) {
                Thread.onSpinWait();
            }
        }
    }

    @Test
    void whatWantsThemFailsAsAWholeAndWorksTheNextTime() throws Exception {
        Requires.tool("prlimit");
        ChildProcess child = ChildProcess.run(List.of(
                ChildProcess.java().toString(),
                "-XX:ThreadStackSize=" + (STACK_MEGABYTES << 10),
                "-Xlog:os+thread=off",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Xmx64m",
                "-cp",
                System.getProperty("java.class.path"),
                Program.class.getName()));
        assertThat(child.out())
                .as("%s", child)
                .containsExactly(
                        "library true",
                        "channel: refused",
                        "descriptors left: 0",
                        "channel: watched",
                        "server of 8: refused",
                        "port free: true",
                        "workers left: 0",
                        "server of 8: answers from 127.0.0.2 with 8");
        assertThat(child.exitCode()).isZero();
    }
}
