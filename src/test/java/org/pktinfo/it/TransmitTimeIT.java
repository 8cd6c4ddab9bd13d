package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.pktinfo.it.support.FactsAgent;
import org.pktinfo.it.support.FactsHosts;
import org.pktinfo.it.support.Opened;

/**
 * The times at which a server's datagrams left for another host. Both hosts have one clock, so each datagram was
 * received after its time of transmission.
 *
 * <pre>
 *   client, 10.9.0.100 fd00:9::100 --- server, 10.9.0.1 10.9.0.2 fd00:9::1 fd00:9::2
 * </pre>
 */
@Timeout(60)
class TransmitTimeIT {
    private static final int CLIENT_PORT = 7100;

    /** A server's JVM and kernel, the family of its socket, and the client's address. */
    private record Way(String machine, String family, String peer) {
        String destination() {
            return peer.contains(":") ? "fd00:9::2" : "10.9.0.2";
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

    static Stream<Way> ways() {
        List<String> machines = FactsHosts.machines();
        machines.add("UNNUMBERED");
        return machines.stream()
                .flatMap(each -> Stream.of(
                        new Way(each, "DUAL_STACK", "10.9.0.100"),
                        new Way(each, "DUAL_STACK", "fd00:9::100"),
                        new Way(each, "IPV4", "10.9.0.100"),
                        new Way(each, "IPV6", "fd00:9::100")));
    }

    private void open(Way way) throws Exception {
        server = hosts.open(way.machine, way.family);
        port = hosts.port(way.machine);
        assertThat(server.say("on TRANSMIT_TIMES")).isEqualTo("set 1");
        assertThat(client.say("open DUAL_STACK " + CLIENT_PORT)).isEqualTo("open");
        assertThat(client.say("on RECEIVE_TIME")).isEqualTo("set 1");
    }

    /** Returns the times of reception, in nanoseconds, of datagrams that the client received, in their order. */
    private static List<Long> received(Way way, String told, int count) {
        String[] datagrams = told.split("; ", -1);
        assertThat(datagrams).as(told).hasSize(count);
        List<Long> times = new ArrayList<>();
        for (String datagram : datagrams) {
            String[] words = datagram.split(" ", -1);
            assertThat(words[1]).as(told).isEqualTo(way.destination());
            times.add(Long.valueOf(words[4]));
        }
        return times;
    }

    /** Asserts that the times are those of the datagrams with these ids, each before its reception. */
    private static void check(String told, List<Integer> ids, List<Long> receptions, Instant before) {
        String[] times = told.split("; ", -1);
        assertThat(times).as(told).hasSize(ids.size());
        for (int i = 0; i < times.length; i++) {
            String[] words = times[i].split(" ", -1);
            assertThat(words[0]).as(told).isEqualTo(String.valueOf(ids.get(i)));
            assertThat(Instant.ofEpochSecond(0, Long.parseLong(words[1])))
                    .as(told)
                    .isBetween(before, Instant.ofEpochSecond(0, receptions.get(i)));
        }
    }

    @ParameterizedTest
    @MethodSource("ways")
    void datagramsWithAndWithoutFragmentsHaveTheirTimes(Way way) throws Exception {
        open(way);
        assertThat(client.say("send " + way.destination() + " " + port + " -1/-1/-1 1"))
                .isEqualTo("sent 1");
        assertThat(server.say("receive 1")).startsWith("0 " + way.peer());
        for (String how : List.of("record", "batch")) {
            Instant before = Instant.now();
            String told = server.say("transmit " + how + " " + way.peer() + " " + CLIENT_PORT + " 6");
            String came = client.say("receive 6")
                    .replaceAll("10\\.9\\.0\\.1 ", "10.9.0.2 ")
                    .replaceAll("fd00:9::1 ", "fd00:9::2 ");
            check(told, List.of(0, 1, 2, 3, 4, 5), received(way, came, 6), before);
        }
        assertThat(server.say("drops")).startsWith("0 dropped");
    }

    @ParameterizedTest
    @MethodSource("ways")
    void repliesFromTheRequestDestinationHaveTheirTimes(Way way) throws Exception {
        open(way);
        Instant before = Instant.now();
        assertThat(client.say("send " + way.destination() + " " + port + " -1/-1/-1 1"))
                .isEqualTo("sent 1");
        assertThat(server.say("receive 1")).startsWith("0 " + way.peer());
        String one = server.say("reply-timed record");
        check(one, List.of(0), received(way, client.say("receive 1"), 1), before);
        assertThat(client.say("send " + way.destination() + " " + port + " -1/-1/-1 6"))
                .isEqualTo("sent 6");
        assertThat(server.say("receive-batch 6")).startsWith("0 ");
        String some = server.say("reply-timed batch");
        List<Long> receptions = received(way, client.say("receive 6"), 6);
        check(some, List.of(0, 2, 4), List.of(receptions.get(0), receptions.get(2), receptions.get(4)), before);
    }

    /** No host has the address, so the kernel keeps the datagram for a neighbour that never answers. */
    @ParameterizedTest
    @MethodSource("ways")
    void aDatagramThatNeverLeavesHasNoTime(Way way) throws Exception {
        open(way);
        String nobody = way.peer().contains(":") ? "fd00:9::77" : "10.9.0.77";
        assertThat(server.say("transmit batch " + nobody + " 9 2")).isEqualTo("0 -; 1 -");
    }
}
