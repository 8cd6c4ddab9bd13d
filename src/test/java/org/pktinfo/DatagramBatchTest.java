package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.pktinfo.Loopback.address;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.PktInfoChannel.Family;
import org.pktinfo.SendException.Kind;

/** Receiving and sending many datagrams with one call. */
@Timeout(60)
class DatagramBatchTest {
    private PktInfoChannel server;
    private DatagramBatch batch;
    private Loopback client;

    @BeforeEach
    void open() throws IOException {
        server = Loopback.open(Family.DUAL_STACK);
        batch = server.newBatch(4, 100);
        client = new Loopback();
    }

    @AfterEach
    void close() throws IOException {
        server.close();
        client.close();
    }

    private void send(String... destinations) throws IOException {
        for (String destination : destinations) {
            client.send(destination, server, destination.getBytes(StandardCharsets.UTF_8));
        }
    }

    private void receive(int expected) throws IOException {
        assertThat(batch.receive(Loopback.SOON)).isEqualTo(expected);
        assertThat(batch.size()).isEqualTo(expected);
    }

    private void assertAnswered(String... destinations) throws IOException {
        for (String destination : destinations) {
            assertThat(client.replySource(destination.getBytes(StandardCharsets.UTF_8)))
                    .isEqualTo(address(destination));
        }
    }

    @Test
    void theMostSlotsThatThereMayBeCanBeUsedAndOneMoreCannot() throws IOException {
        DatagramBatch largest = server.newBatch(DatagramBatch.MAX_SLOTS, 1);
        assertThat(largest.capacity()).isEqualTo(1024);
        send("127.0.0.2");
        assertThat(largest.receive(Loopback.SOON)).isEqualTo(1);
        assertThatThrownBy(() -> server.newBatch(DatagramBatch.MAX_SLOTS + 1, 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("1025 slots are not in 1 to 1024");
    }

    @Test
    void whoSharesHisTimeTakesNoMoreThanHeWantsAndDoesNotWait() throws IOException {
        assertThat(batch.payloadCapacity()).isEqualTo(100);
        assertThat(batch.receiveNow(4)).isZero();
        send("127.0.0.2", "127.0.0.3", "127.0.0.4");
        assertThat(batch.receiveNow(2)).isEqualTo(2).isEqualTo(batch.size());
        batch.slot(1).reply(batch.slot(1).length());
        assertThat(batch.send()).isOne();
        assertThat(batch.slot(1).wouldBlock()).isFalse();
        assertAnswered("127.0.0.3");
        assertThat(batch.receiveNow(2)).isOne();
        for (int most : new int[] {0, 5}) {
            assertThatThrownBy(() -> batch.receiveNow(most))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage(most + " is not in 1 to the batch's capacity of 4");
        }
    }

    @Test
    void everyReplyLeavesFromItsRequestDestination() throws IOException {
        Environment.assumeIpv6();
        String[] destinations = {"127.0.0.2", "::1", "127.0.0.3", "127.0.0.1"};
        send(destinations);
        receive(4);
        for (int i = 0; i < 4; i++) {
            DatagramSlot slot = batch.slot(i);
            assertThat(slot.packetInfo().local()).isEqualTo(address(destinations[i]));
            assertThat(slot.toDatagram().payload())
                    .asString(StandardCharsets.UTF_8)
                    .isEqualTo(destinations[i]);
            assertThat(slot.peer().port())
                    .isEqualTo(client.socket.getLocalPort())
                    .isEqualTo(slot.peerPort());
            assertThat(new IpAddress(slot.peerAddressHigh(), slot.peerAddressLow(), slot.peerScopeId()))
                    .isEqualTo(slot.peer().address());
            assertThat(slot.interfaceIndex())
                    .isEqualTo(slot.packetInfo().interfaceIndex())
                    .isPositive();
            slot.reply(slot.length());
        }
        assertThat(batch.send()).isEqualTo(4);
        assertAnswered(destinations);
        assertThat(batch.send()).as("sent again").isZero();
    }

    @Test
    void moreDatagramsThanSlotsAreReceivedWithTheNextCalls() throws IOException {
        send("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5");
        receive(4);
        receive(1);
        assertThat(batch.slot(0).packetInfo().local()).isEqualTo(address("127.0.0.5"));
        assertThat(batch.receive(Duration.ZERO)).isZero();
        assertThat(batch.receive(Duration.ofMillis(20))).isZero();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 3})
    void aSlotThatFailsIsMarkedAndHoldsBackNobody(int bad) throws IOException {
        String[] destinations = {"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"};
        send(destinations);
        receive(4);
        List<String> good = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            DatagramSlot slot = batch.slot(i);
            if (i == bad) {
                slot.reply(slot.length(), Source.of(address("192.0.2.7")));
            } else {
                slot.reply(slot.length());
                good.add(destinations[i]);
            }
        }
        assertThat(batch.send()).isEqualTo(3);
        assertAnswered(good.toArray(String[]::new));
        for (int i = 0; i < 4; i++) {
            assertThat(batch.slot(i).isSent()).isEqualTo(i != bad);
        }
        SendException failure = batch.slot(bad).failure();
        assertThat(failure.kind()).isEqualTo(Kind.SOURCE_UNUSABLE);
        assertThat(failure)
                .hasMessageContaining("source 192.0.2.7")
                .hasMessageEndingWith("peer " + batch.slot(bad).peer());
        assertThat(batch.slot((bad + 1) % 4).failure()).isNull();
    }

    @Test
    void aSelectionThatRefusesAndASourceOfTheWrongFamilyAreMarkedTheSameWay() throws IOException {
        send("127.0.0.1", "127.0.0.2", "127.0.0.3");
        receive(3);
        batch.slot(0).reply(1, (peer, info) -> {
            throw SendException.noSource(peer, "not today");
        });
        batch.slot(1).reply(1, Source.of(new IpAddress(0, 1, 0)));
        batch.slot(2).reply(batch.slot(2).length(), SourceSelection.fixed(address("127.0.0.9")));
        assertThat(batch.send()).isEqualTo(1);
        assertThat(batch.slot(0).failure().kind()).isEqualTo(Kind.NO_SOURCE);
        assertThat(batch.slot(0).failure()).hasMessageContaining("not today");
        assertThat(batch.slot(1).failure().kind()).isEqualTo(Kind.SOURCE_UNUSABLE);
        assertThat(client.replySource("127.0.0.3".getBytes(StandardCharsets.UTF_8)))
                .isEqualTo(address("127.0.0.9"));
    }

    @Test
    void slotsWithoutAReplyAreLeftOut() throws IOException {
        send("127.0.0.1", "127.0.0.2", "127.0.0.3");
        receive(3);
        batch.slot(1).reply(batch.slot(1).length());
        assertThat(batch.send()).isEqualTo(1);
        assertAnswered("127.0.0.2");
        assertThat(batch.slot(0).failure()).isNull();
        assertThat(batch.slot(0).isSent()).isFalse();
    }

    @Test
    void aReplyCanBeWrittenInPlaceOrCopiedAndReplaced() throws IOException {
        send("127.0.0.1", "127.0.0.2");
        receive(2);
        batch.slot(0).payload().clear().put(new byte[] {1, 2, 3});
        batch.slot(0).reply(3);
        ByteBuffer other =
                ByteBuffer.wrap(new byte[] {9, 9, 4, 5, 9}).position(2).limit(4);
        batch.slot(1).reply(7);
        batch.slot(1).reply(other);
        assertThat(other.position()).isEqualTo(4);
        assertThat(batch.send()).isEqualTo(2);
        assertThat(client.replySource(new byte[] {1, 2, 3})).isEqualTo(address("127.0.0.1"));
        assertThat(client.replySource(new byte[] {4, 5})).isEqualTo(address("127.0.0.2"));
    }

    /** Also if the kernel cannot segment: it then accepts the segment size without an error. */
    @Test
    void aReplyInSegmentsIsSeveralDatagrams() throws IOException {
        send("127.0.0.7");
        receive(1);
        batch.slot(0).payload().clear().put("aaabbbc".getBytes(StandardCharsets.UTF_8));
        batch.slot(0).replyInSegments(7, 3);
        assertThat(batch.send()).isEqualTo(1);
        for (String part : List.of("aaa", "bbb", "c")) {
            assertThat(client.replySource(part.getBytes(StandardCharsets.UTF_8)))
                    .isEqualTo(address("127.0.0.7"));
        }
    }

    @Test
    void truncatedAndEmptyDatagramsAreShownAsTheyAre() throws IOException {
        client.send("127.0.0.1", server, new byte[101]);
        client.send("127.0.0.2", server, new byte[0]);
        receive(2);
        assertThat(batch.slot(0).isTruncated()).isTrue();
        assertThat(batch.slot(0).length()).isEqualTo(100);
        assertThat(batch.slot(0).wireLength()).isEqualTo(101);
        assertThat(batch.slot(1).length()).isZero();
        assertThat(batch.slot(1).payload().remaining()).isZero();
        batch.slot(1).reply(0);
        assertThat(batch.send()).isEqualTo(1);
        assertThat(client.replySource(new byte[0])).isEqualTo(address("127.0.0.2"));
    }

    @Test
    void wrongUseIsDetected() throws Exception {
        send("127.0.0.1");
        receive(1);
        DatagramSlot slot = batch.slot(0);
        assertThatThrownBy(() -> batch.slot(1)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> slot.reply(-1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("-1");
        assertThatThrownBy(() -> slot.reply(101))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("101");
        assertThatThrownBy(() -> slot.reply(ByteBuffer.allocate(101))).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> server.newBatch(0, 1)).hasMessageContaining("0 slots");
        assertThatThrownBy(() -> server.newBatch(1025, 1)).hasMessageContaining("1025");
        CompletableFuture<Void> elsewhere = CompletableFuture.runAsync(() -> {
            assertThatThrownBy(() -> batch.receive(Duration.ZERO)).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(batch::send).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(slot::payload).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> slot.reply(1)).isInstanceOf(IllegalStateException.class);
        });
        elsewhere.get(5, TimeUnit.SECONDS);
        assertThat(batch.receive(Duration.ZERO)).isZero();
        assertThatThrownBy(slot::length).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void closeWakesABatch() {
        CompletableFuture<Integer> waiting = CompletableFuture.supplyAsync(() -> {
            try {
                return server.newBatch(2, 10).receive();
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        });
        assertThatThrownBy(() -> {
                    while (!waiting.isDone()) {
                        server.close();
                    }
                    waiting.get();
                })
                .isInstanceOf(ExecutionException.class)
                .cause()
                .cause()
                .isInstanceOfAny(AsynchronousCloseException.class, java.nio.channels.ClosedChannelException.class);
    }

    /** Another thread, whose own garbage does not count, sends sixteen requests at a time. */
    @Tag("load")
    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.2", "::1"})
    void receivingChoosingAndReplyingMakesNoGarbage(String destination) throws Exception {
        Environment.assumeIpv6();
        int rounds = 100_000 / 16;
        DatagramBatch hot = server.newBatch(16, 64);
        InetSocketAddress to = new InetSocketAddress(
                InetAddress.getByName(destination), server.localAddress().getPort());
        CompletableFuture<Void> load = CompletableFuture.runAsync(() -> exchange(to, 2 * rounds));
        serve(hot, rounds);
        long before = AllocationTest.allocatedBytes();
        serve(hot, rounds);
        double perDatagram = (AllocationTest.allocatedBytes() - before) / (16.0 * rounds);
        load.get(30, TimeUnit.SECONDS);
        assertThat(perDatagram).as("bytes a datagram").isLessThan(1);
    }

    private static void serve(DatagramBatch batch, int rounds) throws IOException {
        int left = rounds * 16;
        while (left > 0) {
            int count = batch.receive();
            for (int i = 0; i < count; i++) {
                batch.slot(i).reply(batch.slot(i).length());
            }
            left -= batch.send();
        }
    }

    private static void exchange(InetSocketAddress to, int rounds) {
        try (DatagramSocket socket = new DatagramSocket()) {
            socket.setSoTimeout(5000);
            DatagramPacket packet = new DatagramPacket(new byte[64], 64, to);
            for (int round = 0; round < rounds; round++) {
                for (int i = 0; i < 16; i++) {
                    socket.send(packet);
                }
                for (int i = 0; i < 16; i++) {
                    socket.receive(packet);
                    assertThat(packet.getAddress()).isEqualTo(to.getAddress());
                }
            }
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Test
    void aSelectionThatThrowsOrChoosesNothingLeavesNoReplyAndIsNotBlamedOnThePeer() throws IOException {
        send("127.0.0.2");
        receive(1);
        DatagramSlot slot = batch.slot(0);
        IllegalStateException mine = new IllegalStateException("a bug");
        assertThatThrownBy(() -> slot.reply(1, (peer, info) -> {
                    throw mine;
                }))
                .isSameAs(mine);
        assertThat(slot.hasReply()).isFalse();
        assertThat(slot.failure()).isNull();
        assertThatThrownBy(() -> slot.reply(1, (peer, info) -> null))
                .isInstanceOf(NullPointerException.class)
                .hasMessageContaining("the source that the selection chose");
        assertThat(slot.failureKind()).isNull();
        assertThatThrownBy(() -> server.reply(slot.toDatagram(), ByteBuffer.allocate(1), (peer, info) -> null))
                .isInstanceOf(NullPointerException.class)
                .hasMessageContaining("the source that the selection chose");
        assertThat(batch.send()).isZero();
        assertThat(server.stats().sendErrors()).isEmpty();
    }

    @Test
    void theKindOfAFailureIsThatOfItsException() throws IOException {
        send("127.0.0.2", "127.0.0.3");
        receive(2);
        batch.slot(0).reply(1, Source.of(address("192.0.2.7")));
        assertThat(batch.slot(0).failureKind()).as("pending").isNull();
        batch.slot(1).reply(1, (peer, info) -> {
            throw SendException.noSource(peer, "not today");
        });
        assertThat(batch.slot(1).failureKind()).isEqualTo(Kind.NO_SOURCE);
        batch.send();
        assertThat(batch.slot(0).failureKind())
                .isEqualTo(Kind.SOURCE_UNUSABLE)
                .isEqualTo(batch.slot(0).failure().kind());
    }

    @Test
    void aCopyIsWholeWhateverTheHandlerHasDoneToTheBuffersLimit() throws IOException {
        send("127.0.0.2");
        receive(1);
        batch.slot(0).payload().limit(3).position(2);
        assertThat(batch.slot(0).toDatagram().payload()).asString().isEqualTo("127.0.0.2");
    }
}
