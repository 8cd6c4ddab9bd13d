package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.pktinfo.Loopback.SOON;
import static org.pktinfo.Loopback.address;

import java.io.IOException;
import java.net.SocketOption;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.PktInfoChannel.Family;

/** The facts that come with datagrams on demand, by each way that a datagram takes to the program. */
@Timeout(60)
class FactsTest {
    /** All options whose facts loopback can report, but for the mark, which came with Linux 5.19. */
    static final List<SocketOption<Boolean>> ALL = List.of(
            PktInfoSocketOptions.RECEIVE_TRAFFIC_CLASS,
            PktInfoSocketOptions.RECEIVE_HOP_LIMIT,
            PktInfoSocketOptions.RECEIVE_TIME,
            PktInfoSocketOptions.RECEIVE_ORIGINAL_PORT);

    private static final int ECT0 = 2;
    private static final int TRAFFIC_CLASS = 46 << 2 | ECT0;

    private PktInfoChannel server;
    private PktInfoChannel client;

    @BeforeEach
    void open() throws IOException {
        server = Loopback.open(Family.DUAL_STACK);
        client = Loopback.open(Family.DUAL_STACK);
    }

    @AfterEach
    void close() throws IOException {
        server.close();
        client.close();
    }

    static void receiveAll(PktInfoChannel channel) throws IOException {
        for (SocketOption<Boolean> option : ALL) {
            channel.setOption(option, true);
        }
    }

    private void send(String destination, int trafficClass) throws IOException {
        client.setOption(StandardSocketOptions.IP_TOS, trafficClass);
        Endpoint to = new Endpoint(address(destination), server.localAddress().getPort());
        client.send(ByteBuffer.wrap(new byte[] {(byte) trafficClass}), to, Source.systemChoice());
    }

    /** Asserts that the facts are of a datagram sent with the traffic class between two times. */
    private void check(ReceivedFacts facts, int trafficClass, Instant before, Instant after) throws IOException {
        assertThat(facts.trafficClass()).isEqualTo(trafficClass);
        assertThat(facts.dscp()).isEqualTo(trafficClass / 4);
        assertThat(facts.ecn()).isEqualTo(trafficClass % 4);
        assertThat(facts.hopLimit()).isBetween(1, 255);
        assertThat(facts.time()).isBetween(before, after);
        assertThat(facts.originalPort()).isEqualTo(server.localAddress().getPort());
        assertThat(facts.hardwareTime()).isNull();
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.2", "::1"})
    void recordsHaveEveryFact(String destination) throws IOException {
        Environment.assumeIpv6();
        receiveAll(server);
        Instant before = Instant.now();
        send(destination, TRAFFIC_CLASS);
        Datagram request = server.receive(SOON);
        check(request.facts(), TRAFFIC_CLASS, before, Instant.now());
        assertThat(request.facts().mark()).isEqualTo(-1);
        assertThat(request.packetInfo().truncated()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.2", "::1"})
    void slotsHaveEveryFactAndNeighboursTheirOwn(String destination) throws IOException {
        Environment.assumeIpv6();
        receiveAll(server);
        DatagramBatch batch = server.newBatch(4, 100);
        Instant before = Instant.now();
        send(destination, TRAFFIC_CLASS);
        send(destination, 0);
        assertThat(batch.receive(SOON)).isEqualTo(2);
        check(batch.slot(0).facts().toRecord(), TRAFFIC_CLASS, before, Instant.now());
        check(batch.slot(1).facts().toRecord(), 0, before, Instant.now());
        SlotFacts facts = batch.slot(0).facts();
        assertThat(facts).isSameAs(batch.slot(0).facts());
        assertThat(facts.trafficClass()).isEqualTo(TRAFFIC_CLASS);
        assertThat(facts.dscp()).isEqualTo(46);
        assertThat(facts.ecn()).isEqualTo(ECT0);
        assertThat(facts.hopLimit()).isEqualTo(facts.toRecord().hopLimit());
        assertThat(facts.hasTime()).isTrue();
        assertThat(Instant.ofEpochSecond(0, facts.timeNanos()))
                .isEqualTo(facts.toRecord().time());
        assertThat(facts.hasHardwareTime()).isFalse();
        assertThat(facts.hardwareTimeNanos()).isZero();
        assertThat(facts.originalPort()).isEqualTo(server.localAddress().getPort());
        assertThat(facts.mark()).isEqualTo(-1);
        assertThat(facts).hasToString(facts.toRecord().toString());
        assertThat(batch.slot(0).toDatagram().facts()).isEqualTo(facts.toRecord());
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.2", "::1"})
    void whatWasNotAskedForIsAbsent(String destination) throws IOException {
        Environment.assumeIpv6();
        DatagramBatch batch = server.newBatch(1, 100);
        send(destination, TRAFFIC_CLASS);
        assertThat(server.receive(SOON).facts()).isSameAs(ReceivedFacts.NONE);
        send(destination, TRAFFIC_CLASS);
        assertThat(batch.receive(SOON)).isOne();
        SlotFacts facts = batch.slot(0).facts();
        assertThat(facts.toRecord()).isSameAs(ReceivedFacts.NONE);
        assertThat(List.of(facts.trafficClass(), facts.dscp(), facts.ecn(), facts.hopLimit(), facts.originalPort()))
                .containsOnly(-1);
        assertThat(facts.mark()).isEqualTo(-1);
        assertThat(facts.timeNanos()).isZero();
        assertThat(facts.hasTime()).isFalse();
    }

    @Test
    void anOptionSwitchedOffAgainEndsItsFactAndNoOther() throws IOException {
        receiveAll(server);
        server.setOption(PktInfoSocketOptions.RECEIVE_TRAFFIC_CLASS, false);
        send("127.0.0.2", TRAFFIC_CLASS);
        ReceivedFacts facts = server.receive(SOON).facts();
        assertThat(facts.trafficClass()).isEqualTo(-1);
        assertThat(facts.hopLimit()).isPositive();
        assertThat(facts.time()).isNotNull();
    }

    /** Sends as many datagrams as {@link Receiver} takes ahead and one before, each with a traffic class of its own. */
    private Instant fillQueue() throws IOException {
        Instant before = Instant.now();
        for (int i = 0; i < Receiver.BUSY + Receiver.AHEAD; i++) {
            send("127.0.0.2", i);
        }
        for (int i = 0; i <= Receiver.BUSY; i++) {
            check(server.receive(SOON).facts(), i, before, Instant.now());
        }
        assertThat(server.stats().receiveCalls()).as("the rest is taken").isEqualTo(Receiver.BUSY + 1);
        return before;
    }

    @Test
    void datagramsTakenAheadKeepTheirFacts() throws IOException {
        receiveAll(server);
        Instant before = fillQueue();
        for (int i = Receiver.BUSY + 1; i < Receiver.BUSY + Receiver.AHEAD; i++) {
            check(server.receive(Duration.ZERO).facts(), i, before, Instant.now());
        }
    }

    @Test
    void datagramsMovedToABatchKeepTheirFacts() throws IOException {
        receiveAll(server);
        Instant before = fillQueue();
        DatagramBatch batch = server.newBatch(Receiver.AHEAD, 100);
        assertThat(batch.receiveNow(Receiver.AHEAD)).isEqualTo(Receiver.AHEAD - 1);
        for (int i = 0; i < Receiver.AHEAD - 1; i++) {
            check(batch.slot(i).facts().toRecord(), Receiver.BUSY + 1 + i, before, Instant.now());
        }
    }

    /** Sends four datagrams to the server as one. */
    private void sendTogether(String destination, int trafficClass) throws IOException {
        client.setOption(StandardSocketOptions.IP_TOS, trafficClass);
        Endpoint to = new Endpoint(address(destination), server.localAddress().getPort());
        DatagramBatch together = client.newBatch(4, 100);
        for (int i = 0; i < 4; i++) {
            together.put(ByteBuffer.allocate(10).put(0, (byte) i), to, Source.systemChoice());
        }
        assertThat(together.send()).isEqualTo(4);
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.2", "::1"})
    void coalescedDatagramsShareTheirFacts(String destination) throws IOException {
        Environment.assumeIpv6();
        server.setOption(PktInfoSocketOptions.COALESCE_RECEIVED, true);
        receiveAll(server);
        Instant before = Instant.now();
        sendTogether(destination, TRAFFIC_CLASS);
        List<Datagram> records = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            records.add(server.receive(SOON));
            assertThat(records.get(i).payload()).hasSize(10).startsWith(i);
            check(records.get(i).facts(), TRAFFIC_CLASS, before, Instant.now());
        }
        assertThat(records.stream().map(each -> each.facts().time()))
                .containsOnly(records.get(0).facts().time());
        DatagramBatch batch = server.newBatch(1, PktInfoChannel.MAX_PAYLOAD);
        sendTogether(destination, TRAFFIC_CLASS + 1);
        assertThat(batch.receive(SOON)).isOne();
        assertThat(batch.slot(0).segmentSize()).isEqualTo(10);
        check(batch.slot(0).facts().toRecord(), TRAFFIC_CLASS + 1, before, Instant.now());
        assertThat(batch.slot(0).toDatagrams())
                .hasSize(4)
                .extracting(Datagram::facts)
                .containsOnly(batch.slot(0).facts().toRecord());
    }

    /** The kernel makes the facts of the packet when the program takes it, not when the packet arrives. */
    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.2", "::1"})
    void aDatagramQueuedBeforeTheOptionsWereSetHasTheFactsToo(String destination) throws IOException {
        Environment.assumeIpv6();
        Instant before = Instant.now();
        send(destination, TRAFFIC_CLASS);
        receiveAll(server);
        check(server.receive(SOON).facts(), TRAFFIC_CLASS, before, Instant.now());
    }

    private static final List<Function<SlotFacts, ?>> METHODS = List.of(
            SlotFacts::trafficClass,
            SlotFacts::dscp,
            SlotFacts::ecn,
            SlotFacts::hopLimit,
            SlotFacts::hasTime,
            SlotFacts::timeNanos,
            SlotFacts::hasHardwareTime,
            SlotFacts::hardwareTimeNanos,
            SlotFacts::originalPort,
            SlotFacts::mark,
            SlotFacts::toRecord,
            SlotFacts::toString,
            SendOptions::ecnOf,
            SendOptions::dscpOf);

    @Test
    void theFactsOfASlotAreForItsThreadAndAsLongAsItIsFilled() throws Exception {
        receiveAll(server);
        DatagramBatch batch = server.newBatch(1, 100);
        send("127.0.0.2", TRAFFIC_CLASS);
        assertThat(batch.receive(SOON)).isOne();
        SlotFacts facts = batch.slot(0).facts();
        CompletableFuture.runAsync(() -> METHODS.forEach(method -> assertThatThrownBy(() -> method.apply(facts))
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("belongs to")))
                .get(30, TimeUnit.SECONDS);
        batch.clear();
        METHODS.forEach(
                method -> assertThatThrownBy(() -> method.apply(facts)).isInstanceOf(IndexOutOfBoundsException.class));
    }

    @Test
    void aDatagramPutIntoASlotHasNoFactsOfTheOneBefore() throws IOException {
        receiveAll(server);
        DatagramBatch batch = server.newBatch(1, 100);
        send("127.0.0.2", TRAFFIC_CLASS);
        assertThat(batch.receive(SOON)).isOne();
        Endpoint peer = batch.slot(0).peer();
        batch.clear();
        DatagramSlot slot = batch.put(ByteBuffer.allocate(1), peer, Source.systemChoice());
        assertThat(slot.facts().toRecord()).isSameAs(ReceivedFacts.NONE);
    }

    @Test
    void aDatagramIsEqualToOneWithEqualFactsOnly() throws IOException {
        receiveAll(server);
        send("127.0.0.2", TRAFFIC_CLASS);
        Datagram one = server.receive(SOON);
        Datagram same = new Datagram(
                one.payload().clone(), one.peer(), one.packetInfo(), one.wireLength(), copy(one.facts(), 0));
        Datagram other =
                new Datagram(one.payload(), one.peer(), one.packetInfo(), one.wireLength(), copy(one.facts(), 1));
        Datagram without = new Datagram(one.payload(), one.peer(), one.packetInfo(), one.wireLength());
        assertThat(same).isEqualTo(one).hasSameHashCodeAs(one);
        assertThat(other).isNotEqualTo(one);
        assertThat(without).isNotEqualTo(one);
        assertThat(without.facts()).isSameAs(ReceivedFacts.NONE);
        assertThat(one.toString()).contains("trafficClass=" + TRAFFIC_CLASS);
        assertThat(without.toString()).doesNotContain("trafficClass");
        assertThatThrownBy(() -> new Datagram(one.payload(), one.peer(), one.packetInfo(), one.wireLength(), null))
                .isInstanceOf(NullPointerException.class)
                .hasMessage("facts");
    }

    private static ReceivedFacts copy(ReceivedFacts facts, int added) {
        return new ReceivedFacts(
                facts.trafficClass() + added,
                facts.hopLimit(),
                facts.time(),
                facts.hardwareTime(),
                facts.originalPort(),
                facts.mark());
    }

    @Test
    void everyNumberHasItsRange() {
        assertRange("traffic class", 255, value -> new ReceivedFacts((int) (long) value, -1, null, null, -1, -1));
        assertRange("hop limit", 255, value -> new ReceivedFacts(-1, (int) (long) value, null, null, -1, -1));
        assertRange("original port", 65_535, value -> new ReceivedFacts(-1, -1, null, null, (int) (long) value, -1));
        assertRange("mark", 4_294_967_295L, value -> new ReceivedFacts(-1, -1, null, null, -1, value));
    }

    private static void assertRange(String name, long most, Function<Long, ReceivedFacts> make) {
        assertThat(make.apply(-1L)).isEqualTo(ReceivedFacts.NONE);
        assertThat(List.of(make.apply(0L), make.apply(most))).doesNotContain(ReceivedFacts.NONE);
        for (long wrong : new long[] {-2, most + 1}) {
            assertThatThrownBy(() -> make.apply(wrong))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage(name + " " + wrong + " is neither -1 nor in 0 to " + most);
        }
    }

    @Test
    void everyTrafficClassIsItsCodePointAndItsCongestionNotification() {
        IntStream.range(0, 256).forEach(value -> {
            ReceivedFacts facts = new ReceivedFacts(value, -1, null, null, -1, -1);
            assertThat(facts.dscp() << 2 | facts.ecn()).isEqualTo(value);
            assertThat(facts.ecn()).isBetween(0, 3);
        });
        assertThat(ReceivedFacts.NONE.dscp()).isEqualTo(-1);
        assertThat(ReceivedFacts.NONE.ecn()).isEqualTo(-1);
    }
}
