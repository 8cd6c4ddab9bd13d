package org.pktinfo.it.support;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.pktinfo.Requires;

/**
 * A server with many addresses and a client that sees the source address of each reply.
 *
 * <pre>
 *            +-- a1 10.9.0.100/24 fd00:9::100 --- a0 10.9.0.1/24 .2 .3  fd00:9::1 ::2 ::3 --+
 *   client   |                                                                               | server, lo: 10.99.0.1/32
 *            +-- b1 10.8.0.100/24 fd00:8::100 --- b0 10.8.0.1/24        fd00:8::1          --+             fd99::1/128
 *              both: fe80::100                  both: fe80::1
 * </pre>
 */
public abstract class TwoHosts {
    protected static final String PORT = " 7000";

    public Namespaces hosts;
    public Agent server;
    public Agent client;

    /** The hosts and programs, closed at the end. */
    @RegisterExtension
    public final Opened opened = new Opened();

    /**
     * Makes hosts and programs. Those of an earlier test are kept, as a program takes seconds to start; the network
     * between them is new.
     */
    public void connect() throws Exception {
        if (client == null) {
            start();
        } else {
            pullCables();
            layCables();
        }
        open("DUAL_STACK" + PORT);
        assertThat(client.say("bind any")).isEqualTo("bound");
    }

    private void start() throws Exception {
        hosts = opened.add(new Namespaces());
        List<String> java = java();
        Path unused = Requires.tool(java.get(0));
        hosts.host("client");
        hosts.host("server");
        hosts.in("client", "sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0");
        hosts.in("server", "sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0");
        layCables();
        server = opened.add(new Agent(hosts, "server", java));
        client = opened.add(new Agent(hosts, "client"));
    }

    /** Returns the command that starts the server's JVM, and no other. */
    protected List<String> java() {
        return List.of(ChildProcess.java().toString());
    }

    private void pullCables() {
        String links = hosts.in("client", "ip -o link");
        for (String cable : List.of("a1", "b1")) {
            if (links.contains(" " + cable + "@")) {
                hosts.in("client", "ip link del " + cable);
            }
        }
        for (String host : List.of("client", "server")) {
            hosts.in(host, "ip addr flush dev lo scope global");
        }
        hosts.in("server", "ip -4 route flush table main");
        hosts.in("server", "ip -6 route flush table main");
    }

    private void layCables() throws Exception {
        hosts.together(() -> {
            hosts.cable("client", "a1", "server", "a0");
            hosts.cable("client", "b1", "server", "b0");
            hosts.address("client", "a1", "10.9.0.100/24", "fd00:9::100/64", "fe80::100/64");
            hosts.address("client", "b1", "10.8.0.100/24", "fd00:8::100/64", "fe80::100/64");
            hosts.address("server", "a0", "10.9.0.1/24", "10.9.0.2/24", "10.9.0.3/24");
            hosts.address("server", "a0", "fd00:9::1/64", "fd00:9::2/64", "fd00:9::3/64", "fe80::1/64");
            hosts.address("server", "b0", "10.8.0.1/24", "fd00:8::1/64", "fe80::1/64");
            hosts.address("server", "lo", "10.99.0.1/32", "fd99::1/128");
            hosts.in("client", "ip route add 10.99.0.1 via 10.9.0.1");
            hosts.in("client", "ip route add fd99::1 via fd00:9::1");
        });
    }

    /**
     * Opens another channel instead of the present one. Takes the family, the port, and optionally the address and the
     * payload capacity.
     */
    protected void open(String how) throws Exception {
        assertThat(server.say("open " + how)).isEqualTo("open");
    }

    /** Sends a request; the server's report of it must begin as given: destination, local address, interface. */
    protected void ask(String destination, String expected) throws Exception {
        assertThat(client.say("send " + destination + PORT)).isEqualTo("sent");
        assertThat(server.say("receive")).startsWith(expected + " ");
    }

    protected void assertAnsweredFrom(String source) throws Exception {
        assertAnsweredFrom("asked", source);
    }

    protected void assertAnsweredFrom(String policy, String source) throws Exception {
        assertThat(server.say("reply " + policy)).isEqualTo("sent");
        assertThat(client.say("await")).isEqualTo(source);
    }

    protected void assertAnswered(String destination, String interfaceName) throws Exception {
        ask(destination, destination + " " + destination + " " + interfaceName);
        assertAnsweredFrom(destination);
    }

    protected void assertNotAnswered(String policy, String kind, String source) throws Exception {
        assertThat(server.say("reply " + policy))
                .startsWith(kind + " sendmsg: E")
                .contains("source " + source);
        assertThat(client.say("silence")).isEqualTo("nothing");
    }

    /** Routes the client's datagrams to the destination over one of its interfaces. */
    protected void route(String destination, String interfaceName) {
        hosts.in("client", "ip route replace " + destination + " dev " + interfaceName);
    }

    /** Does the same for an IPv6 group: if it is wider than a link, the kernel ignores its scope. */
    protected void routeIpv6(String group, String interfaceName) {
        hosts.in("client", "ip -6 route flush " + group + " table local");
        hosts.in("client", "ip -6 route add " + group + " dev " + interfaceName + " table local");
    }

    /** Adds client addresses that the server has no route to; from then on the client sends from the one given. */
    protected void askFromAFarAddress(String from) throws Exception {
        hosts.address("client", "lo", from);
        assertThat(client.say("bind " + from)).isEqualTo("bound");
    }
}
