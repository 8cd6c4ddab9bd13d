package org.pktinfo.internal;

import java.io.IOException;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;

/**
 * The options of a channel's socket: sets those that the channel needs, and caches their values. To change one, the
 * caller must have entered the transport.
 */
public final class SocketOptions {
    /** SOF_TIMESTAMPING_RX_HARDWARE and SOF_TIMESTAMPING_RAW_HARDWARE of linux/net_tstamp.h. */
    private static final int HARDWARE_TIMES = 1 << 2 | 1 << 6;

    private static final int TRANSMIT_SOFTWARE = 1 << 1; // SOF_TIMESTAMPING_TX_SOFTWARE
    private static final int REPORT_SOFTWARE = 1 << 4; // SOF_TIMESTAMPING_SOFTWARE
    private static final int NUMBERS_ONLY = 1 << 7 | 1 << 11; // SOF_TIMESTAMPING_OPT_ID, _OPT_TSONLY
    private static final int TRANSMIT_TIMES = TRANSMIT_SOFTWARE | REPORT_SOFTWARE | NUMBERS_ONLY;

    private final Transport transport;
    private final int family;
    private final boolean ipv6Only;
    private volatile int boundInterface;
    private final boolean segments;
    private volatile boolean coalesces;
    private final int systemsDiscovery; // IP_PMTUDISC_WANT and so on
    private final int systemsIpv6Discovery;
    private volatile boolean ownDiscovery;
    private volatile boolean reportsErrors;
    private volatile boolean checksSources;
    private volatile boolean takesTransmitTimes;
    private volatile boolean hasTakenTransmitTimes; // and may find some in the queue yet
    private volatile int transmitForm;

    SocketOptions(Transport transport, boolean wantsIpv6Only) throws IOException {
        this.transport = transport;
        this.family = (int) Errno.check("getsockopt(SO_DOMAIN)", transport.getOption(Layout.OPTION_FAMILY));
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
        this.boundInterface = (int) Math.max(0, transport.getOption(Layout.OPTION_BOUND_INTERFACE));
        // An older kernel would send the payload as one datagram, without an error.
        this.segments = Segmentation.current().isOn() && transport.getOption(Layout.OPTION_UDP_SEGMENT) >= 0;
        this.coalesces = transport.getOption(Layout.OPTION_UDP_GRO) > 0;
        this.systemsDiscovery = (int) Math.max(0, transport.getOption(Layout.OPTION_IP_MTU_DISCOVER));
        this.systemsIpv6Discovery = (int) Math.max(0, transport.getOption(Layout.OPTION_IPV6_MTU_DISCOVER));
        if (transport.drops() < 0) {
            reportDropsWithDatagrams();
        }
        // The owner of a wrapped socket may have switched it on, and then its errors have to be taken too.
        this.reportsErrors = transport.getOption(Layout.OPTION_IP_RECVERR) > 0
                || (ipv6 && transport.getOption(Layout.OPTION_IPV6_RECVERR) > 0);
        if ((transport.getOption(Layout.OPTION_TIMESTAMPING) & REPORT_SOFTWARE) > 0) {
            takesTransmitTimes = true; // so it was wrapped before
            hasTakenTransmitTimes = true;
            transmitForm = NativeTransport.transmitForm();
        }
        noteSourceCheck(); // systemd's FreeBind= and Transparent= set them for a socket that it passes on
    }

    /** Notes if the kernel sends from any IPv6 address; with IPV6_TRANSPARENT that is the purpose. */
    private void noteSourceCheck() {
        checksSources = isIpv6()
                && transport.getOption(Layout.OPTION_IPV6_FREEBIND) > 0
                && transport.getOption(Layout.OPTION_IPV6_TRANSPARENT) <= 0;
    }

    /** Returns true if the library must check IPv6 sources, because the kernel does not. */
    boolean checksSources() {
        return checksSources;
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

    /** Sets an option, of both families on a dual-stack socket; if it fails, no option is changed. */
    public void set(KernelOption option, int value) throws IOException {
        long before = option.ipv4() == 0 ? -Errno.ENOPROTOOPT : transport.getOption(option.ipv4());
        if (option.ipv4() != 0) {
            check(option, option.ipv4(), transport.setOption(option.ipv4(), value));
        }
        if (option.ipv6() != 0 && isIpv6()) {
            int result = transport.setOption(option.ipv6(), value);
            if (result < 0) {
                restore(option.ipv4(), before);
            }
            check(option, option.ipv6(), result);
        }
        if (option.ipv4() == 0 && !isIpv6()) {
            throw new UnsupportedOperationException(option.call(option.ipv6()) + ": the channel is for IPv4 only");
        }
        if (option == KernelOption.BOUND_INTERFACE) {
            boundInterface = value;
        }
        noteSourceCheck();
    }

    /** Binds the socket to the interface of a name; to none if the name is empty. */
    public void bindToDevice(String name) throws IOException {
        int index = name.isEmpty() || !transport.choosesSource()
                ? 0
                : NativeCalls.interfaceIndex(name.getBytes(StandardCharsets.UTF_8));
        if (index == -Errno.ENODEV) {
            throw new SocketException("BIND_TO_DEVICE: there is no interface " + name);
        }
        set(KernelOption.BOUND_INTERFACE, Errno.check("if_nametoindex(" + name + ")", index));
    }

    /** Returns the name of the interface that the socket is bound to, empty if it is to none. Fails if it is gone. */
    public String boundDevice() throws IOException {
        int index = (int) get(KernelOption.BOUND_INTERFACE);
        byte[] name = new byte[NativeCalls.INTERFACE_NAME_LENGTH];
        int length = index == 0 ? 0 : NativeCalls.interfaceName(index, name);
        return new String(name, 0, Math.max(0, length), StandardCharsets.UTF_8);
    }

    private void check(KernelOption option, int number, int result) throws IOException {
        String call = option.call(number);
        if (result == -Errno.EPERM) {
            throw new SocketException(call + ": " + Errno.describe(Errno.EPERM) + ", needs " + option.privilege());
        }
        checkSupported(call, result, option.since());
    }

    /** Returns the value of an option as unsigned, that of IPv6 on a dual-stack socket; 0 if the kernel lacks it. */
    public long get(KernelOption option) throws IOException {
        int number = option.ipv6() != 0 && isIpv6() ? option.ipv6() : option.ipv4();
        long value = number == 0 ? 0 : transport.getOption(number);
        return value == -Errno.ENOPROTOOPT ? 0 : Errno.check("getsockopt(" + option.name(number) + ")", value);
    }

    /** Enables or disables the times that a network device takes. Other times that the socket takes stay. */
    public void receiveHardwareTime(boolean on) throws IOException {
        long flags = Math.max(0, transport.getOption(Layout.OPTION_TIMESTAMPING));
        long changed = on ? flags | HARDWARE_TIMES : flags & ~HARDWARE_TIMES;
        int result = transport.setOption(Layout.OPTION_TIMESTAMPING, (int) changed);
        checkSupported("setsockopt(SO_TIMESTAMPING)", result, "2.6.30");
    }

    public boolean receivesHardwareTime() {
        return (Math.max(0, transport.getOption(Layout.OPTION_TIMESTAMPING)) & HARDWARE_TIMES) == HARDWARE_TIMES;
    }

    /** Enables or disables times of transmission for datagrams that request them. Other times stay. */
    public void takeTransmitTimes(boolean on) throws IOException {
        int form = transport.choosesSource() ? NativeTransport.transmitForm() : Layout.TRANSMIT_ALL;
        int wanted = switch (form) {
            case Layout.TRANSMIT_NUMBERED -> REPORT_SOFTWARE | NUMBERS_ONLY;
            case Layout.TRANSMIT_REQUESTED -> REPORT_SOFTWARE;
            default -> REPORT_SOFTWARE | TRANSMIT_SOFTWARE;
        };
        long others = Math.max(0, transport.getOption(Layout.OPTION_TIMESTAMPING)) & ~TRANSMIT_TIMES;
        transmitForm = form;
        hasTakenTransmitTimes |= on; // before the kernel queues the first: it would wake a waiter again and again
        int result = transport.setOption(Layout.OPTION_TIMESTAMPING, (int) others | (on ? wanted : 0));
        checkSupported("setsockopt(SO_TIMESTAMPING)", result, "2.6.30");
        takesTransmitTimes = on;
    }

    boolean hasTakenTransmitTimes() {
        return hasTakenTransmitTimes;
    }

    public boolean takesTransmitTimes() {
        return takesTransmitTimes;
    }

    /** Returns the form of requests for times of transmission, of {@link Layout}. */
    int transmitForm() {
        return transmitForm;
    }

    /** Returns the traffic class that the socket gives to datagrams of a family. */
    public int trafficClass(boolean ipv4) {
        return (int) Math.max(0, transport.getOption(ipv4 ? Layout.OPTION_IP_TOS : Layout.OPTION_IPV6_TCLASS)) & 0xff;
    }

    public void coalesce(boolean on) throws IOException {
        checkSupported("setsockopt(UDP_GRO)", transport.setOption(Layout.OPTION_UDP_GRO, on ? 1 : 0), "5.0");
        coalesces = on;
    }

    /**
     * Sets the handling of datagrams longer than the path MTU.
     *
     * @param value IP_PMTUDISC_DONT and so on, which are the same for IPv6; -1 for the system's
     * @param refusesLonger true if datagrams that do not fit fail, for which IPv6 has an option of its own
     */
    public void fragmentation(int value, boolean refusesLonger) throws IOException {
        long discovery = isIpv6() ? transport.getOption(Layout.OPTION_IPV6_MTU_DISCOVER) : -Errno.ENOPROTOOPT;
        long dontfrag = isIpv6() ? transport.getOption(Layout.OPTION_IPV6_DONTFRAG) : -Errno.ENOPROTOOPT;
        try {
            if (isIpv6()) {
                int ipv6 = value < 0 ? systemsIpv6Discovery : value;
                mtuDiscovery("IPV6_MTU_DISCOVER", Layout.OPTION_IPV6_MTU_DISCOVER, ipv6);
                int result = transport.setOption(Layout.OPTION_IPV6_DONTFRAG, refusesLonger ? 1 : 0);
                checkSupported("setsockopt(IPV6_DONTFRAG)", result, "2.6.35");
            }
            mtuDiscovery("IP_MTU_DISCOVER", Layout.OPTION_IP_MTU_DISCOVER, value < 0 ? systemsDiscovery : value);
        } catch (IOException | UnsupportedOperationException e) {
            restore(Layout.OPTION_IPV6_MTU_DISCOVER, discovery);
            restore(Layout.OPTION_IPV6_DONTFRAG, dontfrag);
            throw e;
        }
        ownDiscovery = value >= 0;
    }

    private void restore(int option, long before) {
        if (before >= 0) {
            int unused = transport.setOption(option, (int) before);
        }
    }

    private void mtuDiscovery(String name, int option, int value) throws IOException {
        String since = value < 3 ? "2.2" : value == 3 ? "2.6.22" : value == 4 ? "3.14" : "3.15";
        int result = transport.setOption(option, value);
        if (result == -Errno.EINVAL) {
            throw new UnsupportedOperationException(
                    "setsockopt(" + name + ", " + value + "): EINVAL, since Linux " + since);
        }
        checkSupported("setsockopt(" + name + ")", result, since);
    }

    /** Returns IP_PMTUDISC_DONT and so on, -1 if the system's setting is in effect. */
    public int fragmentation() throws IOException {
        return ownDiscovery
                ? (int) Errno.check("getsockopt(IP_MTU_DISCOVER)", transport.getOption(Layout.OPTION_IP_MTU_DISCOVER))
                : -1;
    }

    /** Returns true if the network's errors are queued on the socket. */
    public boolean reportsErrors() {
        return reportsErrors;
    }

    /** Switches both families: on a dual-stack socket the errors of IPv4 peers need the option of IPv4. */
    public void reportErrors(boolean on) throws IOException {
        if (on) {
            reportsErrors = true; // before the kernel queues the first: it would wake a waiter again and again
        }
        boolean done = false;
        try {
            set(KernelOption.RECEIVE_ERRORS, on ? 1 : 0);
            if (!on) { // the kernel has emptied the queue, but the next call would still fail with the last error
                Errno.check("getsockopt(SO_ERROR)", transport.getOption(Layout.OPTION_ERROR));
            }
            done = true;
        } finally {
            reportsErrors = on == done;
        }
    }

    private void checkSupported(String call, int result, String since) throws IOException {
        if (result == -Errno.ENOPROTOOPT) {
            throw new UnsupportedOperationException(
                    transport.choosesSource()
                            ? call + ": ENOPROTOOPT, since Linux " + since
                            : call + ": cannot be set without the native library");
        }
        Errno.check(call, result);
    }

    public void allGroups(boolean on) throws IOException {
        if (!receiveAllGroups(on) && !on) {
            throw new UnsupportedOperationException("setsockopt(IPV6_MULTICAST_ALL): ENOPROTOOPT, since Linux 4.20");
        }
    }

    public boolean receivesAllGroups() throws IOException {
        long result = transport.getOption(isIpv6() ? Layout.OPTION_IPV6_MULTICAST_ALL : Layout.OPTION_IP_MULTICAST_ALL);
        return result == -Errno.ENOPROTOOPT || Errno.check("getsockopt(IPV6_MULTICAST_ALL)", result) != 0;
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
