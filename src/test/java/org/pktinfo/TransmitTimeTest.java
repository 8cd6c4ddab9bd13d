package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.pktinfo.Loopback.SOON;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pktinfo.PktInfoChannel.Family;
import org.pktinfo.internal.TransmitTimes;

/** Times of transmission on the loopback, where the kernel knows each before sending returns. */
@Timeout(60)
class TransmitTimeTest {
    private PktInfoChannel channel;
    private Loopback client;

    @BeforeEach
    void open() throws IOException {
        client = new Loopback();
        channel = Loopback.open(Family.DUAL_STACK).setOption(PktInfoSocketOptions.TRANSMIT_TIMES, true);
    }

    @AfterEach
    void close() throws IOException {
        channel.close();
        client.close();
    }

    private Endpoint peer(String address) throws IOException {
        return new Endpoint(IpAddress.of(InetAddress.getByName(address)), client.socket.getLocalPort());
    }

    private void send(String address, long id) throws IOException {
        channel.send(
                ByteBuffer.allocate(5), peer(address), Source.systemChoice(), SendOptions.NONE.withTransmitTime(id));
    }

    private List<TransmitTime> known() throws IOException {
        List<TransmitTime> times = new ArrayList<>();
        for (TransmitTime time = channel.receiveTransmitTime(); time != null; time = channel.receiveTransmitTime()) {
            times.add(time);
        }
        return times;
    }

    private List<Long> knownIds() throws IOException {
        return known().stream()
                .filter(time -> time.time() != null)
                .map(TransmitTime::id)
                .toList();
    }

    @ParameterizedTest
    @CsvSource({"DUAL_STACK, 127.0.0.1", "DUAL_STACK, ::1", "IPV4, 127.0.0.1", "IPV6, ::1"})
    void eachDatagramThatRequestsItsTimeHasIt(Family family, String address) throws IOException {
        channel.close();
        channel = Loopback.open(family).setOption(PktInfoSocketOptions.TRANSMIT_TIMES, true);
        assertThat(channel.getOption(PktInfoSocketOptions.TRANSMIT_TIMES)).isTrue();
        for (long id : new long[] {0, 1, 7, Long.MAX_VALUE}) {
            Instant before = Instant.now();
            send(address, id);
            List<TransmitTime> times = known();
            assertThat(times).hasSize(1);
            assertThat(times.get(0).id()).isEqualTo(id);
            assertThat(times.get(0).time()).isBetween(before, Instant.now());
        }
        channel.send(ByteBuffer.allocate(5), peer(address), Source.systemChoice());
        assertThat(channel.receiveTransmitTime()).isNull();
    }

    @Test
    void ofABatchOnlyThoseThatRequestItAreSentSeparately() throws IOException {
        DatagramBatch batch = channel.newBatch(8, 100);
        for (int i = 0; i < 8; i++) {
            DatagramSlot slot = batch.put(ByteBuffer.allocate(10), peer("127.0.0.1"), Source.systemChoice());
            if (i % 4 == 1) {
                slot.sendOptions(SendOptions.NONE.withTransmitTime(10 + i));
            }
        }
        assertThat(batch.send()).isEqualTo(8);
        assertThat(knownIds()).containsExactly(11L, 15L);
        assertThat(channel.stats().coalesced()).isEqualTo(5); // 2 to 4, 6 and 7; 0 has no neighbour
        assertThat(batch.send()).isZero();
        assertThat(channel.receiveTransmitTime()).isNull();
    }

    @Test
    void aReplyOfASlotThatIsUsedAgainRequestsNothing() throws IOException {
        DatagramBatch batch = channel.newBatch(1, 100);
        for (int i = 0; i < 3; i++) {
            client.send("127.0.0.2", channel, new byte[] {1});
            assertThat(batch.receive(SOON)).isEqualTo(1);
            batch.slot(0).reply(1);
            if (i == 1) {
                batch.slot(0).sendOptions(SendOptions.NONE.withTransmitTime(5));
            }
            assertThat(batch.send()).isEqualTo(1);
            assertThat(knownIds()).isEqualTo(i == 1 ? List.of(5L) : List.of());
        }
    }

    @Test
    void aDatagramThatIsNotSentHasNoTime() throws IOException {
        Source foreign = Source.of(IpAddress.of(InetAddress.getByName("192.0.2.77")));
        assertThatThrownBy(() -> channel.send(
                        ByteBuffer.allocate(5), peer("127.0.0.1"), foreign, SendOptions.NONE.withTransmitTime(1)))
                .isInstanceOf(SendException.class);
        send("127.0.0.1", 2);
        assertThat(knownIds()).containsExactly(2L);
        assertThat(channel.awaitReadable(Duration.ofMillis(TransmitTimes.LONGEST_WAIT + 1L)))
                .isFalse();
        assertThat(channel.receiveTransmitTime()).isNull();
    }

    @Test
    void aRequestThatCannotBeMetIsRefused() throws IOException {
        assertThatThrownBy(() -> SendOptions.NONE.withTransmitTime(-2))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("-2");
        channel.setOption(PktInfoSocketOptions.TRANSMIT_TIMES, false);
        assertThatThrownBy(() -> send("127.0.0.1", 1))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("TRANSMIT_TIMES is not enabled");
        channel.setOption(PktInfoSocketOptions.TRANSMIT_TIMES, true);
        client.send("127.0.0.2", channel, new byte[] {1});
        DatagramBatch batch = channel.newBatch(1, 100);
        assertThat(batch.receive(SOON)).isEqualTo(1);
        batch.slot(0).replyInSegments(100, 50);
        assertThatThrownBy(() -> batch.slot(0).sendOptions(SendOptions.NONE.withTransmitTime(1)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("segments");
    }

    @Test
    void aProgramThatTakesNoneKeepsTheNewestOnly() throws IOException {
        for (int i = 0; i < TransmitTimes.ROOM + 10; i++) {
            send("127.0.0.1", i);
            if (i % 50 == 0) { // the socket's own queue has room for some of them
                client.socket.receive(new java.net.DatagramPacket(new byte[5], 5));
            }
        }
        List<Long> ids = knownIds();
        assertThat(ids).hasSize(TransmitTimes.ROOM).startsWith(10L).endsWith(TransmitTimes.ROOM + 9L);
    }

    @Test
    void timesAloneDoNotKeepASelectorOrAWaiterBusy() throws IOException {
        channel.jdkChannel().configureBlocking(false);
        try (Selector selector = Selector.open()) {
            SelectionKey unused = channel.jdkChannel().register(selector, SelectionKey.OP_READ);
            for (int i = 0; i < 20; i++) {
                send("127.0.0.1", i);
            }
            int wakes = 0;
            while (selector.select(100) > 0 && wakes < 100) {
                wakes++;
                selector.selectedKeys().clear();
                assertThat(channel.receive(Duration.ZERO)).isNull();
            }
            assertThat(wakes).isLessThan(100);
        }
        channel.jdkChannel().configureBlocking(true);
        assertThat(channel.awaitReadable(Duration.ofMillis(50))).isFalse();
        assertThat(knownIds()).hasSize(20);
    }

    @Test
    void anotherChannelOfTheSameSocketTakesThemToo() throws IOException {
        PktInfoChannel again = PktInfoChannel.wrap(channel.jdkChannel());
        assertThat(again.getOption(PktInfoSocketOptions.TRANSMIT_TIMES)).isTrue();
        again.send(
                ByteBuffer.allocate(5), peer("127.0.0.1"), Source.systemChoice(), SendOptions.NONE.withTransmitTime(3));
        TransmitTime time = again.receiveTransmitTime();
        assertThat(time).isNotNull();
        assertThat(time.id()).isEqualTo(3);
        assertThat(time.time()).isNotNull();
    }

    @Test
    void theOptionSurvivesAReconnection() throws IOException {
        channel.reconnect(() -> {
            channel.jdkChannel().connect(peer("127.0.0.1").toSocketAddress());
            channel.jdkChannel().disconnect();
        });
        send("127.0.0.1", 4);
        assertThat(knownIds()).containsExactly(4L);
    }
}
