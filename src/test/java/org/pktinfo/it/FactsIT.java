package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.FactsAgent;
import org.pktinfo.it.support.FactsHosts;
import org.pktinfo.it.support.Opened;

/**
 * The facts of datagrams that come from another host, and the header fields of those that go there, on each JDK and on
 * each emulated kernel, by sockets of each kind.
 *
 * <pre>
 *   client, 10.9.0.100 fd00:9::100 --- server, 10.9.0.1 10.9.0.2 fd00:9::1 fd00:9::2
 * </pre>
 */
@Timeout(60)
class FactsIT {
    private static final String FACTS = " RECEIVE_TRAFFIC_CLASS RECEIVE_HOP_LIMIT RECEIVE_TIME RECEIVE_HARDWARE_TIME"
            + " RECEIVE_ORIGINAL_PORT RECEIVE_MARK";
    private static final int CLIENT_PORT = 7100;
    private static final int ECT0 = 2;
    private static final int CE = 3;
    private static final int EF = 46; // DSCP
    private static final int AF41 = 34;

    /** Sends a request with CE and EF, and prints a reply's source address, traffic class and hop limit. */
    private static final String FOREIGN_CLIENT = String.join(
            "\n",
            "import socket, struct, sys",
            "host, port = sys.argv[1], int(sys.argv[2])",
            "v6 = ':' in host",
            "s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)",
            "s.settimeout(20)",
            "level = socket.IPPROTO_IPV6 if v6 else socket.IPPROTO_IP",
            "s.setsockopt(level, socket.IPV6_TCLASS if v6 else socket.IP_TOS, 46 << 2 | 3)",
            "s.setsockopt(level, socket.IPV6_RECVTCLASS if v6 else socket.IP_RECVTOS, 1)",
            "s.setsockopt(level, socket.IPV6_RECVHOPLIMIT if v6 else 12, 1)", // IP_RECVTTL
            "s.sendto(bytes(10), (host, port))",
            "print('sent', flush=True)",
            "data, control, flags, peer = s.recvmsg(100, 200)",
            "got = {kind: int.from_bytes(value, sys.byteorder) for at, kind, value in control if at == level}",
            "print(peer[0], got[socket.IPV6_TCLASS if v6 else socket.IP_TOS], got[52 if v6 else socket.IP_TTL])");

    /** A server's JVM and kernel, the family of its socket, and the address that the client asks. */
    private record Way(String machine, String family, String destination) {
        /** Kernels before 3.13 refuse header fields of one datagram to an IPv4 peer; so those emulated as older. */
        boolean isNew() {
            return !machine.startsWith("LEGACY") && !machine.startsWith("HALF");
        }

        String peer() {
            return destination.contains(":") ? "fd00:9::100" : "10.9.0.100";
        }

        @Override
        public String toString() {
            return machine + ", " + family + ", " + destination;
        }
    }

    @RegisterExtension
    static final Opened OPENED = new Opened();

    private static FactsHosts hosts;
    private static FactsAgent client;

    private FactsAgent server;
    private int port;

    @BeforeAll
    static void connectTwoHosts() throws Exception {
        hosts = new FactsHosts(OPENED);
        client = hosts.client;
    }

    @AfterEach
    void removeRules() {
        hosts.namespaces.in("server", "nft flush ruleset");
    }

    static Stream<Way> ways() {
        List<String> machines = FactsHosts.machines();
        return machines.stream()
                .flatMap(each -> Stream.of(
                        new Way(each, "DUAL_STACK", "10.9.0.2"),
                        new Way(each, "DUAL_STACK", "fd00:9::2"),
                        new Way(each, "IPV4", "10.9.0.2"),
                        new Way(each, "IPV6", "fd00:9::2")));
    }

    static Stream<Way> waysWithFields() {
        return ways().filter(Way::isNew);
    }

    private void open(Way way) throws Exception {
        server = hosts.open(way.machine, way.family);
        port = hosts.port(way.machine);
        assertThat(client.say("open DUAL_STACK " + CLIENT_PORT)).isEqualTo("open");
        assertThat(client.say("on RECEIVE_TRAFFIC_CLASS RECEIVE_HOP_LIMIT")).isEqualTo("set 2");
    }

    private void send(Way way, String fields, int count) throws Exception {
        assertThat(client.say("send " + way.destination + " " + port + " " + fields + " " + count))
                .isEqualTo("sent " + count);
    }

    /** Asserts that datagrams were told with all facts; returns their times of reception in nanoseconds. */
    private List<Long> check(Way way, String told, int count, long mark, Instant before) {
        Instant after = Instant.now();
        String[] datagrams = told.split("; ", -1);
        assertThat(datagrams).as(told).hasSize(count);
        List<Long> times = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String[] words = datagrams[i].split(" ", -1);
            assertThat(words).as(told).hasSize(8); // one more if the control data was truncated
            times.add(Long.valueOf(words[4]));
            assertThat(Instant.ofEpochSecond(0, times.get(i))).isBetween(before, after);
            words[4] = "time";
            assertThat(String.join(" ", words))
                    .isEqualTo(i + " " + way.peer() + " " + (EF << 2 | ECT0) + " 33 time - " + port + " " + mark);
        }
        return times;
    }

    @ParameterizedTest
    @MethodSource("ways")
    void everyFactComesByRecordAndByBatch(Way way) throws Exception {
        open(way);
        assertThat(server.say("on" + FACTS)).isEqualTo("set 6");
        for (String how : List.of("receive 1", "receive-batch 1")) {
            Instant before = Instant.now();
            send(way, EF + "/" + ECT0 + "/33", 1);
            check(way, server.say(how), 1, 0, before);
        }
        assertThat(server.say("drops")).isEqualTo("0 dropped, control data truncated 0");
    }

    /** The old kernels have no UDP_GRO and report drop counts with each datagram instead (SO_RXQ_OVFL). */
    @ParameterizedTest
    @MethodSource("ways")
    void allAtOnceFitWithCoalescingOrDropCountsAndCoalescedDatagramsShareThem(Way way) throws Exception {
        hosts.namespaces.in("server", "nft add table inet t");
        hosts.namespaces.in("server", "nft add chain inet t p { type filter hook prerouting priority 0 ; }");
        hosts.namespaces.in("server", "nft add rule inet t p meta mark set 4294967295");
        open(way);
        assertThat(server.say("on" + FACTS)).isEqualTo("set 6");
        if (way.isNew()) {
            assertThat(server.say("on COALESCE_RECEIVED")).isEqualTo("set 1");
        }
        for (String how : List.of("receive 4", "receive-batch 4")) {
            Instant before = Instant.now();
            send(way, EF + "/" + ECT0 + "/33", 4);
            if (way.isNew()) {
                List<Long> times = check(way, server.say(how), 4, 4_294_967_295L, before);
                assertThat(times).as("came as one").containsOnly(times.get(0));
            } else {
                check(way, server.say(how), 4, 4_294_967_295L, before);
            }
        }
        assertThat(server.say("drops")).isEqualTo("0 dropped, control data truncated 0");
    }

    @ParameterizedTest
    @MethodSource("ways")
    void whatIsOffIsAbsentAndWhatIsSetLaterComesWithQueuedDatagramsToo(Way way) throws Exception {
        open(way);
        String absent = "0 " + way.peer() + " -1 -1 - - -1 -1";
        send(way, EF + "/" + ECT0 + "/33", 1);
        assertThat(server.say("receive 1")).isEqualTo(absent);
        send(way, EF + "/" + ECT0 + "/33", 1);
        assertThat(server.say("receive-batch 1")).isEqualTo(absent);
        Instant before = Instant.now();
        send(way, EF + "/" + ECT0 + "/33", 1);
        assertThat(server.say("queued")).isEqualTo("true");
        assertThat(server.say("on" + FACTS)).isEqualTo("set 6");
        check(way, server.say("receive 1"), 1, 0, before);
        assertThat(server.say("off" + FACTS)).isEqualTo("set 6");
        send(way, EF + "/" + ECT0 + "/33", 1);
        assertThat(server.say("receive 1")).isEqualTo(absent);
    }

    /** Returns what the client sees of replies: payload's number, source address, traffic class and hop limit. */
    private List<String> seen(int count) throws Exception {
        return Stream.of(client.say("receive " + count).split("; ", -1))
                .map(each -> each.replaceAll(" - - -1 -1$", ""))
                .toList();
    }

    @ParameterizedTest
    @MethodSource("waysWithFields")
    void repliesLeaveWithTheirOwnFieldsAndTheSocketsWhereTheyHaveNone(Way way) throws Exception {
        open(way);
        assertThat(server.say("on RECEIVE_TRAFFIC_CLASS")).isEqualTo("set 1");
        send(way, EF + "/" + CE + "/33", 1);
        assertThat(server.say("receive 1")).contains(" " + (EF << 2 | CE) + " ");
        for (int socket : new int[] {AF41 << 2 | 1, 0}) {
            assertThat(server.say("tos " + socket)).isEqualTo("set");
            Map<String, String> replies = Map.of(
                    "10/2/9", (10 << 2 | 2) + " 9",
                    "-1/-1/255", socket + " 255",
                    "-1/2/-1", ((socket & ~3) | 2) + " 64",
                    "10/-1/-1", (10 << 2 | (socket & 3)) + " 64",
                    "ecn", ((socket & ~3) | CE) + " 64",
                    "dscp", (EF << 2 | (socket & 3)) + " 64",
                    "-1/-1/-1", socket + " 64");
            for (Map.Entry<String, String> reply : replies.entrySet()) {
                assertThat(server.say("reply " + reply.getKey())).isEqualTo("sent 1");
                assertThat(seen(1)).as("%s", reply).containsExactly("0 " + way.destination + " " + reply.getValue());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("waysWithFields")
    void repliesOfABatchKeepTheirOrderAndOnlyEqualNeighboursLeaveAsOne(Way way) throws Exception {
        open(way);
        assertThat(server.say("on RECEIVE_TRAFFIC_CLASS")).isEqualTo("set 1");
        assertThat(server.say("tos " + (AF41 << 2))).isEqualTo("set");
        send(way, EF + "/" + CE + "/33", 6);
        assertThat(server.say("receive-batch 6")).startsWith("0 ");
        assertThat(server.say("reply-batch ecn ecn dscp -1/-1/9 -1/-1/9 1/1/1")).isEqualTo("sent 6 coalesced 4");
        String from = " " + way.destination + " ";
        assertThat(seen(6))
                .containsExactly(
                        "0" + from + (AF41 << 2 | CE) + " 64",
                        "1" + from + (AF41 << 2 | CE) + " 64",
                        "2" + from + (EF << 2) + " 64",
                        "3" + from + (AF41 << 2) + " 9",
                        "4" + from + (AF41 << 2) + " 9",
                        "5" + from + (1 << 2 | 1) + " 1");
    }

    @ParameterizedTest
    @MethodSource("waysWithFields")
    void aForeignClientSeesThem(Way way) throws Exception {
        open(way);
        assertThat(server.say("on RECEIVE_TRAFFIC_CLASS")).isEqualTo("set 1");
        assertThat(server.say("tos " + (AF41 << 2))).isEqualTo("set");
        List<String> command = hosts.namespaces.inside(
                "client", "python3", "-c", FOREIGN_CLIENT, way.destination, String.valueOf(port));
        try (ChildProcess foreign = ChildProcess.start(command)) {
            foreign.awaitOut(1);
            assertThat(server.say("receive 1")).contains(" " + (EF << 2 | CE) + " ");
            assertThat(server.say("reply ecn")).isEqualTo("sent 1");
            assertThat(foreign.awaitOut(2)).isEqualTo(way.destination + " " + (AF41 << 2 | CE) + " 64");
        }
        try (ChildProcess foreign = ChildProcess.start(command)) {
            foreign.awaitOut(1);
            assertThat(server.say("receive 1")).contains(" " + (EF << 2 | CE) + " ");
            assertThat(server.say("reply 12/1/200")).isEqualTo("sent 1");
            assertThat(foreign.awaitOut(2)).isEqualTo(way.destination + " " + (12 << 2 | 1) + " 200");
        }
    }
}
