package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pktinfo.it.support.Agent;
import org.pktinfo.it.support.Namespaces;
import org.pktinfo.it.support.Opened;

/**
 * A link on the path with a small MTU, and a router whose ICMP reports of it do not reach the server, as where several
 * hosts share an address.
 *
 * <pre>
 *   client --- 10.1.0.1/24 fd01::1, MTU 1280 - router - 10.2.0.1/24 fd02::1, MTU 1500 --- server, lo: 10.99.0.1 fd99::1
 * </pre>
 */
@Timeout(60)
class PathMtuIT {
    private static final String PORT = " 7000";

    @RegisterExtension
    final Opened opened = new Opened();

    private Namespaces hosts;
    private Agent server;
    private Agent client;

    @BeforeEach
    void connect() throws Exception {
        hosts = opened.add(new Namespaces());
        for (String host : new String[] {"client", "router", "server"}) {
            hosts.host(host);
        }
        hosts.in("router", "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
        hosts.together(() -> {
            hosts.cable("client", "c0", "router", "narrow");
            hosts.cable("server", "s0", "router", "wide");
            hosts.in("client", "ip link set c0 mtu 1280");
            hosts.in("router", "ip link set narrow mtu 1280");
            hosts.address("client", "c0", "10.1.0.2/24", "fd01::2/64", "fe80::2/64");
            hosts.address("router", "narrow", "10.1.0.1/24", "fd01::1/64", "fe80::1/64");
            hosts.address("router", "wide", "10.2.0.1/24", "fd02::1/64", "fe80::1/64");
            hosts.address("server", "s0", "10.2.0.2/24", "fd02::2/64", "fe80::2/64");
            hosts.address("server", "lo", "10.99.0.1/32", "fd99::1/128");
            hosts.in("client", "ip route add default via 10.1.0.1");
            hosts.in("client", "ip route add default via fd01::1");
            hosts.in("server", "ip route add default via 10.2.0.1");
            hosts.in("server", "ip route add default via fd02::1");
            hosts.in("router", "ip route add 10.99.0.1 via 10.2.0.2");
            hosts.in("router", "ip route add fd99::1 via fd02::2");
        });
        hosts.in("router", "ip rule add iif lo ipproto icmp blackhole");
        hosts.in("router", "ip -6 rule add iif lo to fd99::1 ipproto ipv6-icmp blackhole");
        server = opened.add(new Agent(hosts, "server"));
        client = opened.add(new Agent(hosts, "client"));
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
