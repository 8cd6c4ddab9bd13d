package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.TwoHosts;
import org.pktinfo.socket.PktInfoDatagramSocket;

/**
 * An ordinary server on a DatagramSocket, with the JDK's class and with ours: the source address that a client on
 * another host sees.
 */
@Timeout(60)
class SocketIT extends TwoHosts {
    private static final String ECHO_PORT = " 7001";

    /** A common echo server. */
    static final class Echo {
        public static void main(String[] arguments) throws IOException {
            try (DatagramSocket socket =
                    arguments[0].equals("stock") ? new DatagramSocket(7001) : new PktInfoDatagramSocket(7001)) {
                System.out.println("ready");
                byte[] buffer = new byte[2000];
                DatagramPacket packet = new DatagramPacket(buffer, buffer.length);
                while (true) {
                    socket.receive(packet);
                    if (arguments[0].equals("scoped")) {
                        packet.setAddress(scoped(packet.getAddress().getAddress()));
                    }
                    socket.send(packet);
                }
            }
        }

        /**
         * Returns an address with a scope, as the JDK gives those of its host's interfaces and parses them from a text.
         */
        private static InetAddress scoped(byte[] ipv6) throws IOException {
            return Inet6Address.getByAddress(null, ipv6, 1);
        }
    }

    @BeforeEach
    void connectTwoHosts() throws Exception {
        connect();
    }

    private ChildProcess serve(String kind) throws Exception {
        ChildProcess child = ChildProcess.start(hosts.inside(
                "server",
                ChildProcess.java().toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Echo.class.getName(),
                kind));
        child.awaitOut("ready"::equals);
        return child;
    }

    private String answerFrom(String destination, int length) throws Exception {
        assertThat(client.say("send " + destination + ECHO_PORT + " " + length)).isEqualTo("sent");
        String source = client.say("await");
        assertThat(client.say("length")).isEqualTo(String.valueOf(length));
        return source;
    }

    /** One after the other from one port: a reused packet, both longer and shorter, both families, an alias, lo. */
    @ParameterizedTest
    @ValueSource(strings = "ours")
    void theReplyComesFromTheLastRequestDestination(String kind) throws Exception {
        try (ChildProcess server = serve(kind)) {
            int length = 100;
            for (String destination : List.of(
                    "10.9.0.2",
                    "10.9.0.1",
                    "10.9.0.3",
                    "fd00:9::2",
                    "fd00:9::3",
                    "fd00:9::1",
                    "10.99.0.1",
                    "fd99::1")) {
                assertThat(answerFrom(destination, length)).as("%s", server).isEqualTo(destination);
                length = 300 - length;
            }
            assertThat(answerFrom("fe80::1%a1", 5)).startsWith("fe80::1");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"fd00:9::2", "fd00:9::3"})
    void aPeerThatIsNamedWithANeedlessScopeIsAnsweredFromItsRequestDestination(String destination) throws Exception {
        try (ChildProcess server = serve("scoped")) {
            assertThat(answerFrom(destination, 10)).as("%s", server).isEqualTo(destination);
        }
    }

    /** Shows that theReplyComesFromTheLastRequestDestination can fail. */
    @ParameterizedTest
    @CsvSource({"10.9.0.2, 10.9.0.1", "10.9.0.3, 10.9.0.1"})
    void theJdksSocketAnswersFromTheFirstAddress(String destination, String source) throws Exception {
        try (ChildProcess server = serve("stock")) {
            assertThat(answerFrom(destination, 100)).as("%s", server).isEqualTo(source);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = "10.9.0.255")
    void aBroadcastIsAnsweredFromAnAddressOfTheInterface(String destination) throws Exception {
        try (ChildProcess server = serve("ours")) {
            assertThat(answerFrom(destination, 10)).as("%s", server).isEqualTo("10.9.0.1");
        }
    }
}
