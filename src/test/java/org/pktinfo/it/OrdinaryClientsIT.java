package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.Requires;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.TwoHosts;

/** The sample server between two hosts, with independent programs as clients: dig, netcat, the kernel. */
@Timeout(60)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class OrdinaryClientsIT extends TwoHosts {
    private static final String RESPONSE = "This is PKT6INFO test server";
    private static final List<String> IPV6_LINES =
            List.of("received bytes len: 8", "pktinfo6 True", "Using in6_pktinfo");

    @BeforeAll
    void connectOnce() throws Exception {
        connect();
        // Do not limit the rate of ICMP errors: tests wait for them.
        hosts.in("client", "sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0");
    }

    @BeforeEach
    void newClient() throws Exception {
        client.say("bind any");
    }

    private ChildProcess serve(String... options) throws IOException, InterruptedException {
        List<String> command =
                new ArrayList<>(hosts.inside("server", ChildProcess.java().toString(), "-jar"));
        command.add(System.getProperty("server.jar"));
        command.addAll(Arrays.asList(options));
        command.add("8888");
        ChildProcess running = ChildProcess.start(command);
        running.awaitErr(line -> line.startsWith("listening on "));
        return running;
    }

    private ChildProcess netcat(String destination) throws IOException {
        Requires.tool("nc");
        return ChildProcess.start(
                hosts.inside("client", "bash", "-c", "cat <(echo command) - | nc -u " + destination + " 8888"));
    }

    private ChildProcess capture(String... filter) throws IOException, InterruptedException {
        Requires.tool("tcpdump");
        List<String> command =
                new ArrayList<>(hosts.inside("client", "tcpdump", "-i", "a1", "-n", "-l", "--immediate-mode", "-U"));
        command.addAll(Arrays.asList(filter));
        ChildProcess capture = ChildProcess.start(command);
        capture.awaitErr(line -> line.contains("listening on a1"));
        return capture;
    }

    private String answer(String destination) throws Exception {
        assertThat(client.say("send " + destination + " 8888")).isEqualTo("sent");
        return client.say("await");
    }

    private String dig(String destination) throws IOException, InterruptedException {
        Requires.tool("dig");
        ChildProcess dig = ChildProcess.run(hosts.inside(
                "client", "dig", "-p", "8888", "+tries=1", "+time=1", "@" + destination, "example.org", "SOA"));
        return String.join("\n", dig.out()) + "\n" + String.join("\n", dig.err());
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.9.0.2", "10.99.0.1", "fd00:9::2", "fd99::1"})
    void digAcceptsTheEchoOfItsQuestionFromTheRequestDestination(String destination) throws Exception {
        try (ChildProcess server = serve("--echo")) {
            assertThat(dig(destination))
                    .as("%s", server)
                    .contains(";example.org.")
                    .contains("SERVER: " + destination + "#8888")
                    .doesNotContain("unexpected source");
        }
    }

    /** Up to BIND 9.16, dig reports the unexpected source; later its socket is connected and it receives nothing. */
    @ParameterizedTest
    @ValueSource(strings = {"10.9.0.2", "10.99.0.1", "fd99::1"})
    void digDoesNotAcceptItFromTheSourceThatTheSystemChooses(String destination) throws Exception {
        try (ChildProcess wire = capture("udp src port 8888");
                ChildProcess server = serve("--echo", "--policy", "system")) {
            assertThat(dig(destination))
                    .as("%s", server)
                    .containsPattern("timed out|unexpected source")
                    .doesNotContain("SERVER:");
            assertThat(wire.awaitOut(line -> line.contains(".8888 > "))).doesNotContain(" " + destination + ".");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"fe80::1%a1", "fe80::1%b1"})
    void netcatIsAnsweredFromALinkLocalAddressOfEitherLink(String destination) throws Exception {
        try (ChildProcess server = serve();
                ChildProcess nc = netcat(destination)) {
            assertThat(nc.awaitOut(line -> true)).isEqualTo(RESPONSE);
            server.awaitOut(line -> line.startsWith("Using"));
            assertThat(server.out()).isEqualTo(IPV6_LINES);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "10.9.0.2, 10.9.0.1, ICMP 10.9.0.100 udp port",
        "fd99::1, fd00:9::, 'ICMP6, destination unreachable, unreachable port'"
    })
    void netcatsKernelRejectsTheSourceThatTheSystemChooses(String destination, String source, String error)
            throws Exception {
        try (ChildProcess wire = capture("udp port 8888 or icmp or icmp6");
                ChildProcess server = serve("--policy", "system");
                ChildProcess nc = netcat(destination)) {
            assertThat(wire.awaitOut(line -> line.contains(".8888 > "))).contains(" " + source);
            wire.awaitOut(line -> line.contains(" > " + source) && line.contains(error));
            assertThat(nc.out()).as("%s", server).isEmpty();
        }
    }

    @ParameterizedTest
    @CsvSource({"10.9.0.3, 10.9.0.2", "fd00:9::2, fd00:9::1", "fd99::1, fd00:9::1"})
    void boundToOneAddressItAnswersThereAndNowhereElse(String bound, String other) throws Exception {
        try (ChildProcess server = serve("--bind", bound)) {
            assertThat(client.say("send " + other + " 8888")).isEqualTo("sent");
            client.say("bind any");
            assertThat(answer(bound)).isEqualTo(bound);
            server.terminate();
            assertThat(server.exitCode()).isZero();
            assertThat(server.err()).last().asString().startsWith("received 1, replied 1, failed 0");
        }
    }

    @Test
    void withIpv4OnlyItAnswersIpv4OnAnIpv4Socket() throws Exception {
        try (ChildProcess server = serve("--ipv4")) {
            assertThat(answer("10.9.0.3")).isEqualTo("10.9.0.3");
            client.say("send fd00:9::2 8888");
            client.say("bind any");
            assertThat(answer("10.99.0.1")).isEqualTo("10.99.0.1");
            server.terminate();
            assertThat(server.exitCode()).isZero();
            assertThat(server.out())
                    .containsExactly(
                            "received bytes len: 8",
                            "pktinfo4 True",
                            "Using in_pktinfo",
                            "received bytes len: 9",
                            "pktinfo4 True",
                            "Using in_pktinfo");
        }
    }

    @Test
    void withIpv6OnlyItAnswersIpv6() throws Exception {
        try (ChildProcess server = serve("--ipv6")) {
            client.say("send 10.9.0.3 8888");
            client.say("bind any");
            assertThat(answer("fd00:9::2")).isEqualTo("fd00:9::2");
            server.terminate();
            assertThat(server.exitCode()).isZero();
            assertThat(server.out()).containsExactly("received bytes len: 9", "pktinfo6 True", "Using in6_pktinfo");
        }
    }

    @Test
    void oneRunAnswersEveryAddressOfTheHost() throws Exception {
        try (ChildProcess server = serve()) {
            for (String destination : List.of(
                    "10.9.0.1",
                    "10.9.0.2",
                    "10.9.0.3",
                    "10.8.0.1",
                    "10.99.0.1",
                    "fd00:9::1",
                    "fd00:9::2",
                    "fd00:8::1",
                    "fd99::1",
                    "fe80::1%a1",
                    "fe80::1%b1")) {
                assertThat(answer(destination)).as("%s", server).isEqualTo(destination);
            }
            server.terminate();
            assertThat(server.exitCode()).isZero();
            assertThat(server.err()).last().asString().startsWith("received 11, replied 11, failed 0");
        }
    }

    @Test
    void aReplyThatTheFirewallStopsIsOneLineAndTheNextIsSent() throws Exception {
        Requires.tool("nft");
        try (ChildProcess server = serve()) {
            hosts.in("server", "nft add table inet t");
            hosts.in("server", "nft add chain inet t o { type filter hook output priority 0 ; }");
            hosts.in("server", "nft add rule inet t o udp sport 8888 drop");
            try {
                client.say("send 10.9.0.2 8888");
                String line = server.awaitErr(text -> text.startsWith("not answered"));
                assertThat(line)
                        .matches("not answered: sendmsg: EPERM \\(1\\), source 10\\.9\\.0\\.2,"
                                + " peer 10\\.9\\.0\\.100:\\d+");
            } finally {
                hosts.in("server", "nft delete table inet t");
            }
            assertThat(answer("10.9.0.3")).isEqualTo("10.9.0.3");
            server.terminate();
            assertThat(server.exitCode()).isZero();
            assertThat(server.err()).hasSize(3).last().asString().startsWith("received 2, replied 1, failed 1");
        }
    }
}
