package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.pktinfo.Loopback.address;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ref.WeakReference;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.PktInfoChannel.Family;
import org.pktinfo.SendException.Kind;
import org.pktinfo.internal.Arena;
import org.pktinfo.internal.Doors;
import org.pktinfo.internal.Layout;

/** The counters of a channel, compared with the datagrams that were really sent, received and dropped. */
@Timeout(60)
class ChannelStatsTest {
    private PktInfoChannel server;
    private Loopback client;

    @BeforeEach
    void open() throws IOException {
        server = Loopback.open(Family.IPV4);
        client = new Loopback();
    }

    @AfterEach
    void close() throws IOException {
        server.close();
        client.close();
    }

    @Test
    void everyDatagramAndItsBytesAreCountedOnce() throws IOException {
        assertThat(server.stats()).isEqualTo(ChannelStats.NONE);
        Datagram request = client.ask("127.0.0.2", server, new byte[11]);
        client.ask("127.0.0.3", server, new byte[0]);
        server.reply(request, new byte[7]);
        ChannelStats stats = server.stats();
        assertThat(stats.received()).isEqualTo(2);
        assertThat(stats.receivedBytes()).isEqualTo(11);
        assertThat(stats.receiveCalls()).isEqualTo(2);
        assertThat(stats.sent()).isEqualTo(1);
        assertThat(stats.sentBytes()).isEqualTo(7);
        assertThat(stats.sendCalls()).isEqualTo(1);
        assertThat(stats.failed() + stats.truncated() + stats.withoutPacketInfo() + stats.kernelDrops())
                .isZero();
        server.close();
        assertThat(server.stats()).as("of a closed channel").isEqualTo(stats);
    }

    @Test
    void whatIsNotSentIsCountedByKindWithRecordsAndBatchesAlike() throws IOException {
        Source gone = Source.of(address("192.0.2.7"));
        Source wrong = Source.of(new IpAddress(0, 1, 0));
        Datagram request = client.ask("127.0.0.2", server);
        ByteBuffer one = ByteBuffer.allocate(1);
        Endpoint portZero = new Endpoint(address("127.0.0.1"), 0);
        List<org.assertj.core.api.ThrowableAssert.ThrowingCallable> refused = List.of(
                () -> server.send(one, request.peer(), gone),
                () -> server.send(one, request.peer(), wrong),
                () -> server.send(one, portZero, Source.systemChoice()),
                () -> server.reply(request, one, (peer, info) -> {
                    throw SendException.noSource(peer, "not today");
                }));
        refused.forEach(call -> assertThatThrownBy(call).isInstanceOf(SendException.class));
        Map<Kind, Long> expected = Map.of(Kind.SOURCE_UNUSABLE, 2L, Kind.PEER_PORT_ZERO, 1L, Kind.NO_SOURCE, 1L);
        assertThat(server.stats().sendErrors()).isEqualTo(expected);

        DatagramBatch batch = server.newBatch(4, 100);
        for (int i = 1; i <= 3; i++) {
            client.send("127.0.0." + i, server, new byte[1]);
        }
        assertThat(batch.receive(Loopback.SOON)).isEqualTo(3);
        batch.slot(0).reply(1, gone);
        batch.slot(1).reply(1, wrong);
        batch.slot(2).reply(1, (peer, info) -> {
            throw SendException.noSource(peer, "not today");
        });
        assertThatThrownBy(() -> batch.put(one, portZero, Source.systemChoice()))
                .isInstanceOf(SendException.class);
        assertThat(batch.send()).isZero();
        assertThat(batch.slot(0).failure().kind()).isEqualTo(Kind.SOURCE_UNUSABLE);
        assertThat(server.stats().sendErrors())
                .isEqualTo(Map.of(Kind.SOURCE_UNUSABLE, 4L, Kind.PEER_PORT_ZERO, 2L, Kind.NO_SOURCE, 2L));
        assertThat(server.stats().failed()).isEqualTo(8);
        assertThat(server.stats().sent()).isZero();
    }

    @Test
    void aBatchCountsItsCallsWhatDidNotFitAndWhatLeftTogether() throws IOException {
        DatagramBatch batch = server.newBatch(8, 10);
        for (int i = 0; i < 4; i++) {
            client.send("127.0.0.2", server, new byte[i == 3 ? 25 : 10]);
        }
        assertThat(batch.receive(Loopback.SOON)).isEqualTo(4);
        for (int i = 0; i < 3; i++) {
            batch.slot(i).reply(10);
        }
        batch.slot(3).replyInSegments(9, 2);
        assertThat(batch.send()).isEqualTo(4);
        ChannelStats stats = server.stats();
        assertThat(stats.received()).isEqualTo(4);
        assertThat(stats.receivedBytes()).isEqualTo(55);
        assertThat(stats.receiveCalls()).isEqualTo(1);
        assertThat(stats.truncated()).isEqualTo(1);
        assertThat(stats.sent()).as("three, and five segments").isEqualTo(8);
        assertThat(stats.sentBytes()).isEqualTo(39);
        assertThat(stats.sendCalls()).isEqualTo(1);
        assertThat(stats.coalesced()).isEqualTo(server.sender.segments() ? 3 : 0);
        assertThat(batch.send()).isZero();
        assertThat(server.stats()).as("nothing more to send").isEqualTo(stats);
    }

    @Test
    void whatComesAsOneIsCountedAsWhatWasSent() throws IOException {
        try (PktInfoChannel coalescing = PktInfoChannel.open(Family.IPV4)) {
            try {
                coalescing.setOption(PktInfoSocketOptions.COALESCE_RECEIVED, true);
            } catch (UnsupportedOperationException e) {
                assertThat(e).hasMessageContaining("since Linux 5.0");
                return;
            }
            coalescing.bind(new java.net.InetSocketAddress(0));
            DatagramBatch batch = server.newBatch(6, 100);
            Endpoint to =
                    new Endpoint(address("127.0.0.2"), coalescing.localAddress().getPort());
            for (int i = 0; i < 6; i++) {
                batch.put(ByteBuffer.allocate(i == 5 ? 3 : 20), to, Source.systemChoice());
            }
            assertThat(batch.send()).isEqualTo(6);
            assertThat(server.stats().coalesced()).isEqualTo(6);
            int received = 0;
            while (received < 6) {
                assertThat(coalescing.receive(Loopback.SOON)).isNotNull();
                received++;
            }
            assertThat(coalescing.stats().received()).isEqualTo(6);
            assertThat(coalescing.stats().receivedBytes()).isEqualTo(103);
            assertThat(coalescing.stats().receiveCalls()).isEqualTo(1);
        }
    }

    @Test
    void whoHasToWaitIsCounted() throws Exception {
        assertThat(server.receive(Duration.ZERO)).isNull();
        assertThat(server.stats().receiveWaits()).isZero();
        assertThat(server.receive(Duration.ofMillis(1))).isNull();
        assertThat(server.awaitReadable(Duration.ofMillis(1))).isFalse();
        assertThat(server.stats().receiveWaits()).isEqualTo(2);
        assertThat(server.stats().receiveCalls()).isZero();
    }

    /** Its memory too: a program that makes a batch for each request must not fill the heap. */
    @Test
    void aForgottenBatchGoesAndWhatItCountedStays() throws Exception {
        DatagramBatch batch = server.newBatch(2, 10);
        client.send("127.0.0.2", server, new byte[3]);
        assertThat(batch.receive(Loopback.SOON)).isEqualTo(1);
        WeakReference<DatagramBatch> forgotten = new WeakReference<>(batch);
        batch = null;
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (forgotten.get() != null && System.nanoTime() < deadline) {
            System.gc();
        }
        assertThat(forgotten.get()).isNull();
        assertThat(server.stats().received()).isEqualTo(1);
    }

    private interface Receiver {
        int receive() throws IOException;
    }

    private Receiver receiver(String how) {
        DatagramBatch batch = server.newBatch(16, 100);
        return how.equals("batch")
                ? () -> batch.receive(Duration.ZERO)
                : () -> server.receive(Duration.ZERO) == null ? 0 : 1;
    }

    /** Loopback delivers before send returns, so a datagram that is not in the queue then was dropped. */
    @ParameterizedTest
    @ValueSource(strings = {"record", "batch"})
    void whatTheKernelLostIsWhatWasSentAndDidNotCome(String how) throws IOException {
        Loopback.shrinkQueue(server);
        Receiver receiver = receiver(how);
        long sent = 0;
        for (int round = 0; round < 3; round++) {
            client.flood(server);
            sent += Loopback.FLOOD;
            while (receiver.receive() > 0) {
                // takes the datagrams that fitted
            }
            client.send("127.0.0.2", server, new byte[1]); // old kernels report it with the next one queued
            sent++;
            assertThat(receiver.receive()).isEqualTo(1);
            ChannelStats stats = server.stats();
            assertThat(stats.kernelDrops()).isPositive().isEqualTo(sent - stats.received());
        }
    }

    /**
     * Linux 4.12: a server that hangs, or is closed with its queue full, has dropped datagrams and receives none that
     * would report it.
     */
    @Test
    void whatTheKernelLostIsKnownWithoutReceiving() throws IOException {
        Loopback.shrinkQueue(server);
        client.flood(server);
        long lost = server.stats().kernelDrops();
        assertThat(lost).isPositive();
        client.flood(server);
        server.close();
        assertThat(server.stats().kernelDrops()).isEqualTo(lost + Loopback.FLOOD);
        assertThat(server.stats().received()).isZero();
    }

    /** Four threads, two ways to receive, one flood; the threads see the counts in any order. */
    @Test
    void severalReceiversOfOneChannelAgreeWithTheKernel() throws Exception {
        Loopback.shrinkQueue(server);
        List<CompletableFuture<Void>> receivers = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            receivers.add(CompletableFuture.runAsync(this::receiveUntilAnEmptyDatagram));
        }
        long sent = 0;
        while (server.stats().kernelDrops() < 1000) {
            client.flood(server);
            sent += Loopback.FLOOD;
        }
        for (CompletableFuture<Void> receiver : receivers) {
            while (!receiver.isDone()) {
                client.send("127.0.0.2", server, new byte[0]);
                sent++;
                Thread.onSpinWait();
            }
            receiver.get();
        }
        while (server.receive(Duration.ZERO) != null) {
            // those that the others left
        }
        client.send("127.0.0.2", server, new byte[1]);
        sent++;
        assertThat(server.receive(Loopback.SOON)).isNotNull();
        assertThat(server.stats().kernelDrops()).isEqualTo(sent - server.stats().received());
    }

    private void receiveUntilAnEmptyDatagram() {
        DatagramBatch batch = server.newBatch(4, 100);
        try {
            Datagram last;
            do {
                batch.receive(Duration.ZERO);
                last = server.receive(Duration.ofMillis(10));
            } while (last == null || last.payload().length > 0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** As if the kernel had dropped almost 2^32 datagrams: the slot has the value of a control message. */
    @Test
    void theCounterOfTheSlotIsBelievedOnlyIfItCame() {
        Arena arena = new Arena(1, 10, Layout.FAMILY_IPV4);
        int slot = Layout.HEADER_SIZE;
        Doors.memory(arena).putInt(slot + Layout.DROP_COUNT, 0xfffffff7);
        assertThat(Doors.dropCount(arena, 0)).isZero();
        Doors.memory(arena).putInt(slot + Layout.FLAGS, Layout.FLAG_DROP_COUNT);
        assertThat(Doors.dropCount(arena, 0)).isEqualTo(0xfffffff7);
    }

    @Test
    void snapshotsAddUpAndDoNotChange() throws IOException {
        client.ask("127.0.0.2", server, new byte[11]);
        ChannelStats one = server.stats();
        client.ask("127.0.0.2", server, new byte[11]);
        assertThat(one.received()).isEqualTo(1);
        ChannelStats sum = one.plus(server.stats());
        assertThat(sum.received()).isEqualTo(3);
        assertThat(sum.receivedBytes()).isEqualTo(33);
        assertThat(sum.plus(ChannelStats.NONE)).isEqualTo(sum);
        assertThatThrownBy(() -> sum.sendErrors().put(Kind.OTHER, 1L))
                .isInstanceOf(UnsupportedOperationException.class);
    }
}
