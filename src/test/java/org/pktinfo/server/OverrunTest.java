package org.pktinfo.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.ChannelStats;

/** A server that receives more than it can process. */
@Timeout(60)
class OverrunTest {
    private static final int CLIENTS = 48; // enough flows that every worker gets some
    private static final int EACH = 200;

    private final List<DatagramSocket> clients = new ArrayList<>();
    private long sent;

    private void sendFromAll(int port) throws IOException {
        for (DatagramSocket client : clients) {
            client.send(new DatagramPacket(new byte[100], 100, InetAddress.getByName("127.0.0.2"), port));
            sent++;
        }
    }

    private boolean isAccountedFor(DatagramServer server) {
        return server.channelStats().stream()
                        .mapToLong(ChannelStats::kernelDrops)
                        .noneMatch(drops -> drops == 0)
                && server.stats().received() + server.stats().channels().kernelDrops() == sent;
    }

    /** The handlers hang until the queues overflow; the last drops are reported by the next datagram. */
    @ParameterizedTest
    @ValueSource(ints = {1, 4})
    void whatEachWorkersQueueLostIsCountedAndTheRestIsAnswered(int workers) throws Exception {
        CountDownLatch overrun = new CountDownLatch(1);
        DatagramServer server = DatagramServer.builder()
                .workers(workers)
                .payloadCapacity(100)
                .start(request -> {
                    overrun.await();
                    request.reply(1);
                });
        try (server) {
            int port = server.localAddress().getPort();
            for (int i = 0; i < CLIENTS; i++) {
                clients.add(new DatagramSocket());
            }
            for (int i = 0; i < EACH; i++) {
                sendFromAll(port);
            }
            overrun.countDown();
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
            while (!isAccountedFor(server) && System.nanoTime() < deadline) {
                sendFromAll(port);
                long taken;
                do { // until the queues are empty
                    taken = server.stats().received();
                    LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
                } while (server.stats().received() > taken);
            }
            assertThat(server.channelStats())
                    .hasSize(workers)
                    .allSatisfy(stats -> assertThat(stats.kernelDrops()).isPositive());
            ServerStats stats = server.stats();
            assertThat(stats.received() + stats.channels().kernelDrops()).isEqualTo(sent);
            server.stop(Duration.ofSeconds(5));
            stats = server.stats();
            assertThat(stats.replied() + stats.failed()).as("%s", stats).isEqualTo(stats.received());
            assertThat(stats.channels().sent()).isEqualTo(stats.replied());
        } finally {
            clients.forEach(DatagramSocket::close);
        }
    }

    @Test
    void theSumsAreThoseOfTheWorkers() throws Exception {
        try (DatagramServer server =
                        DatagramServer.builder().workers(3).start(request -> request.reply(request.length()));
                DatagramSocket client = new DatagramSocket()) {
            client.setSoTimeout(5000);
            DatagramPacket packet = new DatagramPacket(
                    new byte[8],
                    8,
                    InetAddress.getByName("127.0.0.2"),
                    server.localAddress().getPort());
            for (int i = 0; i < 20; i++) {
                client.send(packet);
                client.receive(packet);
                packet.setAddress(InetAddress.getByName("127.0.0." + (i + 2)));
            }
            server.stop(Duration.ofSeconds(5));
            ServerStats stats = server.stats();
            assertThat(stats.received()).isEqualTo(20);
            assertThat(stats.channels().received()).isEqualTo(20);
            assertThat(stats.channels().sent()).isEqualTo(stats.replied()).isEqualTo(20);
            assertThat(stats.channels().sentBytes()).isEqualTo(160);
            assertThat(stats.batches())
                    .isEqualTo(stats.channels().receiveCalls())
                    .isBetween(1L, 20L);
        }
    }
}
