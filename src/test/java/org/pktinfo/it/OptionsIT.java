package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.Requires;
import org.pktinfo.it.support.Agent;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.Jvm;
import org.pktinfo.it.support.Tuned;
import org.pktinfo.it.support.TwoHosts;

/** The effect of each socket option that Java lacks, as another host sees it, and the privileges that they need. */
@Timeout(120)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class OptionsIT extends TwoHosts {
    Jvm jvm() {
        return Jvm.JDK17;
    }

    @Override
    protected List<String> java() {
        return jvm().command();
    }

    @BeforeEach
    void connectTwoHosts() throws Exception {
        connect();
        assertThat(client.say("open DUAL_STACK 7001")).isEqualTo("open");
    }

    private void tune(String addressAndPort, String... options) throws Exception {
        assertThat(server.say(tuned("DUAL_STACK", addressAndPort, options))).isEqualTo("open");
    }

    private static String tuned(String family, String addressAndPort, String... options) {
        return ("tuned " + family + " " + addressAndPort + " " + String.join(" ", options)).trim();
    }

    private static String any(String family) {
        return family.equals("IPV4") ? "0.0.0.0 7000" : ":: 7000";
    }

    /** Returns the ip command for the family of an address. */
    private static String ip(String address) {
        return address.contains(":") ? "ip -6" : "ip -4";
    }

    /** Sends from the server; the client names destination, local address and arrival interface. */
    private void assertArrives(String destination, String interfaceName) throws Exception {
        assertThat(server.say("emit-long " + destination + " 7001 5")).isEqualTo("sent");
        assertThat(client.say("receive")).startsWith(destination + " " + destination + " " + interfaceName + " ");
    }

    /** A proxy: datagrams to any host behind the server, port 5353, come to its port 7000. */
    @ParameterizedTest
    @CsvSource({
        "DUAL_STACK, 203.0.113.0/24, 203.0.113.7, 10.9.0.1, iptables, 0.0.0.0",
        "IPV4, 203.0.113.0/24, 203.0.113.7, 10.9.0.1, iptables, 0.0.0.0",
        "DUAL_STACK, 2001:db8:3::/64, 2001:db8:3::7, fd00:9::1, ip6tables, ::",
        "IPV6, 2001:db8:3::/64, 2001:db8:3::7, fd00:9::1, ip6tables, ::"
    })
    void aTransparentProxyIsAskedAndAnswersAsTheHostsBehindIt(
            String family, String prefix, String behind, String gateway, String iptables, String all) throws Exception {
        Requires.tool(iptables);
        String rule = " PREROUTING -p udp --dport 5353 -j TPROXY --on-port 7000 --tproxy-mark 1";
        hosts.in("client", "ip route add " + prefix + " via " + gateway);
        hosts.in("server", iptables + " -t mangle -A" + rule);
        hosts.in("server", ip(behind) + " rule add fwmark 1 lookup 100");
        hosts.in("server", ip(behind) + " route add local " + all + "/0 dev lo table 100");
        try {
            assertThat(server.say(tuned(family, any(family), "RECEIVE_ORIGINAL_PORT=true")))
                    .isEqualTo("open");
            assertThat(client.say("send " + behind + " 5353")).isEqualTo("sent");
            assertThat(server.say("unasked")).as("without the option").isEqualTo("nothing");

            assertThat(server.say(tuned(family, any(family), "TRANSPARENT=true", "RECEIVE_ORIGINAL_PORT=true")))
                    .isEqualTo("open");
            assertThat(client.say("send " + behind + " 5353")).isEqualTo("sent");
            assertThat(server.say("receive")).startsWith(behind + " " + behind + " a0 ");
            assertThat(server.say("facts")).isEqualTo("mark -1 port 5353");
            assertAnsweredFrom(behind);
        } finally {
            hosts.in("server", iptables + " -t mangle -D" + rule);
            hosts.in("server", ip(behind) + " rule del fwmark 1 lookup 100");
            hosts.in("server", ip(behind) + " route flush table 100");
        }
    }

    @ParameterizedTest
    @CsvSource({"203.0.113.7, 10.9.0.100, 10.9.0.1", "2001:db8:3::7, fd00:9::100, fd00:9::1"})
    void aTransparentSocketIsBoundToAnAddressOfAnotherHostAndSendsFromIt(String foreign, String peer, String gateway)
            throws Exception {
        hosts.in("client", "ip route add " + foreign + " via " + gateway);
        assertThat(server.say(tuned("DUAL_STACK", foreign + " 5353")))
                .startsWith("java.net.BindException: cannot bind ");
        tune(foreign + " 5353", "TRANSPARENT=true");
        assertThat(server.say("get TRANSPARENT")).isEqualTo("true");
        assertThat(server.say("emit-long " + peer + " 7001 5")).isEqualTo("sent");
        assertThat(client.say("receive")).startsWith(peer + " " + peer + " a1 ");
        assertThat(client.say("details")).startsWith("5 of 5 bytes from " + foreign + " ");
    }

    @ParameterizedTest
    @CsvSource({
        "DUAL_STACK, 10.77.0.1, 10.9.0.100, 10.8.0.100",
        "IPV4, 10.77.0.1, 10.9.0.100, 10.8.0.100",
        "DUAL_STACK, fd77::1, fd00:9::100, fd00:8::100",
        "IPV6, fd77::1, fd00:9::100, fd00:8::100"
    })
    void theMarkDecidesTheWay(String family, String far, String gateway, String markedGateway) throws Exception {
        hosts.address("client", "lo", far);
        hosts.in("server", "ip route add " + far + " via " + gateway);
        hosts.in("server", ip(far) + " route add " + far + " via " + markedGateway + " table 77");
        hosts.in("server", ip(far) + " rule add fwmark 4026531841 lookup 77");
        try {
            assertThat(server.say(tuned(family, any(family)))).isEqualTo("open");
            assertThat(server.say("get MARK")).isEqualTo("0");
            assertArrives(far, "a1");
            assertThat(server.say("set MARK=4026531841")).isEqualTo("set");
            assertThat(server.say("get MARK")).isEqualTo("4026531841");
            assertArrives(far, "b1");
            assertThat(server.say("set MARK=0")).isEqualTo("set");
            assertArrives(far, "a1");
        } finally {
            hosts.in("server", ip(far) + " rule del fwmark 4026531841 lookup 77");
            hosts.in("server", ip(far) + " route flush table 77");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "DUAL_STACK, 10.9.0.2, 10.8.0.1",
        "IPV4, 10.9.0.2, 10.8.0.1",
        "DUAL_STACK, fd00:9::2, fd00:8::1",
        "IPV6, fd00:9::2, fd00:8::1"
    })
    void theMarkThatAFirewallSetsIsReceived(String family, String marked, String unmarked) throws Exception {
        Requires.tool("nft");
        hosts.in("server", "nft add table inet t");
        hosts.in("server", "nft add chain inet t p { type filter hook prerouting priority -150 ; }");
        hosts.in("server", "nft add rule inet t p iifname a0 meta mark set 4026531842");
        try {
            assertThat(server.say(tuned(family, any(family)))).isEqualTo("open");
            ask(marked, marked);
            assertThat(server.say("facts")).isEqualTo("mark -1 port -1");
            assertThat(server.say("set RECEIVE_MARK=true")).isEqualTo("set");
            ask(marked, marked);
            assertThat(server.say("facts")).isEqualTo("mark 4026531842 port -1");
            ask(unmarked, unmarked);
            assertThat(server.say("facts")).isEqualTo("mark 0 port -1");
        } finally {
            hosts.in("server", "nft delete table inet t");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "DUAL_STACK, 10.9.0.2, 10.8.0.1, 10.77.0.1, 10.8.0.100, 10.9.0.100",
        "IPV4, 10.9.0.2, 10.8.0.1, 10.77.0.1, 10.8.0.100, 10.9.0.100",
        "DUAL_STACK, fd00:9::2, fd00:8::1, fd77::1, fd00:8::100, fd00:9::100",
        "IPV6, fd00:9::2, fd00:8::1, fd77::1, fd00:8::100, fd00:9::100"
    })
    void aSocketBoundToADeviceHearsNoOtherAndSendsByNoOther(
            String family, String bound, String other, String far, String otherGateway, String gateway)
            throws Exception {
        hosts.address("client", "lo", far);
        hosts.in("server", "ip route add " + far + " via " + otherGateway + " metric 1");
        hosts.in("server", "ip route add " + far + " via " + gateway + " metric 2");
        assertThat(server.say(tuned(family, any(family), "BIND_TO_DEVICE=a0"))).isEqualTo("open");
        assertThat(server.say("get BIND_TO_DEVICE")).isEqualTo("a0");
        assertThat(client.say("send " + other + PORT)).isEqualTo("sent");
        assertThat(server.say("unasked")).isEqualTo("nothing");
        assertAnswered(bound, "a0");
        assertArrives(far, "a1");
        assertThat(server.say("set BIND_TO_DEVICE=b0")).isEqualTo("set");
        assertAnswered(other, "b0");
        assertThat(server.say("set BIND_TO_DEVICE=")).isEqualTo("set");
        assertThat(server.say("get BIND_TO_DEVICE")).isEmpty();
        assertArrives(far, "b1");
        assertAnswered(bound, "a0");
        assertAnswered(other, "b0");
        assertThat(server.say("set BIND_TO_DEVICE=nosuch"))
                .isEqualTo("java.net.SocketException: BIND_TO_DEVICE: there is no interface nosuch");
    }

    /** java.net.NetworkInterface does not have it. */
    @Test
    void aSocketIsBoundToADeviceWithoutAnAddress() throws Exception {
        hosts.in("server", "ip link add bare type veth peer name bare1");
        assertThat(server.say(tuned("DUAL_STACK", ":: 7000", "BIND_TO_DEVICE=bare")))
                .isEqualTo("open");
        assertThat(server.say("get BIND_TO_DEVICE")).isEqualTo("bare");
        assertThat(client.say("send 10.9.0.2" + PORT)).isEqualTo("sent");
        assertThat(server.say("unasked")).isEqualTo("nothing");
        hosts.in("server", "ip link del bare");
        assertThat(server.say("get BIND_TO_DEVICE"))
                .isEqualTo("java.io.IOException: getsockopt(SO_BINDTODEVICE): ENODEV (19)");
    }

    @ParameterizedTest
    @CsvSource({"239.1.2.5, 239.1.2.5", "ff15::b%a1, ff15::b%a0"})
    void groupsOfOtherSocketsAreHeardIfAllAreWanted(String group, String heard) throws Exception {
        hosts.in("client", "ip route add 239.1.2.5 dev a1");
        if (group.contains(":")) {
            routeIpv6("ff15::b", "a1");
        }
        try (Agent other = new Agent(hosts, "server")) {
            assertThat(other.say("open DUAL_STACK 7999")).isEqualTo("open");
            assertThat(other.say("join " + group.replaceAll("%.*", "") + " a0")).isEqualTo("joined");
            assertThat(server.say("get RECEIVE_ALL_GROUPS")).isEqualTo("false");
            assertThat(client.say("send " + group + PORT)).isEqualTo("sent");
            assertThat(server.say("unasked")).isEqualTo("nothing");
            assertThat(server.say("set RECEIVE_ALL_GROUPS=true")).isEqualTo("set");
            assertThat(client.say("send " + group + PORT)).isEqualTo("sent");
            assertThat(server.say("receive").replaceAll("%a0", "")).startsWith(heard.replaceAll("%.*", "") + " ");
            assertThat(server.say("set RECEIVE_ALL_GROUPS=false")).isEqualTo("set");
            assertThat(client.say("send " + group + PORT)).isEqualTo("sent");
            assertThat(server.say("unasked")).isEqualTo("nothing");
        }
    }

    @ParameterizedTest
    @CsvSource({"10.9.0.77/24, 10.9.0.77", "fd00:9::77/64, fd00:9::77"})
    void freeBindBindsToAnAddressThatIsStillToCome(String added, String address) throws Exception {
        assertThat(server.say(tuned("DUAL_STACK", address + " 7000")))
                .startsWith("java.net.BindException: cannot bind ");
        tune(address + " 7000", "FREEBIND=true");
        hosts.address("server", "a0", added);
        assertAnswered(address, "a0");
    }

    /** A cloud's load balancer, or AnyIP: a prefix that is this host's by a route of type local alone. */
    @ParameterizedTest
    @CsvSource({"DUAL_STACK, 7002", "IPV6, 7003"})
    void withFreeBindAnAddressOfALocalRouteIsAnsweredFrom(String family, int portOfServer) throws Exception {
        hosts.in("client", "ip route add 2001:db8:1::/64 via fd00:9::1");
        hosts.in("server", "ip -6 route add local 2001:db8:1::/64 dev lo");
        try {
            assertThat(server.say(tuned(family, ":: 7000"))).isEqualTo("open");
            ask("2001:db8:1::5", "2001:db8:1::5");
            assertThat(server.say("reply asked")).as("without").startsWith("OTHER sendmsg: EINVAL (22)");
            assertThat(server.say(tuned(family, ":: 7000", "FREEBIND=true"))).isEqualTo("open");
            assertAnswered("2001:db8:1::5", "a0");
            assertAnswered("fd00:9::2", "a0");
            ask("2001:db8:1::6", "2001:db8:1::6");
            assertThat(server.say("reply pinned")).isEqualTo("sent");
            assertThat(client.say("await")).isEqualTo("2001:db8:1::6");
            assertThat(server.say("serve-tuned :: " + portOfServer + " FREEBIND=true"))
                    .isEqualTo("open");
            assertThat(client.say("send 2001:db8:1::7 " + portOfServer)).isEqualTo("sent");
            assertThat(client.say("await")).isEqualTo("2001:db8:1::7");
        } finally {
            hosts.in("server", "ip -6 route del local 2001:db8:1::/64 dev lo");
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void overIpv4AnAddressOfALocalRouteIsAnsweredFromInAnyCase(boolean freeBind) throws Exception {
        hosts.in("client", "ip route add 198.51.100.0/24 via 10.9.0.1");
        hosts.in("server", "ip route add local 198.51.100.0/24 dev lo");
        try {
            tune(":: 7000", "FREEBIND=" + freeBind);
            assertAnswered("198.51.100.5", "a0");
            assertThat(server.say("emit 203.0.113.9 0 10.9.0.100 7001"))
                    .startsWith("SOURCE_UNUSABLE sendmsg: ENETUNREACH (101)");
        } finally {
            hosts.in("server", "ip route del local 198.51.100.0/24 dev lo");
        }
    }

    /** The kernel itself would send each of these datagrams. */
    @Test
    void withFreeBindASourceThatIsNotThisHostsIsStillRefusedAndOneThatIsGoneIsTold() throws Exception {
        String foreign = "SOURCE_UNUSABLE sendmsg: EADDRNOTAVAIL (99), source 2001:db8:2::9";
        tune(":: 7000", "FREEBIND=true");
        assertThat(server.say("emit 2001:db8:2::9 0 fd00:9::100 7001")).startsWith(foreign);
        ask("fd00:9::2", "fd00:9::2");
        assertThat(server.say("reply-twice 2001:db8:2::9"))
                .startsWith("sent 1, sent, " + foreign)
                .containsPattern("sent, " + foreign.replaceAll("([()])", "\\\\$1") + ".*, "
                        + foreign.replaceAll("([()])", "\\\\$1"));
        assertThat(client.say("receive")).as("to the channel").isEqualTo("nothing");
        assertThat(client.say("await")).as("one of three").isEqualTo("fd00:9::2");
        assertThat(client.say("silence")).isEqualTo("nothing");

        ask("fd00:9::2", "fd00:9::2");
        hosts.in("server", "ip addr del fd00:9::2/64 dev a0");
        assertThat(server.say("reply asked"))
                .startsWith("SOURCE_UNUSABLE sendmsg: EADDRNOTAVAIL (99), source fd00:9::2, peer ");
        hosts.address("server", "a0", "fd00:9::2/64");
        assertThat(server.say("reply asked")).isEqualTo("sent");
        assertThat(client.say("await")).isEqualTo("fd00:9::2");
    }

    @Test
    void aTransparentSocketSendsFromAnyAddressWithFreeBindToo() throws Exception {
        hosts.in("client", "ip route add 2001:db8:2::9 via fd00:9::1");
        tune(":: 7000", "FREEBIND=true", "TRANSPARENT=true");
        assertThat(server.say("emit 2001:db8:2::9 0 fd00:9::100 7001")).isEqualTo("sent");
        assertThat(client.say("receive")).startsWith("fd00:9::100 fd00:9::100 a1 ");
        assertThat(server.say("set TRANSPARENT=false")).isEqualTo("set");
        assertThat(server.say("emit 2001:db8:2::9 0 fd00:9::100 7001")).startsWith("SOURCE_UNUSABLE ");
        assertThat(server.say("set FREEBIND=false")).isEqualTo("set");
        assertThat(server.say("emit 2001:db8:2::9 0 fd00:9::100 7001"))
                .startsWith("SOURCE_UNUSABLE sendmsg: EINVAL (22)");
    }

    @Test
    void freeBindIsForIpv6() throws Exception {
        assertThat(server.say(tuned("IPV4", "0.0.0.0 7000", "FREEBIND=true")))
                .isEqualTo("java.lang.UnsupportedOperationException: setsockopt(IPV6_FREEBIND): the channel is for IPv4"
                        + " only");
    }

    /** Tries each option, and prints its name and what became of it. */
    public static final class Program {
        private Program() {}

        public static void main(String[] options) throws IOException {
            try (PktInfoChannel channel = PktInfoChannel.open()) {
                for (String option : options) {
                    System.out.println(option + ": " + Tuned.attempt(channel, option));
                }
            }
        }
    }

    @Test
    void anOptionThatNeedsACapabilityIsRefusedByNameAndAllOthersNeedNone() throws Exception {
        Requires.tool("setpriv");
        List<String> command = new ArrayList<>(List.of("setpriv", "--bounding-set=-all", "--inh-caps=-all"));
        command.addAll(jvm().command("-cp", System.getProperty("java.class.path"), Program.class.getName()));
        List<String> free = List.of(
                "RECEIVE_TRAFFIC_CLASS=true",
                "RECEIVE_HOP_LIMIT=true",
                "RECEIVE_TIME=true",
                "RECEIVE_HARDWARE_TIME=true",
                "TRANSMIT_TIMES=true",
                "RECEIVE_ORIGINAL_PORT=true",
                "RECEIVE_MARK=true",
                "COALESCE_RECEIVED=true",
                "RECEIVE_ALL_GROUPS=true",
                "FRAGMENTATION=OMIT",
                "FREEBIND=true",
                "INCOMING_CPU=1",
                "BUSY_POLL=0",
                "BIND_TO_DEVICE=lo");
        command.addAll(free);
        command.addAll(List.of("BIND_TO_DEVICE=", "TRANSPARENT=true", "MARK=1", "RECEIVE_BUFFER_FORCE=9000000"));
        ChildProcess child = ChildProcess.run(command);
        assertThat(child.exitCode()).as("%s", child).isZero();
        List<String> expected =
                new ArrayList<>(free.stream().map(each -> each + ": set").toList());
        String eperm = ": java.net.SocketException: setsockopt(%s): EPERM (1), needs ";
        expected.addAll(List.of(
                "BIND_TO_DEVICE=" + eperm.formatted("SO_BINDTODEVICE")
                        + "CAP_NET_RAW, since Linux 5.7 only to change it once it is set",
                "TRANSPARENT=true" + eperm.formatted("IP_TRANSPARENT") + "CAP_NET_ADMIN or CAP_NET_RAW",
                "MARK=1" + eperm.formatted("SO_MARK") + "CAP_NET_ADMIN, or CAP_NET_RAW since Linux 5.17",
                "RECEIVE_BUFFER_FORCE=9000000" + eperm.formatted("SO_RCVBUFFORCE") + "CAP_NET_ADMIN"));
        assertThat(child.out()).containsExactlyElementsOf(expected);
    }

    @Test
    void theTimeToPollIsReadBack() throws Exception {
        assertThat(server.say("get BUSY_POLL")).isEqualTo("0");
        assertThat(server.say("set BUSY_POLL=50")).isEqualTo("set");
        assertThat(server.say("get BUSY_POLL")).isEqualTo("50");
        assertAnswered("10.9.0.2", "a0");
        assertThat(server.say("set BUSY_POLL=-1"))
                .isEqualTo("java.lang.IllegalArgumentException: BUSY_POLL -1 is not in 0 to 2147483647");
    }
}
