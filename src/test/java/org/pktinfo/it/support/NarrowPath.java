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
        lay(hosts, "client", "c0", "server");
        server = opened.add(new Agent(hosts, "server", jvm.command()));
        client = opened.add(new Agent(hosts, "client"));
    }

    /** Connects one host to the narrow side of the router, by a device of the given name, and another to the wide. */
    public static void lay(Namespaces hosts, String narrow, String device, String wide) throws Exception {
        hosts.in("router", "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
        hosts.together(() -> {
            hosts.cable(narrow, device, "router", "narrow");
            hosts.cable(wide, "s0", "router", "wide");
            hosts.in(narrow, "ip link set " + device + " mtu 1280");
            hosts.in("router", "ip link set narrow mtu 1280");
            hosts.address(narrow, device, "10.1.0.2/24", "fd01::2/64", "fe80::2/64");
            hosts.address("router", "narrow", "10.1.0.1/24", "fd01::1/64", "fe80::1/64");
            hosts.address("router", "wide", "10.2.0.1/24", "fd02::1/64", "fe80::1/64");
            hosts.address(wide, "s0", "10.2.0.2/24", "fd02::2/64", "fe80::2/64");
            hosts.in(narrow, "ip route add default via 10.1.0.1");
            hosts.in(narrow, "ip route add default via fd01::1");
            hosts.in(wide, "ip route add default via 10.2.0.1");
            hosts.in(wide, "ip route add default via fd02::1");
        });
    }
}
