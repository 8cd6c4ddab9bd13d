package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Addresses, routes and interfaces of a server change all the time, and the client checks where every reply comes from. How many
 * exchanges is the property {@code storm.exchanges}, which storm it is {@code storm.seed}.
 */
class StormIT extends TwoHosts {
    private static final int PORT_OF_STORM = 7001;
    private static final long CALM = TimeUnit.MILLISECONDS.toNanos(20);
    private static final int GUSTS = 200; // so that there is something of every kind
    private static final long SLICE_MILLIS = 2000;

    private Storm storm;
    private long gusts;
    private String tally;

    @BeforeEach
    void connectTwoHosts() throws Exception {
        connect();
        storm = new Storm(hosts, Long.getLong("storm.seed", 1));
    }

    @AfterEach
    void remove() {
        disconnect();
    }

    private CompletableFuture<String> ask(long millis) {
        String line = "storm " + PORT_OF_STORM + " " + millis + " 0 " + String.join(" ", Storm.asked());
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

    /** So many exchanges in a storm of so many gusts, at least; what the server has counted. */
    private String blow(String policy, long exchanges, int leastGusts) throws Exception {
        assertThat(server.say("answer " + PORT_OF_STORM + " " + policy)).isEqualTo("open");
        do {
            CompletableFuture<String> asking = ask(SLICE_MILLIS);
            while (!asking.isDone()) {
                storm.gust();
                gusts++;
                LockSupport.parkNanos(CALM); // or nothing would be answered at all
            }
            tally = asking.get();
            assertThat(tally).startsWith("requests ");
        } while (count("replies") < exchanges || gusts < leastGusts);
        String stats = server.say("stats");
        System.out.println("storm " + Long.getLong("storm.seed", 1) + ", policy " + policy + ", "
                + hosts.in("server", "sysctl net.ipv4.ip_nonlocal_bind") + ": " + gusts + " gusts "
                + storm.counts() + ", client: " + tally + ", server: " + stats);
        return stats;
    }

    /** Also on a host where every address may be bound, as of keepalived or HAProxy. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void noReplyEverComesFromAnotherAddressThanTheOneAsked(int nonlocalBind) throws Exception {
        hosts.in(
                "server",
                "sysctl -qw net.ipv4.ip_nonlocal_bind=" + nonlocalBind + " net.ipv6.ip_nonlocal_bind=" + nonlocalBind);
        String stats = blow("asked", Long.getLong("storm.exchanges", 50_000), GUSTS);
        assertThat(count("wrong")).as(tally).isZero();
        assertThat(count("malformed")).as(tally).isZero();
        assertThat(stats).contains("SOURCE_UNUSABLE=", "PEER_UNREACHABLE=", "handlerErrors=0", "receiveErrors=0");
        assertThat(stats).doesNotContain("NO_SOURCE=", "MESSAGE_TOO_LONG=", "INTERFACE_GONE=", "PEER_PORT_ZERO=");
        assertThat(storm.counts().keySet())
                .contains("added", "removed", "moved", "prohibit", "blackhole", "down", "renamed", "deleted");
        storm.calm();
        for (String address : Storm.asked()) {
            assertThat(answered(address)).isEqualTo(address);
        }
    }

    /** Until the neighbours know each other again. */
    private String answered(String address) throws Exception {
        String source = "nothing";
        assertThat(client.say("bind any")).isEqualTo("bound");
        for (int i = 0; i < 10 && source.equals("nothing"); i++) {
            assertThat(client.say("send " + address + " " + PORT_OF_STORM)).isEqualTo("sent");
            source = client.say("await");
        }
        return source;
    }

    /** Otherwise nothing would be known from none being found. */
    @Test
    void ofAServerThatLeavesTheSourceToTheSystemTheSameStormFindsTheWrongOnes() throws Exception {
        blow("system", 1000, 1);
        assertThat(count("wrong")).as(tally).isPositive();
        assertThat(tally).containsPattern("first \\S+ answered by \\S+$");
    }

    @Test
    void aSeedIsAlwaysTheSameStorm() throws Exception {
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
