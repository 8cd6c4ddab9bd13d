package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.Requires;
import org.pktinfo.it.support.TwoHosts;

/**
 * Changes between a request and its reply, seen by a server loop: its counters, the other peers that are answered
 * meanwhile, and the next request once the change is undone. {@link WireIT} and {@link RoutesIT} have more of it.
 */
@Timeout(60)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ChangesIT extends TwoHosts {
    private boolean serving;

    @BeforeEach
    void connectTwoHosts() throws Exception {
        connect();
    }

    /** Opens the server once: it stays the same across all changes. */
    @Override
    protected void open(String how) throws Exception {
        if (!serving) {
            assertThat(server.say("serve 1" + PORT)).isEqualTo("open");
            serving = true;
        }
    }

    private static boolean isIpv6(String address) {
        return address.indexOf(':') >= 0;
    }

    /** Asserts the refusal by the server's counters, because its log is limited to one line a second. */
    private void assertRefused(String kind) throws Exception {
        assertThat(server.say("reply asked")).startsWith(kind + " ");
        assertThat(client.say("silence")).isEqualTo("nothing");
    }

    /** Asserts that requests over the other cable are answered. */
    private void assertOthersAreAnswered(String destination) throws Exception {
        assertThat(client.say("bind any")).isEqualTo("bound");
        assertAnswered(isIpv6(destination) ? "fd00:8::1" : "10.8.0.1", "b0");
        assertAnswered(isIpv6(destination) ? "10.8.0.1" : "fd00:8::1", "b0");
    }

    private void firewall(String rule) {
        hosts.in("server", "nft add table inet t");
        hosts.in("server", "nft add chain inet t o { type filter hook output priority 0 ; }");
        hosts.in("server", "nft add rule inet t o " + rule);
    }

    @ParameterizedTest
    @CsvSource({"10.9.0.2, drop", "10.9.0.2, reject", "fd00:9::2, drop", "fd00:9::2, reject"})
    void aFirewallThatDropsOrRejectsTheReplyIsTransient(String destination, String verdict) throws Exception {
        Requires.tool("nft");
        ask(destination, destination);
        firewall((isIpv6(destination) ? "ip6" : "ip") + " saddr " + destination + " " + verdict);
        assertRefused("TRANSIENT");
        assertOthersAreAnswered(destination);
        hosts.in("server", "nft delete table inet t");
        assertAnswered(destination, "a0");
    }

    @ParameterizedTest
    @CsvSource({
        "blackhole, 10.77.0.1, 10.9.0.2, OTHER",
        "blackhole, fd77::1, fd00:9::2, OTHER",
        "unreachable, 10.77.0.1, 10.9.0.2, PEER_UNREACHABLE",
        "unreachable, fd77::1, fd00:9::2, PEER_UNREACHABLE",
        "prohibit, 10.77.0.1, 10.9.0.2, PEER_UNREACHABLE",
        "prohibit, fd77::1, fd00:9::2, PEER_UNREACHABLE",
        "none, 10.77.0.1, 10.9.0.2, PEER_UNREACHABLE",
        "none, fd77::1, fd00:9::2, PEER_UNREACHABLE"
    })
    void aRouteThatGoesOrForbidsIsCountedAndTheNextRequestIsAnsweredOnceItIsBack(
            String type, String from, String destination, String kind) throws Exception {
        String route = from + " via " + (isIpv6(from) ? "fd00:9::100" : "10.9.0.100");
        hosts.in("server", "ip route add " + route);
        askFromAFarAddress(from);
        ask(destination, destination);
        hosts.in("server", "ip route del " + route);
        if (!type.equals("none")) {
            hosts.in("server", "ip route add " + type + " " + from);
        }
        assertRefused(kind);
        assertOthersAreAnswered(destination);
        if (!type.equals("none")) {
            hosts.in("server", "ip route del " + type + " " + from);
        }
        hosts.in("server", "ip route add " + route);
        assertThat(client.say("bind " + from)).isEqualTo("bound");
        assertAnswered(destination, "a0");
    }

    @Test
    void anAddressThatIsTentativeAgainIsAnUnusableSourceUntilItIsNot() throws Exception {
        ask("fd00:9::2", "fd00:9::2");
        hosts.in("server", "sysctl -qw net.ipv6.conf.a0.accept_dad=1 net.ipv6.conf.a0.dad_transmits=100");
        hosts.in("server", "ip addr del fd00:9::2/64 dev a0");
        hosts.in("server", "ip addr add fd00:9::2/64 dev a0");
        assertThat(hosts.in("server", "ip -o addr show dev a0 tentative")).contains("fd00:9::2");
        assertRefused("SOURCE_UNUSABLE");
        assertOthersAreAnswered("fd00:9::2");
        hosts.in("server", "ip addr del fd00:9::2/64 dev a0");
        hosts.address("server", "a0", "fd00:9::2/64");
        assertAnswered("fd00:9::2", "a0");
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.9.0.2", "fd00:9::2"})
    void anInterfaceThatIsRenamedAnswersUnderItsNewName(String destination) throws Exception {
        ask(destination, destination + " " + destination + " a0");
        hosts.in("server", "ip link set a0 down");
        hosts.in("server", "ip link set a0 name other");
        hosts.in("server", "ip link set other up");
        if (isIpv6(destination)) { // IPv6 addresses do not survive it
            assertRefused("SOURCE_UNUSABLE");
            hosts.address("server", "other", "fd00:9::2/64");
        } else {
            assertAnsweredFrom(destination);
        }
        assertOthersAreAnswered(destination);
        assertAnswered(destination, "other");
    }

    @ParameterizedTest
    @CsvSource({"10.9.0.2, 10.9.0.2/24, 10.9.0.100/24", "fd00:9::2, fd00:9::2/64, fd00:9::100/64"})
    void anInterfaceThatIsDeletedAndMadeAgainAnswersForTheRequestToTheOldOne(
            String destination, String ours, String theirs) throws Exception {
        ask(destination, destination);
        hosts.in("server", "ip link del a0");
        assertThat(client.say("bind any")).isEqualTo("bound");
        assertRefused("SOURCE_UNUSABLE");
        assertOthersAreAnswered(destination);
        hosts.cable("client", "a1", "server", "a0");
        hosts.address("client", "a1", theirs);
        hosts.address("server", "a0", ours);
        ask(destination, destination);
        hosts.in("server", "ip link del a0");
        hosts.cable("client", "a1", "server", "a0");
        hosts.address("client", "a1", theirs);
        hosts.address("server", "a0", ours);
        assertAnsweredFrom(destination);
        assertAnswered(destination, "a0");
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.9.0.2", "fd00:9::2"})
    void aCarrierThatIsLostLosesTheReplyAndTheNextIsAnsweredWhenItIsBack(String destination) throws Exception {
        ask(destination, destination);
        hosts.in("client", "ip link set a1 down");
        assertThat(server.say("reply asked")).isEqualTo("sent");
        assertThat(client.say("silence")).isEqualTo("nothing");
        assertOthersAreAnswered(destination);
        hosts.in("client", "ip link set a1 up");
        if (isIpv6(destination)) {
            hosts.address("client", "a1", "fd00:9::100/64");
        }
        assertAnswered(destination, "a0");
    }

    /** An interface with an MTU below 1280 bytes has no IPv6, and loses its IPv6 addresses. */
    @ParameterizedTest
    @CsvSource({"10.9.0.2, 1280", "10.9.0.2, 576", "fd00:9::2, 1280"})
    void anMtuThatBecomesSmallerThanTheReplyCutsItIntoFragments(String destination, int mtu) throws Exception {
        assertThat(client.say("send " + destination + PORT + " 1400")).isEqualTo("sent");
        assertThat(server.say("receive")).startsWith(destination + " ");
        hosts.in("server", "ip link set a0 mtu " + mtu);
        assertAnsweredFrom(destination);
        assertThat(client.say("length")).isEqualTo("1400");
        assertOthersAreAnswered(destination);
        hosts.in("server", "ip link set a0 mtu 1500");
        assertAnswered(destination, "a0");
    }

    @Test
    void anMtuTooSmallForIpv6TakesTheAddressAway() throws Exception {
        ask("fd00:9::2", "fd00:9::2");
        hosts.in("server", "ip link set a0 mtu 1000");
        assertRefused("SOURCE_UNUSABLE");
        assertOthersAreAnswered("fd00:9::2");
        hosts.in("server", "ip link set a0 mtu 1500");
        hosts.address("server", "a0", "fd00:9::2/64");
        assertAnswered("fd00:9::2", "a0");
    }

    private static long number(String what, String text) {
        Matcher number = Pattern.compile(what + "[ =](\\d+)").matcher(text);
        return number.find() ? Long.parseLong(number.group(1)) : 0;
    }

    /** The interface sends a thousand bytes a second; queued datagrams are charged to the socket's send buffer. */
    @Test
    void aSendBufferThatStaysFullLosesRepliesAndTheLoopGoesOn() throws Exception {
        Requires.tool("tc");
        assertThat(server.say("answer 7001 asked")).isEqualTo("open");
        hosts.in("server", "tc qdisc add dev a0 root tbf rate 8kbit burst 1600 limit 10000000");
        String tally;
        String stats;
        long giveUp = System.nanoTime() + TimeUnit.MINUTES.toNanos(1);
        do {
            tally = client.say("storm 7001 1500 0 10.9.0.2 10.9.0.3");
            assertThat(number("wrong", tally)).isZero();
            stats = server.say("stats");
        } while (number("TRANSIENT", stats) == 0 && System.nanoTime() < giveUp);
        assertThat(number("TRANSIENT", stats)).as(stats).isPositive();
        assertThat(number("receiveErrors", stats)).as(stats).isZero();
        hosts.in("server", "tc qdisc del dev a0 root");
        String later = client.say("storm 7001 500 1000 10.9.0.2 10.9.0.3");
        assertThat(number("replies", later)).as(later).isGreaterThan(number("replies", tally) + 100);
        assertThat(number("wrong", later)).isZero();
    }
}
