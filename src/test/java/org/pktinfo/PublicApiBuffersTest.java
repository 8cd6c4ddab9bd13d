package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.lang.reflect.Executable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;
import org.pktinfo.SendException.Kind;

/**
 * Every public method that sends a buffer: the bytes that are sent, and the buffer's position afterwards, also if it is
 * refused.
 */
@Timeout(60)
class PublicApiBuffersTest {
    private PublicApi api;

    @BeforeEach
    void open() throws IOException {
        api = new PublicApi();
    }

    @AfterEach
    void close() throws Exception {
        api.close();
    }

    /** A method that sends a buffer, as the peer sees it. */
    private interface Sends {
        void send(PublicApi api, ByteBuffer payload, Endpoint peer, Source source) throws IOException;
    }

    private static Map<String, Sends> sends() {
        Map<String, Sends> table = new TreeMap<>();
        table.put(
                "PktInfoChannel.send(ByteBuffer,Endpoint,Source)",
                (api, payload, peer, source) -> api.channel.send(payload, peer, source));
        table.put(
                "PktInfoChannel.reply(Datagram,ByteBuffer)",
                (api, payload, peer, source) -> api.channel.reply(asked(peer), payload));
        table.put(
                "PktInfoChannel.reply(Datagram,ByteBuffer,SourceSelection)",
                (api, payload, peer, source) -> api.channel.reply(asked(peer), payload, (who, info) -> source));
        table.put(
                "PktInfoChannel.send(ByteBuffer,Endpoint,Source,SendOptions)",
                (api, payload, peer, source) -> api.channel.send(payload, peer, source, SendOptions.NONE.withEcn(1)));
        table.put(
                "PktInfoChannel.reply(Datagram,ByteBuffer,SourceSelection,SendOptions)",
                (api, payload, peer, source) ->
                        api.channel.reply(asked(peer), payload, (who, info) -> source, SendOptions.NONE.withDscp(1)));
        table.put(
                "DatagramServer.reply(Datagram,ByteBuffer,SendOptions)",
                (api, payload, peer, source) ->
                        api.server.reply(asked(peer), payload, SendOptions.NONE.withHopLimit(9)));
        table.put(
                "DatagramServer.reply(Datagram,ByteBuffer)",
                (api, payload, peer, source) -> api.server.reply(asked(peer), payload));
        table.put("DatagramBatch.put(ByteBuffer,Endpoint,Source)", (api, payload, peer, source) -> {
            api.batch.clear();
            api.batch.put(payload, peer, source);
            api.batch.send();
        });
        table.put("DatagramSlot.reply(ByteBuffer)", (api, payload, peer, source) -> {
            api.batch.slot(0).reply(payload);
            api.batch.send();
        });
        table.put("DatagramSlot.reply(ByteBuffer,SourceSelection)", (api, payload, peer, source) -> {
            api.batch.slot(0).reply(payload, (who, info) -> source);
            api.batch.send();
        });
        return table;
    }

    private static Datagram asked(Endpoint peer) throws IOException {
        IpAddress local = Loopback.address("127.0.0.2");
        return new Datagram(new byte[0], peer, new PacketInfo(local, local, 1, true, false, false, false), 0);
    }

    /** Returns bytes 1 to 5 in every kind of buffer, at an odd position, with something before and behind. */
    private static Map<String, ByteBuffer> buffers() {
        byte[] all = {77, 77, 77, 1, 2, 3, 4, 5, 88, 88};
        ByteBuffer direct = ByteBuffer.allocateDirect(10).put(all);
        Map<String, ByteBuffer> buffers = new TreeMap<>();
        buffers.put("heap", ByteBuffer.wrap(all, 3, 5));
        buffers.put("direct", direct.duplicate().position(3).limit(8));
        buffers.put("read-only heap", ByteBuffer.wrap(all, 3, 5).asReadOnlyBuffer());
        buffers.put("read-only direct", direct.asReadOnlyBuffer().position(3).limit(8));
        buffers.put("slice", ByteBuffer.wrap(all, 1, 8).slice().position(2).limit(7));
        buffers.put(
                "direct slice",
                direct.duplicate().position(1).slice().position(2).limit(7));
        buffers.put("exact slice", ByteBuffer.wrap(all, 3, 5).slice());
        buffers.put("little-endian", ByteBuffer.wrap(all, 3, 5).order(ByteOrder.LITTLE_ENDIAN));
        return buffers;
    }

    @TestFactory
    Stream<DynamicTest> everyKindOfBufferIsSentFromItsPositionToItsLimit() throws Exception {
        Map<String, Sends> table = sends();
        List<DynamicTest> tests = new ArrayList<>();
        TreeSet<String> methods = new TreeSet<>();
        for (Executable executable : PublicApi.executables()) {
            if (Arrays.asList(executable.getParameterTypes()).contains(ByteBuffer.class)) {
                methods.add(PublicApi.name(executable));
            }
        }
        assertThat(table.keySet()).as("methods that take a buffer").isEqualTo(methods);
        table.forEach((name, sends) -> buffers()
                .forEach((kind, buffer) -> tests.add(PublicApi.test(name + " " + kind, api -> {
                    int limit = buffer.limit();
                    ByteBuffer before = buffer.duplicate();
                    sends.send(api, buffer, api.peer(), Source.systemChoice());
                    assertThat(api.received().payload()).containsExactly(1, 2, 3, 4, 5);
                    assertThat(buffer.position()).isEqualTo(limit);
                    assertThat(buffer.limit()).isEqualTo(limit);
                    assertThat(before).isEqualTo(ByteBuffer.wrap(new byte[] {1, 2, 3, 4, 5}));
                    for (ByteBuffer empty : new ByteBuffer[] {ByteBuffer.allocate(0), buffer}) {
                        api.askAgain();
                        int at = empty.position();
                        sends.send(api, empty, api.peer(), Source.systemChoice());
                        assertThat(api.received().payload()).isEmpty();
                        assertThat(empty.position()).isEqualTo(at);
                    }
                }))));
        return tests.stream();
    }

    /** Asserts that an exception names the fault and leaves the buffer as it was. */
    private void assertRefused(
            String name, Sends sends, Kind kind, String named, ByteBuffer payload, Endpoint peer, Source source) {
        int position = payload.position();
        SendException thrown = catchThrowableOfType(SendException.class, () -> sends.send(api, payload, peer, source));
        assertThat(thrown).as(name).isNotNull();
        assertThat(thrown.kind()).as(name).isEqualTo(kind);
        assertThat(thrown).hasMessageContaining(named);
        assertThat(payload.position()).as(name).isEqualTo(position);
    }

    @Test
    void whatCannotBeSentLeavesTheBufferAsItWas() throws Exception {
        Endpoint portZero = new Endpoint(Loopback.address("127.0.0.1"), 0);
        Endpoint foreignScope = new Endpoint(new IpAddress(0xfe80L << 48, 1, 9999), 5);
        Source ipv6 = Source.of(Loopback.address("::1"));
        Source notOurs = Source.of(Loopback.address("192.0.2.7"));
        Source group = Source.of(Loopback.address("239.1.2.3"));
        for (Map.Entry<String, Sends> entry : sends().entrySet()) {
            String name = entry.getKey();
            Sends sends = entry.getValue();
            if (name.startsWith("DatagramSlot")) {
                continue; // their failures are values
            }
            ByteBuffer payload = ByteBuffer.wrap(new byte[] {9, 1, 2, 3}, 1, 3);
            assertRefused(name, sends, Kind.PEER_PORT_ZERO, "port 0", payload, portZero, Source.systemChoice());
            ByteBuffer large = ByteBuffer.allocate(66_000).position(3);
            if (name.startsWith("DatagramBatch")) {
                assertThatThrownBy(() -> sends.send(api, large, api.peer(), Source.systemChoice()))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("65997");
                assertThat(large.position()).isEqualTo(3);
            } else {
                assertRefused(name, sends, Kind.MESSAGE_TOO_LONG, "65997", large, api.peer(), Source.systemChoice());
            }
            if (name.endsWith("Source)") || name.endsWith("SourceSelection)")) {
                assertRefused(name, sends, Kind.SOURCE_UNUSABLE, "::1", payload, api.peer(), ipv6);
            }
            if (name.startsWith("PktInfoChannel") && !name.endsWith("(Datagram,ByteBuffer)")) {
                assertRefused(name, sends, Kind.SOURCE_UNUSABLE, "192.0.2.7", payload, api.peer(), notOurs);
                assertRefused(name, sends, Kind.SOURCE_UNUSABLE, "239.1.2.3", payload, api.peer(), group);
                Environment.assumeIpv6();
                int position = payload.position();
                assertThatThrownBy(() -> sends.send(api, payload, foreignScope, Source.systemChoice()))
                        .as(name)
                        .isInstanceOf(SendException.class)
                        .hasMessageContaining("fe80::1%9999");
                assertThat(payload.position()).isEqualTo(position);
            }
        }
        assertThat(api.stillWorks()).isTrue();
    }

    @Test
    void aSlotThatCannotBeAnsweredSaysWhyAndKeepsItsRequest() throws IOException {
        DatagramSlot slot = api.batch.slot(0);
        slot.reply(ByteBuffer.wrap(new byte[2]), SourceSelection.fixed(Loopback.address("::1")));
        assertThat(slot.failure()).isNotNull();
        assertThat(slot.failure().kind()).isEqualTo(Kind.SOURCE_UNUSABLE);
        ByteBuffer large = ByteBuffer.allocate(200).position(5);
        ByteBuffer request = slot.payload().duplicate();
        assertThatThrownBy(() -> slot.reply(large)).hasMessageContaining("195").hasMessageContaining("100");
        assertThat(large.position()).isEqualTo(5);
        assertThat(slot.payload()).isEqualTo(request);
    }

    /** Answers with the payload that was received, which is meant as an echo. */
    @Test
    void aSlotCanBeAnsweredWithItsOwnPayloadOrAPartOfIt() throws IOException {
        ByteBuffer payload = api.batch.slot(0).payload();
        payload.put(0, new byte[] {4, 5, 6});
        api.batch.slot(0).reply(payload);
        api.batch.send();
        assertThat(api.received().payload()).containsExactly(4, 5, 6);
        for (boolean itself : new boolean[] {true, false}) {
            api.askAgain();
            ByteBuffer part = api.batch.slot(0).payload();
            part.put(0, new byte[] {4, 5, 6}).position(1);
            api.batch.slot(0).reply(itself ? part : part.slice());
            api.batch.send();
            assertThat(api.received().payload()).containsExactly(5, 6);
        }
    }
}
