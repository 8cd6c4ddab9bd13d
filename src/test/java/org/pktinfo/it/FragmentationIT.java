package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pktinfo.Requires;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.Jvm;
import org.pktinfo.it.support.NarrowPath;

/** The effects on the wire of each {@link org.pktinfo.Fragmentation}. */
@Timeout(120)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class FragmentationIT extends NarrowPath {
    private static final String IPV4 = "10.1.0.2";
    private static final String IPV6 = "fd01::2";

    /** An ICMP report as a router's of MTU 552, for a datagram from 10.2.0.2, port 7000, to the given address. */
    private static final String FORGER = """
            use Socket;
            my ($peer) = @ARGV;
            sub checksum {
                my $sum = 0;
                $sum += $_ for unpack("n*", $_[0]);
                $sum = ($sum & 0xffff) + ($sum >> 16) for 1, 2;
                return ~$sum & 0xffff;
            }
            my $quoted = pack("CCnnnCCna4a4nnnn", 0x45, 0, 1028, 1, 0x4000, 64, 17, 0,
                inet_aton("10.2.0.2"), inet_aton($peer), 7000, 7001, 1008, 0);
            my $report = pack("CCnnn", 3, 4, 0, 0, 552) . $quoted;
            substr($report, 2, 2) = pack("n", checksum($report));
            socket(my $raw, AF_INET, SOCK_RAW, 1) or die "socket: $!";
            send($raw, $report, 0, sockaddr_in(0, inet_aton("10.2.0.2"))) or die "send: $!";
            """;

    private ChildProcess wire;
    private int length = 1; // of the next datagram's payload, different for each so that it can be told apart

    Jvm jvm() {
        return Jvm.JDK17;
    }

    @BeforeAll
    void connectHosts() throws Exception {
        connect(jvm());
        Path unused = Requires.tool("tcpdump");
        hosts.address("client", "c0", "10.1.0.3/24", "10.1.0.4/24");
        assertThat(client.say("open DUAL_STACK 7001")).isEqualTo("open");
        wire = opened.add(ChildProcess.start(hosts.inside(
                "router", "tcpdump", "-i", "wide", "-Q", "in", "-n", "-v", "-l", "--immediate-mode", "-U")));
        wire.awaitErr(line -> line.contains("listening on wide"));
    }

    private void open(String family, String fragmentation) throws Exception {
        String any = family.equals("IPV4") ? "0.0.0.0" : "::";
        assertThat(server.say("tuned " + family + " " + any + " 7000 FRAGMENTATION=" + fragmentation))
                .isEqualTo("open");
    }

    private String emit(String peer, int bytes) throws Exception {
        return server.say("emit-long " + peer + " 7001 " + bytes);
    }

    private String mtu(String peer) {
        String route = hosts.in("server", "ip route get " + peer);
        return route.contains(" mtu ") ? route.replaceAll("(?s).* mtu (\\d+).*", "$1") : "the interface's";
    }

    /** Lets the server learn the path MTU from the router's report. */
    private void learn(String peer) throws Exception {
        open("DUAL_STACK", "WANT");
        assertThat(emit(peer, 1440)).isEqualTo("sent");
        awaitMtu(peer, "1280");
    }

    private void awaitMtu(String peer, String expected) {
        long deadline = System.nanoTime() + 20_000_000_000L;
        while (!mtu(peer).equals(expected) && System.nanoTime() < deadline) {
            Thread.onSpinWait();
        }
        assertThat(mtu(peer)).as("path MTU to %s", peer).isEqualTo(expected);
    }

    /**
     * Sends a datagram of a new length and returns its form on the wire: "whole", with "DF" if the don't-fragment bit
     * is set, or the number of bytes of a fragment; or the kind of exception.
     */
    private String form(String peer, int atLeast) throws Exception {
        int bytes = atLeast + length++;
        String said = emit(peer, bytes);
        if (!said.equals("sent")) {
            return said.replaceAll(" .*", "");
        }
        int datagram = bytes + 8;
        return peer.contains(":") ? ipv6Form(datagram) : ipv4Form(datagram);
    }

    private String ipv4Form(int datagram) throws InterruptedException {
        String whole = "proto UDP (17), length " + (datagram + 20);
        String by1280 = "offset 1256, flags [none], proto UDP (17), length " + (datagram - 1256 + 20);
        String by1500 = "offset 1480, flags [none], proto UDP (17), length " + (datagram - 1480 + 20);
        String line = wire.awaitOut(
                text -> List.of(whole, by1280, by1500).stream().anyMatch(each -> text.contains(each + ")")));
        if (!line.contains(whole + ")")) {
            return line.contains(by1280) ? "1280" : "1500";
        }
        return line.contains("flags [DF]") ? "whole DF" : "whole";
    }

    private String ipv6Form(int datagram) throws InterruptedException {
        String whole = "next-header UDP (17) payload length: " + datagram;
        String by1280 = "next-header Fragment (44) payload length: " + (datagram - 1232 + 8);
        String by1500 = "next-header Fragment (44) payload length: " + (datagram - 1448 + 8);
        String line = wire.awaitOut(
                text -> List.of(whole, by1280, by1500).stream().anyMatch(each -> text.contains(each + ")")));
        if (line.contains(whole + ")")) {
            return "whole";
        }
        return line.contains(by1280) ? "1280" : "1500";
    }

    /** Sends a datagram that all links take, one that the narrow link does not, and one that the interface does not. */
    @ParameterizedTest
    @CsvSource({
        "DUAL_STACK, SYSTEM, whole DF, 1280, 1280",
        "DUAL_STACK, WANT, whole DF, 1280, 1280",
        "DUAL_STACK, DO, whole DF, MESSAGE_TOO_LONG, MESSAGE_TOO_LONG",
        "DUAL_STACK, PROBE, whole DF, whole DF, MESSAGE_TOO_LONG",
        "DUAL_STACK, INTERFACE, whole, whole, MESSAGE_TOO_LONG",
        "DUAL_STACK, OMIT, whole, whole, 1500",
        "DUAL_STACK, DONT, whole, 1280, 1280",
        "IPV4, SYSTEM, whole DF, 1280, 1280",
        "IPV4, WANT, whole DF, 1280, 1280",
        "IPV4, DO, whole DF, MESSAGE_TOO_LONG, MESSAGE_TOO_LONG",
        "IPV4, PROBE, whole DF, whole DF, MESSAGE_TOO_LONG",
        "IPV4, INTERFACE, whole, whole, MESSAGE_TOO_LONG",
        "IPV4, OMIT, whole, whole, 1500",
        "IPV4, DONT, whole, 1280, 1280"
    })
    void eachValueHasItsEffectOverIpv4(String family, String value, String fits, String path, String link)
            throws Exception {
        learn(IPV4);
        open(family, value);
        assertThat(server.say("get FRAGMENTATION")).isEqualTo(value);
        assertThat(form(IPV4, 1100)).isEqualTo(fits);
        assertThat(form(IPV4, 1300)).isEqualTo(path);
        assertThat(form(IPV4, 1550)).isEqualTo(link);
    }

    @ParameterizedTest
    @CsvSource({
        "DUAL_STACK, SYSTEM, 1280, 1280",
        "DUAL_STACK, WANT, 1280, 1280",
        "DUAL_STACK, DO, MESSAGE_TOO_LONG, MESSAGE_TOO_LONG",
        "DUAL_STACK, PROBE, whole, MESSAGE_TOO_LONG",
        "DUAL_STACK, INTERFACE, whole, MESSAGE_TOO_LONG",
        "DUAL_STACK, OMIT, whole, 1500",
        "DUAL_STACK, DONT, 1280, 1280",
        "IPV6, SYSTEM, 1280, 1280",
        "IPV6, WANT, 1280, 1280",
        "IPV6, DO, MESSAGE_TOO_LONG, MESSAGE_TOO_LONG",
        "IPV6, PROBE, whole, MESSAGE_TOO_LONG",
        "IPV6, INTERFACE, whole, MESSAGE_TOO_LONG",
        "IPV6, OMIT, whole, 1500",
        "IPV6, DONT, 1280, 1280"
    })
    void eachValueHasItsEffectOverIpv6(String family, String value, String path, String link) throws Exception {
        learn(IPV6);
        open(family, value);
        assertThat(form(IPV6, 1000)).isEqualTo("whole");
        assertThat(form(IPV6, 1300)).isEqualTo(path);
        assertThat(form(IPV6, 1550)).isEqualTo(link);
    }

    /** A long datagram arrives where a router may fragment it, or this host does. */
    @ParameterizedTest
    @CsvSource({
        "WANT, 10.1.0.2, arrives", "WANT, fd01::2, arrives",
        "OMIT, 10.1.0.2, arrives", "OMIT, fd01::2, lost",
        "INTERFACE, 10.1.0.2, arrives", "INTERFACE, fd01::2, lost",
        "DONT, 10.1.0.2, arrives", "DONT, fd01::2, arrives",
        "PROBE, 10.1.0.2, lost", "PROBE, fd01::2, lost"
    })
    void whatIsLongerThanThePathArrivesOrNot(String value, String peer, String fate) throws Exception {
        learn(peer);
        String ofAnotherTest;
        do {
            ofAnotherTest = client.say("unasked");
        } while (!ofAnotherTest.equals("nothing"));
        open("DUAL_STACK", value);
        assertThat(emit(peer, 1400)).isEqualTo("sent");
        if (fate.equals("lost")) {
            assertThat(client.say("unasked")).isEqualTo("nothing");
        } else {
            assertThat(client.say("receive")).startsWith(peer + " ");
            assertThat(client.say("details")).startsWith("1400 of 1400 bytes");
        }
    }

    /** Switched back, the system's setting is in effect again in both families. */
    @Test
    void systemRestoresWhatWasThere() throws Exception {
        learn(IPV4);
        learn(IPV6);
        for (String value : new String[] {"DO", "PROBE", "INTERFACE", "OMIT", "DONT"}) {
            open("DUAL_STACK", value);
            assertThat(server.say("set FRAGMENTATION=SYSTEM")).isEqualTo("set");
            assertThat(server.say("get FRAGMENTATION")).isEqualTo("SYSTEM");
            assertThat(form(IPV4, 1300)).as(value).isEqualTo("1280");
            assertThat(form(IPV4, 1100)).as(value).isEqualTo("whole DF");
            assertThat(form(IPV6, 1300)).as(value).isEqualTo("1280");
        }
    }

    @Test
    void theSystemsSettingIsThatOfTheHost() throws Exception {
        hosts.in("server", "sysctl -qw net.ipv4.ip_no_pmtu_disc=1");
        try {
            open("DUAL_STACK", "DO");
            assertThat(server.say("set FRAGMENTATION=SYSTEM")).isEqualTo("set");
            assertThat(form(IPV4, 1100)).isEqualTo("whole");
        } finally {
            hosts.in("server", "sysctl -qw net.ipv4.ip_no_pmtu_disc=0");
        }
    }

    /** Anybody who guesses the two ports can forge a report; the sockets of this test differ in nothing else. */
    @Test
    void aForgedReportReducesThePathMtuUnlessItIsIgnored() throws Exception {
        Requires.tool("perl");
        for (String ignoring : new String[] {"OMIT", "INTERFACE"}) {
            open("DUAL_STACK", ignoring);
            forge("10.1.0.4");
            assertThat(mtu("10.1.0.4")).as(ignoring).isEqualTo("the interface's");
            assertThat(form("10.1.0.4", 1300)).as(ignoring).isEqualTo("whole");
        }
        open("DUAL_STACK", "WANT");
        forge("10.1.0.3");
        awaitMtu("10.1.0.3", "552");
    }

    /** Sends the report and waits until the server's kernel has counted it as a valid one. */
    private void forge(String peer) throws Exception {
        int before = reports();
        ChildProcess forger = ChildProcess.run(hosts.inside("client", "perl", "-e", FORGER, peer));
        assertThat(forger.exitCode()).as("%s", forger).isZero();
        long deadline = System.nanoTime() + 20_000_000_000L;
        while (reports() == before && System.nanoTime() < deadline) {
            Thread.onSpinWait();
        }
        assertThat(reports()).isEqualTo(before + 1);
    }

    /** Returns the number of valid ICMP reports of type "destination unreachable" that the server has received. */
    private int reports() {
        List<String> lines = hosts.in("server", "cat /proc/net/snmp")
                .lines()
                .filter(line -> line.startsWith("Icmp: "))
                .toList();
        int column = List.of(lines.get(0).split(" ", -1)).indexOf("InDestUnreachs");
        return Integer.parseInt(lines.get(1).split(" ", -1)[column]);
    }
}
