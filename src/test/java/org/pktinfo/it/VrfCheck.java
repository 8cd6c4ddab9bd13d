package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.it.support.Agent;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.TwoHosts;

/**
 * A server whose interface a0 belongs to a VRF, a routing table of its own. Not every kernel has VRFs, so the build's
 * tests do not include this class: see src/test/kernels.
 */
@Timeout(60)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class VrfCheck extends TwoHosts {
    private Agent inVrf; // all of its sockets are bound to the VRF

    @BeforeEach
    void moveTheInterfaceIntoAVrf() throws Exception {
        connect();
        if (inVrf == null) {
            hosts.in("server", "ip link add red type vrf table 10");
            hosts.in("server", "ip link set red up");
            hosts.in("server", "ip route add unreachable 0.0.0.0/0 table 10 metric 4278198272");
            hosts.in("server", "ip route add unreachable ::/0 table 10 metric 4278198272");
            inVrf = opened.add(new Agent(
                    hosts,
                    "server",
                    List.of("ip", "vrf", "exec", "red", ChildProcess.java().toString())));
        }
        hosts.in("server", "ip link set a0 master red");
        // The move removes the IPv6 addresses.
        hosts.together(
                () -> hosts.address("server", "a0", "fd00:9::1/64", "fd00:9::2/64", "fd00:9::3/64", "fe80::1/64"));
    }

    /**
     * An unbound socket receives from every VRF; a reply without an interface is routed outside of all of them, where
     * its source is unknown.
     */
    @ParameterizedTest
    @CsvSource({
        "10.9.0.2, ENETUNREACH",
        "fd00:9::2, EINVAL",
    })
    void behindAnUnboundSocketTheDefaultIsRefusedAndThePinnedInterfaceIsRight(String destination, String errno)
            throws Exception {
        hosts.in("server", "sysctl -qw net.ipv4.udp_l3mdev_accept=1");
        ask(destination, destination + " " + destination + " a0");
        assertThat(server.say("reply asked"))
                .startsWith("SOURCE_UNUSABLE sendmsg: " + errno + " ")
                .contains("source " + destination);
        assertThat(client.say("silence")).isEqualTo("nothing");
        assertAnsweredFrom("pinned", destination);
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.9.0.2", "fd00:9::2"})
    void withoutThePermissionAnUnboundSocketReceivesNothing(String destination) throws Exception {
        hosts.in("server", "sysctl -qw net.ipv4.udp_l3mdev_accept=0");
        assertThat(client.say("send " + destination + PORT)).isEqualTo("sent");
        assertThat(server.say("unasked")).isEqualTo("nothing");
    }

    @ParameterizedTest
    @CsvSource({
        "10.9.0.2, 10.9.0.2",
        "fd00:9::2, fd00:9::2",
        "fe80::1%a1, fe80::1%a0",
    })
    void aSocketBoundToTheVrfAnswersRight(String destination, String local) throws Exception {
        assertThat(inVrf.say("open DUAL_STACK 7001")).isEqualTo("open");
        for (String policy : List.of("asked", "pinned")) {
            assertThat(client.say("send " + destination + " 7001")).isEqualTo("sent");
            assertThat(inVrf.say("receive")).startsWith(local + " " + local + " a0 ");
            assertThat(inVrf.say("reply " + policy)).isEqualTo("sent");
            assertThat(client.say("await")).as(policy).isEqualTo(destination);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "10.9.0.2, 10.9.0.2",
        "fd00:9::2, fd00:9::2",
        "fe80::1%a1, fe80::1%a0",
    })
    void aSocketThatItsOptionBindsToTheVrfAnswersRight(String destination, String local) throws Exception {
        assertThat(server.say("tuned DUAL_STACK :: 7000 BIND_TO_DEVICE=red")).isEqualTo("open");
        assertThat(server.say("get BIND_TO_DEVICE")).isEqualTo("red");
        for (String policy : List.of("asked", "pinned")) {
            ask(destination, local + " " + local + " a0");
            assertAnsweredFrom(policy, destination);
        }
    }
}
