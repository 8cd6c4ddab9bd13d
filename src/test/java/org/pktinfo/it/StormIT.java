package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pktinfo.Requires;
import org.pktinfo.it.support.Jvm;
import org.pktinfo.it.support.Storm;
import org.pktinfo.it.support.TwoHosts;

/**
 * Addresses, routes and interfaces of a server change all the time, and the client checks the source of every reply.
 * The property {@code storm.exchanges} is the number of exchanges of each storm, {@code storm.seed} its seed.
 * Ten million exchanges with unmodified servers under the agent:
 *
 * <pre>mvn verify -Dtest=none -Dit.test='StormIT#nor*' -Dsurefire.failIfNoSpecifiedTests=false
 *     -Dstorm.exchanges=10000000 -Djdk25.home=...</pre>
 */
class StormIT extends TwoHosts {
    private static final int PORT_OF_STORM = 7001;
    private static final int PORT_OF_BOUND = 7002;
    private static final int PORT_OF_CONNECTED = 7003;
    private static final List<String> PLAIN_KINDS = List.of("datagram", "channel", "selector");
    private static final int PORT_OF_PLAIN = 7004; // of the first kind, the others follow
    private static final long EXCHANGES = Long.getLong("storm.exchanges", 50_000);
    private static final long CALM = TimeUnit.MILLISECONDS.toNanos(20);
    private static final int GUSTS = 200; // enough for some of every kind
    private static final int MOST_GUSTS = 20 * GUSTS; // to hit the time between a request's receipt and its answer
    private static final long SLICE_MILLIS = 2000;

    private interface Condition {
        boolean holds() throws Exception;
    }

    private List<String> asked;
    private int jdk;
    private List<String> options = List.of();
    private Storm storm;
    private long gusts;
    private String tally;

    private void connect(int jdkOfServer) throws Exception {
        jdk = jdkOfServer;
        connect();
        storm = new Storm(hosts, Long.getLong("storm.seed", 1));
        asked = new ArrayList<>(Storm.asked());
    }

    @Override
    protected List<String> java() {
        List<String> command = new ArrayList<>(
                jdk == 25 ? List.of(Requires.jdk25().toString(), "--enable-native-access=ALL-UNNAMED") : super.java());
        command.addAll(options);
        return command;
    }

    private CompletableFuture<String> ask(long millis) {
        String line = "storm " + PORT_OF_STORM + " " + millis + " 0 " + String.join(" ", asked);
        return CompletableFuture.supplyAsync(() -> {
            try {
                return client.say(line);
            } catch (Exception e) {
                throw new CompletionException(e);
            }
        });
    }

    private long count(String what) {
        Matcher number = Pattern.compile(what + " (\\d+)").matcher(tally);
        assertThat(number.find()).as("%s in %s", what, tally).isTrue();
        return Long.parseLong(number.group(1));
    }

    /**
     * Starts, besides the server for all addresses, one bound to each address, and for each address a channel connected
     * to each of the client's sockets.
     */
    private void serveEachAddressToo() throws Exception {
        for (String address : Storm.asked()) {
            assertThat(server.say("answer " + PORT_OF_BOUND + " asked " + address))
                    .isEqualTo("open");
            asked.add(address + "#" + PORT_OF_BOUND);
            asked.add(address + "#" + PORT_OF_CONNECTED);
        }
        assertThat(ask(0).get()).startsWith("requests 0 ");
        List<String> clients =
                List.of(client.say("endpoints 10.9.0.100 fd00:9::100").split(" "));
        for (String address : Storm.asked()) {
            String peers = clients.stream()
                    .filter(peer -> (peer.indexOf(':') >= 0) == (address.indexOf(':') >= 0))
                    .collect(Collectors.joining(" "));
            assertThat(server.say("answer-connected " + PORT_OF_CONNECTED + " " + address + " " + peers))
                    .isEqualTo("open");
        }
    }

    private void forge() throws Exception {
        hosts.in("client", "ip route add local 10.9.0.128/25 dev lo");
        hosts.in("client", "sysctl -qw net.ipv6.ip_nonlocal_bind=1");
        assertThat(client.say("forge")).isEqualTo("forging");
    }

    /** Makes at least that many exchanges in a storm of at least that many gusts; returns the server's counters. */
    private String blow(String policy, String statsOf, long exchanges, int leastGusts, Condition seen)
            throws Exception {
        do {
            CompletableFuture<String> asking = ask(SLICE_MILLIS);
            while (!asking.isDone()) {
                storm.gust();
                gusts++;
                LockSupport.parkNanos(CALM); // otherwise no request would be answered at all
            }
            tally = asking.get();
            assertThat(tally).startsWith("requests ");
        } while (count("replies") < exchanges || gusts < leastGusts || (gusts < MOST_GUSTS && !seen.holds()));
        String stats = server.say(statsOf);
        System.out.println("storm " + Long.getLong("storm.seed", 1) + ", policy " + policy + ", JDK " + jdk + ", "
                + hosts.in("server", "sysctl net.ipv4.ip_nonlocal_bind") + ": " + gusts + " gusts " + storm.counts()
                + ", client: " + tally + ", server: " + stats + ", " + server.say("stats-of-others"));
        return stats;
    }

    /** The test also runs where every address may be bound, as for keepalived or HAProxy. */
    @ParameterizedTest
    @CsvSource({"17, 0", "17, 1", "25, 1"})
    void noReplyEverComesFromAnotherAddressThanTheOneAsked(int jdkOfServer, int nonlocalBind) throws Exception {
        connect(jdkOfServer);
        hosts.in(
                "server",
                "sysctl -qw net.ipv4.ip_nonlocal_bind=" + nonlocalBind + " net.ipv6.ip_nonlocal_bind=" + nonlocalBind);
        assertThat(server.say("answer " + PORT_OF_STORM + " asked")).isEqualTo("open");
        serveEachAddressToo();
        forge();
        String stats = blow(
                "asked", "stats", EXCHANGES, GUSTS, () -> server.say("stats").contains("SOURCE_UNUSABLE="));
        assertThat(count("wrong")).as(tally).isZero();
        assertThat(count("malformed")).as(tally).isZero();
        assertThat(count("forged")).as(tally).isPositive();
        assertThat(stats).contains("SOURCE_UNUSABLE=", "PEER_UNREACHABLE=", "handlerErrors=0", "receiveErrors=0");
        assertThat(stats).doesNotContain("NO_SOURCE=", "MESSAGE_TOO_LONG=", "INTERFACE_GONE=", "PEER_PORT_ZERO=");
        assertThat(server.say("stats-of-others"))
                .containsPattern("^bound .*PEER_UNREACHABLE=.* receiveErrors=0, replied=\\d{2,}")
                .containsPattern(", connected .*PEER_UNREACHABLE=.* replied=\\d{2,}");
        assertThat(storm.counts().keySet())
                .contains("added", "removed", "moved", "prohibit", "blackhole", "down", "renamed", "deleted");
        storm.calm();
        for (String address : Storm.asked()) {
            assertThat(answered(address, PORT_OF_STORM)).isEqualTo(address);
        }
    }

    private boolean isAnySourceGone() throws Exception {
        return server.say("bean SourcesGone").matches("[1-9]\\d*");
    }

    private void servePlainly() throws Exception {
        asked.clear();
        for (String kind : PLAIN_KINDS) {
            int port = PORT_OF_PLAIN + PLAIN_KINDS.indexOf(kind);
            assertThat(server.say("answer-plainly " + kind + " " + port)).isEqualTo("open");
            Storm.asked().forEach(address -> asked.add(address + "#" + port));
        }
    }

    @ParameterizedTest
    @CsvSource({"17, 0", "25, 1"})
    void norDoesOneOfUnmodifiedServersUnderTheAgent(int jdkOfServer, int nonlocalBind) throws Exception {
        options = List.of(Jvm.agent("log=quiet"));
        connect(jdkOfServer);
        hosts.in(
                "server",
                "sysctl -qw net.ipv4.ip_nonlocal_bind=" + nonlocalBind + " net.ipv6.ip_nonlocal_bind=" + nonlocalBind);
        servePlainly();
        assertThat(ask(0).get()).startsWith("requests 0 ");
        forge();
        String stats = blow("of the agent", "stats-of-plain", EXCHANGES, GUSTS, this::isAnySourceGone);
        assertThat(count("wrong")).as(tally).isZero();
        assertThat(count("malformed")).as(tally).isZero();
        assertThat(count("forged")).as(tally).isPositive();
        assertThat(stats).contains("replied=").doesNotContain("ended by");
        assertThat(isAnySourceGone()).isTrue();
        assertThat(server.say("bean UnknownPeers")).isEqualTo("0");
        storm.calm();
        for (String address : Storm.asked()) {
            for (String kind : PLAIN_KINDS) {
                assertThat(answered(address, PORT_OF_PLAIN + PLAIN_KINDS.indexOf(kind)))
                        .isEqualTo(address);
            }
        }
    }

    @Test
    void ofUnmodifiedServersWithoutTheAgentTheSameStormFindsTheWrongOnes() throws Exception {
        connect(17);
        servePlainly();
        blow("of none", "stats-of-plain", 1000, 1, () -> true);
        assertThat(count("wrong")).as(tally).isPositive();
    }

    /** Returns the source of an answer, after the neighbours have resolved each other again. */
    private String answered(String address, int port) throws Exception {
        String source = "nothing";
        assertThat(client.say("bind any")).isEqualTo("bound");
        for (int i = 0; i < 10 && source.equals("nothing"); i++) {
            assertThat(client.say("send " + address + " " + port)).isEqualTo("sent");
            source = client.say("await");
        }
        return source;
    }

    /** Shows that the tests above can fail. */
    @Test
    void ofAServerThatLeavesTheSourceToTheSystemTheSameStormFindsTheWrongOnes() throws Exception {
        connect(17);
        assertThat(server.say("answer " + PORT_OF_STORM + " system")).isEqualTo("open");
        blow("system", "stats", 1000, 1, () -> true);
        assertThat(count("wrong")).as(tally).isPositive();
        assertThat(tally).containsPattern("first \\S+ answered by \\S+$");
    }

    @Test
    void aSeedIsAlwaysTheSameStorm() throws Exception {
        connect(17);
        Map<String, Integer> first = calmAgainAfter(new Storm(hosts, 7));
        assertThat(calmAgainAfter(new Storm(hosts, 7))).isEqualTo(first);
        assertThat(calmAgainAfter(new Storm(hosts, 8))).isNotEqualTo(first);
    }

    private static Map<String, Integer> calmAgainAfter(Storm storm) throws Exception {
        for (int i = 0; i < 30; i++) {
            storm.gust();
        }
        storm.calm();
        return storm.counts();
    }
}
