package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pktinfo.Requires;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.jvm.JvmSockets;

/** A program that switches its own sockets over. */
@Timeout(60)
class JvmSocketsIT {
    /** Answers on a socket opened before and one opened after; prints each result. */
    static final class Program {
        private Program() {}

        /** Returns true if the answer comes from the request destination. */
        private static boolean isRight(DatagramChannel server) throws Exception {
            InetAddress asked = InetAddress.getByName("127.0.0.9");
            int port = ((InetSocketAddress) server.getLocalAddress()).getPort();
            try (DatagramSocket client = new DatagramSocket(0, InetAddress.getByName("127.0.0.1"))) {
                client.setSoTimeout(10_000);
                client.send(new DatagramPacket(new byte[3], 3, asked, port));
                ByteBuffer buffer = ByteBuffer.allocate(100);
                var peer = server.receive(buffer);
                server.send(buffer.flip(), peer);
                DatagramPacket answer = new DatagramPacket(new byte[100], 100);
                client.receive(answer);
                return answer.getAddress().equals(asked);
            }
        }

        private static DatagramChannel server(int port) throws Exception {
            return DatagramChannel.open().bind(new InetSocketAddress(port));
        }

        public static void main(String[] arguments) throws Exception {
            try (DatagramChannel before = server(7201)) {
                System.out.println("stock " + isRight(before));
                System.out.println("on " + JvmSockets.switchOn("ports=7201,7202"));
                System.out.println("again " + JvmSockets.switchOn(""));
                try (DatagramChannel after = server(7202);
                        DatagramChannel other = server(7203)) {
                    System.out.println("right " + isRight(before) + " " + isRight(after) + " " + isRight(other));
                    System.out.println("off " + JvmSockets.switchOff() + " " + JvmSockets.switchOff());
                    System.out.println("stock " + isRight(before) + " " + isRight(after));
                    System.out.println("on " + JvmSockets.switchOn("log=quiet"));
                    System.out.println("right " + isRight(before) + " " + isRight(after) + " " + isRight(other));
                }
                System.out.println("off " + JvmSockets.switchOff());
            }
            try {
                JvmSockets.switchOn("ports=0");
            } catch (IllegalArgumentException e) {
                System.out.println(e.getMessage());
            }
            System.setProperty("org.graalvm.nativeimage.imagecode", "runtime");
            try {
                JvmSockets.switchOn("");
            } catch (UnsupportedOperationException e) {
                System.out.println(e.getMessage());
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"17, false", "17, true", "25, false", "25, true"})
    void aProgramSwitchesItsSocketsOverAndBack(int version, boolean asModules) throws Exception {
        Path java = version == 17 ? ChildProcess.java() : Requires.jdk25();
        String libraries = System.getProperty("library.jar") + ":" + System.getProperty("runtime.libraries");
        String tests = Path.of(System.getProperty("agent.jar"))
                .resolveSibling("test-classes")
                .toString();
        List<String> command = new ArrayList<>(List.of(java.toString()));
        if (version == 25 || Runtime.version().feature() >= 24) {
            command.add("--illegal-native-access=deny");
            command.add("--enable-native-access=" + (asModules ? "org.pktinfo" : "ALL-UNNAMED"));
        }
        if (asModules) {
            command.addAll(List.of("-p", libraries, "--add-modules", "org.pktinfo", "-cp", tests));
        } else {
            command.addAll(List.of("-cp", libraries + "/*:" + tests));
        }
        command.add(Program.class.getName());
        ChildProcess child = ChildProcess.run(command);
        assertThat(child.exitCode()).as("%s", child).isZero();
        assertThat(child.out())
                .as("%s", child)
                .startsWith(
                        "stock false",
                        "on true",
                        "again false",
                        "right true true false",
                        "off true false",
                        "stock false false",
                        "on true",
                        "right true true true",
                        "off true")
                .hasSize(11);
        assertThat(child.out().get(9)).contains("\"0\"");
        assertThat(child.out().get(10)).contains("native image", "PktInfoChannel");
        assertThat(child.err()).as("%s", child).hasSize(1);
        assertThat(child.err().get(0))
                .startsWith("pktinfo-agent: switched on by the program, ")
                .contains("ports 7201, 7202");
    }
}
