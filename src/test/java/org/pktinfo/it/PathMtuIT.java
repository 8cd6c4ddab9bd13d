package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pktinfo.it.support.Jvm;
import org.pktinfo.it.support.NarrowPath;

/**
 * A router whose ICMP reports of a narrow link do not reach the server, as where several hosts share an address: here
 * 10.99.0.1 and fd99::1 of the server's lo.
 */
@Timeout(60)
class PathMtuIT extends NarrowPath {
    private static final String PORT = " 7000";

    @BeforeEach
    void connectHosts() throws Exception {
        connect(Jvm.JDK17);
        hosts.address("server", "lo", "10.99.0.1/32", "fd99::1/128");
        hosts.in("router", "ip route add 10.99.0.1 via 10.2.0.2");
        hosts.in("router", "ip route add fd99::1 via fd02::2");
        hosts.in("router", "ip rule add iif lo ipproto icmp blackhole");
        hosts.in("router", "ip -6 rule add iif lo to fd99::1 ipproto ipv6-icmp blackhole");
        assertThat(server.say("open DUAL_STACK" + PORT)).isEqualTo("open");
    }

    /** Sends a request of the reply's length, and asserts the source address of the reply, or "nothing". */
    private void assertReply(String destination, int length, String source) throws Exception {
        assertThat(client.say("send " + destination + PORT + " " + length)).isEqualTo("sent");
        assertThat(server.say("receive")).startsWith(destination + " " + destination + " s0 ");
        assertThat(server.say("reply asked")).isEqualTo("sent");
        assertThat(client.say(source.equals("nothing") ? "silence" : "await")).isEqualTo(source);
    }

    @Test
    void aLongIpv4ReplyIsLostAgainAndAgainUnlessPathMtuDiscoveryIsOff() throws Exception {
        assertReply("10.99.0.1", 1440, "nothing");
        assertReply("10.99.0.1", 1440, "nothing");
        assertThat(server.say("discover no")).isEqualTo("set");
        assertReply("10.99.0.1", 1440, "10.99.0.1");
        assertThat(client.say("length")).isEqualTo("1440");
        assertThat(server.say("discover yes")).isEqualTo("set");
        assertReply("10.99.0.1", 1440, "nothing");
    }

    @ParameterizedTest
    @CsvSource({"1232, fd99::1", "1233, nothing"})
    void overIpv6AReplyOf1232BytesPassesEveryLinkAndALongerOneDoesNot(int length, String source) throws Exception {
        assertThat(server.say("discover no")).isEqualTo("set");
        assertReply("fd99::1", length, source);
    }
}
