package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.DatagramPacket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.PktInfoChannel.Family;

/** The heap allocation of receiving and replying, with records and with facts and header fields. */
class AllocationTest {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int ROUNDS = 20_000;
    private static final int PAYLOAD = 64; // bytes
    private static final int PAYLOAD_ARRAY = 16 + PAYLOAD;

    private static volatile byte[] sink;
    private static long sum;

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

    /** The facts are absent, so that the record of the report is all that it costs. */
    @Test
    void aReportWithoutFactsCostsItsRecordAlone() throws IOException {
        try (PktInfoChannel server = Loopback.open(Family.IPV4);
                Loopback client = new Loopback()) {
            DatagramPacket request = new DatagramPacket(
                    new byte[PAYLOAD],
                    PAYLOAD,
                    new InetSocketAddress(
                            InetAddress.getByName("127.0.0.2"),
                            server.localAddress().getPort()));
            DatagramPacket received = new DatagramPacket(new byte[PAYLOAD], PAYLOAD);
            double without = bytesPerRound(() -> {
                client.socket.send(request);
                server.receive(received, Loopback.SOON);
            });
            double with = bytesPerRound(() -> {
                client.socket.send(request);
                server.receiveReport(received, Loopback.SOON);
            });
            assertThat(with - without).as("bytes of a report").isLessThan(32);
        }
    }

    /** Reads every method of the facts but the one that copies them. */
    private static long read(SlotFacts facts) {
        return facts.trafficClass()
                + facts.dscp()
                + facts.ecn()
                + facts.hopLimit()
                + (facts.hasTime() ? facts.timeNanos() : 0)
                + (facts.hasHardwareTime() ? facts.hardwareTimeNanos() : 0)
                + facts.originalPort()
                + facts.mark();
    }

    /** Answers each datagram of a batch with one of the kinds of options that cost nothing. */
    private static void answer(DatagramBatch batch, SendOptions all) throws IOException {
        int count = batch.receive(Loopback.SOON);
        for (int i = 0; i < count; i++) {
            DatagramSlot slot = batch.slot(i);
            sum += read(slot.facts());
            slot.reply(slot.length());
            slot.sendOptions(
                    switch (i & 3) {
                        case 0 -> SendOptions.ecnOf(slot.facts()); // the DSCP is the socket's
                        case 1 -> SendOptions.dscpOf(slot.facts());
                        case 2 -> all;
                        default -> SendOptions.NONE;
                    });
        }
        batch.send();
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.2", "::1"})
    void aBatchThatReadsAllFactsAndRepliesWithFieldsOfItsOwnMakesNoGarbage(String destination) throws IOException {
        Environment.assumeIpv6();
        try (PktInfoChannel server = Loopback.open(Family.DUAL_STACK);
                PktInfoChannel client = Loopback.open(Family.DUAL_STACK)) {
            FactsTest.receiveAll(server);
            server.setOption(StandardSocketOptions.IP_TOS, 34 << 2);
            client.setOption(StandardSocketOptions.IP_TOS, 46 << 2 | 3);
            DatagramBatch batch = server.newBatch(4, PAYLOAD);
            DatagramBatch requests = client.newBatch(4, PAYLOAD);
            SendOptions all = new SendOptions(46, 1, 9);
            Endpoint to = new Endpoint(
                    Loopback.address(destination), server.localAddress().getPort());
            double bytes = bytesPerRound(() -> {
                requests.clear();
                for (int i = 0; i < 4; i++) {
                    requests.put(PAYLOAD, to, Source.systemChoice());
                }
                requests.send();
                answer(batch, all);
                requests.receive(Loopback.SOON);
            });
            assertThat(server.stats().sent()).isEqualTo(server.stats().received());
            assertThat(sum).isNotZero();
            assertThat(bytes)
                    .as("bytes a round of 4 datagrams, asking included")
                    .isLessThan(4);
        }
    }

    private static void drain(PktInfoChannel server) throws IOException {
        while (server.receive(java.time.Duration.ZERO) != null) {
            // datagrams that did not fit the receive buffer were dropped, the others are of no interest
        }
    }
}
