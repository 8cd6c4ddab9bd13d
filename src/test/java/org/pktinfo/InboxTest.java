package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.pktinfo.Loopback.SOON;
import static org.pktinfo.Loopback.address;

import java.io.IOException;
import java.net.DatagramPacket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.pktinfo.PktInfoChannel.Family;

/** Receiving one by one takes several at once from a queue that does not run empty, and nobody can tell but by the calls. */
@Timeout(60)
class InboxTest {
    /** Of so many, one by one and then at once, the last {@link Inbox#AHEAD} are taken by the receive after {@link Inbox#BUSY}. */
    private static final int ALL = Inbox.BUSY + Inbox.AHEAD;

    private PktInfoChannel server;
    private Loopback client;
    private int sent;
    private int received;

    @BeforeEach
    void open() throws IOException {
        server = Loopback.open(Family.DUAL_STACK);
        client = new Loopback();
    }

    @AfterEach
    void close() throws IOException {
        client.close();
        server.close();
    }

    private void send(int count) throws IOException {
        for (int i = 0; i < count; i++) {
            byte[] payload = ByteBuffer.allocate(4).putInt(sent).array();
            client.send("127.0.0." + (1 + sent % 100), server, payload);
            sent++;
        }
    }

    private void check(byte[] payload, PacketInfo info) throws IOException {
        assertThat(ByteBuffer.wrap(payload).getInt()).isEqualTo(received);
        assertThat(info.destination()).isEqualTo(address("127.0.0." + (1 + received % 100)));
        received++;
    }

    private void receive(int count) throws IOException {
        receive(count, SOON);
    }

    private void receive(int count, Duration timeout) throws IOException {
        for (int i = 0; i < count; i++) {
            Datagram datagram = server.receive(timeout);
            assertThat(datagram).as("datagram %d of %d", received, sent).isNotNull();
            check(datagram.payload(), datagram.packetInfo());
        }
    }

    private long calls() {
        return server.stats().receiveCalls();
    }

    @Test
    void aQueueThatDoesNotRunEmptyCostsAnEighthOfTheCalls() throws IOException {
        send(Inbox.BUSY + 10 * Inbox.AHEAD);
        receive(sent);
        assertThat(calls()).isEqualTo(Inbox.BUSY + 10);
        assertThat(server.stats().received()).isEqualTo(sent);
        assertThat(server.receive(Duration.ZERO)).isNull();
    }

    @Test
    void aQueueThatRunsEmptyNowAndThenIsReadOneByOne() throws IOException {
        for (int i = 0; i < 10; i++) {
            send(Inbox.BUSY);
            receive(Inbox.BUSY);
            assertThat(server.receive(Duration.ZERO)).isNull();
        }
        assertThat(calls()).isEqualTo(sent);
    }

    @Test
    void afterAnEmptyQueueTheNextHasToBeLongAgain() throws IOException {
        send(ALL);
        receive(ALL);
        assertThat(server.receive(Duration.ZERO)).isNull();
        long before = calls();
        send(Inbox.BUSY);
        receive(Inbox.BUSY);
        assertThat(calls() - before).isEqualTo(Inbox.BUSY);
    }

    @Test
    void whatWasTakenAheadIsThereForWhoeverReceives() throws Exception {
        send(ALL);
        receive(Inbox.BUSY + 1);
        assertThat(calls()).as("all are taken").isEqualTo(Inbox.BUSY + 1);
        assertThat(server.awaitReadable(Duration.ZERO)).isTrue();
        byte[] room = new byte[4];
        check(room, server.receive(new DatagramPacket(room, 4), Duration.ZERO));
        CompletableFuture.runAsync(() -> {
                    try {
                        receive(1);
                    } catch (IOException e) {
                        throw new AssertionError(e);
                    }
                })
                .get();
        server.channel().configureBlocking(false);
        receive(1, Duration.ZERO);
        server.channel().configureBlocking(true);
        receive(ALL - received);
        assertThat(server.awaitReadable(Duration.ZERO)).isFalse();
    }

    @Test
    void datagramsThatCameAsOneAreHandedOutFromEachOfSeveral() throws IOException {
        server.coalesceReceived(true);
        int bursts = Inbox.BUSY + 3 * Inbox.AHEAD;
        Endpoint to = new Endpoint(address("127.0.0.9"), server.localAddress().getPort());
        try (PktInfoChannel sender = Loopback.open(Family.DUAL_STACK)) {
            DatagramBatch batch = sender.newBatch(5, 100);
            for (int i = 0; i < bursts; i++) {
                for (int part = 0; part < 5; part++) {
                    batch.put(ByteBuffer.allocate(8).putInt(i).putInt(part).flip(), to, Source.systemChoice());
                }
                assertThat(batch.send()).isEqualTo(5);
                batch.clear();
            }
        }
        for (int i = 0; i < 5 * bursts; i++) {
            ByteBuffer payload = ByteBuffer.wrap(server.receive(SOON).payload());
            assertThat(payload.remaining()).isEqualTo(8);
            assertThat(payload.getInt()).isEqualTo(i / 5);
            assertThat(payload.getInt()).isEqualTo(i % 5);
        }
        assertThat(server.receive(Duration.ZERO)).isNull();
        assertThat(server.stats().received()).isEqualTo(5L * bursts);
        assertThat(calls()).isEqualTo(Inbox.BUSY + 3);
    }

    @Test
    void nothingIsTakenAheadWhereSomebodyElseLooksForItInTheQueue() throws Exception {
        assertThat(server.mayReadAhead()).isTrue();
        server.channel().configureBlocking(false);
        assertThat(server.mayReadAhead()).as("a selector may look").isFalse();
        server.channel().configureBlocking(true);
        assertThat(server.mayReadAhead()).isTrue();
        server.newBatch(1, 1);
        assertThat(server.mayReadAhead()).as("a batch may look").isFalse();
    }

    @Test
    void nothingIsTakenAheadWhileAnotherThreadWaits() throws Exception {
        CompletableFuture<Boolean> waiter = CompletableFuture.supplyAsync(() -> {
            try {
                return server.awaitReadable(SOON);
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        });
        while (server.mayReadAhead()) {
            assertThat(waiter).isNotDone();
            Thread.onSpinWait();
        }
        send(1);
        assertThat(waiter.get()).isTrue();
        assertThat(server.mayReadAhead()).isTrue();
        receive(1);
    }
}
