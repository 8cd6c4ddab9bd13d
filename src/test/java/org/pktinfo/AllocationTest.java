package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.DatagramPacket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.junit.jupiter.api.Test;
import org.pktinfo.PktInfoChannel.Family;

/** The heap allocation of receiving and replying with records. */
class AllocationTest {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int ROUNDS = 20_000;
    private static final int PAYLOAD = 64; // bytes
    private static final int PAYLOAD_ARRAY = 16 + PAYLOAD;

    private static volatile byte[] sink;

    /** Returns the number of bytes that this thread has allocated since it began. */
    static long allocatedBytes() {
        return THREADS.getCurrentThreadAllocatedBytes();
    }

    private interface Round {
        void run() throws IOException;
    }

    /** Returns the bytes of a round, after enough rounds for the compiler to have settled. */
    private static double bytesPerRound(Round round) throws IOException {
        for (int i = 0; i < ROUNDS; i++) {
            round.run();
        }
        long before = THREADS.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < ROUNDS; i++) {
            round.run();
        }
        return (THREADS.getCurrentThreadAllocatedBytes() - before) / (double) ROUNDS;
    }

    @Test
    void theCounterSeesAnAllocation() throws IOException {
        assertThat(bytesPerRound(() -> sink = new byte[1000])).isBetween(1000.0, 1100.0);
    }

    @Test
    void aRecordMakesNoAddressObjects() throws IOException {
        try (PktInfoChannel server = Loopback.open(Family.IPV4);
                Loopback client = new Loopback()) {
            DatagramPacket request = new DatagramPacket(
                    new byte[PAYLOAD],
                    PAYLOAD,
                    new InetSocketAddress(
                            InetAddress.getByName("127.0.0.2"),
                            server.localAddress().getPort()));
            double sending = bytesPerRound(() -> {
                client.socket.send(request);
                server.receive(Loopback.SOON);
            });
            double alone = bytesPerRound(() -> client.socket.send(request));
            drain(server);
            assertThat(sending - alone - PAYLOAD_ARRAY)
                    .as("bytes a datagram beyond the payload")
                    .isLessThan(200);
        }
    }

    private static void drain(PktInfoChannel server) throws IOException {
        while (server.receive(java.time.Duration.ZERO) != null) {
            // datagrams that did not fit the receive buffer were dropped, the others are of no interest
        }
    }
}
