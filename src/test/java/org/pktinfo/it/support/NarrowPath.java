package org.pktinfo.it.support;

import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * A server and a client on a path with a link whose MTU is smaller than that of the server's interface.
 *
 * <pre>
 *   client --- 10.1.0.1/24 fd01::1, MTU 1280 - router - 10.2.0.1/24 fd02::1, MTU 1500 --- server
 * </pre>
 */
public abstract class NarrowPath {
    protected Namespaces hosts;
    protected Agent server;
    protected Agent client;

    /** The hosts and programs, closed at the end. */
    @RegisterExtension
    public final Opened opened = new Opened();

    /** Makes the hosts and the programs, the server's in the given JVM. */
    protected void connect(Jvm jvm) throws Exception {
        hosts = opened.add(new Namespaces());
        for (String host : new String[] {"client", "router", "server"}) {
            hosts.host(host);
        }
        hosts.in("router", "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
        hosts.together(() -> {
            hosts.cable("client", "c0", "router", "narrow");
            hosts.cable("server", "s0", "router", "wide");
            hosts.in("client", "ip link set c0 mtu 1280");
            hosts.in("router", "ip link set narrow mtu 1280");
            hosts.address("client", "c0", "10.1.0.2/24", "fd01::2/64", "fe80::2/64");
            hosts.address("router", "narrow", "10.1.0.1/24", "fd01::1/64", "fe80::1/64");
            hosts.address("router", "wide", "10.2.0.1/24", "fd02::1/64", "fe80::1/64");
            hosts.address("server", "s0", "10.2.0.2/24", "fd02::2/64", "fe80::2/64");
            hosts.in("client", "ip route add default via 10.1.0.1");
            hosts.in("client", "ip route add default via fd01::1");
            hosts.in("server", "ip route add default via 10.2.0.1");
            hosts.in("server", "ip route add default via fd02::1");
        });
        server = opened.add(new Agent(hosts, "server", jvm.command()));
        client = opened.add(new Agent(hosts, "client"));
    }
}
