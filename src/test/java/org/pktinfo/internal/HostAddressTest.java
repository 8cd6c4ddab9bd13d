package org.pktinfo.internal;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.Environment;
import org.pktinfo.IpAddress;
import org.pktinfo.Loopback;
import org.pktinfo.internal.HostAddress.Answer;

/** The addresses that are this host's. Cases that depend on its interfaces and settings are tested in namespaces. */
class HostAddressTest {
    private static Answer ask(IpAddress address, int interfaceIndex) {
        return HostAddress.ask(address.high(), address.low(), interfaceIndex);
    }

    @ParameterizedTest
    @CsvSource({
        "127.0.0.1, LOCAL",
        "127.0.0.9, LOCAL",
        "127.255.255.255, BROADCAST",
        "255.255.255.255, BROADCAST",
        "224.0.0.1, FOREIGN",
        "0.0.0.0, FOREIGN",
        "192.0.2.1, FOREIGN"
    })
    void anIpv4AddressIsWhatTheRoutingTableSays(String address, Answer expected) throws IOException {
        assertThat(ask(Loopback.address(address), 0)).isEqualTo(expected);
        assertThat(Loopback.address(address).isLocal()).isEqualTo(expected == Answer.LOCAL);
    }

    @ParameterizedTest
    @CsvSource({"::1, LOCAL", "::, FOREIGN", "ff02::1, FOREIGN", "2001:db8::1, FOREIGN"})
    void soIsAnIpv6Address(String address, Answer expected) throws IOException {
        Environment.assumeIpv6();
        assertThat(ask(Loopback.address(address), 0)).isEqualTo(expected);
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.9", "192.0.2.1"})
    void anInterfaceThatThereIsNotChangesNothing(String address) throws IOException {
        IpAddress asked = Loopback.address(address);
        assertThat(ask(asked, 999_999)).isEqualTo(ask(asked, 0));
    }

    @Test
    void theWayIsNamed() {
        assertThat(HostAddress.way()).isEqualTo("the routing table");
    }
}
