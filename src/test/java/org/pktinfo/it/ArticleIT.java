package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.Requires;
import org.pktinfo.it.support.Agent;
import org.pktinfo.it.support.ArticleHosts;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.Opened;

/**
 * The article's two machines, with netcat as in the article, whose socket is connected, so that the kernel drops every
 * answer from another address.
 */
class ArticleIT {
    @RegisterExtension
    static final Opened OPENED = new Opened();

    private static ArticleHosts hosts;

    @BeforeAll
    static void connectTwoMachines() {
        Requires.tool("tcpdump");
        hosts = new ArticleHosts(OPENED);
    }

    private static ChildProcess serve(String... options) throws IOException, InterruptedException {
        return hosts.serve(List.of(ChildProcess.java().toString()), options);
    }

    /** Starts netcat as the article does: its input stays open, so that it prints the answer. */
    private static ChildProcess netcat(String destination) throws IOException {
        return ChildProcess.start(
                hosts.namespaces.inside("vm2", "bash", "-c", "cat <(echo command) - | nc -u " + destination + " 8888"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"192.168.122.31", "192.168.122.200", "192.168.122.201", "192.168.122.202"})
    void netcatPrintsTheAnswerOfEveryAlias(String destination) throws Exception {
        try (ChildProcess server = serve();
                ChildProcess nc = netcat(destination)) {
            assertThat(nc.awaitOut(line -> true)).isEqualTo(ArticleHosts.RESPONSE);
            server.awaitOut(line -> line.startsWith("Using"));
            assertThat(server.out())
                    .isIn(
                            List.of("received bytes len: 8", "pktinfo6 True", "pktinfo4 True", "Using in_pktinfo"),
                            List.of("received bytes len: 8", "pktinfo4 True", "Using in_pktinfo"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"fd00:122::31", "fd00:122::200", "fd00:122::201", "fd00:122::202"})
    void andOverIpv6(String destination) throws Exception {
        try (ChildProcess server = serve();
                ChildProcess nc = netcat(destination)) {
            assertThat(nc.awaitOut(line -> true)).isEqualTo(ArticleHosts.RESPONSE);
            server.awaitOut(line -> line.startsWith("Using"));
            assertThat(server.out()).containsExactly("received bytes len: 8", "pktinfo6 True", "Using in6_pktinfo");
        }
    }

    /** Shows that the topology makes a difference. */
    @ParameterizedTest
    @ValueSource(strings = {"192.168.122.200", "192.168.122.201", "192.168.122.202"})
    void theSystemsChoiceIsTheWrongAddressForEveryAlias(String destination) throws Exception {
        try (ChildProcess server = serve("--policy", "system");
                Agent client = new Agent(hosts.namespaces, "vm2");
                ChildProcess nc = netcat(destination)) {
            server.awaitOut(line -> line.startsWith("received"));
            client.say("send " + destination + " 8888");
            assertThat(client.say("await")).isEqualTo("192.168.122.31");
            assertThat(nc.out()).as("netcat, answered before the other client").isEmpty();
        }
    }

    /** With four workers the kernel delivers the request to all of them. */
    @ParameterizedTest
    @ValueSource(strings = {"1", "4"})
    void aGroupJoinedOnEveryInterfaceIsAnsweredOnceFromAUnicastAddress(String workers) throws Exception {
        try (ChildProcess server = serve("--workers", workers, "--join", "239.1.2.3", "--stats", "1");
                Agent client = new Agent(hosts.namespaces, "vm2")) {
            client.say("send 239.1.2.3 8888");
            assertThat(client.say("await")).isEqualTo("192.168.122.31");
            assertThat(client.say("silence")).isEqualTo("nothing");
            server.awaitErr(line -> line.startsWith("received " + workers + ", replied 1, failed 0"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"192.168.122.202", "192.168.122.255", "fd00:122::202"})
    void withFourWorkersEachRequestIsAnsweredOnce(String destination) throws Exception {
        String source = destination.endsWith(".255") ? "192.168.122.31" : destination;
        try (ChildProcess server = serve("--workers", "4");
                Agent client = new Agent(hosts.namespaces, "vm2")) {
            client.say("send " + destination + " 8888");
            assertThat(client.say("await")).isEqualTo(source);
            assertThat(client.say("silence")).isEqualTo("nothing");
            assertThat(server.process().isAlive()).isTrue();
        }
    }

    @Test
    void onTheWireTheAnswerLeavesFromTheRequestDestination() throws Exception {
        try (ChildProcess capture = ChildProcess.start(hosts.namespaces.inside(
                "vm2", "tcpdump", "-i", "eth0", "-n", "-l", "--immediate-mode", "-U", "udp", "port", "8888"))) {
            capture.awaitErr(line -> line.contains("listening on eth0"));
            try (ChildProcess server = serve();
                    ChildProcess nc = netcat("192.168.122.202")) {
                String reply = capture.awaitOut(line -> line.contains("length 29"));
                assertThat(reply).contains("IP 192.168.122.202.8888 > 192.168.122.1.");
                assertThat(nc.awaitOut(line -> true)).isEqualTo(ArticleHosts.RESPONSE);
                assertThat(server.process().isAlive()).isTrue();
            }
        }
    }
}
