package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pktinfo.it.support.TwoHosts;

/**
 * Service addresses on a dummy interface, as hosts with anycast have them. Not every kernel has such interfaces, so the
 * build's tests do not include this class: see src/test/kernels.
 */
@Timeout(60)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DummyCheck extends TwoHosts {
    @BeforeEach
    void connectToADummyInterface() throws Exception {
        connect();
        hosts.together(() -> {
            hosts.in("server", "ip link add d0 type dummy");
            hosts.in("server", "ip link set d0 addrgenmode none up");
            hosts.address("server", "d0", "10.50.0.1/24", "10.50.0.2/24", "fd50::1/64", "fd50::2/64");
            hosts.in("client", "ip route add 10.50.0.0/24 via 10.9.0.1");
            hosts.in("client", "ip route add fd50::/64 via fd00:9::1");
        });
    }

    @AfterEach
    void remove() {
        hosts.in("server", "ip link del d0");
    }

    @ParameterizedTest
    @CsvSource({
        "10.50.0.1, 10.50.0.2, 10.9.0.1",
        "fd50::1, fd50::2, fd00:9::",
    })
    void everyAliasAnswersForItselfWhereTheSystemsChoiceIsAnother(String one, String two, String systems)
            throws Exception {
        assertAnswered(one, "a0");
        assertAnswered(two, "a0");
        ask(two, two);
        assertThat(server.say("reply system")).isEqualTo("sent");
        assertThat(client.say("await")).startsWith(systems);
    }
}
