package org.pktinfo.it.support;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/**
 * Changes the addresses, routes and interfaces of the server of {@link TwoHosts}, one gust after the other: the same
 * gusts in the same order for the same seed. It keeps track of the state, so every command must succeed.
 */
public final class Storm {
    /**
     * The addresses that are added and removed. The first address of each interface, which the kernel prefers as a
     * source, stays on it.
     */
    private static final List<String> ADDRESSES = List.of(
            "10.9.0.2/24",
            "10.9.0.3/24",
            "10.9.0.4/24",
            "10.99.0.1/32",
            "fd00:9::2/64",
            "fd00:9::3/64",
            "fd00:9::4/64",
            "fd99::1/128");

    private static final List<String> PLACES = List.of("a0", "a0", "b0", "lo", "away");
    private static final List<String> PEERS = List.of("10.9.0.100", "fd00:9::100");
    private static final List<String> ROUTES = List.of("unreachable", "prohibit", "blackhole");

    private final Namespaces hosts;
    private final Random random;
    private final Map<String, String> places = new TreeMap<>(); // of addresses: an interface, or "away"
    private final Map<String, String> routes = new TreeMap<>(); // to peers: a type, or "none"
    private final Map<String, Integer> counts = new TreeMap<>();

    /** Starts with the addresses that {@link TwoHosts} gives to the interfaces, and possibly more. */
    public Storm(Namespaces hosts, long seed) {
        this.hosts = hosts;
        this.random = new Random(seed);
        // Otherwise the removal of a subnet's first address removes the others too.
        hosts.in("server", "sysctl -qw net.ipv4.conf.all.promote_secondaries=1");
        ADDRESSES.forEach(address -> places.put(address, home(address)));
        PEERS.forEach(peer -> routes.put(peer, "none"));
        places.keySet().forEach(address -> server("addr replace " + address + " dev " + home(address) + dad(address)));
    }

    /** Returns the addresses that it changes, and one of each family that stays as long as its interface does. */
    public static List<String> asked() {
        List<String> asked = new ArrayList<>(List.of("10.9.0.1", "fd00:9::1"));
        ADDRESSES.forEach(address -> asked.add(address.replaceAll("/.*", "")));
        return asked;
    }

    private static String home(String address) {
        return address.startsWith("10.99.") || address.startsWith("fd99:") ? "lo" : "a0";
    }

    /**
     * Returns an address without its subnet if it is not on its own interface: on loopback the whole subnet would be
     * local, on the other cable it would be the route to the peer.
     */
    private static String at(String address, String place) {
        String host = address.replaceAll("/.*", "");
        return (place.equals("a0") ? address : host + (host.indexOf(':') >= 0 ? "/128" : "/32")) + " dev " + place;
    }

    private static String dad(String address) {
        return address.indexOf(':') >= 0 ? " nodad" : "";
    }

    private void server(String command) {
        hosts.in("server", "ip " + command);
    }

    /** Makes one change; all of its commands are run by one process for each host. */
    public void gust() throws IOException {
        int kind = random.nextInt(100);
        hosts.together(() -> {
            if (kind % 2 == 0) {
                openRoutes();
            }
            if (kind < 74) {
                moveAddress();
            } else if (kind < 86) {
                changeRoute();
            } else if (kind < 90) {
                bounce("a0");
            } else if (kind < 94) {
                rename("a0");
            } else if (kind < 96) {
                mtu("a0");
            } else {
                replaceCable();
            }
        });
    }

    /** Restores the initial configuration. */
    public void calm() throws IOException {
        hosts.together(() -> {
            places.keySet().forEach(address -> move(address, home(address), dad(address)));
            openRoutes();
        });
    }

    private void openRoutes() {
        PEERS.forEach(peer -> route(peer, "none"));
    }

    /** Returns the number of changes of each kind. */
    public Map<String, Integer> counts() {
        return counts;
    }

    private void count(String kind) {
        counts.merge(kind, 1, Integer::sum);
    }

    private String any(List<String> choices) {
        return choices.get(random.nextInt(choices.size()));
    }

    private void moveAddress() {
        String address = any(ADDRESSES);
        boolean detected = random.nextInt(4) == 0; // over IPv6 it is tentative for a second
        move(address, any(PLACES), detected ? "" : dad(address));
    }

    private void move(String address, String to, String how) {
        String from = places.get(address);
        if (from.equals(to)) {
            return;
        }
        if (!from.equals("away")) {
            server("addr del " + at(address, from));
        }
        if (!to.equals("away")) {
            server("addr add " + at(address, to) + how);
        }
        places.put(address, to);
        count(to.equals("away") ? "removed" : from.equals("away") ? "added" : "moved");
    }

    private void changeRoute() {
        route(any(PEERS), any(ROUTES));
    }

    private void route(String peer, String type) {
        String before = routes.get(peer);
        if (before.equals(type)) {
            return;
        }
        if (!before.equals("none")) {
            server("route del " + before + " " + peer);
        }
        if (!type.equals("none")) {
            server("route add " + type + " " + peer);
        }
        routes.put(peer, type);
        count(type.equals("none") ? "reachable" : type);
    }

    /** Sets an interface down and up; it loses its IPv6 addresses. */
    private void bounce(String name) {
        server("link set " + name + " down");
        server("link set " + name + " up");
        addAgain(name);
        count("down");
    }

    private void rename(String name) {
        server("link set " + name + " down");
        server("link set " + name + " name renamed");
        server("link set renamed up");
        server("link set renamed down");
        server("link set renamed name " + name);
        server("link set " + name + " up");
        addAgain(name);
        count("renamed");
    }

    private void mtu(String name) {
        server("link set " + name + " mtu " + (random.nextBoolean() ? 1280 : 1500));
        count("mtu");
    }

    private void addAgain(String name) {
        server("addr replace " + (name.equals("a0") ? "fd00:9::1/64" : "fd00:8::1/64") + " dev " + name + " nodad");
        places.forEach((address, place) -> {
            if (place.equals(name)) {
                server("addr replace " + address + " dev " + name + dad(address));
            }
        });
    }

    /** Replaces the cable with a new interface of the same name, without its configuration. */
    private void replaceCable() {
        hosts.remove("server", "a0");
        hosts.cable("client", "a1", "server", "a0");
        for (String address : List.of("10.9.0.100/24", "fd00:9::100/64 nodad")) {
            hosts.in("client", "ip addr add " + address + " dev a1");
        }
        hosts.in("client", "ip route add 10.99.0.1 via 10.9.0.1");
        hosts.in("client", "ip route add fd99::1 via fd00:9::1");
        server("addr add 10.9.0.1/24 dev a0");
        addAgain("a0");
        count("deleted");
    }
}
