package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.pktinfo.Loopback.SOON;
import static org.pktinfo.Loopback.address;

import java.io.IOException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.PktInfoChannel.Family;

/** Datagrams with header fields of their own, as a client that receives all facts sees them. */
@Timeout(60)
class SendOptionsTest {
    private static final int EF = 46; // DSCP
    private static final int AF41 = 34;
    private static final int ECT0 = 2;
    private static final int CE = 3;

    private PktInfoChannel server;
    private PktInfoChannel client;

    @BeforeEach
    void open() throws IOException {
        server = Loopback.open(Family.DUAL_STACK);
        FactsTest.receiveAll(server);
        client = Loopback.open(Family.DUAL_STACK);
        FactsTest.receiveAll(client);
    }

    @AfterEach
    void close() throws IOException {
        server.close();
        client.close();
    }

    private void ask(String destination, int count, int trafficClass) throws IOException {
        client.setOption(StandardSocketOptions.IP_TOS, trafficClass);
        Endpoint to = new Endpoint(address(destination), server.localAddress().getPort());
        for (int i = 0; i < count; i++) {
            client.send(ByteBuffer.wrap(new byte[] {(byte) i, 2, 3, 4}), to, Source.systemChoice());
        }
    }

    private DatagramBatch askBatch(String destination, int count, int trafficClass) throws IOException {
        DatagramBatch batch = server.newBatch(count, 100);
        ask(destination, count, trafficClass);
        assertThat(batch.receive(SOON)).isEqualTo(count);
        return batch;
    }

    /** Returns traffic class and hop limit of the next datagram that the client receives. */
    private String seen() throws IOException {
        ReceivedFacts facts = client.receive(SOON).facts();
        return facts.trafficClass() + " " + facts.hopLimit();
    }

    private void assertSilence() throws IOException {
        assertThat(client.receive(Duration.ZERO)).isNull(); // loopback delivers before send returns
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.2", "::1"})
    void aSingleDatagramHasTheFieldsAndTheNextOneTheSocketsAgain(String destination) throws IOException {
        Environment.assumeIpv6();
        server.setOption(StandardSocketOptions.IP_TOS, AF41 << 2);
        ask(destination, 1, 0);
        Datagram request = server.receive(SOON);
        String systems = String.valueOf(request.facts().hopLimit());
        server.send(ByteBuffer.allocate(1), request.peer(), Source.systemChoice(), new SendOptions(EF, CE, 7));
        assertThat(seen()).isEqualTo((EF << 2 | CE) + " 7");
        server.send(ByteBuffer.allocate(1), request.peer(), Source.systemChoice(), SendOptions.NONE.withHopLimit(255));
        assertThat(seen()).isEqualTo((AF41 << 2) + " 255");
        server.send(ByteBuffer.allocate(1), request.peer(), Source.systemChoice(), new SendOptions(0, 0, -1));
        assertThat(seen()).isEqualTo("0 " + systems);
        server.reply(request, new byte[1]);
        assertThat(seen()).isEqualTo((AF41 << 2) + " " + systems);
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.2", "::1"})
    void oneHalfOfTheTrafficClassKeepsTheOtherOfTheSocket(String destination) throws IOException {
        Environment.assumeIpv6();
        DatagramBatch batch = askBatch(destination, 3, 0);
        Datagram request = batch.slot(0).toDatagram();
        SourceSelection asked = SourceSelection.requestDestination();
        for (int trafficClass : new int[] {AF41 << 2, EF << 2 | CE, 0}) {
            server.setOption(StandardSocketOptions.IP_TOS, trafficClass);
            server.reply(request, ByteBuffer.allocate(1), asked, SendOptions.NONE.withEcn(ECT0));
            assertThat(seen()).startsWith(((trafficClass & ~3) | ECT0) + " ");
            server.reply(request, ByteBuffer.allocate(1), asked, SendOptions.NONE.withDscp(10));
            assertThat(seen()).startsWith((10 << 2 | (trafficClass & 3)) + " ");
            for (int i = 0; i < 3; i++) {
                batch.slot(i).reply(1);
                batch.slot(i).sendOptions(i == 2 ? SendOptions.NONE.withDscp(10) : SendOptions.NONE.withEcn(i));
            }
            assertThat(batch.send()).isEqualTo(3);
            assertThat(seen()).startsWith((trafficClass & ~3) + " ");
            assertThat(seen()).startsWith(((trafficClass & ~3) | 1) + " ");
            assertThat(seen()).startsWith((10 << 2 | (trafficClass & 3)) + " ");
        }
    }

    /** The reply is written with one value of the socket's option, and sent with another. */
    @Test
    void theSocketsHalfIsThatOfTheTimeOfSending() throws IOException {
        DatagramBatch batch = askBatch("127.0.0.2", 1, 0);
        batch.slot(0).reply(1);
        batch.slot(0).sendOptions(SendOptions.NONE.withEcn(ECT0));
        server.setOption(StandardSocketOptions.IP_TOS, EF << 2);
        assertThat(batch.send()).isOne();
        assertThat(seen()).startsWith((EF << 2 | ECT0) + " ");
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.2", "::1"})
    void aReplyTakesItsRequestsHalfOfTheTrafficClass(String destination) throws IOException {
        Environment.assumeIpv6();
        SourceSelection asked = SourceSelection.requestDestination();
        DatagramBatch batch = askBatch(destination, 2, EF << 2 | CE);
        server.setOption(StandardSocketOptions.IP_TOS, AF41 << 2 | 1);
        Datagram request = batch.slot(0).toDatagram();
        server.reply(request, ByteBuffer.allocate(1), asked, SendOptions.ecnOf(request));
        assertThat(seen()).startsWith((AF41 << 2 | CE) + " ");
        server.reply(request, ByteBuffer.allocate(1), asked, SendOptions.dscpOf(request));
        assertThat(seen()).startsWith((EF << 2 | 1) + " ");
        batch.slot(0).reply(1);
        batch.slot(0).sendOptions(SendOptions.ecnOf(batch.slot(0).facts()));
        batch.slot(1).reply(1);
        batch.slot(1).sendOptions(SendOptions.dscpOf(batch.slot(1).facts()));
        assertThat(batch.send()).isEqualTo(2);
        assertThat(seen()).startsWith((AF41 << 2 | CE) + " ");
        assertThat(seen()).startsWith((EF << 2 | 1) + " ");
    }

    @Test
    void aRequestWithoutATrafficClassGivesTheSocketsAndOneWithItACachedValue() throws IOException {
        server.setOption(PktInfoSocketOptions.RECEIVE_TRAFFIC_CLASS, false);
        DatagramBatch without = askBatch("127.0.0.2", 1, EF << 2 | CE);
        assertThat(SendOptions.ecnOf(without.slot(0).facts())).isSameAs(SendOptions.NONE);
        assertThat(SendOptions.dscpOf(without.slot(0).facts())).isSameAs(SendOptions.NONE);
        assertThat(SendOptions.ecnOf(without.slot(0).toDatagram())).isSameAs(SendOptions.NONE);
        assertThat(SendOptions.dscpOf(without.slot(0).toDatagram())).isSameAs(SendOptions.NONE);
        server.setOption(PktInfoSocketOptions.RECEIVE_TRAFFIC_CLASS, true);
        for (int trafficClass : new int[] {0, EF << 2 | CE, 255}) {
            DatagramSlot with = askBatch("127.0.0.2", 1, trafficClass).slot(0);
            assertThat(SendOptions.ecnOf(with.facts()))
                    .isEqualTo(new SendOptions(-1, trafficClass & 3, -1))
                    .isSameAs(SendOptions.ecnOf(with.toDatagram()));
            assertThat(SendOptions.dscpOf(with.facts()))
                    .isEqualTo(new SendOptions(trafficClass >> 2, -1, -1))
                    .isSameAs(SendOptions.dscpOf(with.toDatagram()));
        }
    }

    private long coalesced() {
        return server.stats().coalesced();
    }

    /** The options of four replies to one peer, by number, and the number of those that are sent as one with others. */
    @ParameterizedTest
    @CsvSource({
        "127.0.0.2, 0, 0, 0, 0, 4",
        "127.0.0.2, 1, 1, 1, 1, 4",
        "127.0.0.2, 0, 1, 2, 3, 0",
        "127.0.0.2, 1, 1, 2, 2, 4",
        "127.0.0.2, 4, 4, 5, 4, 2",
        "::1, 1, 1, 1, 1, 4",
        "::1, 0, 1, 2, 3, 0",
        "::1, 5, 3, 3, 5, 2"
    })
    void onlyNeighboursWithEqualOptionsAreCoalescedAndAllKeepTheirOrder(
            String destination, int first, int second, int third, int fourth, int together) throws IOException {
        Environment.assumeIpv6();
        List<SendOptions> all = List.of(
                SendOptions.NONE,
                new SendOptions(EF, 0, -1),
                new SendOptions(EF, 1, -1),
                new SendOptions(EF, 1, 9),
                SendOptions.NONE.withEcn(1),
                SendOptions.NONE.withHopLimit(9));
        server.setOption(StandardSocketOptions.IP_TOS, AF41 << 2);
        DatagramBatch batch = askBatch(destination, 4, 0);
        int systems = batch.slot(0).facts().hopLimit();
        long before = coalesced();
        int[] chosen = {first, second, third, fourth};
        for (int i = 0; i < 4; i++) {
            batch.slot(i).reply(4);
            batch.slot(i).sendOptions(all.get(chosen[i]));
        }
        assertThat(batch.send()).isEqualTo(4);
        for (int i = 0; i < 4; i++) {
            SendOptions options = all.get(chosen[i]);
            Datagram answer = client.receive(SOON);
            assertThat(answer.payload()).startsWith(i);
            assertThat(answer.facts().dscp()).isEqualTo(options.dscp() < 0 ? AF41 : options.dscp());
            assertThat(answer.facts().ecn()).isEqualTo(Math.max(0, options.ecn()));
            assertThat(answer.facts().hopLimit()).isEqualTo(options.hopLimit() < 0 ? systems : options.hopLimit());
        }
        assertThat(coalesced() - before).isEqualTo(together);
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.2", "::1"})
    void everySegmentOfAReplyHasTheFields(String destination) throws IOException {
        Environment.assumeIpv6();
        DatagramBatch batch = askBatch(destination, 1, EF << 2 | CE);
        batch.slot(0).payload().clear();
        batch.slot(0).replyInSegments(95, 20);
        batch.slot(0).sendOptions(new SendOptions(AF41, 1, 11));
        assertThat(batch.send()).isOne();
        for (int i = 0; i < 5; i++) {
            Datagram answer = client.receive(SOON);
            assertThat(answer.payload()).hasSize(i < 4 ? 20 : 15);
            assertThat(answer.facts().trafficClass()).isEqualTo(AF41 << 2 | 1);
            assertThat(answer.facts().hopLimit()).isEqualTo(11);
        }
        assertSilence();
    }

    @Test
    void aDatagramThatAnswersNothingHasThem() throws IOException {
        Environment.assumeIpv6();
        DatagramBatch batch = server.newBatch(3, 100);
        for (String destination : List.of("127.0.0.1", "::1", "127.0.0.3")) {
            Endpoint peer =
                    new Endpoint(address(destination), client.localAddress().getPort());
            batch.put(ByteBuffer.allocate(1), peer, Source.systemChoice()).sendOptions(new SendOptions(EF, ECT0, 3));
        }
        assertThat(batch.send()).isEqualTo(3);
        for (int i = 0; i < 3; i++) {
            assertThat(seen()).isEqualTo((EF << 2 | ECT0) + " 3");
        }
    }

    @Test
    void theLastOptionsCountAndAnotherReplyBeginsWithoutAny() throws IOException {
        server.setOption(StandardSocketOptions.IP_TOS, AF41 << 2 | 1);
        DatagramBatch batch = askBatch("127.0.0.2", 5, 0);
        String systems = " " + batch.slot(0).facts().hopLimit();
        for (int i = 0; i < 5; i++) {
            batch.slot(i).reply(1);
            batch.slot(i).sendOptions(SendOptions.NONE.withDscp(EF).withHopLimit(5));
        }
        batch.slot(1).sendOptions(SendOptions.NONE.withEcn(CE));
        batch.slot(2).sendOptions(SendOptions.NONE);
        batch.slot(3).reply(1);
        batch.slot(4).cancelReply();
        assertThatThrownBy(() -> batch.slot(4).sendOptions(SendOptions.NONE)).isInstanceOf(IllegalStateException.class);
        assertThat(batch.send()).isEqualTo(4);
        assertThat(List.of(seen(), seen(), seen(), seen()))
                .containsExactly(
                        (EF << 2 | 1) + " 5",
                        (AF41 << 2 | CE) + systems,
                        (AF41 << 2 | 1) + systems,
                        (AF41 << 2 | 1) + systems);
        batch.slot(4).reply(1);
        assertThat(batch.send()).isOne();
        assertThat(seen()).isEqualTo((AF41 << 2 | 1) + systems);
        assertSilence();
    }

    @Test
    void optionsAreForAReplyThatIsWrittenAndARefusedOneStaysRefused() throws IOException {
        DatagramBatch batch = askBatch("127.0.0.2", 1, 0);
        DatagramSlot slot = batch.slot(0);
        assertThatThrownBy(() -> slot.sendOptions(SendOptions.NONE))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("options are for a reply that was written and not sent");
        slot.reply(1, Source.of(address("::1"))); // for an IPv4 peer
        slot.sendOptions(new SendOptions(EF, 0, 1));
        assertThat(slot.failureKind()).isNotNull();
        assertThat(batch.send()).isZero();
        assertSilence();
        slot.reply(1);
        assertThatThrownBy(() -> slot.sendOptions(null)).isInstanceOf(NullPointerException.class);
        assertThat(batch.send()).isOne();
        assertThatThrownBy(() -> slot.sendOptions(SendOptions.NONE)).isInstanceOf(IllegalStateException.class);
    }

    @ParameterizedTest
    @CsvSource({"IPV4, 127.0.0.2", "IPV6, ::1"})
    void aSocketOfOneFamilyHasThemToo(Family family, String destination) throws IOException {
        Environment.assumeIpv6();
        server.close();
        server = Loopback.open(family);
        FactsTest.receiveAll(server);
        server.setOption(StandardSocketOptions.IP_TOS, AF41 << 2);
        ask(destination, 1, EF << 2 | CE);
        Datagram request = server.receive(SOON);
        assertThat(request.facts().trafficClass()).isEqualTo(EF << 2 | CE);
        SendOptions options = SendOptions.ecnOf(request).withHopLimit(77);
        server.reply(request, ByteBuffer.allocate(1), SourceSelection.requestDestination(), options);
        assertThat(seen()).isEqualTo((AF41 << 2 | CE) + " 77");
    }

    @Test
    void everyNumberHasItsRange() {
        assertRange("DSCP", 0, 63, SendOptions.NONE::withDscp);
        assertRange("ECN", 0, 3, SendOptions.NONE::withEcn);
        assertRange("hop limit", 1, 255, SendOptions.NONE::withHopLimit);
    }

    private static void assertRange(String name, int least, int most, Function<Integer, SendOptions> make) {
        assertThat(make.apply(-1)).isEqualTo(SendOptions.NONE);
        assertThat(List.of(make.apply(least), make.apply(most))).doesNotContain(SendOptions.NONE);
        for (int wrong : new int[] {-2, least - 1 == -1 ? -3 : least - 1, most + 1}) {
            assertThatThrownBy(() -> make.apply(wrong))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage(name + " " + wrong + " is neither -1 nor in " + least + " to " + most);
        }
    }

    @Test
    void aTrafficClassIsBothHalves() {
        List<SendOptions> all = new ArrayList<>();
        for (int value = 0; value < 256; value++) {
            SendOptions options = SendOptions.NONE.withHopLimit(8).withTrafficClass(value);
            assertThat(options).isEqualTo(new SendOptions(value >> 2, value & 3, 8));
            all.add(options);
        }
        assertThat(all).doesNotHaveDuplicates();
        assertThat(new SendOptions(1, 1, 8).withTrafficClass(-1)).isEqualTo(new SendOptions(-1, -1, 8));
        for (int wrong : new int[] {-5, -2, 256}) {
            assertThatThrownBy(() -> SendOptions.NONE.withTrafficClass(wrong))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }
}
