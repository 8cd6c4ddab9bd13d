package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class IpAddressTest {
    @ParameterizedTest
    @CsvSource({
        "192.0.2.1, 192.0.2.1",
        "255.255.255.255, 255.255.255.255",
        "0:0:0:0:0:0:0:0, ::",
        "0:0:0:0:0:0:0:1, ::1",
        "2001:0DB8:0:0:0:0:0:1, 2001:db8::1",
        "2001:db8:0:1:1:1:1:1, 2001:db8:0:1:1:1:1:1",
        "2001:0:0:1:0:0:0:1, 2001:0:0:1::1",
        "2001:db8:0:0:1:0:0:1, 2001:db8::1:0:0:1",
        "fe80:0:0:0:0:0:0:0, fe80::",
        "0:0:1:0:0:0:0:0, 0:0:1::"
    })
    void theTextIsThatOfRfc5952(String written, String canonical) throws IOException {
        assertThat(Loopback.address(written)).hasToString(canonical);
    }

    @Property
    void anIpv6AddressSurvivesItsTextAndTheJdk(@ForAll long high, @ForAll long low) throws UnknownHostException {
        IpAddress address = new IpAddress(high, low, 0);
        assertThat(IpAddress.of(address.toInetAddress())).isEqualTo(address);
        assertThat(IpAddress.of(InetAddress.getByName(address.toString()))).isEqualTo(address);
    }

    @Property
    void anIpv4AddressSurvivesItsTextAndTheJdk(@ForAll int number) throws UnknownHostException {
        IpAddress address = IpAddress.ipv4(number);
        assertThat(address.isIpv4()).isTrue();
        assertThat(address.toInetAddress().getAddress())
                .isEqualTo(ByteBuffer.allocate(4).putInt(number).array());
        assertThat(IpAddress.of(InetAddress.getByName(address.toString()))).isEqualTo(address);
    }

    @Property
    void classificationAgreesWithTheJdk(@ForAll long high, @ForAll long low, @ForAll int ipv4)
            throws UnknownHostException {
        for (IpAddress address : new IpAddress[] {
            new IpAddress(high, low, 0),
            new IpAddress(0xfe80L << 48 | high >>> 10, low, 0),
            new IpAddress(0xff02L << 48, low, 0),
            IpAddress.ipv4(ipv4),
            IpAddress.ipv4(0xa9fe0000 | ipv4 >>> 16)
        }) {
            InetAddress jdk = address.toInetAddress();
            assertThat(address.isMulticast()).as("%s", jdk).isEqualTo(jdk.isMulticastAddress());
            assertThat(address.isLinkLocal()).as("%s", jdk).isEqualTo(jdk.isLinkLocalAddress());
            assertThat(address.isUnspecified()).as("%s", jdk).isEqualTo(jdk.isAnyLocalAddress());
        }
    }

    @Test
    void aScopeIsKeptAndShown() throws IOException {
        IpAddress address = Loopback.address("fe80::1%1");
        assertThat(address.scopeId()).isEqualTo(1);
        assertThat(address).hasToString("fe80::1%1");
        assertThat(IpAddress.of(address.toInetAddress())).isEqualTo(address);
    }

    private static InetAddress scoped(String literal) throws IOException {
        return Inet6Address.getByAddress(null, InetAddress.getByName(literal).getAddress(), 7);
    }

    /** The JDK gives every address of an interface a scope, and takes two that differ in nothing else for equal. */
    @ParameterizedTest
    @ValueSource(strings = {"2001:db8::1", "fd00::1", "fec0::1", "::1", "::", "ff05::1", "ff0e::1", "ff15::9"})
    void aScopeThatMeansNothingIsDropped(String literal) throws IOException {
        assertThat(IpAddress.of(scoped(literal))).isEqualTo(Loopback.address(literal));
        assertThat(Endpoint.of(new InetSocketAddress(scoped(literal), 9)))
                .isEqualTo(new Endpoint(Loopback.address(literal), 9));
    }

    @ParameterizedTest
    @ValueSource(strings = {"fe80::1", "febf::1", "ff02::1", "ff12::1", "ff01::1", "ff11::1"})
    void aScopeThatIsPartOfTheAddressIsKept(String literal) throws IOException {
        assertThat(IpAddress.of(scoped(literal))).hasToString(literal + "%7");
        assertThat(Endpoint.of(new InetSocketAddress(scoped(literal), 9)))
                .isNotEqualTo(new Endpoint(Loopback.address(literal), 9));
    }

    @Test
    void anEndpointIsWrittenAsUsual() throws IOException {
        assertThat(new Endpoint(Loopback.address("192.0.2.1"), 8888)).hasToString("192.0.2.1:8888");
        assertThat(new Endpoint(Loopback.address("2001:db8::1"), 8888)).hasToString("[2001:db8::1]:8888");
        InetSocketAddress jdk = new InetSocketAddress("127.0.0.1", 1);
        assertThat(Endpoint.of(jdk).toSocketAddress()).isEqualTo(jdk);
    }

    @Test
    void aPortOutOfRangeOrAnUnresolvedNameIsRefused() {
        assertThatThrownBy(() -> new Endpoint(IpAddress.UNSPECIFIED, 65_536)).hasMessageContaining("65536");
        assertThatThrownBy(() -> new Endpoint(IpAddress.UNSPECIFIED, -1)).hasMessageContaining("-1");
        assertThatThrownBy(() -> Endpoint.of(InetSocketAddress.createUnresolved("nowhere.invalid", 1)))
                .hasMessageContaining("nowhere.invalid");
    }
}
