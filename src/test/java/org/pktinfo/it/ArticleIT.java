package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.Requires;

/**
 * The article's two machines, asked as the article asks: with netcat, whose socket is connected, so that the kernel drops
 * every answer from another address.
 *
 * <pre>
 *   vm2 192.168.122.1  eth0 ----- eth0  vm1 192.168.122.31, aliases .200 .201 .202
 *       fd00:122::1                         fd00:122::31, ::200 ::201 ::202
 * </pre>
 */
class ArticleIT {
    private static final String RESPONSE = "This is PKT6INFO test server";

    private static Namespaces hosts;

    @BeforeAll
    static void connectTwoMachines() {
        Requires.tool("nc");
        Requires.tool("tcpdump");
        hosts = new Namespaces();
        hosts.host("vm1");
        hosts.host("vm2");
        hosts.cable("vm1", "eth0", "vm2", "eth0");
        for (String last : List.of("31", "200", "201", "202")) {
            hosts.address("vm1", "eth0", "192.168.122." + last + "/24", "fd00:122::" + last + "/64");
        }
        hosts.address("vm2", "eth0", "192.168.122.1/24", "fd00:122::1/64");
    }

    @AfterAll
    static void remove() {
        if (hosts != null) {
            hosts.close();
        }
    }

    private static ChildProcess serve(String... options) throws IOException, InterruptedException {
        List<String> command =
                new ArrayList<>(List.of(ChildProcess.java().toString(), "-jar", System.getProperty("server.jar")));
        command.addAll(Arrays.asList(options));
        command.add("8888");
        ChildProcess server = ChildProcess.start(hosts.inside("vm1", command.toArray(String[]::new)));
        server.awaitErr(line -> line.startsWith("listening"));
        return server;
    }

    /** As the article does: netcat's input stays open, so that it prints the answer. */
    private static ChildProcess netcat(String destination) throws IOException {
        return ChildProcess.start(
                hosts.inside("vm2", "bash", "-c", "cat <(echo command) - | nc -u " + destination + " 8888"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"192.168.122.31", "192.168.122.200", "192.168.122.201", "192.168.122.202"})
    void netcatPrintsTheAnswerOfEveryAlias(String destination) throws Exception {
        try (ChildProcess server = serve();
                ChildProcess nc = netcat(destination)) {
            assertThat(nc.awaitOut(line -> true)).isEqualTo(RESPONSE);
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
            assertThat(nc.awaitOut(line -> true)).isEqualTo(RESPONSE);
            server.awaitOut(line -> line.startsWith("Using"));
            assertThat(server.out()).containsExactly("received bytes len: 8", "pktinfo6 True", "Using in6_pktinfo");
        }
    }

    /** Without this the topology would prove nothing. */
    @ParameterizedTest
    @ValueSource(strings = {"192.168.122.200", "192.168.122.201", "192.168.122.202"})
    void theSystemsChoiceIsTheWrongAddressForEveryAlias(String destination) throws Exception {
        try (ChildProcess server = serve("--policy", "system");
                Agent client = new Agent(hosts, "vm2");
                ChildProcess nc = netcat(destination)) {
            server.awaitOut(line -> line.startsWith("received"));
            client.say("send " + destination + " 8888");
            assertThat(client.say("await")).isEqualTo("192.168.122.31");
            assertThat(nc.out()).as("netcat, answered before the other client").isEmpty();
        }
    }

    /** With four workers the kernel gives the request to all of them. */
    @ParameterizedTest
    @ValueSource(strings = {"1", "4"})
    void aGroupJoinedOnEveryInterfaceIsAnsweredOnceFromAUnicastAddress(String workers) throws Exception {
        hosts.in("vm2", "ip route replace 239.0.0.0/8 dev eth0");
        try (ChildProcess server = serve("--workers", workers, "--join", "239.1.2.3", "--stats", "1");
                Agent client = new Agent(hosts, "vm2")) {
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
                Agent client = new Agent(hosts, "vm2")) {
            client.say("send " + destination + " 8888");
            assertThat(client.say("await")).isEqualTo(source);
            assertThat(client.say("silence")).isEqualTo("nothing");
            assertThat(server.process().isAlive()).isTrue();
        }
    }

    @Test
    void onTheWireTheAnswerLeavesFromTheAddressAsked() throws Exception {
        try (ChildProcess capture = ChildProcess.start(hosts.inside(
                "vm2", "tcpdump", "-i", "eth0", "-n", "-l", "--immediate-mode", "-U", "udp", "port", "8888"))) {
            capture.awaitErr(line -> line.contains("listening on eth0"));
            try (ChildProcess server = serve();
                    ChildProcess nc = netcat("192.168.122.202")) {
                String reply = capture.awaitOut(line -> line.contains("length 29"));
                assertThat(reply).contains("IP 192.168.122.202.8888 > 192.168.122.1.");
                assertThat(nc.awaitOut(line -> true)).isEqualTo(RESPONSE);
                assertThat(server.process().isAlive()).isTrue();
            }
        }
    }
}
