package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.channels.DatagramChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.pktinfo.Requires;
import org.pktinfo.it.support.Background;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.EchoServers;
import org.pktinfo.jvm.JvmSockets;

/** The JVM's own sockets, switched over and back a thousand times while they are used. */
@Timeout(240)
class AgentSwitchIT {
    /** Servers that echo, clients that send to them without a pause, and one thread that switches. */
    public static final class Program {
        private static final int ROUNDS = 1000;
        private static final String OPTIONS = "log=quiet,memory=1000";
        private static final AtomicLong answered = new AtomicLong();
        private static final AtomicLong lost = new AtomicLong();
        private static final AtomicBoolean over = new AtomicBoolean();

        private Program() {}

        /** Returns how many of {@code times} answers came from the request destination. */
        private static int ask(int port, int times) throws IOException {
            int right = 0;
            try (DatagramSocket client = new DatagramSocket(new InetSocketAddress("127.0.0.1", 0))) {
                client.setSoTimeout(5000);
                for (int i = 0; i < times; i++) {
                    InetAddress asked = InetAddress.getByName("127.0.0." + (2 + i % 100));
                    client.send(new DatagramPacket(new byte[8], 8, asked, port));
                    DatagramPacket answer = new DatagramPacket(new byte[8], 8);
                    try {
                        client.receive(answer);
                        answered.incrementAndGet();
                        right += answer.getAddress().equals(asked) ? 1 : 0;
                    } catch (SocketTimeoutException e) {
                        lost.incrementAndGet();
                    }
                }
            }
            return right;
        }

        public static void main(String[] arguments) throws Exception {
            DatagramChannel blocking = DatagramChannel.open().bind(new InetSocketAddress(7101));
            DatagramChannel selected = DatagramChannel.open().bind(new InetSocketAddress(7102));
            DatagramSocket socket = new DatagramSocket(7103);
            Background.start(() -> EchoServers.serve(blocking));
            Background.start(() -> EchoServers.select(selected));
            Background.start(() -> EchoServers.serve(socket, 0));
            List<Thread> clients = new ArrayList<>();
            for (int port : List.of(7101, 7102, 7103)) {
                clients.add(Background.start(() -> {
                    while (!over.get()) {
                        ask(port, 100);
                    }
                }));
            }
            for (int i = 0; i < ROUNDS; i++) {
                long before = answered.get();
                JvmSockets.switchOn(OPTIONS);
                while (answered.get() == before && lost.get() == 0) {
                    Thread.onSpinWait();
                }
                JvmSockets.switchOff();
            }
            over.set(true);
            for (Thread client : clients) {
                client.join();
            }
            JvmSockets.switchOn(OPTIONS);
            ask(7101, 1); // each server receives one datagram by the call that it was already in
            ask(7102, 1);
            ask(7103, 1);
            int right = ask(7101, 100) + ask(7102, 100) + ask(7103, 100);
            JvmSockets.switchOff();
            ask(7101, 1);
            ask(7102, 1);
            ask(7103, 1);
            int stock = ask(7101, 100) + ask(7102, 100) + ask(7103, 100);
            System.out.println("lost " + lost + ", right " + right + " while on, " + stock + " while off");
        }
    }

    private static void assertUnharmed(Path java, String... options) throws Exception {
        List<String> command = new ArrayList<>(List.of(java.toString(), "-Xcheck:jni"));
        command.addAll(List.of(options));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Program.class.getName()));
        ChildProcess child = ChildProcess.run(command, Map.of(), Duration.ofSeconds(200));
        assertThat(child.exitCode()).as("%s", child).isZero();
        assertThat(child.out()).as("%s", child).containsExactly("lost 0, right 300 while on, 0 while off");
        assertThat(child.err()).as("%s", child).isEmpty();
    }

    @Test
    void switchingAThousandTimesUnderFloodsLosesNothing() throws Exception {
        assertUnharmed(ChildProcess.java());
    }

    @Test
    void onJdk25Too() throws Exception {
        assertUnharmed(Requires.jdk25(), "--illegal-native-access=deny", "--enable-native-access=ALL-UNNAMED");
    }
}
