package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.Requires;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.NettyServers;
import org.pktinfo.it.support.TwoHosts;

/**
 * Servers on Netty between two hosts, with Netty's own channel and with ours: the source address that a client sees,
 * and its acceptance by the client.
 */
@Timeout(60)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class NettyIT extends TwoHosts {
    private static final String DESTINATION_PORT = " " + NettyServers.PORT;

    @BeforeAll
    void connectOnce() throws Exception {
        connect();
    }

    @BeforeEach
    void newClient() throws Exception {
        client.say("bind any");
    }

    private List<String> program(String host, String... arguments) {
        List<String> command = new ArrayList<>(hosts.inside(
                host,
                ChildProcess.java().toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path"),
                NettyServers.class.getName()));
        command.addAll(Arrays.asList(arguments));
        return command;
    }

    private ChildProcess serve(String... arguments) throws Exception {
        ChildProcess server = ChildProcess.start(program("server", arguments));
        server.awaitOut("ready"::equals);
        return server;
    }

    private String answerFrom(String destination) throws Exception {
        assertThat(client.say("send " + destination + DESTINATION_PORT)).isEqualTo("sent");
        return client.say("await");
    }

    @Test
    void aHandlerThatAnswersTheSenderAnswersFromTheRequestDestination() throws Exception {
        try (ChildProcess server = serve("echo", "ours")) {
            for (String destination : List.of(
                    "10.9.0.2",
                    "10.9.0.1",
                    "10.9.0.3",
                    "10.8.0.1",
                    "10.99.0.1",
                    "fd00:9::2",
                    "fd00:9::3",
                    "fd99::1",
                    "fe80::1%a1",
                    "fe80::1%b1")) {
                assertThat(answerFrom(destination)).as("%s", server).isEqualTo(destination);
            }
            assertThat(answerFrom("10.9.0.255")).as("%s", server).isEqualTo("10.9.0.1");
        }
    }

    /** Shows that the test above can fail. */
    @ParameterizedTest
    @CsvSource({"10.9.0.2, 10.9.0.1", "10.99.0.1, 10.9.0.1"})
    void onNettysChannelTheSameHandlerAnswersFromTheFirstAddress(String destination, String source) throws Exception {
        try (ChildProcess server = serve("echo", "stock")) {
            assertThat(answerFrom(destination)).as("%s", server).isEqualTo(source);
        }
    }

    private String dig(String destination, int patience) throws IOException, InterruptedException {
        Requires.tool("dig");
        ChildProcess dig = ChildProcess.run(hosts.inside(
                "client",
                "dig",
                "-p",
                String.valueOf(NettyServers.PORT),
                "+tries=1",
                "+time=" + patience,
                "@" + destination,
                "example.org",
                "A"));
        return String.join("\n", dig.out()) + "\n" + String.join("\n", dig.err());
    }

    @Test
    void digIsContentWithADnsServer() throws Exception {
        try (ChildProcess server = serve("dns", "ours")) {
            for (String destination : List.of("10.9.0.2", "10.99.0.1", "fd00:9::2", "fd99::1")) {
                assertThat(dig(destination, 10))
                        .as("%s", server)
                        .contains("192.0.2.1")
                        .contains("SERVER: " + destination + "#" + NettyServers.PORT)
                        .doesNotContain("unexpected source");
            }
        }
    }

    @Test
    void onNettysChannelItIsNot() throws Exception {
        try (ChildProcess server = serve("dns", "stock")) {
            for (String destination : List.of("10.9.0.2", "fd99::1")) {
                assertThat(dig(destination, 1))
                        .as("%s", server)
                        .containsPattern("timed out|unexpected source")
                        .doesNotContain("SERVER:");
            }
        }
    }

    private Path newKey(Path folder) throws Exception {
        Path key = folder.resolve("key.p12");
        ChildProcess keytool = ChildProcess.run(List.of(
                ChildProcess.java().resolveSibling("keytool").toString(),
                "-genkeypair",
                "-alias",
                "server",
                "-keyalg",
                "EC",
                "-dname",
                "CN=server",
                "-storetype",
                "PKCS12",
                "-storepass",
                "password",
                "-keystore",
                key.toString()));
        assertThat(keytool.exitCode()).as("%s", keytool).isZero();
        return key;
    }

    private List<String> askByQuic(int patience, String... destinations) throws Exception {
        List<String> command = program("client", "quic-client", String.valueOf(patience));
        command.addAll(Arrays.asList(destinations));
        ChildProcess asking = ChildProcess.run(command);
        assertThat(asking.exitCode()).as("%s", asking).isZero();
        return asking.out();
    }

    @Test
    void quicWorksBehindAnAlias(@TempDir Path folder) throws Exception {
        Requires.that(System.getProperty("os.arch").equals("amd64"), "x86-64, for Netty's QUIC codec");
        Path key = newKey(folder);
        try (ChildProcess server = serve("quic", "ours", key.toString())) {
            assertThat(askByQuic(20, "10.9.0.2", "10.99.0.1", "fd99::1"))
                    .as("%s", server)
                    .containsExactly("received 100000", "received 100000", "received 100000");
        }
        try (ChildProcess server = serve("quic", "stock", key.toString())) {
            assertThat(askByQuic(3, "10.9.0.1", "10.9.0.2"))
                    .as("%s", server)
                    .satisfiesExactly(
                            first -> assertThat(first).isEqualTo("received 100000"),
                            alias -> assertThat(alias).startsWith("not connected"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"stock", "ours"})
    void whatTheSendBufferDoesNotTakeIsSentLater(String kind) throws Exception {
        Requires.tool("tc");
        hosts.in("server", "tc qdisc add dev a0 root tbf rate 2mbit burst 5kb limit 2mb");
        try (ChildProcess server = serve("burst", kind)) {
            assertThat(client.say("send 10.9.0.1" + DESTINATION_PORT)).isEqualTo("sent");
            assertThat(server.awaitOut(line -> line.contains("left"))).isEqualTo("some were left");
            assertThat(server.awaitOut(line -> line.endsWith("sent"))).isEqualTo(NettyServers.BURST + " sent");
            for (int i = 0; i < NettyServers.BURST; i++) {
                assertThat(client.say("await")).isEqualTo("10.9.0.1");
                assertThat(client.say("length")).isEqualTo(String.valueOf(NettyServers.BURST_LENGTH));
            }
        } finally {
            hosts.in("server", "tc qdisc del dev a0 root");
        }
    }
}
