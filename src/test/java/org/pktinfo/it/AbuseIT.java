package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pktinfo.Requires;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.Namespaces;
import org.pktinfo.it.support.Opened;

/** Two servers on two hosts that take each other's answers for requests, started by one forged datagram. */
class AbuseIT {
    @RegisterExtension
    final Opened opened = new Opened();

    private Namespaces hosts;

    @BeforeEach
    void connectTwoHosts() {
        Requires.tool("perl");
        hosts = opened.add(new Namespaces());
        hosts.host("one");
        hosts.host("two");
        hosts.cable("one", "e0", "two", "e0");
        hosts.address("one", "e0", "10.7.0.1/24", "fd00:7::1/64");
        hosts.address("two", "e0", "10.7.0.2/24", "fd00:7::2/64");
    }

    private ChildProcess serve(String host, String... options) throws Exception {
        List<String> arguments = new ArrayList<>(Arrays.asList(options));
        arguments.addAll(List.of("--echo", "--quiet", "--stats", "1", "8888"));
        return hosts.serve(host, List.of(ChildProcess.java().toString()), arguments.toArray(String[]::new));
    }

    /**
     * Sends a datagram to the server on host one, with the address and port of the server on host two as its source.
     */
    private void forge(String from, String to, int port) {
        hosts.in("two", "perl -e " + """
                use strict; use Socket qw(:all);
                my ($from, $to, $port) = @ARGV;
                my $family = $from =~ /:/ ? AF_INET6 : AF_INET;
                my ($source, $target) = map { inet_pton($family, $_) } $from, $to;
                my $udp = pack("nnnn", $port, 8888, 13, 0) . "hello";
                if ($family == AF_INET6) {
                    my $pseudo = $source . $target . pack("NxxxC", 13, 17) . $udp;
                    my $sum = unpack("%32n*", $pseudo . (length($pseudo) % 2 ? "\\0" : ""));
                    $sum = ($sum & 0xffff) + ($sum >> 16) while $sum >> 16;
                    substr($udp, 6, 2) = pack("n", ~$sum & 0xffff);
                    socket(my $raw, AF_INET6, SOCK_RAW, 17) or die "raw: $!";
                    bind($raw, sockaddr_in6(0, $source)) or die "bind: $!";
                    send($raw, $udp, 0, sockaddr_in6(0, $target)) or die "send: $!";
                } else {
                    my $ip = pack("CCnnnCCna4a4", 0x45, 0, 33, 0, 0, 64, 17, 0, $source, $target);
                    socket(my $raw, AF_INET, SOCK_RAW, 255) or die "raw: $!";
                    send($raw, $ip . $udp, 0, sockaddr_in(0, $target)) or die "send: $!";
                }
                """.replace('\n', '\t').replace(' ', '\t') + " " + from + " " + to + " " + port);
    }

    /** Returns the last statistics, once two in a row are equal: then no more datagrams are exchanged. */
    private static String quiet(ChildProcess server) throws InterruptedException {
        return server.awaitErr(line -> {
            List<String> all = server.err();
            int last = all.lastIndexOf(line);
            return line.matches("received [1-9].*")
                    && last > 0
                    && all.get(last - 1).equals(line);
        });
    }

    /** Such an exchange is far faster than the limit, so that one of the two servers soon may send no more replies. */
    @ParameterizedTest
    @CsvSource({
        "10.7.0.2, 10.7.0.1, --rate-burst=100",
        "fd00:7::2, fd00:7::1, --rate-burst=10",
        "10.7.0.2, 10.7.0.1, --rate-slip=2"
    })
    void theExchangeDiesDownBecauseItIsFasterThanTheRateLimit(String from, String to, String option) throws Exception {
        try (ChildProcess one = serve("one", "--rate-limit=100", option);
                ChildProcess two = serve("two", "--rate-limit=100", option)) {
            forge(from, to, 8888);
            String last = quiet(one);
            System.out.println("two servers, " + option + ": " + last);
            quiet(two);
            long replied = Long.parseLong(last.replaceAll(".*replied (\\d+).*", "$1"));
            assertThat(replied).isBetween(10L, 10_000L);
        }
    }

    @Test
    void echoAndItsLikeAreNotAnsweredAtAll() throws Exception {
        try (ChildProcess one = serve("one");
                ChildProcess capture = ChildProcess.start(
                        hosts.inside("two", "tcpdump", "-i", "e0", "-n", "-l", "--immediate-mode", "-U", "udp"))) {
            capture.awaitErr(line -> line.contains("listening on e0"));
            for (int port : new int[] {7, 13, 17, 19, 37, 9}) {
                forge("10.7.0.2", "10.7.0.1", port);
            }
            capture.awaitOut(line -> line.contains("10.7.0.1.8888 > 10.7.0.2.9:"));
            assertThat(capture.out().stream().filter(line -> line.contains("IP 10.7.0.1.8888 >")))
                    .as("answers: port 9 discards, and is answered")
                    .hasSize(1);
            assertThat(quiet(one)).startsWith("received 6, replied 1, failed 0");
        }
    }
}
