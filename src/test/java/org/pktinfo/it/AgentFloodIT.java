package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pktinfo.it.support.Agent;
import org.pktinfo.it.support.Jvm;
import org.pktinfo.it.support.TwoHosts;

/** The agent's memory of peers when it is full, and when requests from forged sources exceed it. */
@Timeout(120)
class AgentFloodIT extends TwoHosts {
    private static final String FLOODED = "7011";
    private static final String QUIET = "7012";
    private static final int BURST = 100; // fits into every queue on the way
    private static final String ASKED = " 10.9.0.2 10.9.0.3"; // the system would choose the first address
    private static final Pattern COLLECTED = Pattern.compile("right (\\d+) others \\{(?:10\\.9\\.0\\.1=(\\d+))?\\}");

    private Jvm jvm;
    private int memory;
    private long right;
    private long bySystem;

    @Override
    protected List<String> java() {
        List<String> command = new ArrayList<>(jvm.command());
        command.add(Jvm.agent("log=quiet,memory=" + memory));
        return command;
    }

    private void connect(Jvm jvmOfServer, int memoryOfEach) throws Exception {
        jvm = jvmOfServer;
        memory = memoryOfEach;
        connect();
        hosts.in("client", "ip route add local 10.9.0.128/25 dev lo");
        hosts.in("client", "sysctl -qw net.ipv4.ip_nonlocal_bind=1");
        assertThat(server.say("answer-plainly late " + FLOODED)).isEqualTo("open");
        assertThat(server.say("answer-plainly selector " + QUIET)).isEqualTo("open");
    }

    /** Has each of the given number of peers send one request; no request is lost on the way. */
    private void askAs(int peers) throws Exception {
        for (int asked = 0; asked < peers; asked += BURST) {
            int count = Math.min(BURST, peers - asked);
            assertThat(client.say("many ask " + asked + " " + count + " " + FLOODED + ASKED))
                    .isEqualTo("asked");
            long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
            while (Integer.parseInt(server.say("late")) < asked + count) {
                assertThat(System.nanoTime()).as("%d peers have asked", asked).isLessThan(deadline);
            }
        }
    }

    /** Answers all peers only now, and counts the answers by source address. */
    private void answer(int peers) throws Exception {
        for (int answered = 0; answered < peers; answered += BURST) {
            int count = Math.min(BURST, peers - answered);
            assertThat(server.say("late " + count)).isEqualTo(String.valueOf(peers - answered - count));
            String collected = client.say("many collect " + count + ASKED);
            Matcher numbers = COLLECTED.matcher(collected);
            assertThat(numbers.matches())
                    .as("an address that was never asked: %s", collected)
                    .isTrue();
            right += Long.parseLong(numbers.group(1));
            bySystem += numbers.group(2) == null ? 0 : Long.parseLong(numbers.group(2));
        }
        assertThat(right + bySystem).isEqualTo(peers);
    }

    private void awaitBean(String attribute, long value) throws Exception {
        long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
        while (!server.say("bean " + attribute).equals(String.valueOf(value))) {
            assertThat(System.nanoTime())
                    .as("%s %s instead of %d", attribute, server.say("bean " + attribute), value)
                    .isLessThan(deadline);
        }
    }

    @ParameterizedTest
    @CsvSource({"JDK17, 256", "JDK17, 16384", "JDK25, 4096"})
    void ofAsManyPeersAsItHoldsFewerThanOneInAThousandAreForgotten(Jvm jvmOfServer, int peers) throws Exception {
        connect(jvmOfServer, peers);
        askAs(peers);
        answer(peers);
        String what = peers + " peers, answered from the address asked " + right + ", by the system " + bySystem;
        System.out.println(what);
        assertThat(bySystem).as(what).isLessThanOrEqualTo(peers / 1000);
        awaitBean("UnknownPeers", bySystem);
        awaitBean("Pinned", right);
        awaitBean("Peers", right);
    }

    @ParameterizedTest
    @CsvSource({"JDK17, 256, 4096", "JDK25, 256, 4096"})
    void aFloodOfForgedSourcesTakesNothingFromAnotherSocketAndPinsNothingWrong(
            Jvm jvmOfServer, int memoryOfEach, int forged) throws Exception {
        connect(jvmOfServer, memoryOfEach);
        try (Agent honest = new Agent(hosts, "client")) {
            assertThat(honest.say("storm " + QUIET + " 0 0" + ASKED)).startsWith("requests 0 ");
            CompletableFuture<String> asking = CompletableFuture.supplyAsync(() -> {
                try {
                    return honest.say("storm " + QUIET + " 2000 5000" + ASKED);
                } catch (Exception e) {
                    throw new CompletionException(e);
                }
            });
            askAs(forged);
            assertThat(asking.get()).contains(" wrong 0 malformed 0 ").doesNotContain(" replies 0 ");
            String pinned = server.say("bean Pinned");
            answer(forged);
            String what = "memory " + memoryOfEach + ", forged peers " + forged + ", answered from the address asked "
                    + right + ", by the system " + bySystem + ", honest client meanwhile: " + asking.get();
            System.out.println(what);
            assertThat(right).as(what).isBetween(1L, memoryOfEach * 3L / 2);
            awaitBean("UnknownPeers", bySystem);
            awaitBean("Pinned", Long.parseLong(pinned) + right);
            assertThat(honest.say("storm " + QUIET + " 100 0" + ASKED)).contains(" wrong 0 malformed 0 ");
        }
    }
}
