package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.Requires;
import org.pktinfo.it.support.Agent;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.TwoHosts;

/** The replies that leave the host, as a client on another host sees them; a test may change both hosts freely. */
@Timeout(60)
class WireIT extends TwoHosts {
    @BeforeEach
    void connectTwoHosts() throws Exception {
        connect();
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.9.0.1", "10.9.0.2", "10.9.0.3", "fd00:9::1", "fd00:9::2", "fd00:9::3"})
    void everyAliasAnswersForItself(String destination) throws Exception {
        assertAnswered(destination, "a0");
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.99.0.1", "fd99::1"})
    void anAddressOnLoopbackAnswersForItself(String destination) throws Exception {
        assertAnswered(destination, "a0");
    }

    @Test
    void anAddressOfAnotherInterfaceAnswersForItself() throws Exception {
        hosts.in("client", "ip link set b1 down");
        hosts.in("client", "ip route add 10.8.0.1 via 10.9.0.1");
        assertAnswered("10.8.0.1", "a0");
    }

    @Test
    void aFixedSourceLeavesFromThere() throws Exception {
        ask("10.9.0.1", "10.9.0.1");
        assertThat(server.say("reply 10.9.0.3")).isEqualTo("sent");
        assertThat(client.say("await")).isEqualTo("10.9.0.3");
    }

    @ParameterizedTest
    @CsvSource({"a1, a0", "b1, b0"})
    void theSameLinkLocalAddressOnTwoInterfacesAnswersOnTheRightOne(String theirs, String ours) throws Exception {
        ask("fe80::1%" + theirs, "fe80::1%" + ours + " fe80::1%" + ours + " " + ours);
        assertAnsweredFrom("fe80::1%" + theirs);
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.9.0.255", "255.255.255.255"})
    void aBroadcastIsAnsweredFromTheInterfacesAddress(String destination) throws Exception {
        hosts.in("client", "ip route add 255.255.255.255 dev a1");
        ask(destination, destination + " 10.9.0.1 a0");
        assertAnsweredFrom("10.9.0.1");
    }

    @Test
    void aGroupOverIpv4IsAnsweredFromTheInterfacesAddress() throws Exception {
        assertThat(server.say("join 239.1.2.3 b0")).isEqualTo("joined");
        hosts.in("client", "ip route add 239.0.0.0/8 dev b1");
        ask("239.1.2.3", "239.1.2.3 10.8.0.1 b0");
        assertAnsweredFrom("10.8.0.1");
    }

    @ParameterizedTest
    @CsvSource({"ff15::9, ff15::9, fd00:8::1", "ff02::9, ff02::9%b0, fe80::1%b1"})
    void aGroupOverIpv6IsAnsweredFromAnAddressOfTheArrivalInterface(String group, String shown, String source)
            throws Exception {
        assertThat(server.say("join " + group + " b0")).isEqualTo("joined");
        hosts.in("client", "ip route add " + group + " dev b1 table local");
        ask(group + "%b1", shown + " :: b0");
        assertThat(server.say("reply asked")).isEqualTo("sent");
        assertThat(client.say("await")).startsWith(source);
    }

    @ParameterizedTest
    @CsvSource({"10.77.0.1, 10.9.0.2, 10.8.0.100", "fd77::1, fd00:9::2, fd00:8::100"})
    void aReplyWhoseRouteLeadsOverAnotherInterfaceArrives(String from, String destination, String gateway)
            throws Exception {
        askFromAFarAddress(from);
        hosts.in("server", "ip route add " + from + " via " + gateway);
        assertThat(hosts.in("server", "ip route get " + from)).contains("dev b0");
        assertAnswered(destination, "a0");
    }

    @ParameterizedTest
    @CsvSource({"10.77.0.1, 10.9.0.2", "fd77::1, fd00:9::2"})
    void withoutARouteBackThePeerIsUnreachable(String from, String destination) throws Exception {
        askFromAFarAddress(from);
        ask(destination, destination);
        assertNotAnswered("asked", "PEER_UNREACHABLE", destination);
    }

    @ParameterizedTest
    @CsvSource({
        "unreachable, 10.77.0.1, 10.9.0.2, EHOSTUNREACH",
        "prohibit, 10.77.0.1, 10.9.0.2, EACCES",
        "unreachable, fd77::1, fd00:9::2, EHOSTUNREACH",
        "prohibit, fd77::1, fd00:9::2, EACCES"
    })
    void aRouteThatForbidsItSaysSo(String type, String from, String destination, String errno) throws Exception {
        askFromAFarAddress(from);
        hosts.in("server", "ip route add " + type + " " + from);
        ask(destination, destination);
        assertThat(server.say("reply asked")).startsWith("PEER_UNREACHABLE sendmsg: " + errno);
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.9.0.55/24", "fd00:9::55/64"})
    void anAddressAddedAfterTheStartAnswersForItself(String address) throws Exception {
        hosts.address("server", "a0", address);
        assertAnswered(address.replaceAll("/.*", ""), "a0");
    }

    @ParameterizedTest
    @CsvSource({"10.9.0.2/24, 10.9.0.3", "fd00:9::2/64, fd00:9::3"})
    void anAddressRemovedBeforeTheReplyIsAnUnusableSourceAndNothingElseAnswers(String address, String other)
            throws Exception {
        String destination = address.replaceAll("/.*", "");
        ask(destination, destination);
        hosts.in("server", "ip addr del " + address + " dev a0");
        assertNotAnswered("asked", "SOURCE_UNUSABLE", destination);
        assertAnswered(other, "a0");
        hosts.address("server", "a0", address);
        assertAnswered(destination, "a0");
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.9.0.2/24", "fd00:9::2/64"})
    void anAddressMovedToAnotherInterfaceStillAnswers(String address) throws Exception {
        String destination = address.replaceAll("/.*", "");
        ask(destination, destination);
        hosts.in("server", "ip addr del " + address + " dev a0");
        hosts.address("server", "b0", destination);
        assertAnsweredFrom(destination);
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.9.0.2", "fd00:9::2"})
    void aFirewallDropIsTransient(String destination) throws Exception {
        Requires.tool("nft");
        ask(destination, destination);
        hosts.in("server", "nft add table inet t");
        hosts.in("server", "nft add chain inet t o { type filter hook output priority 0 ; }");
        hosts.in("server", "nft add rule inet t o udp sport 7000 drop");
        assertNotAnswered("asked", "TRANSIENT", destination);
        hosts.in("server", "nft delete table inet t");
        assertAnswered(destination, "a0");
    }

    @ParameterizedTest
    @CsvSource({"10.9.0.2, 10.8.0.1, PEER_UNREACHABLE", "fd00:9::2, fd00:8::1, SOURCE_UNUSABLE"})
    void anInterfaceThatGoesDownTakesItsRouteOrItsAddressesAlongAndTheServerGoesOn(
            String destination, String other, String kind) throws Exception {
        ask(destination, destination);
        hosts.in("server", "ip link set a0 down");
        assertNotAnswered("asked", kind, destination);
        assertAnswered(other, "b0");
        hosts.in("server", "ip link set a0 up");
        if (destination.indexOf(':') >= 0) { // IPv6 addresses are lost with it
            hosts.address("server", "a0", destination + "/64");
        }
        assertAnswered(destination, "a0");
    }

    @Test
    void aPinnedInterfaceThatIsDeletedIsGone() throws Exception {
        ask("10.99.0.1", "10.99.0.1 10.99.0.1 a0");
        hosts.in("server", "ip link del a0");
        assertNotAnswered("pinned", "INTERFACE_GONE", "10.99.0.1");
    }

    @Test
    void anAddressThatGoesWithItsInterfaceIsAnUnusableSource() throws Exception {
        ask("10.9.0.2", "10.9.0.2");
        hosts.in("server", "ip link del a0");
        assertNotAnswered("asked", "SOURCE_UNUSABLE", "10.9.0.2");
        assertAnswered("10.8.0.1", "b0");
    }

    @Test
    void onAHostWithoutIpv6TheDefaultIsIpv4AndAskingForIpv6IsAClearError() throws Exception {
        hosts.host("old");
        hosts.in("old", "sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1");
        try (Agent both = new Agent(hosts, "old", java());
                Agent asker = new Agent(hosts, "old")) {
            assertThat(both.say("open IPV6" + PORT))
                    .startsWith("java.lang.UnsupportedOperationException: IPv6 is not available");
            assertThat(both.say("open DUAL_STACK" + PORT)).isEqualTo("open");
            assertThat(asker.say("send 127.0.0.2" + PORT)).isEqualTo("sent");
            assertThat(both.say("receive")).isEqualTo("127.0.0.2 127.0.0.2 lo in4");
            assertThat(both.say("reply asked")).isEqualTo("sent");
            assertThat(asker.say("await")).isEqualTo("127.0.0.2");
        }
        List<String> command =
                new ArrayList<>(hosts.inside("old", ChildProcess.java().toString(), "-jar"));
        command.addAll(List.of(System.getProperty("server.jar"), "--ipv6", "8888"));
        ChildProcess refused = ChildProcess.run(command);
        assertThat(refused.exitCode()).isEqualTo(1);
        assertThat(refused.err()).hasSize(1).first().asString().contains("IPv6 is not available");
    }
}
