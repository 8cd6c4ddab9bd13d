package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.IpAddress;
import org.pktinfo.it.support.ArticleHosts;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.Namespaces;
import org.pktinfo.it.support.Opened;

/** The addresses that a server takes for its own, and those that no host can have. */
@Timeout(60)
class OwnAddressIT {
    /** Prints for each address whether it is this host's. */
    static final class Program {
        public static void main(String[] arguments) throws Exception {
            for (String address : arguments) {
                System.out.println(address + " "
                        + IpAddress.of(InetAddress.getByName(address)).isLocal());
            }
        }
    }

    @RegisterExtension
    final Opened opened = new Opened();

    private Namespaces hosts;

    @BeforeEach
    void connectTwoHosts() throws Exception {
        hosts = opened.add(new Namespaces());
        hosts.together(() -> {
            hosts.host("server");
            hosts.host("client");
            hosts.cable("server", "e0", "client", "e1");
            hosts.cable("server", "f0", "client", "f1");
            hosts.address("server", "e0", "10.7.0.1/24", "fd00:7::1/64", "fe80::1/64");
            hosts.address("server", "f0", "fe80::2/64");
            hosts.address("client", "e1", "10.7.0.2/24", "fd00:7::2/64");
        });
    }

    private void nonlocalBind() {
        hosts.in("server", "sysctl -qw net.ipv4.ip_nonlocal_bind=1 net.ipv6.ip_nonlocal_bind=1");
    }

    private void assertLocal(boolean local, String... addresses) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                ChildProcess.java().toString(), "-cp", System.getProperty("java.class.path"), Program.class.getName()));
        command.addAll(Arrays.asList(addresses));
        ChildProcess child = ChildProcess.run(hosts.inside("server", command.toArray(String[]::new)));
        assertThat(child.out())
                .as("%s", child)
                .containsExactlyElementsOf(Arrays.stream(addresses)
                        .map(address -> address + " " + local)
                        .toList());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void anAddressIsTheHostsIfTheRoutingTableSaysSoWhateverMayBeBound(boolean nonlocal) throws Exception {
        if (nonlocal) {
            nonlocalBind();
        }
        hosts.in("server", "ip route add local 198.51.100.0/24 dev lo");
        hosts.in("server", "ip -6 route add local 2001:db8:51::/64 dev lo");
        assertLocal(
                true,
                "10.7.0.1",
                "127.0.0.9",
                "198.51.100.77",
                "fd00:7::1",
                "2001:db8:51::77",
                "fe80::1%e0",
                "fe80::2%f0");
        assertLocal(
                false, "10.7.0.2", "10.7.0.255", "192.0.2.1", "fd00:7::2", "2001:db8::1", "fe80::1%f0", "fe80::2%e0");
    }

    private ChildProcess serve(String... options) throws Exception {
        List<String> arguments = new ArrayList<>(Arrays.asList(options));
        arguments.add("8888");
        return hosts.serve("server", List.of(ChildProcess.java().toString()), arguments.toArray(String[]::new));
    }

    /** NTP, IKE, SIP and DHCP relays send from the server's own port. */
    @ParameterizedTest
    @ValueSource(strings = {"10.7.0.1", "fd00:7::1"})
    void aClientWithTheServersOwnPortIsAnsweredWhereEveryAddressMayBeBound(String address) throws Exception {
        nonlocalBind();
        try (ChildProcess server = serve()) {
            ChildProcess client = ChildProcess.run(hosts.inside(
                    "client", "bash", "-c", "echo command | nc -u -p 8888 -W 1 -w 5 " + address + " 8888"));
            assertThat(client.out()).as("%s", server).containsExactly(ArticleHosts.RESPONSE);
        }
    }

    private void discover(int port) {
        hosts.in("client", "ip addr flush dev e1");
        hosts.in(
                "client",
                "perl -e use\tSocket;socket(S,PF_INET,SOCK_DGRAM,17);setsockopt(S,1,6,1);"
                        + "setsockopt(S,1,25,\"e1\\0\");bind(S,sockaddr_in(68,INADDR_ANY));"
                        + "send(S,\"discover\",0,sockaddr_in(" + port + ",INADDR_BROADCAST))||die($!)");
    }

    /** A DHCP client has no address yet; a reply would have gone to the server's own host. */
    @Test
    void aPeerWithoutAnAddressIsNotAnsweredAndThatIsCountedAsSuch() throws Exception {
        try (ChildProcess server = serve("--stats=1")) {
            discover(8888);
            String line = server.awaitErr(each -> each.startsWith("received 1, "));
            assertThat(line)
                    .startsWith("received 1, replied 0, failed 1")
                    .contains("send errors {PEER_UNANSWERABLE=1}");
        }
    }

    @Test
    void aSocketThatAnswersAPeerWithoutAnAddressIsToldThatItCannot() throws Exception {
        try (ChildProcess server = ChildProcess.start(hosts.inside(
                "server",
                ChildProcess.java().toString(),
                "-cp",
                System.getProperty("java.class.path"),
                SocketIT.Echo.class.getName(),
                "ours"))) {
            server.awaitOut("ready"::equals);
            discover(7001);
            assertThat(server.awaitErr(line -> line.contains("Exception")))
                    .contains("no reply can be sent to 0.0.0.0:68, a client that has no address yet");
        }
    }
}
