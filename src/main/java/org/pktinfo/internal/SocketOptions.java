package org.pktinfo.internal;

import java.io.IOException;

/**
 * The options of a channel's socket: sets those that the channel needs, and caches their values. To change one, the
 * caller must have entered the transport.
 */
public final class SocketOptions {
    private final Transport transport;
    private final int family;
    private final boolean ipv6Only;
    private final int boundInterface;
    private final boolean segments;
    private volatile boolean coalesces;

    SocketOptions(Transport transport, boolean wantsIpv6Only) throws IOException {
        this.transport = transport;
        this.family = Errno.check("getsockopt(SO_DOMAIN)", transport.getOption(Layout.OPTION_FAMILY));
        boolean ipv6 = isIpv6();
        switchOn("setsockopt(IP_PKTINFO)", Layout.OPTION_IP_PKTINFO);
        if (ipv6) {
            switchOn("setsockopt(IPV6_RECVPKTINFO)", Layout.OPTION_IPV6_RECVPKTINFO);
        }
        if (wantsIpv6Only) {
            switchOn("setsockopt(IPV6_V6ONLY)", Layout.OPTION_IPV6_V6ONLY);
        }
        this.ipv6Only =
                ipv6 && Errno.check("getsockopt(IPV6_V6ONLY)", transport.getOption(Layout.OPTION_IPV6_V6ONLY)) != 0;
        boolean unused = receiveAllGroups(false); // the JDK leaves IPV6_MULTICAST_ALL on before 25
        // Kernels before 3.8 cannot report it; there a socket bound to a device needs
        // SourceSelection.interfacePinned().
        this.boundInterface = Math.max(0, transport.getOption(Layout.OPTION_BOUND_INTERFACE));
        // An older kernel would send the payload as one datagram, without an error.
        this.segments = Segmentation.current().isOn() && transport.getOption(Layout.OPTION_UDP_SEGMENT) >= 0;
        this.coalesces = transport.getOption(Layout.OPTION_UDP_GRO) > 0;
        if (transport.drops() < 0) {
            reportDropsWithDatagrams();
        }
    }

    /**
     * Requests drop counts with received datagrams: kernels before 4.12 cannot report them on request, and those before
     * 2.6.33 do not count them.
     */
    private void reportDropsWithDatagrams() throws IOException {
        int result = transport.setOption(Layout.OPTION_RXQ_OVFL, 1);
        if (result != -Errno.ENOPROTOOPT) {
            Errno.check("setsockopt(SO_RXQ_OVFL)", result);
        }
    }

    private void switchOn(String call, int option) throws IOException {
        Errno.check(call, transport.setOption(option, 1));
    }

    /** Returns {@link Layout#FAMILY_IPV4} or {@link Layout#FAMILY_IPV6}. */
    public int family() {
        return family;
    }

    private boolean isIpv6() {
        return family == Layout.FAMILY_IPV6;
    }

    boolean isIpv6Only() {
        return ipv6Only;
    }

    /** Returns true if the socket can bind to and send to addresses of this family. */
    public boolean takes(boolean ipv4) {
        return ipv4 ? !ipv6Only : isIpv6();
    }

    /** Returns the exception for an address of a family that the socket does not support. */
    public static IllegalArgumentException otherFamily(String refused, boolean ipv4) {
        return new IllegalArgumentException(refused + ": the channel is for " + (ipv4 ? "IPv6" : "IPv4") + " only");
    }

    /** Returns the index of the device that the socket is bound to, 0 if it is bound to none. */
    public int boundInterface() {
        return boundInterface;
    }

    /** Returns true if payloads may be given to the kernel to segment. */
    public boolean segments() {
        return segments;
    }

    /** Returns true if datagrams of one peer may be received coalesced. */
    public boolean coalesces() {
        return coalesces;
    }

    /** Returns true if an option of {@link Layout} is on. */
    public boolean isOn(int option) throws IOException {
        return Errno.check("getsockopt", transport.getOption(option)) != 0;
    }

    public void coalesce(boolean on) throws IOException {
        change(Layout.OPTION_UDP_GRO, "setsockopt(UDP_GRO)", on, "setsockopt(UDP_GRO): ENOPROTOOPT, since Linux 5.0");
        coalesces = on;
    }

    public void pathMtuDiscovery(boolean on) throws IOException {
        change(
                Layout.OPTION_IP_MTU_DISCOVER,
                "setsockopt(IP_MTU_DISCOVER)",
                on,
                "IP_MTU_DISCOVER cannot be set without the native library");
    }

    /** Sets an option that not every kernel or transport has. */
    private void change(int option, String call, boolean on, String missing) throws IOException {
        int result = transport.setOption(option, on ? 1 : 0);
        if (result == -Errno.ENOPROTOOPT) {
            throw new UnsupportedOperationException(missing);
        }
        Errno.check(call, result);
    }

    public void allGroups(boolean on) throws IOException {
        if (!receiveAllGroups(on) && !on) {
            throw new UnsupportedOperationException("setsockopt(IPV6_MULTICAST_ALL): ENOPROTOOPT, since Linux 4.20");
        }
    }

    /** Returns false if the kernel always delivers all IPv6 groups. */
    private boolean receiveAllGroups(boolean on) throws IOException {
        int ipv4 = transport.setOption(Layout.OPTION_IP_MULTICAST_ALL, on ? 1 : 0);
        if (ipv4 != -Errno.ENOPROTOOPT) {
            Errno.check("setsockopt(IP_MULTICAST_ALL)", ipv4);
        }
        int ipv6 = isIpv6() ? transport.setOption(Layout.OPTION_IPV6_MULTICAST_ALL, on ? 1 : 0) : 0;
        if (ipv6 != -Errno.ENOPROTOOPT) {
            Errno.check("setsockopt(IPV6_MULTICAST_ALL)", ipv6);
        }
        return ipv6 >= 0;
    }
}
