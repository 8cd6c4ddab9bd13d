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
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.TwoHosts;

/** Routes and addresses that a server meets on hosts with more than one route out. */
@Timeout(60)
class RoutesIT extends TwoHosts {
    @BeforeEach
    void connectTwoHosts() throws Exception {
        connect();
    }

    private ChildProcess capture(String host, String interfaceName, String... filter) throws Exception {
        Requires.tool("tcpdump");
        List<String> command = new ArrayList<>(
                hosts.inside(host, "tcpdump", "-i", interfaceName, "-n", "-l", "--immediate-mode", "-U"));
        command.addAll(List.of(filter));
        ChildProcess capture = ChildProcess.start(command);
        capture.awaitErr(line -> line.contains("listening on " + interfaceName));
        return capture;
    }

    @ParameterizedTest
    @CsvSource({
        "10.77.0.1, 10.9.0.2, 10.9.0.100, 10.8.0.100, 10.9.0.0/24",
        "fd77::1, fd00:9::2, fd00:9::100, fd00:8::100, fd00:9::/64"
    })
    void aRuleForTheSourceDecidesTheWayBack(
            String from, String destination, String ruledGateway, String mainGateway, String sources) throws Exception {
        askFromAFarAddress(from);
        String family = from.contains(":") ? "-6" : "-4";
        hosts.in("server", "ip " + family + " route add " + from + " via " + mainGateway);
        hosts.in("server", "ip " + family + " route add default via " + ruledGateway + " table 100");
        hosts.in("server", "ip " + family + " rule add from " + sources + " lookup 100");
        try (ChildProcess wire = capture("client", "a1", "src", destination, "and", "udp")) {
            assertAnswered(destination, "a0");
            wire.awaitOut(line -> line.contains(destination + ".7000 > " + from + "."));
        }
    }

    @ParameterizedTest
    @CsvSource({"10.99.0.2/32, 10.99.0.2, 10.9.0.1", "fd99::2/128, fd99::2, fd00:9::1"})
    void anAddressAddedToLoopbackAfterTheStartIsAnsweredAtOnce(String added, String destination, String gateway)
            throws Exception {
        hosts.in("client", "ip route add " + destination + " via " + gateway);
        hosts.address("server", "lo", added);
        assertAnswered(destination, "a0");
    }

    @ParameterizedTest
    @CsvSource({"10.77.0.1, 10.9.0.2, 10.8.0.100", "fd77::1, fd00:9::2, fd00:8::100"})
    void theReplyReallyLeavesByTheInterfaceOfItsRoute(String from, String destination, String gateway)
            throws Exception {
        askFromAFarAddress(from);
        hosts.in("server", "ip route add " + from + " via " + gateway);
        try (ChildProcess wire = capture("client", "b1", "src", destination, "and", "udp")) {
            assertAnswered(destination, "a0");
            wire.awaitOut(line -> line.contains(destination + ".7000 > " + from + "."));
        }
    }

    @Test
    void pinnedToTheArrivalInterfaceAnIpv4ReplyIsLostWhereTheRouteIsElsewhereAndOnlyThere() throws Exception {
        hosts.address("client", "lo", "fd77::1");
        // The client neither answers ARP for that address on the cable nor announces it in its own ARP requests.
        hosts.in("client", "sysctl -qw net.ipv4.conf.a1.arp_ignore=1 net.ipv4.conf.a1.arp_announce=2");
        askFromAFarAddress("10.77.0.1");
        hosts.in("server", "ip route add 10.77.0.1 via 10.8.0.100");
        hosts.in("server", "ip route add fd77::1 via fd00:8::100");
        ask("10.9.0.2", "10.9.0.2 10.9.0.2 a0");
        assertThat(server.say("reply pinned")).isEqualTo("sent");
        assertThat(client.say("silence")).isEqualTo("nothing");
        assertAnsweredFrom("asked", "10.9.0.2");

        client.say("bind fd77::1");
        ask("fd00:9::2", "fd00:9::2 fd00:9::2 a0");
        assertAnsweredFrom("pinned", "fd00:9::2");
    }

    @Test
    void anIpv4LinkLocalSubnetOnTwoInterfacesNeedsThePinnedInterface() throws Exception {
        hosts.address("server", "a0", "169.254.0.1/16");
        hosts.address("server", "b0", "169.254.0.2/16");
        hosts.address("client", "b1", "169.254.0.100/16");
        client.say("bind 169.254.0.100");
        hosts.in("client", "sysctl -qw net.ipv4.conf.a1.arp_ignore=1");
        ask("169.254.0.2", "169.254.0.2 169.254.0.2 b0");
        assertThat(server.say("reply asked")).isEqualTo("sent");
        assertThat(client.say("silence")).isEqualTo("nothing");
        assertAnsweredFrom("pinned", "169.254.0.2");
    }

    @Test
    void thePrimaryAddressTakesItsAliasesAlongUnlessTheyArePromoted() throws Exception {
        ask("10.9.0.2", "10.9.0.2");
        hosts.in("server", "sysctl -qw net.ipv4.conf.a0.promote_secondaries=1");
        hosts.in("server", "ip addr del 10.9.0.1/24 dev a0");
        assertAnsweredFrom("10.9.0.2");
        assertAnswered("10.9.0.3", "a0");
        ask("10.9.0.3", "10.9.0.3");
        hosts.in("server", "sysctl -qw net.ipv4.conf.a0.promote_secondaries=0");
        hosts.in("server", "ip addr del 10.9.0.2/24 dev a0");
        assertNotAnswered("asked", "SOURCE_UNUSABLE", "10.9.0.3");
        assertAnswered("10.8.0.1", "b0");
    }

    @Test
    void anIpv6AddressInDuplicateAddressDetectionIsNotYetASource() throws Exception {
        hosts.in("server", "sysctl -qw net.ipv6.conf.a0.accept_dad=1 net.ipv6.conf.a0.dad_transmits=100");
        hosts.in("server", "ip addr add fd00:9::66/64 dev a0");
        assertThat(hosts.in("server", "ip -o addr show dev a0 tentative")).contains("fd00:9::66");
        assertThat(server.say("emit fd00:9::66 0 fd00:9::100 9"))
                .startsWith("SOURCE_UNUSABLE sendmsg: EINVAL (22), source fd00:9::66, peer [fd00:9::100]:9");
    }

    @Test
    void anAddressOfTheOtherInterfaceCanBeTheSource() throws Exception {
        ask("10.9.0.2", "10.9.0.2");
        assertAnsweredFrom("10.8.0.1", "10.8.0.1");
        ask("fd00:9::2", "fd00:9::2");
        assertAnsweredFrom("fd00:8::1", "fd00:8::1");
    }

    @ParameterizedTest
    @CsvSource({"10.77.0.1, 10.9.0.2", "fd77::1, fd00:9::2"})
    void aBlackHoleOnTheWayBackIsNotTakenForAnUnusableSource(String from, String destination) throws Exception {
        askFromAFarAddress(from);
        hosts.in("server", "ip route add blackhole " + from);
        ask(destination, destination);
        assertNotAnswered("asked", "OTHER", destination);
        assertThat(server.say("reply asked")).contains("EINVAL (22)");
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.9.0.2", "fd00:9::2"})
    void anUnpluggedCableLosesTheReplyWithoutAnErrorAndTheServerGoesOn(String destination) throws Exception {
        ask(destination, destination);
        hosts.in("client", "ip link set a1 down");
        assertThat(server.say("reply asked")).isEqualTo("sent");
        assertAnswered(destination.contains(":") ? "fd00:8::1" : "10.8.0.1", "b0");
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.9.0.2", "fd00:9::2", "10.99.0.1"})
    void anAddressThatComesAndGoesAnswersWheneverItIsThere(String destination) throws Exception {
        boolean ipv6 = destination.contains(":");
        String link = destination.startsWith("10.99.") ? "lo" : "a0";
        String whole = destination + (ipv6 ? "/64" : link.equals("lo") ? "/32" : "/24");
        for (int i = 0; i < 3; i++) {
            ask(destination, destination);
            hosts.in("server", "ip addr del " + whole + " dev " + link);
            assertThat(server.say("reply asked")).startsWith("SOURCE_UNUSABLE ");
            hosts.address("server", link, whole);
            assertAnsweredFrom(destination);
        }
    }

    @Test
    void onAHostWithoutAnyIpv4AddressABroadcastHasNoSourceToAnswerFrom() throws Exception {
        hosts.in("server", "ip -4 addr flush dev a0");
        hosts.in("server", "ip -4 addr flush dev b0");
        hosts.in("server", "ip -4 addr flush dev lo");
        hosts.in("client", "ip route add 255.255.255.255 dev a1");
        ask("255.255.255.255", "255.255.255.255");
        assertThat(server.say("reply asked")).startsWith("NO_SOURCE no source: ");
        assertThat(client.say("silence")).isEqualTo("nothing");
        assertAnswered("fd00:9::2", "a0");
    }
}
