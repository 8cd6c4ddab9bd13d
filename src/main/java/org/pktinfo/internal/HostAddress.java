package org.pktinfo.internal;

import java.io.IOException;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.nio.channels.DatagramChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The classification of addresses as this host's own or not. It asks the routing table, which also covers routes of
 * type local and all of 127.0.0.0/8. If netlink is refused, it binds a socket instead, which succeeds for every address
 * with {@code ip_nonlocal_bind}.
 */
public final class HostAddress {
    /** The relation of an address to this host. */
    public enum Answer {
        LOCAL,
        BROADCAST,
        FOREIGN,
        /** Neither netlink nor bind(2) could decide. */
        UNKNOWN
    }

    // RTN_* of rtnetlink(7)
    private static final int ROUTE_LOCAL = 2;
    private static final int ROUTE_BROADCAST = 3;

    private static final long LOOPBACK = Addresses.mapped(0x7f00_0001);

    private static final ReentrantLock LOCK = new ReentrantLock();
    private static int socket = -1; // guarded by LOCK
    private static int questions; // guarded by LOCK

    private HostAddress() {}

    /**
     * Classifies an address. An address in another routing table (a VRF) is found by its interface's index, which may
     * be 0.
     */
    public static Answer ask(long high, long low, int interfaceIndex) {
        if (Addresses.isMulticast(high, low) || Addresses.isUnspecified(high, low)) {
            return Answer.FOREIGN;
        }
        if (NativeLibrary.failure() != null) {
            return bind(high, low, interfaceIndex);
        }
        boolean onOneLink = Addresses.isLinkLocal(high);
        int type = routeType(high, low, onOneLink ? interfaceIndex : 0);
        if (!onOneLink && interfaceIndex != 0 && answer(type) == Answer.FOREIGN) {
            type = routeType(high, low, interfaceIndex);
        }
        return type < 0 ? bind(high, low, interfaceIndex) : answer(type);
    }

    /**
     * Returns true if a datagram from this address was sent by this host: it is one of its addresses, or a broadcast
     * address that reaches it.
     */
    public static boolean isThisHosts(long high, long low, int interfaceIndex) {
        Answer answer = ask(high, low, interfaceIndex);
        return answer == Answer.LOCAL || answer == Answer.BROADCAST;
    }

    private static Answer answer(int type) {
        return switch (type) {
            case ROUTE_LOCAL -> Answer.LOCAL;
            case ROUTE_BROADCAST -> Answer.BROADCAST;
            default -> type < 0 ? Answer.UNKNOWN : Answer.FOREIGN;
        };
    }

    /**
     * Returns the route type. One socket serves all calls, because creating one costs several times as much as a query;
     * after any failure another one is opened.
     */
    private static int routeType(long high, long low, int interfaceIndex) {
        LOCK.lock();
        try {
            int opened = open();
            int type = opened < 0 ? opened : question(high, low, interfaceIndex);
            if (type < 0) {
                closeSocket();
            }
            return type;
        } finally {
            LOCK.unlock();
        }
    }

    /**
     * Opens the socket unless it is open. Returns a negative number if it cannot be opened, or does not report
     * 127.0.0.1 as local: gVisor calls every route unicast.
     */
    private static int open() {
        if (socket >= 0) {
            return socket;
        }
        socket = NativeCalls.newRouteSocket();
        int loopback = socket < 0 ? socket : question(0, LOOPBACK, 0);
        return loopback < 0 || loopback == ROUTE_LOCAL ? loopback : -Errno.EOPNOTSUPP;
    }

    private static int question(long high, long low, int interfaceIndex) {
        int family = Addresses.isIpv4(high, low) ? Layout.FAMILY_IPV4 : Layout.FAMILY_IPV6;
        return NativeCalls.routeType(socket, ++questions, family, high, low, interfaceIndex);
    }

    private static void closeSocket() {
        if (socket >= 0) {
            NativeCalls.close(socket);
            socket = -1;
        }
    }

    /** Returns a description of the method used on this host, for a report. */
    public static String way() {
        int type = routeType(0, LOOPBACK, 0);
        return type >= 0
                ? "the routing table"
                : "binding a socket, because netlink is refused: " + Errno.describe(-type)
                        + "; with net.ipv4.ip_nonlocal_bind or net.ipv6.ip_nonlocal_bind nothing is told";
    }

    private static Answer bind(long high, long low, int interfaceIndex) {
        boolean ipv4 = Addresses.isIpv4(high, low);
        int scopeId = Addresses.isOnOneLink(high) ? interfaceIndex : 0;
        try (DatagramChannel probe =
                DatagramChannel.open(ipv4 ? StandardProtocolFamily.INET : StandardProtocolFamily.INET6)) {
            probe.bind(new InetSocketAddress(Addresses.toInetAddress(high, low, scopeId), 0));
            return bindsOnlyLocal(ipv4) ? Answer.LOCAL : Answer.UNKNOWN;
        } catch (BindException | UnsupportedOperationException e) {
            return Answer.FOREIGN;
        } catch (IOException e) {
            return Answer.UNKNOWN;
        }
    }

    private static boolean bindsOnlyLocal(boolean ipv4) {
        try {
            Path switched = Path.of("/proc/sys/net/" + (ipv4 ? "ipv4" : "ipv6") + "/ip_nonlocal_bind");
            return Files.readString(switched).trim().equals("0");
        } catch (NoSuchFileException e) { // not in IPv6 before Linux 4.3, which binds no foreign address
            return !ipv4 && Files.exists(Path.of("/proc/sys/net/ipv4"));
        } catch (IOException e) {
            return false;
        }
    }
}
