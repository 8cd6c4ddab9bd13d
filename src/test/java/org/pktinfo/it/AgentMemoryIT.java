package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.it.support.Jvm;
import org.pktinfo.it.support.SteeredHosts;

/** The agent's memory of peers, and its entries once an address or a peer is gone. */
@Timeout(120)
class AgentMemoryIT extends SteeredHosts {
    @BeforeEach
    void connectBoth() throws Exception {
        connect();
    }

    private void start(String options) throws Exception {
        start(Jvm.JDK17, options);
    }

    /** Waits until the agent's bean has the value; the agent checks once a second. */
    private void awaitBean(String attribute, String value) throws Exception {
        while (!tell("bean " + attribute).equals(value)) {
            Thread.onSpinWait();
        }
    }

    @Test
    void anAddressThatHasLeftTheHostIsNeverReplacedByAnotherAndTheDatagramIsCounted() throws Exception {
        start("");
        tell("open any " + PORT_OF_ITS_OWN);
        asks("10.9.0.3");
        assertSendLeavesFrom("10.9.0.3");
        hosts.in("server", "ip addr del 10.9.0.3/24 dev a0");
        assertThat(tell("send")).isEqualTo("sent");
        assertThat(client.say("silence")).isEqualTo("nothing");
        program.awaitErr(line -> line.contains("1 datagrams were dropped") && line.contains("left the host"));
        awaitBean("SourcesGone", "1");
        asks("10.9.0.2");
        assertSendLeavesFrom("10.9.0.2");
    }

    @Test
    void thatIsTheJdksExceptionIfItIsWanted() throws Exception {
        start("gone=exception");
        tell("open any " + PORT_OF_ITS_OWN);
        asks("10.9.0.3");
        hosts.in("server", "ip addr del 10.9.0.3/24 dev a0");
        assertThat(tell("send")).startsWith("SocketException: ");
        assertThat(client.say("silence")).isEqualTo("nothing");
        program.awaitErr(line -> line.contains("1 datagrams failed"));
    }

    @Test
    void aPeerThatIsSilentForTooLongIsForgottenAndWhatIsSentToItCounted() throws Exception {
        start("expiry=1,log=stats:1");
        tell("open any " + PORT_OF_ITS_OWN);
        asks("10.9.0.2");
        assertSendLeavesFrom("10.9.0.2");
        awaitBean("Peers", "0");
        assertSendLeavesFrom("10.9.0.1");
        awaitBean("UnknownPeers", "1");
        assertThat(tell("bean Pinned")).isEqualTo("1");
        assertThat(tell("bean Sockets")).isEqualTo("1");
        program.awaitErr(
                line -> line.equals("pktinfo-agent: sockets 1, peers 0, pinned 1, unknown peers 1, sources gone 0"));
    }

    @Test
    void aRequestToBroadcastDoesNotMoveWhatThePeerHasAskedByUnicast() throws Exception {
        start("");
        tell("open any " + PORT_OF_ITS_OWN);
        asks("10.9.0.255");
        assertSendLeavesFrom("10.9.0.1");
        asks("10.9.0.2");
        asks("10.9.0.255");
        assertSendLeavesFrom("10.9.0.2");
    }

    @Test
    void aSocketWithThePortOfOneThatIsGoneKnowsNothingOfItsPeers() throws Exception {
        start("");
        tell("open any " + PORT_OF_ITS_OWN);
        asks("10.9.0.2");
        tell("close");
        assertThat(tell("open any " + PORT_OF_ITS_OWN)).isEqualTo(PORT_OF_ITS_OWN);
        assertSendLeavesFrom("10.9.0.1");
    }

    private String sourceOfAnswerToEphemeral(String options) throws Exception {
        start(options);
        String port = tell("open any 0");
        assertThat(client.say("send 10.9.0.2 " + port)).isEqualTo("sent");
        assertThat(tell("receive")).isEqualTo("received");
        assertThat(tell("send")).isEqualTo("sent");
        String source = client.say("await");
        assertThat(tell("close")).isEqualTo("closed");
        return source;
    }

    @Test
    void aSocketWhosePortTheSystemHasChosenIsAClientAndLeftAloneUnlessAllAreMeant() throws Exception {
        assertThat(sourceOfAnswerToEphemeral("")).isEqualTo("10.9.0.1");
        assertThat(sourceOfAnswerToEphemeral("ports=all")).isEqualTo("10.9.0.2");
        assertThat(sourceOfAnswerToEphemeral("ports=1-65535")).isEqualTo("10.9.0.2");
        assertThat(sourceOfAnswerToEphemeral("ports=1-1023")).isEqualTo("10.9.0.1");
    }

    @Test
    void aSocketThatIsBoundToOneAddressIsLeftAlone() throws Exception {
        start("log=sockets");
        tell("open 10.9.0.2 " + PORT_OF_ITS_OWN);
        asks("10.9.0.2");
        assertSendLeavesFrom("10.9.0.2");
        program.awaitErr(line -> line.endsWith("port 7001: left alone, bound or connected to one address"));
        awaitBean("Sockets", "0");
    }

    private String failure(String options, String route) throws Exception {
        start(options);
        tell("open any " + PORT_OF_ITS_OWN);
        asks("10.9.0.2");
        hosts.in("server", "ip route add " + route + " 10.9.0.100/32");
        String failure = tell("send");
        hosts.in("server", "ip route del " + route + " 10.9.0.100/32");
        tell("close");
        assertThat(client.say("silence")).isEqualTo("nothing");
        return failure;
    }

    @ParameterizedTest
    @ValueSource(strings = {"unreachable", "prohibit", "blackhole"})
    void whatCannotBeSentFailsAsWithoutTheAgent(String route) throws Exception {
        String stock = failure(null, route);
        assertThat(stock).contains("Exception");
        assertThat(failure("", route)).isEqualTo(stock);
    }
}
