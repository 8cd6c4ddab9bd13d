package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelConfig;
import io.netty.channel.ChannelOption;
import java.lang.reflect.Executable;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;
import org.pktinfo.PktInfoChannel.Family;
import org.pktinfo.netty.PktInfoChannelOption;
import org.pktinfo.server.ServerStats;

/**
 * Every public method that takes a number or a time, with values out of range: a new method without its bad values
 * fails here.
 */
@Timeout(60)
class PublicApiNumbersTest {
    private static Function<PublicApi, Object[]> of(Object... arguments) {
        return api -> arguments;
    }

    private record Bad(Class<? extends Throwable> exception, String named, Function<PublicApi, Object[]> arguments) {
        static Bad argument(String named, Object... arguments) {
            return new Bad(IllegalArgumentException.class, named, of(arguments));
        }
    }

    private static final IpAddress ADDRESS = IpAddress.of(InetAddress.getLoopbackAddress());
    private static final Endpoint ENDPOINT = new Endpoint(ADDRESS, 1);
    private static final InetSocketAddress SOCKET_ADDRESS = ENDPOINT.toSocketAddress();
    private static final PacketInfo INFO = new PacketInfo(ADDRESS, ADDRESS, 1, true, false, false, false);
    private static final Duration NEGATIVE = Duration.ofNanos(-1);
    private static final Duration ENDLESS = Duration.ofSeconds(Long.MAX_VALUE, 999_999_999);
    private static final Bad NEGATIVE_TIME = Bad.argument("PT-0.000000001S", NEGATIVE);

    private static ByteBuf content(int length) {
        return Unpooled.wrappedBuffer(new byte[length]);
    }

    /**
     * Returns values out of range of every method that takes a number or a time, and the words that the message must
     * have.
     */
    private static Map<String, List<Bad>> numbers() {
        Map<String, List<Bad>> table = new TreeMap<>();
        ofRecords(table);
        ofFacts(table);
        ofBatches(table);
        ofChannels(table);
        ofServers(table);
        ofSockets(table);
        ofNetty(table);
        return table;
    }

    private static void ofRecords(Map<String, List<Bad>> table) {
        table.put(
                "Datagram(byte[],Endpoint,PacketInfo,int)",
                List.of(
                        Bad.argument("-1", new byte[0], ENDPOINT, INFO, -1),
                        Bad.argument("65536", new byte[0], ENDPOINT, INFO, 65_536),
                        Bad.argument("wire length 4", new byte[5], ENDPOINT, INFO, 4)));
        table.put(
                "Endpoint(IpAddress,int)",
                List.of(Bad.argument("-1", ADDRESS, -1), Bad.argument("65536", ADDRESS, 65536)));
        table.put("IpAddress(long,long,int)", List.of(Bad.argument("-1", 1L, 1L, -1)));
        table.put(
                "PacketInfo(IpAddress,IpAddress,int,boolean,boolean,boolean,boolean)",
                List.of(Bad.argument("-3", ADDRESS, ADDRESS, -3, true, true, true, false)));
        table.put(
                "PeerMemory(int,Duration)",
                List.of(
                        Bad.argument("7", 7, Duration.ofSeconds(1)),
                        Bad.argument("-1", -1, Duration.ofSeconds(1)),
                        Bad.argument("16777217", (1 << 24) + 1, Duration.ofSeconds(1)),
                        Bad.argument("PT0.999S", 8, Duration.ofMillis(999)),
                        Bad.argument("PT-1S", 8, Duration.ofSeconds(-1))));
        table.put(
                "Source(ControlMessage,IpAddress,int)",
                List.of(
                        Bad.argument("-1", Source.ControlMessage.IN_PKTINFO, ADDRESS, -1),
                        Bad.argument("1", Source.ControlMessage.NONE, IpAddress.UNSPECIFIED, 1)));
        table.put("Source.of(IpAddress,int)", List.of(Bad.argument("-1", ADDRESS, -1)));
    }

    private static void ofFacts(Map<String, List<Bad>> table) {
        table.put(
                "Datagram(byte[],Endpoint,PacketInfo,int,ReceivedFacts)",
                List.of(
                        Bad.argument("65536", new byte[0], ENDPOINT, INFO, 65_536, ReceivedFacts.NONE),
                        Bad.argument("wire length 4", new byte[5], ENDPOINT, INFO, 4, ReceivedFacts.NONE)));
        table.put(
                "ReceivedFacts(int,int,Instant,Instant,int,long)",
                List.of(
                        Bad.argument("traffic class -2", -2, 0, null, null, 0, 0L),
                        Bad.argument("traffic class 256", 256, 0, null, null, 0, 0L),
                        Bad.argument("hop limit 256", 0, 256, null, null, 0, 0L),
                        Bad.argument("original port 65536", 0, 0, null, null, 65_536, 0L),
                        Bad.argument("mark -2", 0, 0, null, null, 0, -2L),
                        Bad.argument("mark 4294967296", 0, 0, null, null, 0, 1L << 32)));
        table.put(
                "SendOptions(int,int,int)",
                List.of(
                        Bad.argument("DSCP 64", 64, 0, 1),
                        Bad.argument("DSCP -2", -2, 0, 1),
                        Bad.argument("ECN 4", 0, 4, 1),
                        Bad.argument("ECN -2", 0, -2, 1),
                        Bad.argument("hop limit 0", 0, 0, 0),
                        Bad.argument("hop limit 256", 0, 0, 256)));
        table.put(
                "SendOptions(int,int,int,long)",
                List.of(
                        Bad.argument("DSCP 64", 64, 0, 1, -1L),
                        Bad.argument("ECN 4", 0, 4, 1, -1L),
                        Bad.argument("hop limit 256", 0, 0, 256, -1L),
                        Bad.argument("transmit time id -2", 0, 0, 1, -2L)));
        table.put("SendOptions.withTransmitTime(long)", List.of(Bad.argument("transmit time id -2", -2L)));
        table.put("TransmitTime(long,Instant)", List.of(Bad.argument("id -1", -1L, null)));
        table.put("SendOptions.withDscp(int)", List.of(Bad.argument("DSCP 64", 64), Bad.argument("DSCP -2", -2)));
        table.put("SendOptions.withEcn(int)", List.of(Bad.argument("ECN 4", 4), Bad.argument("ECN -2", -2)));
        table.put(
                "SendOptions.withTrafficClass(int)",
                List.of(Bad.argument("traffic class 256", 256), Bad.argument("traffic class -2", -2)));
        table.put(
                "SendOptions.withHopLimit(int)",
                List.of(Bad.argument("hop limit 0", 0), Bad.argument("hop limit 256", 256)));
        table.put(
                "NetworkError(Endpoint,IpAddress,Origin,int,int,int,int)",
                List.of(
                        Bad.argument("type -1", ENDPOINT, null, NetworkError.Origin.ICMP, -1, 0, 1, 0),
                        Bad.argument("code 256", ENDPOINT, null, NetworkError.Origin.ICMP, 0, 256, 1, 0),
                        Bad.argument("errno 0", ENDPOINT, null, NetworkError.Origin.ICMP, 0, 0, 0, 0),
                        Bad.argument("MTU -1", ENDPOINT, null, NetworkError.Origin.ICMP, 0, 0, 1, -1)));
    }

    private static void ofBatches(Map<String, List<Bad>> table) {
        table.put("DatagramBatch.receive(Duration)", List.of(NEGATIVE_TIME));
        table.put("DatagramBatch.send(Duration)", List.of(NEGATIVE_TIME));
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
                        Bad.argument("-1", -1, ENDPOINT, Source.systemChoice()),
                        Bad.argument("101", 101, ENDPOINT, Source.systemChoice())));
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
                "DatagramBatch.send(Duration,Duration)",
                List.of(
                        Bad.argument("PT-0.000000001S", NEGATIVE, Duration.ZERO),
                        Bad.argument("PT-0.000000001S", Duration.ZERO, NEGATIVE)));
    }

    private static void ofChannels(Map<String, List<Bad>> table) {
        table.put("PktInfoChannel.awaitReadable(Duration)", List.of(NEGATIVE_TIME));
        table.put("PktInfoChannel.receive(Duration)", List.of(NEGATIVE_TIME));
        table.put(
                "PktInfoChannel.receive(DatagramPacket,Duration)",
                List.of(Bad.argument("PT-0.000000001S", new java.net.DatagramPacket(new byte[1], 1), NEGATIVE)));
        table.put(
                "PktInfoChannel.receiveReport(DatagramPacket,Duration)",
                List.of(Bad.argument("PT-0.000000001S", new java.net.DatagramPacket(new byte[1], 1), NEGATIVE)));
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
                List.of(new Bad(IllegalArgumentException.class, "capacity 0", api ->
                        new Object[] {api.channel.jdkChannel(), 0})));
    }

    private static void ofServers(Map<String, List<Bad>> table) {
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
                        NEGATIVE_TIME,
                        Bad.argument("PT1.000000001S", Duration.ofNanos(1_000_000_001)),
                        Bad.argument("" + ENDLESS, ENDLESS)));
        table.put("DatagramServer.stop(Duration)", List.of(NEGATIVE_TIME));
        table.put("DatagramServer.finish(Duration)", List.of(NEGATIVE_TIME));
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
    }

    private static void ofSockets(Map<String, List<Bad>> table) {
        table.put("PktInfoDatagramSocket(int)", List.of(Bad.argument("-1", -1), Bad.argument("65536", 65_536)));
        table.put(
                "PktInfoDatagramSocket(int,InetAddress)",
                List.of(Bad.argument("-1", -1, ADDRESS.toInetAddress()), Bad.argument("65536", 65_536, null)));
    }

    private static void ofNetty(Map<String, List<Bad>> table) {
        table.put(
                "PktInfoDatagramPacket(ByteBuf,InetSocketAddress,InetSocketAddress,PacketInfo,int)",
                List.of(
                        Bad.argument("wire length -1", content(0), SOCKET_ADDRESS, SOCKET_ADDRESS, INFO, -1),
                        Bad.argument("wire length 4", content(5), SOCKET_ADDRESS, SOCKET_ADDRESS, INFO, 4),
                        Bad.argument("65536", content(5), SOCKET_ADDRESS, SOCKET_ADDRESS, INFO, 65_536)));
        table.put(
                "PktInfoDatagramPacket(ByteBuf,InetSocketAddress,InetSocketAddress,PacketInfo,int,ReceivedFacts)",
                List.of(Bad.argument(
                        "wire length 4", content(5), SOCKET_ADDRESS, SOCKET_ADDRESS, INFO, 4, ReceivedFacts.NONE)));
        table.put(
                "OptionsPacket(ByteBuf,int,InetSocketAddress,InetSocketAddress,SendOptions)",
                List.of(Bad.argument("segment size -1", content(5), -1, SOCKET_ADDRESS, null, SendOptions.NONE)));
        table.put("OptionsPacket.retain(int)", List.of(Bad.argument("0", 0), Bad.argument("-1", -1)));
        table.put("PktInfoDatagramPacket.retain(int)", List.of(Bad.argument("0", 0), Bad.argument("-1", -1)));
    }

    /** Returns true for records of counters, which accept any count. */
    private static boolean countsOnly(Executable executable) {
        return executable.getDeclaringClass() == ServerStats.class
                || executable.getDeclaringClass() == ChannelStats.class;
    }

    private static boolean takesANumber(Executable executable) {
        return Arrays.stream(executable.getParameterTypes())
                .anyMatch(type -> type == int.class || type == long.class || type == Duration.class);
    }

    /** Covers all options of the Netty channel, which its configuration takes; a new one is found here. */
    @Test
    void everyOptionOfTheNettyChannelRefusesNullAndNumbersOutOfRange() throws Exception {
        List<String> numbers = new ArrayList<>();
        try (PublicApi api = new PublicApi()) {
            ChannelConfig config = api.netty.channel().config();
            for (Field field : PktInfoChannelOption.class.getFields()) {
                @SuppressWarnings("unchecked") // a value of the wrong type is not tried
                ChannelOption<Object> option = (ChannelOption<Object>) field.get(null);
                Object before = config.getOption(option);
                assertThatThrownBy(() -> config.setOption(option, null))
                        .as(field.getName())
                        .isInstanceOf(NullPointerException.class);
                if (before instanceof Integer) {
                    numbers.add(field.getName());
                    for (int bad : new int[] {0, -1, 1025, Integer.MAX_VALUE}) {
                        assertThatThrownBy(() -> config.setOption(option, bad))
                                .as(field.getName())
                                .isInstanceOf(IllegalArgumentException.class)
                                .hasMessageContaining(String.valueOf(bad));
                    }
                }
                assertThat(config.getOption(option)).as(field.getName()).isEqualTo(before);
            }
            assertThat(api.stillWorks()).isTrue();
        }
        assertThat(numbers).containsExactly("BATCH_SIZE");
    }

    /** Returns true if it takes the time: System.nanoTime may return any number. */
    private static boolean takesTheTime(Executable executable) {
        return PublicApi.name(executable).equals("PeerMemory.remember(Endpoint,PacketInfo,long)");
    }

    @TestFactory
    Stream<DynamicTest> aNumberOutOfRangeIsNamed() throws Exception {
        Map<String, List<Bad>> table = numbers();
        List<DynamicTest> tests = new ArrayList<>();
        for (Executable executable : PublicApi.executables()) {
            if (!takesANumber(executable)
                    || PublicApi.isTheJdks(executable)
                    || countsOnly(executable)
                    || takesTheTime(executable)) {
                continue;
            }
            List<Bad> values = table.remove(PublicApi.name(executable));
            assertThat(values).as("bad values of " + PublicApi.name(executable)).isNotEmpty();
            for (Bad bad : values) {
                tests.add(PublicApi.test(PublicApi.name(executable) + " " + bad.named, api -> {
                    for (Throwable thrown : api.call(executable, bad.arguments.apply(api))) {
                        assertThat(thrown).isInstanceOf(bad.exception).hasMessageContaining(bad.named);
                        PublicApi.assertNotNative(thrown);
                    }
                }));
            }
        }
        assertThat(table).as("bad values of methods that are gone").isEmpty();
        return tests.stream();
    }

    /** The JDK's own socket, given the same values in the same test, decides. */
    @TestFactory
    Stream<DynamicTest> theSocketRefusesTheNumbersThatTheJdksRefuses() throws Exception {
        List<DynamicTest> tests = new ArrayList<>();
        for (Executable executable : PublicApi.executables()) {
            if (!PublicApi.isTheJdks(executable) || !takesANumber(executable)) {
                continue;
            }
            for (int bad : new int[] {-1, 0, 256, 65_536, Integer.MIN_VALUE}) {
                tests.add(PublicApi.test(PublicApi.name(executable) + " " + bad, api -> {
                    Object[] arguments = api.arguments(executable);
                    arguments[arguments.length - 1] = bad;
                    Throwable jdks = catchThrowable(() -> {
                        throw PublicApi.jdkThrows((Method) executable, arguments);
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
}
