package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.lang.reflect.Executable;
import java.lang.reflect.Method;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ClosedChannelException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;
import org.pktinfo.PktInfoChannel.Family;
import org.pktinfo.SendException.Kind;
import org.pktinfo.server.DatagramServer;
import org.pktinfo.server.ServerStats;
import org.pktinfo.socket.PktInfoDatagramSocket;

/**
 * Every public method of every public class with everything that it should not be given: what is documented is thrown, before any
 * native call, and nothing is lost. The methods are found by reflection: a new one without its bad values fails here.
 */
@Timeout(60)
class PublicApiTest {
    private PublicApi api;

    @BeforeEach
    void open() throws IOException {
        api = new PublicApi();
    }

    @AfterEach
    void close() throws Exception {
        api.close();
    }

    private static void assertNotNative(Throwable thrown) {
        assertThat(thrown.getStackTrace())
                .noneMatch(frame -> frame.getClassName().endsWith(".NativeCalls"));
    }

    private static DynamicTest test(String name, ThrowingRun run) {
        return DynamicTest.dynamicTest(name, () -> {
            try (PublicApi api = new PublicApi()) {
                run.with(api);
                assertThat(api.stillWorks()).isTrue();
            }
        });
    }

    private interface ThrowingRun {
        void with(PublicApi api) throws Exception;
    }

    @TestFactory
    Stream<DynamicTest> nullIsRefusedUnlessItIsSaidToBeTaken() throws Exception {
        List<DynamicTest> tests = new ArrayList<>();
        for (Executable executable : PublicApi.executables()) {
            for (int i = 0; i < executable.getParameterCount(); i++) {
                int at = i;
                if (!executable.getParameterTypes()[i].isPrimitive()) {
                    String name = PublicApi.name(executable) + " null at " + i;
                    tests.add(test(name, api -> assertNullIsRefused(api, executable, at)));
                }
            }
        }
        assertThat(tests).hasSizeGreaterThan(70);
        return tests.stream();
    }

    private static void assertNullIsRefused(PublicApi api, Executable executable, int at) throws Exception {
        Object[] arguments = api.arguments(executable);
        arguments[at] = null;
        for (Throwable thrown : api.call(executable, arguments)) {
            if (executable.getAnnotatedParameterTypes()[at].isAnnotationPresent(Nullable.class)) {
                assertThat(thrown instanceof NullPointerException).isFalse();
            } else if (isTheJdks(executable)) {
                assertThat(thrown).hasSameClassAs(jdkThrows((Method) executable, arguments));
            } else {
                assertThat(thrown).isInstanceOf(NullPointerException.class);
                assertNotNative(thrown);
            }
        }
    }

    /** What the drop-in only takes over is documented by the JDK, and so does what the JDK's own socket does. */
    private static boolean isTheJdks(Executable executable) {
        return executable instanceof Method method
                && method.getDeclaringClass() == PktInfoDatagramSocket.class
                && !method.getName().equals("memory");
    }

    private static Throwable jdkThrows(Method method, Object... arguments) throws Exception {
        try (DatagramSocket jdk = new DatagramSocket();
                PublicApi api = new PublicApi()) {
            jdk.setSoTimeout(1);
            Throwable thrown = api.callOn(
                    jdk, DatagramSocket.class.getMethod(method.getName(), method.getParameterTypes()), arguments);
            return thrown == null ? new AssertionError("the JDK takes it") : thrown;
        }
    }

    private static Function<PublicApi, Object[]> of(Object... arguments) {
        return api -> arguments;
    }

    private record Bad(Class<? extends Throwable> exception, String named, Function<PublicApi, Object[]> arguments) {
        static Bad argument(String named, Object... arguments) {
            return new Bad(IllegalArgumentException.class, named, of(arguments));
        }
    }

    /** Of every method that takes a number or a time: values out of range, and what the message must name. */
    private static Map<String, List<Bad>> numbers() throws IOException {
        Map<String, List<Bad>> table = new TreeMap<>();
        IpAddress address = Loopback.address("127.0.0.1");
        Endpoint endpoint = new Endpoint(address, 1);
        PacketInfo info = new PacketInfo(address, address, 1, true, false, false, false);
        Duration negative = Duration.ofNanos(-1);
        Duration endless = Duration.ofSeconds(Long.MAX_VALUE, 999_999_999);
        Bad negativeTime = Bad.argument("PT-0.000000001S", negative);
        table.put(
                "Datagram(byte[],Endpoint,PacketInfo,int)",
                List.of(
                        Bad.argument("-1", new byte[0], endpoint, info, -1),
                        Bad.argument("65536", new byte[0], endpoint, info, 65_536),
                        Bad.argument("wire length 4", new byte[5], endpoint, info, 4)));
        table.put("DatagramBatch.receive(Duration)", List.of(negativeTime));
        table.put("DatagramBatch.send(Duration)", List.of(negativeTime));
        table.put(
                "DatagramBatch.receiveNow(int)",
                List.of(
                        Bad.argument("0", 0),
                        Bad.argument("-1", -1),
                        Bad.argument("" + Integer.MAX_VALUE, Integer.MAX_VALUE)));
        table.put(
                "DatagramBatch.slot(int)",
                List.of(
                        new Bad(IndexOutOfBoundsException.class, "-1", of(-1)),
                        new Bad(IndexOutOfBoundsException.class, "1", of(1)),
                        new Bad(IndexOutOfBoundsException.class, "" + Integer.MAX_VALUE, of(Integer.MAX_VALUE))));
        table.put(
                "DatagramBatch.put(int,Endpoint,Source)",
                List.of(
                        Bad.argument("-1", -1, endpoint, Source.systemChoice()),
                        Bad.argument("101", 101, endpoint, Source.systemChoice())));
        table.put("DatagramSlot.reply(int)", List.of(Bad.argument("-1", -1), Bad.argument("101", 101)));
        table.put(
                "DatagramSlot.reply(int,SourceSelection)",
                List.of(
                        Bad.argument("-1", -1, SourceSelection.systemChoice()),
                        Bad.argument("101", 101, SourceSelection.systemChoice())));
        table.put(
                "DatagramSlot.reply(int,Source)",
                List.of(
                        Bad.argument("-1", -1, Source.systemChoice()),
                        Bad.argument("101", 101, Source.systemChoice())));
        table.put(
                "DatagramSlot.replyInSegments(int,int)",
                List.of(
                        Bad.argument("0", 0, 1),
                        Bad.argument("-1", -1, 1),
                        Bad.argument("101", 101, 1),
                        Bad.argument("0", 1, 0),
                        Bad.argument("-2", 1, -2)));
        table.put(
                "Endpoint(IpAddress,int)",
                List.of(Bad.argument("-1", address, -1), Bad.argument("65536", address, 65536)));
        table.put("IpAddress(long,long,int)", List.of(Bad.argument("-1", 1L, 1L, -1)));
        table.put(
                "PacketInfo(IpAddress,IpAddress,int,boolean,boolean,boolean,boolean)",
                List.of(Bad.argument("-3", address, address, -3, true, true, true, false)));
        table.put(
                "PeerMemory(int,Duration)",
                List.of(
                        Bad.argument("7", 7, Duration.ofSeconds(1)),
                        Bad.argument("-1", -1, Duration.ofSeconds(1)),
                        Bad.argument("16777217", (1 << 24) + 1, Duration.ofSeconds(1)),
                        Bad.argument("PT0.999S", 8, Duration.ofMillis(999)),
                        Bad.argument("PT-1S", 8, Duration.ofSeconds(-1))));
        table.put("PktInfoChannel.awaitReadable(Duration)", List.of(negativeTime));
        table.put("PktInfoChannel.receive(Duration)", List.of(negativeTime));
        table.put(
                "PktInfoChannel.receive(DatagramPacket,Duration)",
                List.of(Bad.argument("PT-0.000000001S", new java.net.DatagramPacket(new byte[1], 1), negative)));
        table.put(
                "PktInfoChannel.newBatch(int,int)",
                List.of(
                        Bad.argument("0 slots", 0, 1),
                        Bad.argument("-1 slots", -1, 1),
                        Bad.argument("1025 slots", 1025, 1),
                        Bad.argument("capacity 0", 1, 0),
                        Bad.argument("capacity 65528", 1, 65_528)));
        table.put(
                "PktInfoChannel.open(Family,int)",
                List.of(
                        Bad.argument("capacity 0", Family.IPV4, 0),
                        Bad.argument("capacity -1", Family.IPV4, -1),
                        Bad.argument("capacity 65528", Family.IPV4, 65_528)));
        table.put(
                "PktInfoChannel.wrap(DatagramChannel,int)",
                List.of(new Bad(
                        IllegalArgumentException.class, "capacity 0", api -> new Object[] {api.channel.channel(), 0})));
        table.put(
                "Source(ControlMessage,IpAddress,int)",
                List.of(
                        Bad.argument("-1", Source.ControlMessage.IN_PKTINFO, address, -1),
                        Bad.argument("1", Source.ControlMessage.NONE, IpAddress.UNSPECIFIED, 1)));
        table.put("Source.of(IpAddress,int)", List.of(Bad.argument("-1", address, -1)));
        table.put("DatagramServer$Builder.workers(int)", List.of(Bad.argument("0", 0), Bad.argument("-1", -1)));
        table.put(
                "DatagramServer$Builder.batchSize(int)",
                List.of(Bad.argument("0", 0), Bad.argument("-1", -1), Bad.argument("1025", 1025)));
        table.put(
                "DatagramServer$Builder.payloadCapacity(int)",
                List.of(Bad.argument("0", 0), Bad.argument("-1", -1), Bad.argument("65528", 65_528)));
        table.put(
                "DatagramServer$Builder.rateLimit(int)",
                List.of(Bad.argument("-1", -1), Bad.argument("1000001", 1_000_001)));
        table.put(
                "DatagramServer$Builder.spin(Duration)",
                List.of(
                        negativeTime,
                        Bad.argument("PT1.000000001S", Duration.ofNanos(1_000_000_001)),
                        Bad.argument("" + endless, endless)));
        table.put(
                "DatagramBatch.send(Duration,Duration)",
                List.of(
                        Bad.argument("PT-0.000000001S", negative, Duration.ZERO),
                        Bad.argument("PT-0.000000001S", Duration.ZERO, negative)));
        table.put("DatagramServer.stop(Duration)", List.of(negativeTime));
        table.put("DatagramServer.finish(Duration)", List.of(negativeTime));
        table.put(
                "RateLimit(int,int,int,int,int)",
                List.of(
                        Bad.argument("rate 0", 0, 1, 24, 56, 0),
                        Bad.argument("rate 1000001", 1_000_001, 1, 24, 56, 0),
                        Bad.argument("burst 0", 1, 0, 24, 56, 0),
                        Bad.argument("burst 1000001", 1, 1_000_001, 24, 56, 0),
                        Bad.argument("IPv4 prefix length 33", 1, 1, 33, 56, 0),
                        Bad.argument("IPv6 prefix length 65", 1, 1, 24, 65, 0),
                        Bad.argument("slip -1", 1, 1, 24, 56, -1),
                        Bad.argument("slip 1000001", 1, 1, 24, 56, 1_000_001),
                        Bad.argument("slip 1", 1, 1, 24, 56, 1)));
        table.put("RateLimit.of(int)", List.of(Bad.argument("0", 0), Bad.argument("-1", -1)));
        table.put("RateLimit.withBurst(int)", List.of(Bad.argument("0", 0)));
        table.put(
                "RateLimit.withPrefixLengths(int,int)",
                List.of(Bad.argument("IPv4 prefix length 0", 0, 56), Bad.argument("IPv6 prefix length 0", 24, 0)));
        table.put("RateLimit.withSlip(int)", List.of(Bad.argument("slip 1", 1), Bad.argument("slip -2", -2)));
        table.put("PktInfoDatagramSocket(int)", List.of(Bad.argument("-1", -1), Bad.argument("65536", 65_536)));
        table.put(
                "PktInfoDatagramSocket(int,InetAddress)",
                List.of(Bad.argument("-1", -1, address.toInetAddress()), Bad.argument("65536", 65_536, null)));
        return table;
    }

    /** Counters, which are whatever was counted. */
    private static boolean countsOnly(Executable executable) {
        return executable.getDeclaringClass() == ServerStats.class
                || executable.getDeclaringClass() == ChannelStats.class;
    }

    private static boolean takesANumber(Executable executable) {
        return Arrays.stream(executable.getParameterTypes())
                .anyMatch(type -> type == int.class || type == long.class || type == Duration.class);
    }

    /** System.nanoTime may say any number. */
    private static boolean takesTheTime(Executable executable) {
        return PublicApi.name(executable).equals("PeerMemory.remember(Endpoint,PacketInfo,long)");
    }

    @TestFactory
    Stream<DynamicTest> aNumberOutOfRangeIsNamed() throws Exception {
        Map<String, List<Bad>> table = numbers();
        List<DynamicTest> tests = new ArrayList<>();
        for (Executable executable : PublicApi.executables()) {
            if (!takesANumber(executable)
                    || isTheJdks(executable)
                    || countsOnly(executable)
                    || takesTheTime(executable)) {
                continue;
            }
            List<Bad> values = table.remove(PublicApi.name(executable));
            assertThat(values).as("bad values of " + PublicApi.name(executable)).isNotEmpty();
            for (Bad bad : values) {
                tests.add(test(PublicApi.name(executable) + " " + bad.named, api -> {
                    for (Throwable thrown : api.call(executable, bad.arguments.apply(api))) {
                        assertThat(thrown).isInstanceOf(bad.exception).hasMessageContaining(bad.named);
                        assertNotNative(thrown);
                    }
                }));
            }
        }
        assertThat(table).as("bad values of methods that are gone").isEmpty();
        return tests.stream();
    }

    /** The values that the JDK's own socket is given in the same test decide. */
    @TestFactory
    Stream<DynamicTest> theSocketRefusesTheNumbersThatTheJdksRefuses() throws Exception {
        List<DynamicTest> tests = new ArrayList<>();
        for (Executable executable : PublicApi.executables()) {
            if (!isTheJdks(executable) || !takesANumber(executable)) {
                continue;
            }
            for (int bad : new int[] {-1, 0, 256, 65_536, Integer.MIN_VALUE}) {
                tests.add(test(PublicApi.name(executable) + " " + bad, api -> {
                    Object[] arguments = api.arguments(executable);
                    arguments[arguments.length - 1] = bad;
                    Throwable jdks = catchThrowable(() -> {
                        throw jdkThrows((Method) executable, arguments);
                    });
                    Throwable ours = api.call(executable, arguments).get(0);
                    assertThat(ours == null ? AssertionError.class : ours.getClass())
                            .isEqualTo(jdks.getClass());
                }));
            }
        }
        assertThat(tests).hasSizeGreaterThan(20);
        return tests.stream();
    }

    @Test
    void theLongestTimesThereAreAreTaken() throws IOException {
        Duration endless = Duration.ofSeconds(Long.MAX_VALUE, 999_999_999);
        api.server.stop(endless);
        assertThat(new PeerMemory(8, endless).capacity()).isEqualTo(8);
        api.askAgain();
        assertThat(api.batch.receive(Duration.ZERO)).isZero();
    }

    /** Of a closed channel, batch, server or socket: what does not throw then needs no socket. */
    @Test
    void whatNeedsASocketSaysThatItIsClosed() throws Exception {
        TreeSet<String> silent = new TreeSet<>();
        for (Executable executable : PublicApi.executables()) {
            Class<?> type = executable.getDeclaringClass();
            if (!(executable instanceof Method) || java.lang.reflect.Modifier.isStatic(executable.getModifiers())) {
                continue;
            }
            if (type != PktInfoChannel.class && type != DatagramBatch.class && type != DatagramServer.class) {
                continue;
            }
            try (PublicApi closed = new PublicApi()) {
                Object[] arguments = closed.arguments(executable);
                closed.batch.slot(0).reply(1);
                closed.channel.close();
                closed.server.close();
                Throwable thrown = closed.call(executable, arguments).get(0);
                if (thrown == null) {
                    silent.add(PublicApi.name(executable));
                } else {
                    assertThat(thrown)
                            .as(PublicApi.name(executable))
                            .isInstanceOf(
                                    executable.getName().equals("registerBean")
                                            ? IllegalStateException.class
                                            : ClosedChannelException.class);
                    assertThat(closed.payload.position())
                            .as(PublicApi.name(executable))
                            .isZero();
                    assertNotNative(thrown);
                }
            }
        }
        assertThat(silent)
                .containsExactly(
                        "DatagramBatch.capacity()",
                        "DatagramBatch.clear()",
                        "DatagramBatch.coalesceReplies(boolean)",
                        "DatagramBatch.payloadCapacity()",
                        "DatagramBatch.put(ByteBuffer,Endpoint,Source)",
                        "DatagramBatch.put(int,Endpoint,Source)",
                        "DatagramBatch.size()",
                        "DatagramBatch.slot(int)",
                        "DatagramServer.channelStats()",
                        "DatagramServer.close()",
                        "DatagramServer.finish(Duration)",
                        "DatagramServer.stats()",
                        "DatagramServer.stop(Duration)",
                        "DatagramServer.toString()",
                        "PktInfoChannel.channel()",
                        "PktInfoChannel.choosesSource()",
                        "PktInfoChannel.close()",
                        "PktInfoChannel.closeOnInterrupt(boolean)",
                        "PktInfoChannel.ignoreInterrupts()",
                        "PktInfoChannel.isBoundTo(IpAddress)",
                        "PktInfoChannel.isOpen()",
                        "PktInfoChannel.newBatch(int,int)",
                        "PktInfoChannel.reconnect(Reconnection)",
                        "PktInfoChannel.stats()",
                        "PktInfoChannel.toString()");
    }

    /** A batch and its slots belong to one thread; a slot that nothing is in shows nothing. */
    @Test
    void aBatchAndItsSlotsAreForOneThreadAndAnEmptySlotIsForNobody() throws Exception {
        TreeSet<String> anybody = new TreeSet<>();
        for (Executable executable : PublicApi.executables()) {
            Class<?> type = executable.getDeclaringClass();
            if (type != DatagramBatch.class && type != DatagramSlot.class) {
                continue;
            }
            api.askAgain();
            DatagramSlot slot = api.batch.slot(0);
            Object target = type == DatagramSlot.class ? slot : api.batch;
            Object[] arguments = api.arguments(executable);
            Throwable elsewhere = CompletableFuture.supplyAsync(() -> {
                        try {
                            return String.valueOf(api.callOn(target, executable, arguments));
                        } catch (ReflectiveOperationException e) {
                            throw new LinkageError(e.getMessage(), e);
                        }
                    })
                    .thenApply(text -> text.startsWith("java.lang.IllegalStateException: this batch belongs to")
                            ? new IllegalStateException(text)
                            : null)
                    .get();
            if (elsewhere == null) {
                anybody.add(PublicApi.name(executable));
            }
            if (type == DatagramSlot.class) {
                api.batch.clear();
                assertThat(api.callOn(slot, executable, arguments))
                        .as(PublicApi.name(executable))
                        .isInstanceOf(IndexOutOfBoundsException.class);
            }
            assertThat(api.payload.position()).as(PublicApi.name(executable)).isZero();
        }
        assertThat(anybody)
                .containsExactly(
                        "DatagramBatch.capacity()",
                        "DatagramBatch.coalesceReplies(boolean)",
                        "DatagramBatch.payloadCapacity()",
                        "DatagramBatch.size()");
    }

    /** Everything that sends a buffer, from the peer's point of view. */
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

    /** Bytes 1 to 5 in every kind of buffer, at an odd position, with something before and behind. */
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
                .forEach((kind, buffer) -> tests.add(test(name + " " + kind, api -> {
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

    /** What is thrown and names what, with the buffer as it was. */
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

    /** Who answers with what came writes this, and means an echo. */
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

    @Test
    void anAddressOfTheWrongFamilyOrWithoutANumberIsRefused() throws Exception {
        Environment.assumeIpv6();
        try (PktInfoChannel ipv4 = PktInfoChannel.open(Family.IPV4);
                PktInfoChannel ipv6 = PktInfoChannel.open(Family.IPV6)) {
            Endpoint four = new Endpoint(Loopback.address("127.0.0.1"), 5);
            Endpoint six = new Endpoint(Loopback.address("::1"), 5);
            List<ThrowingCallable> calls = List.of(
                    () -> ipv4.bind(six.toSocketAddress()),
                    () -> ipv6.bind(four.toSocketAddress()),
                    () -> ipv4.bind(PublicApi.unresolved()),
                    () -> ipv4.send(api.payload, six, Source.systemChoice()),
                    () -> ipv6.send(api.payload, four, Source.systemChoice()),
                    () -> ipv4.newBatch(1, 10).put(api.payload, six, Source.systemChoice()),
                    () -> ipv6.newBatch(1, 10).put(api.payload, four, Source.systemChoice()),
                    () -> Endpoint.of(new InetSocketAddress("nowhere.invalid", 1)),
                    () -> DatagramServer.builder()
                            .family(Family.IPV4)
                            .bind(six.toSocketAddress())
                            .start(request -> {}));
            for (ThrowingCallable call : calls) {
                assertThatThrownBy(call).isInstanceOf(IllegalArgumentException.class);
            }
            assertThat(api.payload.position()).isZero();
            assertThat(ipv4.localAddress()).isNull();
            assertThat(ipv4.bind(null).localAddress())
                    .as("bound after all that")
                    .isNotNull();
        }
    }
}
