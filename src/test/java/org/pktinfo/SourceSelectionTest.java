package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.pktinfo.Loopback.address;
import static org.pktinfo.Source.ControlMessage.IN6_PKTINFO;
import static org.pktinfo.Source.ControlMessage.IN_PKTINFO;
import static org.pktinfo.Source.ControlMessage.NONE;

import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pktinfo.SendException.Kind;

/** The rule by itself, without any socket. */
class SourceSelectionTest {
    private static final int ARRIVAL = 7;

    private static PacketInfo info(String destination, String local, boolean in, boolean in6) throws IOException {
        return new PacketInfo(address(destination), address(local), ARRIVAL, in, in6, in6, false);
    }

    private static Endpoint peer(String literal) throws IOException {
        return new Endpoint(address(literal), 4711);
    }

    private static final PacketInfo NOTHING =
            new PacketInfo(IpAddress.UNSPECIFIED, IpAddress.UNSPECIFIED, 0, false, false, false, false);

    @ParameterizedTest(name = "{0} asked {1}")
    @CsvSource({
        // peer, header destination, local address, in_pktinfo, in6_pktinfo -> form, source, interface
        "192.0.2.1, 192.0.2.9, 192.0.2.9, true, true, IN_PKTINFO, 192.0.2.9, 0",
        "192.0.2.1, 192.0.2.9, 192.0.2.9, true, false, IN_PKTINFO, 192.0.2.9, 0",
        "192.0.2.1, 192.0.2.9, 192.0.2.9, false, true, IN_PKTINFO, 192.0.2.9, 0",
        "192.0.2.1, 192.0.2.255, 192.0.2.8, true, true, IN_PKTINFO, 192.0.2.8, 0",
        "192.0.2.1, 239.1.2.3, 192.0.2.8, true, true, IN_PKTINFO, 192.0.2.8, 0",
        "169.254.1.1, 169.254.1.2, 169.254.1.2, true, true, IN_PKTINFO, 169.254.1.2, 0",
        "2001:db8::1, 2001:db8::9, 2001:db8::9, false, true, IN6_PKTINFO, 2001:db8::9, 0",
        "fe80::1, fe80::9, fe80::9, false, true, IN6_PKTINFO, fe80::9, 7",
        "fe80::1, 2001:db8::9, 2001:db8::9, false, true, IN6_PKTINFO, 2001:db8::9, 7",
        "2001:db8::1, fe80::9, fe80::9, false, true, IN6_PKTINFO, fe80::9, 7",
        "2001:db8::1, ff15::9, ::, false, true, IN6_PKTINFO, ::, 7"
    })
    void theRequestDestinationAnswers(
            String peer,
            String destination,
            String local,
            boolean in,
            boolean in6,
            String form,
            String source,
            int index)
            throws IOException {
        assertThat(SourceSelection.requestDestination().select(peer(peer), info(destination, local, in, in6)))
                .isEqualTo(new Source(Source.ControlMessage.valueOf(form), address(source), index));
    }

    @Test
    void withoutUsablePacketInformationNothingIsGuessed() throws IOException {
        PacketInfo whole = info("192.0.2.9", "192.0.2.9", true, true);
        PacketInfo cut =
                new PacketInfo(whole.destination(), whole.local(), whole.interfaceIndex(), true, true, true, true);
        for (PacketInfo unusable : new PacketInfo[] {
            NOTHING, cut, info("192.0.2.255", "0.0.0.0", true, true), info("239.1.2.3", "::", false, true)
        }) {
            for (SourceSelection selection :
                    new SourceSelection[] {SourceSelection.requestDestination(), SourceSelection.interfacePinned()}) {
                SendException e =
                        catchThrowableOfType(SendException.class, () -> selection.select(peer("192.0.2.1"), unusable));
                assertThat(e).as("%s", unusable).isNotNull();
                assertThat(e.kind()).isEqualTo(Kind.NO_SOURCE);
                assertThat(e).hasMessageContaining("192.0.2.1:4711");
            }
        }
        assertThatThrownBy(() -> SourceSelection.requestDestination().select(peer("2001:db8::1"), NOTHING))
                .isInstanceOf(SendException.class);
        assertThatThrownBy(() -> SourceSelection.requestDestination().select(peer("2001:db8::1"), whole))
                .isInstanceOf(SendException.class);
    }

    @Test
    void pinningKeepsTheArrivalInterface() throws IOException {
        assertThat(SourceSelection.interfacePinned()
                        .select(peer("192.0.2.1"), info("192.0.2.9", "192.0.2.9", true, true)))
                .isEqualTo(new Source(IN_PKTINFO, address("192.0.2.9"), ARRIVAL));
        assertThat(SourceSelection.interfacePinned()
                        .select(peer("2001:db8::1"), info("2001:db8::9", "2001:db8::9", false, true)))
                .isEqualTo(new Source(IN6_PKTINFO, address("2001:db8::9"), ARRIVAL));
    }

    @Test
    void theSystemsChoiceCarriesNoControlMessage() throws IOException {
        assertThat(SourceSelection.systemChoice().select(peer("192.0.2.1"), NOTHING))
                .isEqualTo(new Source(NONE, IpAddress.UNSPECIFIED, 0));
    }

    @Test
    void in6PktinfoFirstSendsBackWhatCame() throws IOException {
        SourceSelection articles = SourceSelection.in6PktinfoFirst();
        assertThat(articles.select(peer("192.0.2.1"), info("192.0.2.9", "192.0.2.9", true, true)))
                .isEqualTo(new Source(IN6_PKTINFO, address("192.0.2.9"), ARRIVAL));
        assertThat(articles.select(peer("192.0.2.1"), info("192.0.2.9", "192.0.2.9", true, false)))
                .isEqualTo(new Source(IN_PKTINFO, address("192.0.2.9"), ARRIVAL));
    }

    @ParameterizedTest
    @CsvSource({"0.0.0.0", "::", "239.1.2.3", "255.255.255.255", "ff02::1"})
    void aFixedSourceMustBeUnicast(String literal) throws IOException {
        IpAddress unusable = address(literal);
        assertThatThrownBy(() -> SourceSelection.fixed(unusable))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(literal);
    }

    @Test
    void aSourceWhosePartsDoNotFitTogetherIsRefused() throws IOException {
        IpAddress ipv6 = address("2001:db8::1");
        assertThatThrownBy(() -> new Source(IN_PKTINFO, ipv6, 0)).hasMessageContaining("2001:db8::1");
        assertThatThrownBy(() -> new Source(NONE, ipv6, 0)).hasMessageContaining("2001:db8::1");
        assertThatThrownBy(() -> Source.of(ipv6, -1)).hasMessageContaining("-1");
    }
}
