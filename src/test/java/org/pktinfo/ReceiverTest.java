package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.pktinfo.Loopback.SOON;
import static org.pktinfo.Loopback.address;

import java.io.IOException;
import java.net.DatagramPacket;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.PktInfoChannel.Family;

/**
 * Receiving one by one takes several datagrams at once from a queue that stays busy, and only the number of calls shows
 * it.
 */
@Timeout(60)
class ReceiverTest {
    /**
     * Number of datagrams of which, received one by one and then ahead, the receive after {@link Receiver#BUSY} takes
     * the last {@link Receiver#AHEAD}.
     */
    private static final int ALL = Receiver.BUSY + Receiver.AHEAD;

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
        send(Receiver.BUSY + 10 * Receiver.AHEAD);
        receive(sent);
        assertThat(calls()).isEqualTo(Receiver.BUSY + 10);
        assertThat(server.stats().received()).isEqualTo(sent);
        assertThat(server.receive(Duration.ZERO)).isNull();
    }

    @Test
    void aQueueThatRunsEmptyNowAndThenIsReadOneByOne() throws IOException {
        for (int i = 0; i < 10; i++) {
            send(Receiver.BUSY);
            receive(Receiver.BUSY);
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
        send(Receiver.BUSY);
        receive(Receiver.BUSY);
        assertThat(calls() - before).isEqualTo(Receiver.BUSY);
    }

    @Test
    void whatWasTakenAheadIsThereForWhoeverReceives() throws Exception {
        send(ALL);
        receive(Receiver.BUSY + 1);
        assertThat(calls()).as("all are taken").isEqualTo(Receiver.BUSY + 1);
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
        server.jdkChannel().configureBlocking(false);
        receive(1, Duration.ZERO);
        server.jdkChannel().configureBlocking(true);
        receive(ALL - received);
        assertThat(server.awaitReadable(Duration.ZERO)).isFalse();
    }

    /** Leaves {@link Receiver#AHEAD} less one of the sent datagrams in the receiver. */
    private void takeAhead() throws IOException {
        send(ALL);
        receive(Receiver.BUSY + 1);
        assertThat(calls()).as("all are taken").isEqualTo(Receiver.BUSY + 1);
    }

    /** Receives with the loop of an event loop's worker. */
    private void receiveAll(DatagramBatch batch) throws IOException {
        while (received < sent) {
            assertThat(server.awaitReadable(SOON)).isTrue();
            int count = batch.receive(Duration.ZERO);
            assertThat(count).as("there is something").isPositive();
            for (int i = 0; i < count; i++) {
                DatagramSlot slot = batch.slot(i);
                byte[] payload = new byte[slot.length()];
                slot.payload().get(payload);
                check(payload, slot.packetInfo());
                assertThat(slot.peer().port()).isEqualTo(client.socket.getLocalPort());
            }
        }
        assertThat(server.awaitReadable(Duration.ZERO)).isFalse();
        assertThat(batch.receive(Duration.ZERO)).isZero();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 100})
    void whatWasTakenAheadIsThereForABatch(int slots) throws IOException {
        takeAhead();
        DatagramBatch batch = server.newBatch(slots, 100);
        send(5);
        receiveAll(batch);
        assertThat(server.stats().received()).isEqualTo(sent);
    }

    @Test
    void whatWasTakenAheadIsThereForTheBatchOfAnotherThreadAndWithoutBlocking() throws Exception {
        takeAhead();
        server.jdkChannel().configureBlocking(false);
        CompletableFuture.runAsync(() -> {
                    try {
                        receiveAll(server.newBatch(4, 100));
                    } catch (IOException e) {
                        throw new AssertionError(e);
                    }
                })
                .get();
    }

    @Test
    void whatWasTakenAheadAndIsTooLongForABatchIsTruncated() throws IOException {
        takeAhead();
        DatagramBatch batch = server.newBatch(ALL, 3);
        assertThat(batch.receive()).isEqualTo(Receiver.AHEAD - 1);
        for (int i = 0; i < batch.size(); i++) {
            DatagramSlot slot = batch.slot(i);
            assertThat(slot.isTruncated()).isTrue();
            assertThat(slot.length()).isEqualTo(3);
            assertThat(slot.wireLength()).isEqualTo(4);
            assertThat(slot.payload().remaining()).isEqualTo(3);
        }
        assertThat(server.stats().truncated()).isEqualTo(Receiver.AHEAD - 1);
    }

    @Test
    void whatIsLeftOfDatagramsThatCameAsOneIsThereForABatch() throws IOException {
        server.setOption(PktInfoSocketOptions.COALESCE_RECEIVED, true);
        sendAsOne(5, 1);
        byte[] first = server.receive().payload();
        assertThat(ByteBuffer.wrap(first).getInt(4)).isZero();
        DatagramBatch small = server.newBatch(5, 100);
        assertThatThrownBy(() -> small.receive(Duration.ZERO)).isInstanceOf(IllegalStateException.class);
        DatagramBatch batch = server.newBatch(3, PktInfoChannel.MAX_PAYLOAD);
        for (int part = 1; part < 5; ) {
            assertThat(server.awaitReadable(Duration.ZERO)).isTrue();
            int count = batch.receive(Duration.ZERO);
            assertThat(count).isPositive();
            for (int i = 0; i < count; i++) {
                DatagramSlot slot = batch.slot(i);
                assertThat(slot.segmentSize()).isZero();
                assertThat(slot.wireLength()).isEqualTo(8);
                assertThat(slot.isTruncated()).isFalse();
                assertThat(slot.payload().getInt(4)).isEqualTo(part++);
            }
        }
        assertThat(server.awaitReadable(Duration.ZERO)).isFalse();
    }

    /** Behaves as the JDK's channel with its own queue. */
    @Test
    void whatWasTakenAheadIsThrownAwayWhenTheChannelIsConnected() throws IOException {
        takeAhead();
        server.jdkChannel().connect(Loopback.to("127.0.0.1", client.socket.getLocalPort()));
        assertThat(server.awaitReadable(Duration.ZERO)).isFalse();
        assertThat(server.receive(Duration.ZERO)).isNull();
        assertThat(server.receive(new DatagramPacket(new byte[4], 4), Duration.ZERO))
                .isNull();
        assertThat(server.newBatch(1, 10).receive(Duration.ZERO)).isZero();
        client.send("127.0.0.1", server, new byte[] {1});
        assertThat(server.receive(SOON).payload())
                .as("from whom it is connected to")
                .containsExactly(1);
    }

    @Test
    void whatWasTakenAheadIsThrownAwayAlsoByABatchAndIfTheChannelIsNoLongerConnected() throws IOException {
        takeAhead();
        DatagramBatch batch = server.newBatch(1, 10);
        server.jdkChannel().connect(Loopback.to("127.0.0.1", client.socket.getLocalPort()));
        server.jdkChannel().disconnect();
        assertThat(batch.receive(Duration.ZERO)).isZero();
        received = sent;
        send(3);
        receiveAll(batch);
    }

    @Test
    void nothingOfWhatWasTakenAheadComesOutOfAClosedChannel() throws IOException {
        takeAhead();
        DatagramBatch batch = server.newBatch(1, 10);
        server.jdkChannel().close();
        assertThatThrownBy(() -> batch.receive(Duration.ZERO)).isInstanceOf(ClosedChannelException.class);
        assertThatThrownBy(() -> server.receive()).isInstanceOf(ClosedChannelException.class);
        assertThatThrownBy(() -> server.awaitReadable(Duration.ZERO)).isInstanceOf(ClosedChannelException.class);
    }

    private void sendAsOne(int parts, int times) throws IOException {
        Endpoint to = new Endpoint(address("127.0.0.9"), server.localAddress().getPort());
        try (PktInfoChannel sender = Loopback.open(Family.DUAL_STACK)) {
            DatagramBatch batch = sender.newBatch(parts, 100);
            for (int i = 0; i < times; i++) {
                for (int part = 0; part < parts; part++) {
                    batch.put(ByteBuffer.allocate(8).putInt(i).putInt(part).flip(), to, Source.systemChoice());
                }
                assertThat(batch.send()).isEqualTo(parts);
                batch.clear();
            }
        }
    }

    @Test
    void datagramsThatCameAsOneAreHandedOutFromEachOfSeveral() throws IOException {
        server.setOption(PktInfoSocketOptions.COALESCE_RECEIVED, true);
        int bursts = Receiver.BUSY + 3 * Receiver.AHEAD;
        sendAsOne(5, bursts);
        for (int i = 0; i < 5 * bursts; i++) {
            ByteBuffer payload = ByteBuffer.wrap(server.receive(SOON).payload());
            assertThat(payload.remaining()).isEqualTo(8);
            assertThat(payload.getInt()).isEqualTo(i / 5);
            assertThat(payload.getInt()).isEqualTo(i % 5);
        }
        assertThat(server.receive(Duration.ZERO)).isNull();
        assertThat(server.stats().received()).isEqualTo(5L * bursts);
        assertThat(calls()).isEqualTo(Receiver.BUSY + 3);
    }

    @Test
    void nothingIsTakenAheadWhereSomebodyElseLooksForItInTheQueue() throws Exception {
        assertThat(server.receiver.mayReadAhead()).isTrue();
        server.jdkChannel().configureBlocking(false);
        assertThat(server.receiver.mayReadAhead()).as("a selector may look").isFalse();
        server.jdkChannel().configureBlocking(true);
        assertThat(server.receiver.mayReadAhead()).isTrue();
        server.newBatch(1, 1);
        assertThat(server.receiver.mayReadAhead()).as("a batch may look").isFalse();
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
        while (server.receiver.mayReadAhead()) {
            assertThat(waiter).isNotDone();
            Thread.onSpinWait();
        }
        send(1);
        assertThat(waiter.get()).isTrue();
        assertThat(server.receiver.mayReadAhead()).isTrue();
        receive(1);
    }
}
