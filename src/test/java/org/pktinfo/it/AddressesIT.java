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
import org.pktinfo.it.support.TwoHosts;

/** Channels, selections and datagrams of every kind between two hosts whose configuration does not change. */
@Timeout(60)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class AddressesIT extends TwoHosts {
    @BeforeAll
    void connectOnce() throws Exception {
        connect();
    }

    /** Opens new sockets, so that no datagram left unread by another test is taken for an answer. */
    @BeforeEach
    void newSockets() throws Exception {
        open("DUAL_STACK" + PORT);
        client.say("bind any");
    }

    private void askAnything(String destination) throws Exception {
        assertThat(client.say("send " + destination + PORT)).isEqualTo("sent");
        assertThat(server.say("receive")).isNotEqualTo("nothing");
    }

    @ParameterizedTest
    @CsvSource({
        "10.9.0.2, a0, 8 of 8 bytes from 10.9.0.100 in6_pktinfo in_pktinfo",
        "10.99.0.1, a0, 9 of 9 bytes from 10.9.0.100 in6_pktinfo in_pktinfo",
        "fd00:9::2, a0, 9 of 9 bytes from fd00:9::100 in6_pktinfo",
        "fe80::1%b1, b0, 10 of 10 bytes from fe80::100%b0 in6_pktinfo"
    })
    void everythingIsKnownAboutARequest(String destination, String arrival, String details) throws Exception {
        String local = destination.replace("b1", "b0");
        ask(destination, local + " " + local + " " + arrival);
        assertThat(server.say("details")).isEqualTo(details);
    }

    /** Shows that the other tests of this class can fail. */
    @ParameterizedTest
    @CsvSource({"10.9.0.3, 10.9.0.1", "10.99.0.1, 10.9.0.1", "10.9.0.255, 10.9.0.1", "fd99::1, fd00:9::"})
    void theSystemsChoiceIsAnAddressThatTheRouteBackPrefers(String destination, String source) throws Exception {
        askAnything(destination);
        assertThat(server.say("reply system")).isEqualTo("sent");
        assertThat(client.say("await")).startsWith(source);
    }

    @ParameterizedTest
    @CsvSource({
        "10.9.0.2, 10.9.0.2",
        "10.8.0.1, 10.8.0.1",
        "10.99.0.1, 10.99.0.1",
        "fd00:9::2, fd00:9::2",
        "fd99::1, fd99::1",
        "fe80::1%a1, fe80::1%a1",
        "fe80::1%b1, fe80::1%b1"
    })
    void pinnedToTheArrivalInterfaceTheSourceIsTheSame(String destination, String source) throws Exception {
        askAnything(destination);
        assertAnsweredFrom("pinned", source);
    }

    @ParameterizedTest
    @CsvSource({"10.9.0.2, 10.9.0.2", "fd00:9::2, fd00:9::2", "fe80::1%b1, fe80::1%b1"})
    void thisKernelAlsoTakesTheIn6PktinfoBack(String destination, String source) throws Exception {
        askAnything(destination);
        assertAnsweredFrom("in6-first", source);
    }

    @Test
    void aBroadcastCannotBeAnsweredWithTheIn6PktinfoAsItCame() throws Exception {
        ask("10.9.0.255", "10.9.0.255 10.9.0.1 a0");
        assertThat(server.say("reply in6-first")).contains("sendmsg: ENETUNREACH (101), source 10.9.0.255 ");
        assertThat(client.say("silence")).isEqualTo("nothing");
    }

    @ParameterizedTest
    @CsvSource({"fd00:9::1, fd00:9::3", "fd99::1, fd00:9::3", "fd00:9::1, fd99::1", "10.9.0.2, 10.99.0.1"})
    void aFixedSourceLeavesFromThereWhateverWasAsked(String destination, String fixed) throws Exception {
        ask(destination, destination);
        assertAnsweredFrom(fixed, fixed);
    }

    @ParameterizedTest
    @CsvSource({"10.9.0.2, fd00:9::2", "fd00:9::2, 10.9.0.2"})
    void aFixedSourceOfTheOtherFamilySendsNothing(String destination, String fixed) throws Exception {
        ask(destination, destination);
        assertThat(server.say("reply " + fixed))
                .startsWith("SOURCE_UNUSABLE source " + fixed + " is not of the peer's family");
        assertThat(client.say("silence")).isEqualTo("nothing");
    }

    @Test
    void aLinkLocalPeerOfAGlobalAddressIsAnsweredOnItsOwnLink() throws Exception {
        // The same link-local address is on the other link as well.
        for (String link : new String[] {"a", "b"}) {
            String destination = link.equals("a") ? "fd00:9::2" : "fd00:8::1";
            assertThat(client.say("bind fe80::100%" + link + "1")).isEqualTo("bound");
            assertAnswered(destination, link + "0");
            assertThat(server.say("details")).contains(" from fe80::100%" + link + "0 ");
        }
    }

    /** A global peer address names no link, so that only the arrival interface determines the link of the source. */
    @ParameterizedTest
    @CsvSource({"fd00:9::100, a1, a0", "fd00:8::100, b1, b0"})
    void aGlobalPeerOfALinkLocalAddressIsAnsweredFromIt(String peer, String theirs, String ours) throws Exception {
        assertThat(client.say("bind " + peer)).isEqualTo("bound");
        ask("fe80::1%" + theirs, "fe80::1%" + ours + " fe80::1%" + ours + " " + ours);
        assertThat(server.say("details")).contains(" from " + peer + " ");
        assertAnsweredFrom("fe80::1%" + theirs);
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.9.0.2", "10.99.0.1", "fd00:9::2", "fd99::1"})
    void anEmptyDatagramIsAnsweredFromTheRequestDestination(String destination) throws Exception {
        assertThat(client.say("send " + destination + PORT + " 0")).isEqualTo("sent");
        assertThat(server.say("receive")).startsWith(destination + " " + destination + " a0 ");
        assertThat(server.say("details")).startsWith("0 of 0 bytes ");
        assertAnsweredFrom(destination);
        assertThat(client.say("length")).isEqualTo("0");
    }

    @ParameterizedTest
    @CsvSource({"10.9.0.2, 65507", "10.99.0.1, 65507", "fd00:9::2, 65527", "fd99::1, 65527"})
    void theLargestDatagramsCrossTheWireInFragmentsBothWays(String destination, int length) throws Exception {
        assertThat(client.say("send " + destination + PORT + " " + length)).isEqualTo("sent");
        assertThat(server.say("receive")).startsWith(destination + " " + destination + " a0 ");
        assertThat(server.say("details")).startsWith(length + " of " + length + " bytes ");
        assertAnsweredFrom(destination);
        assertThat(client.say("length")).isEqualTo(String.valueOf(length));
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.9.0.2", "fd00:9::2"})
    void aDatagramThatDoesNotFitIsStillAnsweredFromTheRequestDestinationAndTheNextIsWhole(String destination)
            throws Exception {
        open("DUAL_STACK" + PORT + " :: 20");
        assertThat(client.say("send " + destination + PORT + " 2000")).isEqualTo("sent");
        assertThat(client.say("send " + destination + PORT + " 20")).isEqualTo("sent");
        assertThat(server.say("receive")).startsWith(destination + " " + destination + " a0 ");
        assertThat(server.say("details")).startsWith("20 of 2000 bytes ").doesNotContain("cut off");
        assertAnsweredFrom(destination);
        assertThat(server.say("receive")).startsWith(destination + " " + destination + " a0 ");
        assertThat(server.say("details")).startsWith("20 of 20 bytes ");
    }

    @Test
    void anIpv4ChannelAnswersFromTheRequestDestinationAndHearsNoIpv6() throws Exception {
        open("IPV4" + PORT);
        assertThat(client.say("send fd00:9::2" + PORT)).isEqualTo("sent");
        client.say("bind any"); // that socket gets an ICMP error
        assertAnswered("10.9.0.3", "a0");
        assertThat(server.say("details")).endsWith(" from 10.9.0.100 in_pktinfo");
        assertThat(server.say("unasked")).isEqualTo("nothing");
    }

    @Test
    void anIpv6ChannelAnswersFromTheRequestDestinationAndHearsNoIpv4() throws Exception {
        open("IPV6" + PORT);
        assertThat(client.say("send 10.9.0.3" + PORT)).isEqualTo("sent");
        client.say("bind any");
        assertAnswered("fd00:9::2", "a0");
        ask("fe80::1%b1", "fe80::1%b0 fe80::1%b0 b0");
        assertAnsweredFrom("fe80::1%b1");
        assertThat(server.say("unasked")).isEqualTo("nothing");
    }

    @ParameterizedTest
    @CsvSource({
        "DUAL_STACK, 10.9.0.2, 10.9.0.3",
        "IPV4, 10.9.0.2, 10.9.0.3",
        "DUAL_STACK, 10.99.0.1, 10.9.0.1",
        "DUAL_STACK, fd00:9::2, fd00:9::3",
        "IPV6, fd99::1, fd00:9::1"
    })
    void aChannelBoundToOneAddressAnswersFromItAndHearsNoOther(String family, String bound, String other)
            throws Exception {
        open(family + PORT + " " + bound);
        assertThat(client.say("send " + other + PORT)).isEqualTo("sent");
        client.say("bind any");
        assertAnswered(bound, "a0");
        assertThat(server.say("unasked")).isEqualTo("nothing");
    }

    @Test
    void aChannelBoundToALinkLocalAddressHearsOnlyItsLink() throws Exception {
        open("DUAL_STACK" + PORT + " fe80::1%b0");
        assertThat(client.say("send fe80::1%a1" + PORT)).isEqualTo("sent");
        client.say("bind any");
        ask("fe80::1%b1", "fe80::1%b0 fe80::1%b0 b0");
        assertAnsweredFrom("fe80::1%b1");
        assertThat(server.say("unasked")).isEqualTo("nothing");
    }

    @ParameterizedTest
    @CsvSource({
        "192.0.2.7, 0, 10.9.0.100, SOURCE_UNUSABLE sendmsg: ENETUNREACH",
        "2001:db8::7, 0, fd00:9::100, SOURCE_UNUSABLE sendmsg: EINVAL",
        "127.0.0.1, 0, 10.9.0.100, OTHER sendmsg: EINVAL",
        "10.9.0.2, 9999, 10.9.0.100, INTERFACE_GONE sendmsg: ENODEV",
        "fd00:9::2, 9999, fd00:9::100, INTERFACE_GONE sendmsg: ENODEV"
    })
    void aSourceThatCannotBeIsRefusedByTheKernelAndTheNextDatagramLeaves(
            String source, int interfaceIndex, String peer, String error) throws Exception {
        assertThat(server.say("emit " + source + " " + interfaceIndex + " " + peer + " 9"))
                .startsWith(error);
        assertThat(server.say("emit 10.9.0.2 0 10.9.0.100 9")).isEqualTo("sent");
    }

    @Test
    void aLinkLocalSourceWithoutAnInterfaceIsRefusedByTheKernel() throws Exception {
        assertThat(server.say("emit fe80::1 0 fe80::100 9")).contains("sendmsg: EINVAL (22), source fe80::1, peer");
    }
}
