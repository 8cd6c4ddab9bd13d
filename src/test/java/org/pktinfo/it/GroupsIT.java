package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.it.support.Agent;
import org.pktinfo.it.support.TwoHosts;

/**
 * Requests to multicast or broadcast addresses, which have to be answered from another address than the destination.
 */
@Timeout(60)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class GroupsIT extends TwoHosts {
    @BeforeAll
    void connectOnce() throws Exception {
        connect();
        hosts.address("server", "a0", "10.7.0.1/24", "10.7.0.2/24");
        hosts.address("client", "a1", "10.7.0.100/24");
    }

    @BeforeEach
    void newSockets() throws Exception {
        open("DUAL_STACK" + PORT);
        client.say("bind any");
    }

    @ParameterizedTest
    @CsvSource({"DUAL_STACK, a, 10.9.0.1", "DUAL_STACK, b, 10.8.0.1", "IPV4, b, 10.8.0.1"})
    void aBroadcastToAllIsAnsweredFromTheAddressOfTheInterfaceItCameInBy(String family, String link, String source)
            throws Exception {
        open(family + PORT);
        route("255.255.255.255", link + "1");
        ask("255.255.255.255", "255.255.255.255 " + source + " " + link + "0");
        assertAnsweredFrom(source);
    }

    @Test
    void aBroadcastToTheSecondSubnetOfAnInterfaceIsAnsweredFromThatSubnet() throws Exception {
        ask("10.7.0.255", "10.7.0.255 10.7.0.1 a0");
        assertAnsweredFrom("10.7.0.1");
    }

    @ParameterizedTest
    @CsvSource({"DUAL_STACK, a, 10.9.0.1", "DUAL_STACK, b, 10.8.0.1", "IPV4, b, 10.8.0.1"})
    void aGroupJoinedOnBothInterfacesIsAnsweredOnTheOneThatTheRequestCameInBy(String family, String link, String source)
            throws Exception {
        open(family + PORT);
        assertThat(server.say("join 239.1.2.3 a0")).isEqualTo("joined");
        assertThat(server.say("join 239.1.2.3 b0")).isEqualTo("joined");
        route("239.0.0.0/8", link + "1");
        ask("239.1.2.3", "239.1.2.3 " + source + " " + link + "0");
        assertAnsweredFrom(source);
    }

    @ParameterizedTest
    @CsvSource({"DUAL_STACK, a, fd00:9::", "DUAL_STACK, b, fd00:8::1", "IPV6, b, fd00:8::1"})
    void soIsAnIpv6Group(String family, String link, String source) throws Exception {
        open(family + PORT);
        assertThat(server.say("join ff15::9 a0")).isEqualTo("joined");
        assertThat(server.say("join ff15::9 b0")).isEqualTo("joined");
        routeIpv6("ff15::9", link + "1");
        ask("ff15::9", "ff15::9 :: " + link + "0");
        assertThat(server.say("reply asked")).isEqualTo("sent");
        assertThat(client.say("await")).startsWith(source);
    }

    @ParameterizedTest
    @CsvSource({"a", "b"})
    void allNodesOfALinkAreHeardOnceJoinedAndAnsweredFromTheLinkLocalAddress(String link) throws Exception {
        assertThat(server.say("join ff02::1 " + link + "0")).isEqualTo("joined");
        ask("ff02::1%" + link + "1", "ff02::1%" + link + "0 :: " + link + "0");
        assertAnsweredFrom("fe80::1%" + link + "1");
    }

    @Test
    void anIpv6GroupIsAnsweredWhereTheRequestCameInByAlsoIfAnotherInterfaceLeadsToThePeer() throws Exception {
        hosts.address("client", "lo", "fd77::1");
        hosts.in("server", "ip route add fd77::1 metric 10 via fd00:9::100");
        hosts.in("server", "ip route add fd77::1 metric 20 via fd00:8::100");
        assertThat(server.say("join ff02::1 b0")).isEqualTo("joined");
        assertThat(client.say("bind fd77::1")).isEqualTo("bound");
        ask("ff02::1%b1", "ff02::1%b0 :: b0");
        assertAnsweredFrom("fd00:8::1");
    }

    /** A unicast request names its source; for a group only the arrival interface determines it. */
    @Test
    void anIpv6GroupRequestIsNotAnsweredIfNoRouteLeadsBackOverTheInterfaceItCameInBy() throws Exception {
        hosts.address("client", "lo", "fd78::1");
        hosts.in("server", "ip route add fd78::1 via fd00:9::100");
        assertThat(server.say("join ff02::1 b0")).isEqualTo("joined");
        assertThat(client.say("bind fd78::1")).isEqualTo("bound");
        ask("ff02::1%b1", "ff02::1%b0 :: b0");
        assertNotAnswered("asked", "PEER_UNREACHABLE", "any address on interface ");
        client.say("bind any");
        assertAnswered("fd00:8::1", "b0");
    }

    @ParameterizedTest
    @ValueSource(strings = {"asked", "pinned"})
    void bothSelectionsAnswerAGroup(String policy) throws Exception {
        assertThat(server.say("join 239.1.2.4 b0")).isEqualTo("joined");
        assertThat(server.say("join ff15::a b0")).isEqualTo("joined");
        route("239.0.0.0/8", "b1");
        ask("239.1.2.4", "239.1.2.4 10.8.0.1 b0");
        assertAnsweredFrom(policy, "10.8.0.1");
        routeIpv6("ff15::a", "b1");
        ask("ff15::a", "ff15::a :: b0");
        assertAnsweredFrom(policy, "fd00:8::1");
    }

    @Test
    void aUnicastRequestNextToAGroupIsStillAnsweredFromTheRequestDestination() throws Exception {
        assertThat(server.say("join 239.1.2.3 a0")).isEqualTo("joined");
        assertThat(server.say("join ff15::9 a0")).isEqualTo("joined");
        assertAnswered("10.9.0.3", "a0");
        assertAnswered("fd00:9::2", "a0");
    }

    /** This holds on every JDK, also on those that leave IPV6_MULTICAST_ALL on. */
    @ParameterizedTest
    @ValueSource(strings = {"239.1.2.5", "ff15::b", "ff02::1"})
    void aGroupThatOnlyAnotherSocketOfTheHostHasJoinedIsNotHeardUnlessAllAre(String group) throws Exception {
        String scoped = group.equals("ff02::1") ? group + "%a1" : group;
        if (group.equals("ff15::b")) {
            routeIpv6(group, "a1");
        }
        route("239.0.0.0/8", "a1");
        try (Agent other = new Agent(hosts, "server")) {
            assertThat(other.say("open DUAL_STACK 7999")).isEqualTo("open");
            assertThat(other.say("join " + group + " a0")).isEqualTo("joined");
            assertThat(client.say("send " + scoped + PORT)).isEqualTo("sent");
            assertThat(server.say("unasked")).isEqualTo("nothing");
            assertThat(server.say("groups all")).isEqualTo("set");
            assertThat(client.say("send " + scoped + PORT)).isEqualTo("sent");
            assertThat(server.say("receive")).startsWith(group);
        }
    }
}
