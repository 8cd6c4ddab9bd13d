package org.pktinfo.internal;

import org.jspecify.annotations.Nullable;

/**
 * The socket options that the kernel has and Java lacks. An option of both address families is two of the kernel's: a
 * dual-stack socket needs that of IPv4 for its IPv4 datagrams.
 */
public enum KernelOption {
    RECEIVE_TRAFFIC_CLASS(
            "IP_RECVTOS", Layout.OPTION_IP_RECVTOS, "IPV6_RECVTCLASS", Layout.OPTION_IPV6_RECVTCLASS, "2.6.14"),
    RECEIVE_HOP_LIMIT(
            "IP_RECVTTL", Layout.OPTION_IP_RECVTTL, "IPV6_RECVHOPLIMIT", Layout.OPTION_IPV6_RECVHOPLIMIT, "2.6.14"),
    RECEIVE_TIME("SO_TIMESTAMPNS", Layout.OPTION_TIMESTAMPNS, "2.6.22"),
    RECEIVE_ORIGINAL_PORT(
            "IP_RECVORIGDSTADDR",
            Layout.OPTION_IP_RECVORIGDSTADDR,
            "IPV6_RECVORIGDSTADDR",
            Layout.OPTION_IPV6_RECVORIGDSTADDR,
            "2.6.37"),
    RECEIVE_MARK("SO_RCVMARK", Layout.OPTION_RCVMARK, "5.19"),
    TRANSPARENT(
            "IP_TRANSPARENT",
            Layout.OPTION_IP_TRANSPARENT,
            "IPV6_TRANSPARENT",
            Layout.OPTION_IPV6_TRANSPARENT,
            "2.6.37") {
        @Override
        String privilege() {
            return "CAP_NET_ADMIN or CAP_NET_RAW";
        }
    },
    MARK("SO_MARK", Layout.OPTION_MARK, "2.6.25") {
        @Override
        String privilege() {
            return "CAP_NET_ADMIN, or CAP_NET_RAW since Linux 5.17";
        }
    },
    BOUND_INTERFACE("SO_BINDTODEVICE", Layout.OPTION_BOUND_INTERFACE, "3.8") {
        @Override
        String privilege() {
            return "CAP_NET_RAW, since Linux 5.7 only to change it once it is set";
        }
    },
    RECEIVE_BUFFER("SO_RCVBUF", Layout.OPTION_RCVBUF, "2.6"),
    RECEIVE_BUFFER_FORCE("SO_RCVBUFFORCE", Layout.OPTION_RCVBUFFORCE, "2.6.14"),
    BUSY_POLL("SO_BUSY_POLL", Layout.OPTION_BUSY_POLL, "3.11") {
        @Override
        String privilege() {
            return "CAP_NET_ADMIN to exceed net.core.busy_read";
        }
    },
    INCOMING_CPU("SO_INCOMING_CPU", Layout.OPTION_INCOMING_CPU, "4.4"),
    RECEIVE_ERRORS("IP_RECVERR", Layout.OPTION_IP_RECVERR, "IPV6_RECVERR", Layout.OPTION_IPV6_RECVERR, "2.2"),
    FREEBIND(null, 0, "IPV6_FREEBIND", Layout.OPTION_IPV6_FREEBIND, "4.15");

    private final @Nullable String ipv4Name;
    private final int ipv4;
    private final @Nullable String ipv6Name;
    private final int ipv6;
    private final String since;

    KernelOption(@Nullable String ipv4Name, int ipv4, @Nullable String ipv6Name, int ipv6, String since) {
        this.ipv4Name = ipv4Name;
        this.ipv4 = ipv4;
        this.ipv6Name = ipv6Name;
        this.ipv6 = ipv6;
        this.since = since;
    }

    /** An option of the socket, whatever its family. */
    KernelOption(String name, int option, String since) {
        this(name, option, null, 0, since);
    }

    /** Returns the number of the option for IPv4 or for all sockets in {@link Layout}, 0 if there is none. */
    int ipv4() {
        return ipv4;
    }

    /** Returns the number of the option for IPv6 sockets alone in {@link Layout}, 0 if there is none. */
    int ipv6() {
        return ipv6;
    }

    /** Returns the name of the system call with one of the two numbers, for an exception. */
    String call(int option) {
        return "setsockopt(" + name(option) + ")";
    }

    /** Returns the kernel's name of one of the two numbers. */
    @Nullable
    String name(int option) {
        return option == ipv6 ? ipv6Name : ipv4Name;
    }

    /** Returns the name of the system call that sets an option of {@link Layout}, for an exception. */
    static String callOf(int number) {
        for (KernelOption option : values()) {
            if (option.ipv4 == number || option.ipv6 == number) {
                return option.call(number);
            }
        }
        return "setsockopt(option " + number + ")";
    }

    /** Returns the privilege that setting the option needs, see capabilities(7). */
    String privilege() {
        return "CAP_NET_ADMIN";
    }

    /** Returns the version of Linux that the option came with. */
    String since() {
        return since;
    }
}
