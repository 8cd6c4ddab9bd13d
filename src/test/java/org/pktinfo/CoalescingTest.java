package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.pktinfo.Loopback.SOON;
import static org.pktinfo.Loopback.address;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.PktInfoChannel.Family;
import org.pktinfo.internal.SegmentationRefusals;

/**
 * Datagrams that are sent and received as one, and are several all the same. A client that coalesces shows which were
 * sent as one.
 */
@Timeout(60)
class CoalescingTest {
    private PktInfoChannel server;
    private DatagramBatch batch;
    private PktInfoChannel client;
    private DatagramBatch answers;

    @BeforeEach
    void open() throws IOException {
        server = Loopback.open(Family.DUAL_STACK);
        batch = server.newBatch(200, PktInfoChannel.MAX_PAYLOAD);
        client = Loopback.open(Family.DUAL_STACK);
        client.setOption(PktInfoSocketOptions.COALESCE_RECEIVED, true);
        answers = client.newBatch(200, PktInfoChannel.MAX_PAYLOAD);
    }

    @AfterEach
    void close() throws IOException {
        server.close();
        client.close();
    }

    private Endpoint server(String address) throws IOException {
        return new Endpoint(address(address), server.localAddress().getPort());
    }

    private void ask(String destination, int... lengths) throws IOException {
        for (int length : lengths) {
            client.send(ByteBuffer.allocate(length), server(destination), Source.systemChoice());
        }
    }

    private void answerAll(int expected) throws IOException {
        int count = batch.receive(SOON);
        assertThat(count).isEqualTo(expected);
        for (int i = 0; i < count; i++) {
            batch.slot(i).payload().put(0, (byte) i);
            batch.slot(i).reply(batch.slot(i).length());
        }
        assertThat(batch.send()).isEqualTo(expected);
    }

    private List<String> comeIn() throws IOException {
        int count = answers.receive(SOON);
        return IntStream.range(0, count)
                .mapToObj(answers::slot)
                .map(slot -> slot.peer().address() + " " + slot.length() + "/" + slot.segmentSize())
                .toList();
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.7", "::1"})
    void neighbouringRepliesOfOneLengthLeaveAsOne(String destination) throws IOException {
        Environment.assumeIpv6();
        ask(destination, 10, 10, 10, 4);
        answerAll(4);
        assertThat(comeIn()).containsExactly(address(destination) + " 34/10");
        List<Datagram> datagrams = answers.slot(0).toDatagrams();
        assertThat(datagrams)
                .extracting(datagram -> (int) datagram.payload()[0])
                .containsExactly(0, 1, 2, 3);
        assertThat(datagrams).extracting(Datagram::wireLength).containsExactly(10, 10, 10, 4);
        assertThat(datagrams)
                .allMatch(
                        datagram -> datagram.packetInfo().equals(answers.slot(0).packetInfo()))
                .allMatch(datagram -> datagram.peer().equals(answers.slot(0).peer()));
        assertThatThrownBy(() -> answers.slot(0).toDatagram()).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void whatIsOfAnotherLengthOrFromAnotherAddressLeavesAlone() throws IOException {
        ask("127.0.0.7", 10, 11, 11, 9);
        ask("127.0.0.8", 9, 9);
        ask("127.0.0.7", 9, 1500, 1500);
        answerAll(9);
        assertThat(comeIn())
                .containsExactly(
                        "127.0.0.7 10/0",
                        "127.0.0.7 31/11",
                        "127.0.0.8 18/9",
                        "127.0.0.7 9/0",
                        "127.0.0.7 1500/0",
                        "127.0.0.7 1500/0");
    }

    @Test
    void whereItIsSwitchedOffAllLeaveAlone() throws IOException {
        batch.coalesceReplies(false);
        ask("127.0.0.7", 10, 10, 10);
        answerAll(3);
        assertThat(comeIn()).containsExactly("127.0.0.7 10/0", "127.0.0.7 10/0", "127.0.0.7 10/0");
        batch.coalesceReplies(true);
        ask("127.0.0.7", 10, 10, 10);
        answerAll(3);
        assertThat(comeIn()).containsExactly("127.0.0.7 30/10");
    }

    @Test
    void oneByOneTheyAreReceivedWithThePacketInformationOfAll() throws IOException {
        ask("127.0.0.7", 10, 10, 10, 4);
        answerAll(4);
        for (int i = 0; i < 4; i++) {
            assertThat(client.awaitReadable(SOON)).isTrue();
            Datagram answer = client.receive(Duration.ZERO);
            assertThat(answer.payload()).hasSize(i < 3 ? 10 : 4).startsWith(i);
            assertThat(answer.peer()).isEqualTo(server("127.0.0.7"));
            assertThat(answer.packetInfo().destination()).isEqualTo(address("127.0.0.1"));
            assertThat(answer.isTruncated()).isFalse();
        }
        assertThat(client.receive(Duration.ZERO)).isNull();
        assertThat(client.awaitReadable(Duration.ofMillis(20))).isFalse();
    }

    @Test
    void aRequestThatCameAsOneIsAnsweredAsManyWithTheSameSizes() throws IOException {
        server.setOption(PktInfoSocketOptions.COALESCE_RECEIVED, true);
        ask("127.0.0.7", 100); // the reply is sent as 100 datagrams too
        assertThat(batch.receive(SOON)).isEqualTo(1);
        for (int i = 0; i < 100; i++) {
            batch.slot(0).payload().put(i, (byte) i);
        }
        batch.slot(0).replyInSegments(100, 30);
        assertThat(batch.send()).isEqualTo(1);
        List<byte[]> parts = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            parts.add(client.receive(SOON).payload());
        }
        assertThat(parts).extracting(part -> part.length).containsExactly(30, 30, 30, 10);
        assertThat(parts).extracting(part -> (int) part[0]).containsExactly(0, 30, 60, 90);
    }

    @ParameterizedTest
    @CsvSource({"640, 10, 64", "650, 10, 65", "1999, 10, 200", "65000, 1000, 65", "50, 50, 1", "50, 60, 1", "5, 1, 5"})
    void asManySegmentsAsThereAreArriveAndInOrder(int length, int segmentSize, int expected) throws IOException {
        client.setOption(PktInfoSocketOptions.COALESCE_RECEIVED, false);
        ask("127.0.0.7", length);
        assertThat(batch.receive(SOON)).isEqualTo(1);
        for (int i = 0; i < length; i++) {
            batch.slot(0).payload().put(i, (byte) (i / segmentSize));
        }
        batch.slot(0).replyInSegments(length, segmentSize);
        assertThat(batch.send()).isEqualTo(1);
        int bytes = 0;
        for (int i = 0; i < expected; i++) {
            byte[] part = client.receive(SOON).payload();
            assertThat(part).hasSize(Math.min(segmentSize, length - bytes)).containsOnly(i);
            bytes += part.length;
        }
        assertThat(bytes).isEqualTo(length);
        assertThat(client.receive(Duration.ZERO)).isNull();
    }

    @Test
    void segmentsOfNothingAreRefused() throws IOException {
        ask("127.0.0.7", 10);
        batch.receive(SOON);
        DatagramSlot slot = batch.slot(0);
        for (int[] wrong : new int[][] {{0, 1}, {1, 0}, {-1, 1}, {1, -1}, {PktInfoChannel.MAX_PAYLOAD + 1, 10}}) {
            assertThatThrownBy(() -> slot.replyInSegments(wrong[0], wrong[1]))
                    .isInstanceOf(IllegalArgumentException.class);
        }
        assertThat(slot.hasReply()).isFalse();
    }

    @Test
    void aChannelOrABatchTooSmallForThemIsRefused() throws IOException {
        try (PktInfoChannel small = PktInfoChannel.open(Family.DUAL_STACK, 1500)) {
            assertThatThrownBy(() -> small.setOption(PktInfoSocketOptions.COALESCE_RECEIVED, true))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("1500")
                    .hasMessageContaining("65527");
            small.setOption(PktInfoSocketOptions.COALESCE_RECEIVED, false);
        }
        DatagramBatch small = client.newBatch(4, 1500);
        assertThatThrownBy(() -> small.receive(SOON)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void datagramsForPeersThatDidNotAskLeaveFromTheSourcesChosen() throws IOException {
        Endpoint peer = new Endpoint(address("127.0.0.1"), client.localAddress().getPort());
        for (String source : List.of("127.0.0.4", "127.0.0.4", "127.0.0.5")) {
            ByteBuffer payload = ByteBuffer.wrap("tick".getBytes(StandardCharsets.UTF_8));
            assertThat(batch.put(payload, peer, Source.of(address(source))).peer())
                    .isEqualTo(peer);
            assertThat(payload.hasRemaining()).isFalse();
        }
        assertThat(batch.size()).isEqualTo(3);
        assertThat(batch.send()).isEqualTo(3);
        assertThat(IntStream.range(0, 3).mapToObj(batch::slot)).allMatch(DatagramSlot::isSent);
        assertThat(comeIn()).containsExactly("127.0.0.4 8/4", "127.0.0.5 4/0");
        batch.clear();
        assertThat(batch.size()).isZero();
        assertThat(batch.send()).isZero();
    }

    /** Any former content of the slot is replaced, and the payload can be written in any way. */
    @Test
    void aPayloadCanBeWrittenIntoItsSlot() throws IOException {
        ask("127.0.0.7", 3);
        assertThat(batch.receive(SOON)).isEqualTo(1);
        batch.clear();
        Endpoint peer = new Endpoint(address("127.0.0.1"), client.localAddress().getPort());
        DatagramSlot slot = batch.put(4, peer, Source.of(address("127.0.0.4")));
        assertThat(slot.payload().position()).isZero();
        assertThat(slot.payload().limit()).isEqualTo(4);
        slot.payload().put("tock".getBytes(StandardCharsets.UTF_8));
        assertThat(batch.put(0, peer, Source.of(address("127.0.0.5"))).length()).isZero();
        assertThat(batch.send()).isEqualTo(2);
        Datagram tock = client.receive(SOON);
        assertThat(tock.payload()).asString(StandardCharsets.UTF_8).isEqualTo("tock");
        assertThat(tock.peer().address()).isEqualTo(address("127.0.0.4"));
        assertThat(comeIn()).containsExactly("127.0.0.5 0/0");
    }

    @Test
    void theyAreSentWithTheRepliesOfTheSameBatchAndAfterThem() throws IOException {
        ask("127.0.0.7", 3);
        assertThat(batch.receive(SOON)).isEqualTo(1);
        batch.slot(0).reply(3);
        DatagramSlot put = batch.put(ByteBuffer.allocate(5), batch.slot(0).peer(), Source.of(address("127.0.0.9")));
        assertThat(put.hasPacketInfo()).isFalse();
        assertThat(put.length()).isEqualTo(5);
        assertThat(put.payload().remaining()).isEqualTo(5);
        assertThat(batch.send()).isEqualTo(2);
        assertThat(comeIn()).containsExactly("127.0.0.7 3/0", "127.0.0.9 5/0");
    }

    @Test
    void whatCannotBePutIsRefusedAndTakesNoSlot() throws IOException {
        DatagramBatch two = server.newBatch(2, 100);
        Endpoint peer = new Endpoint(address("127.0.0.1"), client.localAddress().getPort());
        assertThatThrownBy(() -> two.put(ByteBuffer.allocate(101), peer, Source.systemChoice()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("101")
                .hasMessageContaining("100");
        assertThatThrownBy(
                        () -> two.put(ByteBuffer.allocate(1), new Endpoint(peer.address(), 0), Source.systemChoice()))
                .isInstanceOf(SendException.class);
        assertThatThrownBy(() -> two.put(ByteBuffer.allocate(1), peer, Source.of(address("::1"))))
                .isInstanceOf(SendException.class);
        assertThat(two.size()).isZero();
        two.put(ByteBuffer.allocate(1), peer, Source.systemChoice());
        two.put(ByteBuffer.allocate(1), peer, Source.of(address("192.0.2.9"))); // not this host's
        assertThatThrownBy(() -> two.put(ByteBuffer.allocate(1), peer, Source.systemChoice()))
                .isInstanceOf(IllegalStateException.class);
        assertThat(two.send()).isEqualTo(1);
        assertThat(two.slot(1).failure().kind()).isEqualTo(SendException.Kind.SOURCE_UNUSABLE);
    }

    /** Two that share one of the 64 places replace each other; all others are remembered. */
    @Test
    void destinationsThatWereRefusedAreRemembered() {
        SegmentationRefusals segmentationRefusals = new SegmentationRefusals();
        assertThat(segmentationRefusals.has(1, 2)).isFalse();
        segmentationRefusals.add(1, 2);
        assertThat(segmentationRefusals.has(1, 2)).isTrue();
        assertThat(segmentationRefusals.has(1, 4)).isFalse();
        assertThat(segmentationRefusals.has(2, 2)).isFalse();
        IntStream.range(0, 1000).forEach(i -> segmentationRefusals.add(0, 2L * i));
        assertThat(IntStream.range(0, 1000).filter(i -> segmentationRefusals.has(0, 2L * i)))
                .hasSizeBetween(32, 64);
        assertThat(Stream.of(999, 998)).allMatch(i -> segmentationRefusals.has(0, 2L * i));
    }

    @Test
    void aChannelThatIsClosedCannotBeSwitched() throws IOException {
        PktInfoChannel closed = PktInfoChannel.open().bind(new InetSocketAddress(0));
        closed.close();
        assertThatThrownBy(() -> closed.setOption(PktInfoSocketOptions.COALESCE_RECEIVED, true))
                .isInstanceOf(ClosedChannelException.class);
    }
}
