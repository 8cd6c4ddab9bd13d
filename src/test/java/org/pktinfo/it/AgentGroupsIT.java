package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pktinfo.it.support.Jvm;
import org.pktinfo.it.support.SteeredHosts;

/** Link-local peers, groups and broadcast under pktinfo-agent.jar, compared with a server that uses the library. */
@Timeout(120)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class AgentGroupsIT extends SteeredHosts {
    private static final List<String> GROUPS = List.of("239.1.2.3", "ff15::9", "ff02::1");

    @BeforeAll
    void connectOnce() throws Exception {
        connect();
        hosts.address("server", "a0", "10.7.0.1/24", "10.7.0.2/24", "fe80::2/64", "fe80::3/64");
        hosts.address("client", "a1", "10.7.0.100/24");
        hosts.address("client", "lo", "fd77::1");
        hosts.in("server", "ip route add fd77::1 metric 10 via fd00:9::100");
        hosts.in("server", "ip route add fd77::1 metric 20 via fd00:8::100");
        for (String group : GROUPS) {
            assertThat(server.say("join " + group + " a0")).isEqualTo("joined");
            assertThat(server.say("join " + group + " b0")).isEqualTo("joined");
        }
    }

    private void open(Jvm jvm, String options) throws Exception {
        start(jvm, options);
        assertThat(tell("open any " + PORT_OF_ITS_OWN)).isEqualTo(PORT_OF_ITS_OWN);
        for (String group : GROUPS) {
            assertThat(tell("join " + group + " a0")).isEqualTo("joined");
            assertThat(tell("join " + group + " b0")).isEqualTo("joined");
        }
        assertThat(client.say("bind any")).isEqualTo("bound");
    }

    private void assertAnswered(String destination) throws Exception {
        asks(destination);
        assertSendLeavesFrom(destination);
    }

    @ParameterizedTest
    @EnumSource
    void aLinkLocalAddressAnswersWhoHasAskedItOnWhicheverInterface(Jvm jvm) throws Exception {
        open(jvm, "");
        for (String asked : List.of("fe80::1%a1", "fe80::2%a1", "fe80::3%a1", "fe80::1%b1", "fe80::2%a1")) {
            assertAnswered(asked);
        }
        start(jvm, null);
        tell("open any " + PORT_OF_ITS_OWN);
        int right = 0;
        for (String asked : List.of("fe80::1%a1", "fe80::2%a1", "fe80::3%a1")) {
            asks(asked);
            assertThat(tell("send")).isEqualTo("sent");
            right += client.say("await").equals(asked) ? 1 : 0;
        }
        assertThat(right).as("without the agent").isEqualTo(1);
    }

    /** The same address and port on two links are two peers. */
    @ParameterizedTest
    @EnumSource
    void aLinkLocalPeerIsAnotherOnAnotherInterface(Jvm jvm) throws Exception {
        open(jvm, "");
        asks("fe80::2%a1");
        asks("fe80::1%b1");
        assertThat(tell("send-first")).isEqualTo("sent");
        assertThat(client.say("await")).isEqualTo("fe80::2%a1");
        assertSendLeavesFrom("fe80::1%b1");
    }

    @ParameterizedTest
    @EnumSource
    void aPeerAndTheRequestDestinationMayBeOfDifferentScope(Jvm jvm) throws Exception {
        open(jvm, "");
        assertThat(client.say("bind fd00:9::100")).isEqualTo("bound");
        assertAnswered("fe80::3%a1");
        assertAnswered("fd00:9::2");
        assertThat(client.say("bind fe80::100%a1")).isEqualTo("bound");
        assertAnswered("fd00:9::3");
        assertAnswered("fe80::2%a1");
    }

    /** Returns the source address of the library server's answer to a request. */
    private String answerOfTheLibrary(String destination) throws Exception {
        assertThat(client.say("send " + destination + PORT)).isEqualTo("sent");
        assertThat(server.say("receive")).isNotEqualTo("nothing");
        assertThat(server.say("reply asked")).isEqualTo("sent");
        return client.say("await");
    }

    private void assertAnsweredAsByTheLibrary(String from, String destination, String expected) throws Exception {
        assertThat(client.say("bind " + from)).isEqualTo("bound");
        assertThat(answerOfTheLibrary(destination)).as(destination).startsWith(expected);
        asks(destination);
        assertThat(tell("send")).isEqualTo("sent");
        assertThat(client.say("await")).as(destination).startsWith(expected);
    }

    @ParameterizedTest
    @EnumSource
    void broadcastAndGroupsAreAnsweredFromAnAddressOfTheInterfaceAsByTheLibrary(Jvm jvm) throws Exception {
        open(jvm, "");
        assertAnsweredAsByTheLibrary("any", "10.9.0.255", "10.9.0.1");
        assertAnsweredAsByTheLibrary("any", "10.7.0.255", "10.7.0.1");
        for (String link : List.of("a", "b")) {
            String number = link.equals("a") ? "9" : "8";
            route("255.255.255.255", link + "1");
            route("239.0.0.0/8", link + "1");
            routeIpv6("ff15::9", link + "1");
            assertAnsweredAsByTheLibrary("any", "255.255.255.255", "10." + number + ".0.1");
            assertAnsweredAsByTheLibrary("any", "239.1.2.3", "10." + number + ".0.1");
            assertAnsweredAsByTheLibrary("any", "ff15::9", "fd00:" + number + "::");
            assertAnsweredAsByTheLibrary("any", "ff02::1%" + link + "1", "fe80::");
        }
        assertAnsweredAsByTheLibrary("fd77::1", "ff02::1%b1", "fd00:8::1"); // the route uses the other link
    }

    /** A peer may send to both at once; it waits for an answer from the unicast address that it has named itself. */
    @ParameterizedTest
    @EnumSource
    void whatAPeerHasAskedByUnicastStaysWhenItAsksAGroup(Jvm jvm) throws Exception {
        open(jvm, "");
        route("239.0.0.0/8", "a1");
        routeIpv6("ff15::9", "a1");
        for (String group : List.of("239.1.2.3", "10.9.0.255")) {
            assertThat(client.say("bind any")).isEqualTo("bound");
            asks(group);
            assertSendLeavesFrom("10.9.0.1");
            assertAnswered("10.9.0.3");
            asks(group);
            assertSendLeavesFrom("10.9.0.3");
        }
        for (String group : List.of("ff15::9", "ff02::1%a1")) {
            assertThat(client.say("bind fd00:9::100")).isEqualTo("bound");
            asks(group);
            assertThat(tell("send")).isEqualTo("sent");
            assertThat(client.say("await")).startsWith("fd00:9::");
            assertAnswered("fd00:9::2");
            assertAnswered("fd00:9::3");
            asks(group);
            assertSendLeavesFrom("fd00:9::3");
        }
    }
}
