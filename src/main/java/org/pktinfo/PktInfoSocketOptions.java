package org.pktinfo;

import java.net.SocketException;
import java.net.SocketOption;
import java.util.HashSet;
import java.util.Set;
import org.pktinfo.internal.KernelOption;
import org.pktinfo.internal.NetworkErrors;

/**
 * The socket options that Java lacks, beside {@link java.net.StandardSocketOptions}. Set them with {@link
 * PktInfoChannel#setOption}, {@code DatagramServer.Builder.option}, {@code PktInfoChannelOption.of} in Netty and {@link
 * java.net.DatagramSocket#setOption} of a {@code PktInfoDatagramSocket}.
 *
 * <p>The options named {@code RECEIVE} and a fact let the kernel report that fact with each datagram received from then
 * on, see {@link ReceivedFacts}. By default none is on, and none costs anything. Setting an option throws {@link
 * UnsupportedOperationException} if the kernel lacks it, with the version that has it, and {@link SocketException} if a
 * privilege is missing, with its name.
 */
public final class PktInfoSocketOptions {
    private static final long MAX_MARK = 0xffff_ffffL;

    /**
     * Reports the traffic class of each datagram (IP_RECVTOS in ip(7), IPV6_RECVTCLASS in RFC 3542). See {@link
     * ReceivedFacts#trafficClass}.
     */
    public static final SocketOption<Boolean> RECEIVE_TRAFFIC_CLASS =
            flag("RECEIVE_TRAFFIC_CLASS", KernelOption.RECEIVE_TRAFFIC_CLASS);

    /**
     * Reports the hop limit of each datagram (IP_RECVTTL in ip(7), IPV6_RECVHOPLIMIT in RFC 3542). See {@link
     * ReceivedFacts#hopLimit}.
     */
    public static final SocketOption<Boolean> RECEIVE_HOP_LIMIT =
            flag("RECEIVE_HOP_LIMIT", KernelOption.RECEIVE_HOP_LIMIT);

    /**
     * Reports the kernel's time of reception of each datagram (SO_TIMESTAMPNS). A datagram that arrived before any
     * program of the host enabled this has the time at which it was read. See {@link ReceivedFacts#time}.
     */
    public static final SocketOption<Boolean> RECEIVE_TIME = flag("RECEIVE_TIME", KernelOption.RECEIVE_TIME);

    /**
     * Reports the network device's time of reception of each datagram (SO_TIMESTAMPING), if the device takes times and
     * an administrator has switched that on (SIOCSHWTSTAMP). Not tried with a device, but with the kernel's messages
     * only. See {@link ReceivedFacts#hardwareTime}.
     */
    public static final SocketOption<Boolean> RECEIVE_HARDWARE_TIME = new PktInfoSocketOption<>(
            "RECEIVE_HARDWARE_TIME",
            Boolean.class,
            (options, on) -> options.receiveHardwareTime(on),
            options -> options.receivesHardwareTime());

    /**
     * Reports the port that each datagram was sent to (IP_RECVORIGDSTADDR, IPV6_RECVORIGDSTADDR), which under a
     * firewall's TPROXY rule is not the socket's. See {@link ReceivedFacts#originalPort}.
     */
    public static final SocketOption<Boolean> RECEIVE_ORIGINAL_PORT =
            flag("RECEIVE_ORIGINAL_PORT", KernelOption.RECEIVE_ORIGINAL_PORT);

    /** Reports the firewall's mark of each datagram (SO_RCVMARK, Linux 5.19). See {@link ReceivedFacts#mark}. */
    public static final SocketOption<Boolean> RECEIVE_MARK = flag("RECEIVE_MARK", KernelOption.RECEIVE_MARK);

    /**
     * Reports the errors that the network and this host meet with datagrams sent (IP_RECVERR in ip(7), IPV6_RECVERR in
     * ipv6(7)). See {@link PktInfoChannel#receiveError}, {@code DatagramHandler.handleError} of a server, and the user
     * event {@link NetworkError} in Netty.
     *
     * <p>Receiving, sending and waiting take the reports out of the kernel's queue, so that none fails a call for
     * another peer or ends a wait again and again. At most {@value NetworkErrors#ROOM} are kept until the program takes
     * them; the rest are counted, see {@link ChannelStats#networkErrorsDropped}. In the kernel they occupy the receive
     * buffer. Further effects: {@link PktInfoChannel#awaitReadable} also returns true for a report; a connected channel
     * reports what it would otherwise throw as {@link java.net.PortUnreachableException}; a datagram that the
     * device's queue drops fails with ENOBUFS (udp(7)); and the JDK's channel itself throws the errors. If it is
     * switched off, reports that are still in the kernel are lost.
     */
    public static final SocketOption<Boolean> RECEIVE_ERRORS = new PktInfoSocketOption<>(
            "RECEIVE_ERRORS",
            Boolean.class,
            (options, on) -> options.reportErrors(on),
            options -> options.reportsErrors());

    /**
     * Lets datagrams be sent with a request for their time of transmission (SO_TIMESTAMPING, by software), see {@link
     * SendOptions#withTransmitTime}, {@link PktInfoChannel#receiveTransmitTime}, {@code
     * DatagramHandler.handleTransmitTime} of a server, and the user event {@link TransmitTime} in Netty.
     *
     * <p>Since Linux 4.6 a datagram without a request costs nothing more; older kernels report the time of every
     * datagram that the socket sends, which costs a system call each. Linux 6.13 reports a time by the request's
     * number. Older kernels give the datagram itself back, which is recognized behind headers of Ethernet or none, if
     * the path MTU is at least 576, and unless net.core.tstamp_allow_data is 0. Two equal datagrams to one peer, sent
     * within a second, may have their times exchanged there.
     */
    public static final SocketOption<Boolean> TRANSMIT_TIMES = new PktInfoSocketOption<>(
            "TRANSMIT_TIMES",
            Boolean.class,
            (options, on) -> options.takeTransmitTimes(on),
            options -> options.takesTransmitTimes());

    /**
     * Coalesces consecutive datagrams of one peer in the kernel (UDP_GRO in udp(7), Linux 5.0). {@link
     * PktInfoChannel#receive()} still returns them one by one, each with its packet information and the facts of all.
     * While some are left, neither a {@link java.nio.channels.Selector} nor a thread that waits already is notified,
     * so receive until there is none. In a batch they share a slot, see {@link DatagramSlot#segmentSize}, except those
     * left by {@code receive()}. Needs a payload capacity of {@link PktInfoChannel#MAX_PAYLOAD}. Default: false. Set it
     * before bind: once off, queued coalesced datagrams are one (tried on Linux 6.18).
     */
    public static final SocketOption<Boolean> COALESCE_RECEIVED = new PktInfoSocketOption<>(
            "COALESCE_RECEIVED", Boolean.class, (options, on) -> options.coalesce(on), options -> options.coalesces());

    /**
     * Receives datagrams to groups that only other sockets of this host have joined (IP_MULTICAST_ALL in ip(7),
     * IPV6_MULTICAST_ALL). Default: false; kernels before 4.20 cannot disable it for IPv6.
     */
    public static final SocketOption<Boolean> RECEIVE_ALL_GROUPS = new PktInfoSocketOption<>(
            "RECEIVE_ALL_GROUPS",
            Boolean.class,
            (options, on) -> options.allGroups(on),
            options -> options.receivesAllGroups());

    /** The handling of sent datagrams longer than the path MTU, of both families. Default: the system's. */
    public static final SocketOption<Fragmentation> FRAGMENTATION = new PktInfoSocketOption<>(
            "FRAGMENTATION",
            Fragmentation.class,
            (options, value) ->
                    options.fragmentation(value.value(), value == Fragmentation.DO || value == Fragmentation.PROBE),
            options -> Fragmentation.of(options.fragmentation()));

    /**
     * Lets the socket bind to, receive for and send from addresses that are not this host's, for a transparent proxy
     * (IP_TRANSPARENT in ip(7), IPV6_TRANSPARENT). To bind to such an address, set it before. Needs CAP_NET_ADMIN or
     * CAP_NET_RAW.
     */
    public static final SocketOption<Boolean> TRANSPARENT = flag("TRANSPARENT", KernelOption.TRANSPARENT);

    /**
     * Lets the socket bind to addresses that this host does not have yet, and send from IPv6 addresses that are only in
     * a route of type local (IPV6_FREEBIND, Linux 4.15), as those of load balancers are: {@code ip -6 route add local
     * 2001:db8:1::/64 dev lo}. With IPv4 such a route needs no option. The kernel then sends from any IPv6 address, so
     * this library asks the routing table whether the source is this host's; other sources fail with {@link
     * SendException.Kind#SOURCE_UNUSABLE} still. That costs as much as sending the datagram, in a batch once for
     * neighbours with one source. Where netlink is refused, the addresses of interfaces remain. With {@link
     * #TRANSPARENT} there is no check. IPv6 and dual-stack channels only.
     */
    public static final SocketOption<Boolean> FREEBIND = flag("FREEBIND", KernelOption.FREEBIND);

    /**
     * The mark of all sent datagrams for routing rules and firewalls (SO_MARK in socket(7)), in 0, the default, to
     * 4294967295. Needs CAP_NET_ADMIN, or CAP_NET_RAW since Linux 5.17.
     */
    public static final SocketOption<Long> MARK = new PktInfoSocketOption<>(
            "MARK",
            Long.class,
            (options, mark) -> options.set(KernelOption.MARK, (int) inRange("MARK", mark, 0, MAX_MARK)),
            options -> options.get(KernelOption.MARK));

    /**
     * The name of the network interface that the socket is bound to: it receives only from it and sends only by it
     * (SO_BINDTODEVICE in socket(7)). A VRF device has the datagrams of all its interfaces. Empty, the default, for
     * none. Needs CAP_NET_RAW before Linux 5.7, and since then to change it. Cannot be read before Linux 3.8, nor when
     * the interface is gone. Disconnecting the JDK's channel clears it in the kernel; {@link
     * PktInfoChannel#reconnect} restores it.
     */
    public static final SocketOption<String> BIND_TO_DEVICE = new PktInfoSocketOption<>(
            "BIND_TO_DEVICE",
            String.class,
            (options, name) -> options.bindToDevice(name),
            options -> options.boundDevice());

    /**
     * The size of the receive buffer in bytes, beyond the limit net.core.rmem_max (SO_RCVBUFFORCE in socket(7)). Needs
     * CAP_NET_ADMIN. {@link java.net.StandardSocketOptions#SO_RCVBUF} has the limit and needs no privilege.
     */
    public static final SocketOption<Integer> RECEIVE_BUFFER_FORCE = new PktInfoSocketOption<>(
            "RECEIVE_BUFFER_FORCE",
            Integer.class,
            (options, size) -> options.set(KernelOption.RECEIVE_BUFFER_FORCE, (int)
                    inRange("RECEIVE_BUFFER_FORCE", size, 1, Integer.MAX_VALUE / 2)),
            options -> (int) options.get(KernelOption.RECEIVE_BUFFER) / 2); // the kernel doubles it, see socket(7)

    /**
     * The time in microseconds that a receive on an empty queue polls the network device (SO_BUSY_POLL in socket(7)).
     * Default: net.core.busy_read, usually 0. On older kernels a greater value needs CAP_NET_ADMIN (6.18 needs none).
     */
    public static final SocketOption<Integer> BUSY_POLL = number("BUSY_POLL", KernelOption.BUSY_POLL);

    /**
     * The number of the processor whose packets the kernel prefers to deliver to this socket, among sockets that share
     * a port (SO_INCOMING_CPU in socket(7); with SO_REUSEPORT since Linux 6.2). Read, it is that number, of a connected
     * channel the processor of the last packet received; -1 if there is none.
     */
    public static final SocketOption<Integer> INCOMING_CPU = number("INCOMING_CPU", KernelOption.INCOMING_CPU);

    private static final Set<SocketOption<?>> ALL = Set.of(
            RECEIVE_TRAFFIC_CLASS,
            RECEIVE_HOP_LIMIT,
            RECEIVE_TIME,
            RECEIVE_HARDWARE_TIME,
            RECEIVE_ORIGINAL_PORT,
            RECEIVE_MARK,
            RECEIVE_ERRORS,
            TRANSMIT_TIMES,
            COALESCE_RECEIVED,
            RECEIVE_ALL_GROUPS,
            FRAGMENTATION,
            TRANSPARENT,
            FREEBIND,
            MARK,
            BIND_TO_DEVICE,
            RECEIVE_BUFFER_FORCE,
            BUSY_POLL,
            INCOMING_CPU);

    private PktInfoSocketOptions() {}

    /**
     * Returns all options of this class.
     *
     * @return an unmodifiable set; the kernel need not have each
     */
    public static Set<SocketOption<?>> all() {
        return ALL;
    }

    /** Returns the options of another set and those of this class. */
    static Set<SocketOption<?>> with(Set<SocketOption<?>> others) {
        Set<SocketOption<?>> options = new HashSet<>(others);
        options.addAll(ALL);
        return Set.copyOf(options);
    }

    private static SocketOption<Boolean> flag(String name, KernelOption option) {
        return new PktInfoSocketOption<>(
                name,
                Boolean.class,
                (options, on) -> options.set(option, on ? 1 : 0),
                options -> options.get(option) != 0);
    }

    private static SocketOption<Integer> number(String name, KernelOption option) {
        return new PktInfoSocketOption<>(
                name,
                Integer.class,
                (options, value) -> options.set(option, (int) inRange(name, value, 0, Integer.MAX_VALUE)),
                options -> (int) options.get(option));
    }

    private static long inRange(String name, long value, long least, long most) {
        if (value < least || value > most) {
            throw new IllegalArgumentException(name + " " + value + " is not in " + least + " to " + most);
        }
        return value;
    }
}
