package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pktinfo.Datagram;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.Requires;
import org.pktinfo.it.support.ChildProcess;

/**
 * An interrupted thread that waits in a channel which ignores interrupts: it keeps waiting, and the channel stays open.
 */
@Timeout(120)
class InterruptIT {
    /**
     * Has a thread of the kind given wait; it is interrupted before and during the wait and receives its datagram, and
     * so does another.
     */
    public static final class Program {
        private Program() {}

        public static void main(String[] kind) throws Exception {
            try (PktInfoChannel server =
                            PktInfoChannel.open().ignoreInterrupts().bind(new InetSocketAddress(0));
                    DatagramSocket client = new DatagramSocket()) {
                CountDownLatch begun = new CountDownLatch(1);
                CountDownLatch done = new CountDownLatch(1);
                Runnable waiting = () -> {
                    try {
                        Thread.currentThread().interrupt();
                        begun.countDown();
                        server.awaitReadable(Duration.ofSeconds(60));
                        Datagram request = Objects.requireNonNull(server.receive(Duration.ofSeconds(60)));
                        server.reply(request, request.payload());
                        System.out.println(
                                "interrupted " + Thread.currentThread().isInterrupted());
                    } catch (Exception e) {
                        System.out.println(e);
                    } finally {
                        done.countDown();
                    }
                };
                Thread thread = kind[0].equals("virtual")
                        ? (Thread) Thread.class
                                .getMethod("startVirtualThread", Runnable.class)
                                .invoke(null, waiting)
                        : started(waiting);
                begun.await();
                while (server.stats().receiveWaits() == 0) {
                    Thread.onSpinWait();
                }
                thread.interrupt();
                long cpu = cpuNanos();
                System.out.println("waits " + !done.await(300, TimeUnit.MILLISECONDS));
                System.out.println("sleeping " + (cpuNanos() - cpu < 200_000_000));
                client.setSoTimeout(60_000);
                int port = server.localAddress().getPort();
                client.send(new DatagramPacket(new byte[3], 3, InetAddress.getByName("127.0.0.2"), port));
                DatagramPacket reply = new DatagramPacket(new byte[3], 3);
                client.receive(reply);
                done.await();
                System.out.println(reply.getAddress().getHostAddress() + " open " + server.isOpen());
            }
        }

        private static Thread started(Runnable work) {
            Thread thread = new Thread(work);
            thread.start();
            return thread;
        }

        private static long cpuNanos() {
            return ProcessHandle.current()
                    .info()
                    .totalCpuDuration()
                    .orElse(Duration.ZERO)
                    .toNanos();
        }
    }

    @ParameterizedTest
    @CsvSource({"17, platform", "25, platform", "25, virtual"})
    void itGoesOnWaitingAndTheChannelStaysOpen(int jdk, String kind) throws Exception {
        List<String> command = new ArrayList<>();
        command.add((jdk == 25 ? Requires.jdk25() : ChildProcess.java()).toString());
        if (jdk == 25) {
            command.add("--enable-native-access=ALL-UNNAMED");
        }
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Program.class.getName(), kind));
        ChildProcess child = ChildProcess.run(command);
        assertThat(child.out())
                .as("%s", child)
                .containsExactlyInAnyOrder("waits true", "sleeping true", "interrupted true", "127.0.0.2 open true");
    }
}
