package org.pktinfo;

import java.io.IOException;
import java.lang.ref.Cleaner;
import java.net.BindException;
import java.net.DatagramPacket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ProtocolFamily;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import java.nio.channels.IllegalBlockingModeException;
import java.nio.channels.spi.AbstractInterruptibleChannel;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.pktinfo.common.Deadline;
import org.pktinfo.common.Exceptions;

/**
 * A UDP channel that knows which of the host's addresses each datagram was sent to, and whose replies leave from there.
 *
 * <pre>{@code
 * try (PktInfoChannel channel = PktInfoChannel.open().bind(new InetSocketAddress(8888))) {
 *     while (true) {
 *         Datagram request = channel.receive();
 *         channel.reply(request, request.payload());
 *     }
 * }
 * }</pre>
 *
 * <p>The socket is that of a {@link DatagramChannel}, which stays in charge of options, multicast membership and
 * {@link java.nio.channels.Selector Selector} registration: see {@link #channel}.
 *
 * <p>Safe for use by any number of threads at once; no lock is held while waiting. Closing the channel, or interrupting a
 * thread that waits in it, wakes every waiter with the exceptions of {@link java.nio.channels.InterruptibleChannel}.
 * Closing only the JDK's channel closes this one within a second.
 *
 * <p>Memory outside the heap: one payload capacity and 640 bytes for receiving, and the same for sending, each from its
 * first use on: 129 KiB in all with the default capacity. Once {@link #receive()} reads ahead, {@value Inbox#AHEAD} times as much for
 * receiving: 582 KiB. Closing the channel frees it. It does not count for {@code -XX:MaxDirectMemorySize}; that of batches does. Two
 * descriptors besides the JDK's.
 */
@SuppressWarnings("exports") // the annotations are not needed at run time
public final class PktInfoChannel extends AbstractInterruptibleChannel {
    /** Which addresses a channel is for. */
    public enum Family {
        /** IPv6 and IPv4 on one AF_INET6 socket; on a host without IPv6, IPv4 only. */
        DUAL_STACK,
        /** IPv4 only, on an AF_INET socket. */
        IPV4,
        /** IPv6 only: an AF_INET6 socket with IPV6_V6ONLY (RFC 3493 5.3). */
        IPV6
    }

    /** The largest UDP payload there is, in bytes: 65 527 over IPv6; over IPv4 it is 65 507. */
    public static final int MAX_PAYLOAD = 65_527;

    private static final long FIRST_POLLS = TimeUnit.SECONDS.toNanos(1);
    private static final long SEND_AGAIN = TimeUnit.MILLISECONDS.toNanos(1);

    private final DatagramChannel channel;
    private final Transport transport;
    private final JdkSocket jdkSocket;
    private final OwnAddress ownAddress;
    private final Cleaner.Cleanable cleanable;
    private final int socketFamily;
    private final boolean ipv6Only;
    private final int boundInterface;
    private final int payloadCapacity;
    private final boolean cutsDatagrams;
    private final ChannelCounters counters = new ChannelCounters();
    private final Recorder recorder = new Recorder(this::localPort);
    private volatile boolean coalesces;
    private volatile boolean closesOnInterrupt = true;
    private volatile boolean ignoresInterrupts;

    private final ParkedThreads readers =
            new ParkedThreads("pktinfo-poll-in", () -> poll(Layout.WAIT_READABLE), counters);
    private final ParkedThreads writers =
            new ParkedThreads("pktinfo-poll-out", () -> poll(Layout.WAIT_WRITABLE), counters);

    /** Reachable from here only: the watch does not keep a channel. */
    private final Watch.Watched watched = new Watch.Watched() {
        @Override
        public boolean watch() {
            return PktInfoChannel.this.watch();
        }

        @Override
        public void countBackgroundErrors(long number) {
            counters.backgroundErrors(number);
        }
    };

    private final Inbox inbox = new Inbox(this);
    private final Attempt<Datagram> one = inbox::take;

    /** How many wait for something to receive: what nobody waits for may be taken ahead. */
    private final AtomicInteger waiting = new AtomicInteger();

    private volatile boolean hasBatches;

    private final Outbox outbox = new Outbox(this);

    /** Takes over the JDK channel only if it succeeds. */
    private PktInfoChannel(DatagramChannel channel, Family family, int payloadCapacity, boolean proven)
            throws IOException {
        this.channel = channel;
        this.payloadCapacity = payloadCapacity;
        this.transport = newTransport(channel);
        this.ownAddress = new OwnAddress(channel);
        try {
            if (!channel.isOpen()) { // closed meanwhile: the number may already be another socket's
                throw new ClosedChannelException();
            }
            this.jdkSocket = new JdkSocket(channel, transport, counters);
            this.socketFamily = getOption("getsockopt(SO_DOMAIN)", Layout.OPTION_FAMILY);
            boolean ipv6 = socketFamily == Layout.FAMILY_IPV6;
            setOption("setsockopt(IP_PKTINFO)", Layout.OPTION_IP_PKTINFO);
            if (ipv6) {
                setOption("setsockopt(IPV6_RECVPKTINFO)", Layout.OPTION_IPV6_RECVPKTINFO);
            }
            if (family == Family.IPV6) {
                setOption("setsockopt(IPV6_V6ONLY)", Layout.OPTION_IPV6_V6ONLY);
            }
            this.ipv6Only = ipv6 && getOption("getsockopt(IPV6_V6ONLY)", Layout.OPTION_IPV6_V6ONLY) != 0;
            if (proven && transport.choosesSource()) {
                SourceProof.require(socketFamily, ipv6Only, transport.namespace());
            }
            setAllGroups(false); // the JDK leaves that of IPv6 on before 25
            // Kernels before 3.8 cannot say; there a socket bound to a device needs SourceSelection.interfacePinned().
            this.boundInterface = Math.max(0, transport.getOption(Layout.OPTION_BOUND_INTERFACE));
            // An older kernel would send what is to be cut as one datagram, without an error.
            this.cutsDatagrams = Segmentation.current().isOn() && transport.getOption(Layout.OPTION_UDP_SEGMENT) >= 0;
            this.coalesces = transport.getOption(Layout.OPTION_UDP_GRO) > 0;
            if (transport.drops() < 0) {
                letDatagramsTellDrops();
            }
            this.cleanable = Threads.cleaner().register(this, transport::close);
            Watch.add(watched);
        } catch (Throwable e) {
            transport.close();
            throw e;
        }
    }

    /** Kernels before 4.12 cannot be asked what they lost, those before 2.6.33 do not count it. */
    private void letDatagramsTellDrops() throws IOException {
        int result = transport.setOption(Layout.OPTION_RXQ_OVFL, 1);
        if (result != -Errno.ENOPROTOOPT) {
            Errno.check("setsockopt(SO_RXQ_OVFL)", result);
        }
    }

    /**
     * Whether this system can do it: it is Linux and the native library loads. Loads it on first use; never throws.
     *
     * @return true if {@link #open()} will not fail for want of the library
     */
    public static boolean isSupported() {
        return unsupportedReason() == null;
    }

    /**
     * Why {@link #isSupported} is false.
     *
     * @return an error whose text lists every attempt to load the native library and its reason, null if it is loaded
     */
    public static @Nullable Throwable unsupportedReason() {
        try {
            return NativeLibrary.failure();
        } catch (RuntimeException | LinkageError e) {
            return e;
        }
    }

    /**
     * Where the native library was loaded from; loads it on first use.
     *
     * @return for a log, in words
     * @throws UnsatisfiedLinkError if it cannot be loaded; the text lists every attempt
     */
    public static String libraryOrigin() {
        return NativeLibrary.load();
    }

    /**
     * The C library that this process runs on, for a log; loads the native library on first use.
     *
     * @return {@code glibc 2.36}, or {@code not glibc}
     * @throws UnsatisfiedLinkError if the native library cannot be loaded
     */
    public static String libcVersion() {
        NativeLibrary.load();
        int version = NativeCalls.glibcVersion();
        return version == 0 ? "not glibc" : "glibc " + version / 1000 + "." + version % 1000;
    }

    /**
     * Opens a channel for IPv6 and IPv4, or for IPv4 on a host without IPv6; not yet bound.
     *
     * @return the channel
     * @throws java.net.SocketException if the kernel ignores the source of what is sent, as gVisor does, and {@code pktinfo.unproven} is not
     *     {@code allow}; the text names the kernel
     * @throws IOException if no socket can be had
     * @throws UnsatisfiedLinkError if the native library cannot be loaded; the text lists every attempt
     */
    public static PktInfoChannel open() throws IOException {
        return open(Family.DUAL_STACK);
    }

    /**
     * Opens a channel for certain addresses; not yet bound.
     *
     * @param family which addresses
     * @return the channel
     * @throws java.net.SocketException if the kernel ignores the source of what is sent, as gVisor does, and {@code pktinfo.unproven} is not
     *     {@code allow}; the text names the kernel
     * @throws IOException if no socket can be had
     * @throws UnsupportedOperationException if IPv6 is asked for and the host or the JVM (java.net.preferIPv4Stack) has none
     * @throws UnsatisfiedLinkError if the native library cannot be loaded; the text lists every attempt
     */
    public static PktInfoChannel open(Family family) throws IOException {
        return open(family, MAX_PAYLOAD);
    }

    /**
     * Opens a channel for certain addresses and datagrams of a certain length; not yet bound.
     *
     * @param family which addresses
     * @param payloadCapacity the longest payload that can be received whole or sent, in 1 to {@value #MAX_PAYLOAD} bytes; what
     *     does not fit is cut off and marked, see {@link Datagram#isTruncated}
     * @return the channel
     * @throws java.net.SocketException if the kernel ignores the source of what is sent, as gVisor does, and {@code pktinfo.unproven} is not
     *     {@code allow}; the text names the kernel
     * @throws IOException if no socket can be had
     * @throws IllegalArgumentException if the capacity is out of range
     * @throws UnsupportedOperationException if IPv6 is asked for and the host or the JVM (java.net.preferIPv4Stack) has none
     * @throws UnsatisfiedLinkError if the native library cannot be loaded; the text lists every attempt
     */
    public static PktInfoChannel open(Family family, int payloadCapacity) throws IOException {
        return open(family, payloadCapacity, /* proven= */ true);
    }

    /** For who finds out whether the kernel sends from the source that it is told, else only where that is proven. */
    static PktInfoChannel open(Family family, int payloadCapacity, boolean proven) throws IOException {
        Objects.requireNonNull(family, "family");
        checkCapacity(payloadCapacity);
        NativeLibrary.loadOrFallBack();
        DatagramChannel channel = openJdkChannel(family);
        try {
            return new PktInfoChannel(channel, family, payloadCapacity, proven);
        } catch (Throwable e) {
            channel.close();
            throw e;
        }
    }

    static DatagramChannel openJdkChannel(Family family) throws IOException {
        ProtocolFamily wanted = family == Family.IPV4 ? StandardProtocolFamily.INET : StandardProtocolFamily.INET6;
        try {
            // Without a family the JDK takes AF_INET6 where it can and AF_INET where it must.
            return family == Family.DUAL_STACK ? DatagramChannel.open() : DatagramChannel.open(wanted);
        } catch (UnsupportedOperationException e) {
            throw new UnsupportedOperationException(
                    "IPv6 is not available: the host has none, or java.net.preferIPv4Stack is set", e);
        }
    }

    /**
     * Gives packet information to a channel that exists already, with room for the largest datagrams.
     *
     * <p>Packet information is switched on from now on: of an unbound channel every datagram has it, while those that
     * waited in a bound one's queue before came without, and {@link #reply} refuses them if they do not say enough. The
     * JDK's channel can still be used, but is better connected and disconnected by {@link #reconnect}; closing the result closes it
     * too.
     *
     * @param channel a channel of the JDK's own provider
     * @return the channel around it
     * @throws ClosedChannelException if it is closed
     * @throws java.net.SocketException if the kernel ignores the source of what is sent, as {@link #open()} does
     * @throws IOException if it cannot be used
     * @throws IllegalArgumentException if it is not of the JDK's own provider
     * @throws UnsatisfiedLinkError if the native library cannot be loaded; the text lists every attempt
     */
    public static PktInfoChannel wrap(DatagramChannel channel) throws IOException {
        return wrap(channel, MAX_PAYLOAD);
    }

    /**
     * As {@link #wrap(DatagramChannel)}, with room for datagrams of a certain length.
     *
     * @param channel a channel of the JDK's own provider
     * @param payloadCapacity the longest payload, in 1 to {@value #MAX_PAYLOAD} bytes
     * @return the channel around it
     * @throws ClosedChannelException if it is closed
     * @throws java.net.SocketException if the kernel ignores the source of what is sent, as {@link #open()} does
     * @throws IOException if it cannot be used
     * @throws IllegalArgumentException if it is not of the JDK's own provider, or the capacity is out of range
     * @throws UnsatisfiedLinkError if the native library cannot be loaded; the text lists every attempt
     */
    public static PktInfoChannel wrap(DatagramChannel channel, int payloadCapacity) throws IOException {
        Objects.requireNonNull(channel, "channel");
        checkCapacity(payloadCapacity);
        NativeLibrary.loadOrFallBack();
        if (!channel.isOpen()) {
            throw new ClosedChannelException();
        }
        return new PktInfoChannel(channel, Family.DUAL_STACK, payloadCapacity, /* proven= */ true);
    }

    private static Transport newTransport(DatagramChannel channel) throws IOException {
        return NativeLibrary.failure() == null
                ? new Descriptors(descriptor(channel))
                : new PlainTransport(channel, MAX_PAYLOAD);
    }

    private static void checkCapacity(int payloadCapacity) {
        if (payloadCapacity < 1 || payloadCapacity > MAX_PAYLOAD) {
            throw new IllegalArgumentException(
                    "payload capacity " + payloadCapacity + " is not in 1 to " + MAX_PAYLOAD + " bytes");
        }
    }

    static int descriptor(DatagramChannel channel) {
        return NativeCalls.descriptor(channel, wayToDescriptor(channel));
    }

    /** The first of {@link NativeCalls}' ways that leads to the channel's descriptor. */
    static int wayToDescriptor(DatagramChannel channel) {
        for (int way = NativeCalls.BY_FDVAL_FIELD; way <= NativeCalls.BY_FILE_DESCRIPTOR; way++) {
            if (NativeCalls.descriptor(channel, way) >= 0) {
                return way;
            }
        }
        throw new IllegalArgumentException(
                "no descriptor found in a " + channel.getClass().getName() + ": it is not a channel of the JDK's own");
    }

    private int getOption(String call, int option) throws IOException {
        return Errno.check(call, transport.getOption(option));
    }

    private void setOption(String call, int option) throws IOException {
        Errno.check(call, transport.setOption(option, 1));
    }

    /**
     * Binds to a local address.
     *
     * @param local the address and port; null, or a wildcard address and port 0, leaves them to the system. Bound to one
     *     address the channel receives only what is sent there
     * @return this channel
     * @throws BindException if the address is in use or not this host's, or the port needs a privilege; the text names address and
     *     privilege
     * @throws IllegalArgumentException if the address is not of the channel's family, or is a name without a number
     * @throws java.nio.channels.AlreadyBoundException if the channel is bound already
     * @throws ClosedChannelException if the channel is closed
     * @throws IOException if binding fails otherwise
     */
    public PktInfoChannel bind(@Nullable SocketAddress local) throws IOException {
        if (local instanceof InetSocketAddress address && address.getAddress() != null) {
            checkFamily("cannot bind", address.getAddress());
        }
        try {
            channel.bind(local);
        } catch (BindException e) {
            String text = "cannot bind " + local + ": " + e.getMessage() + Privileges.missing(local);
            throw Exceptions.causedBy(new BindException(text), e);
        }
        return this;
    }

    private void checkFamily(String what, InetAddress address) {
        boolean ipv4 = address.getAddress().length == 4;
        if (address.isAnyLocalAddress() || (ipv4 ? !ipv6Only : socketFamily == Layout.FAMILY_IPV6)) {
            return;
        }
        throw new IllegalArgumentException(
                what + " " + address.getHostAddress() + ": the channel is for " + (ipv4 ? "IPv6" : "IPv4") + " only");
    }

    /**
     * The address that the channel is bound to.
     *
     * @return address and port, null if it is not bound
     * @throws ClosedChannelException if the channel is closed
     * @throws IOException if it cannot be determined
     */
    public @Nullable InetSocketAddress localAddress() throws IOException {
        return (InetSocketAddress) channel.getLocalAddress();
    }

    /**
     * Returns whether an address is one of those that the channel is bound to: alone, or among all others. A channel that is bound to one
     * address or connected has only that one, and what leaves it from another the kernel would not refuse. Costs a few nanoseconds and no
     * system call.
     *
     * @param address of this host
     * @return true for any address if the channel is bound to all addresses, to a group, or not yet; always true for the unspecified address
     */
    public boolean isBoundTo(IpAddress address) {
        return ownAddress.is(address);
    }

    OwnAddress ownAddress() {
        return ownAddress;
    }

    /**
     * The JDK's channel of the same socket: for options, multicast membership, the blocking mode, and to register with a
     * Selector. Both packet-information options stay on whatever is done with it. It is connected and disconnected by
     * {@link #reconnect}.
     *
     * @return always the same channel; closing it closes this one as well, closing this one closes it
     */
    public DatagramChannel channel() {
        return channel;
    }

    /** Connects or disconnects a {@link DatagramChannel} or its socket: what {@link PktInfoChannel#reconnect} is for. */
    @FunctionalInterface
    public interface Reconnection {
        /**
         * Does it.
         *
         * @throws IOException if that fails
         */
        void run() throws IOException;
    }

    /**
     * Has {@link #channel} connected or disconnected while nobody sends or receives by this channel: {@code
     * channel.reconnect(() -> channel.channel().disconnect())}. Others are held off meanwhile, and who waits already goes on to wait.
     * As the JDK's channel does, it waits for a thread that reads from that one itself.
     *
     * <p>Disconnecting frees the port for a moment or, after a socket that was connected already was connected once more, puts
     * another socket in the place of the one there was. A JDK's channel that is connected or disconnected otherwise is looked after
     * as well, within half a second; but until then what is sent leaves from the socket before, binding the new one may fail because its
     * port is still in use, and what is sent just while it is disconnected may move it to another port.
     *
     * @param reconnection connects or disconnects; must neither send nor receive by this channel nor wait for somebody who does. It is
     *     run also if this channel is closed, to have the JDK's say so
     * @throws IllegalStateException if the reconnection itself uses this channel to send or receive
     * @throws IOException if the reconnection throws it, or the new socket cannot be used
     */
    public void reconnect(Reconnection reconnection) throws IOException {
        Objects.requireNonNull(reconnection, "reconnection");
        askForDrops();
        try {
            jdkSocket.change(reconnection);
        } finally {
            ownAddress.look();
        }
    }

    /**
     * Waits until a datagram is there, without taking it; another thread may take it first.
     *
     * @param timeout how long to wait at most; zero: not at all
     * @return false if the time is over and none seemed to be there
     * @throws IllegalArgumentException if the timeout is negative
     * @throws java.nio.channels.AsynchronousCloseException if another thread closes the channel meanwhile
     * @throws java.nio.channels.ClosedByInterruptException if this thread is interrupted; the channel is closed then
     * @throws ClosedChannelException if the channel is closed
     * @throws IOException if waiting fails otherwise
     */
    public boolean awaitReadable(Duration timeout) throws IOException {
        long nanos = nanos(timeout);
        checkOpen();
        long start = System.nanoTime();
        long deadline = Deadline.after(nanos, start);
        boolean completed = false;
        waiting.incrementAndGet();
        try {
            beginWaiting();
            counters.receiveWait();
            boolean readable = !inbox.isEmpty()
                    || (ParkedThreads.isCurrentVirtual() ? parkOnce(deadline) : awaitOnce(start, deadline));
            completed = true;
            return readable;
        } finally {
            waiting.decrementAndGet();
            end(completed);
        }
    }

    private boolean awaitOnce(long start, long deadline) throws IOException {
        while (!isReadableWithin(start, Deadline.left(deadline))) {
            if (Deadline.isOver(deadline)) {
                return false;
            }
        }
        return true;
    }

    private boolean parkOnce(long deadline) throws IOException {
        ParkedThreads.Ticket ticket = readers.enter();
        try {
            boolean chosen = park(readers, ticket, deadline);
            checkOpen();
            return chosen;
        } finally {
            readers.leave(ticket);
        }
    }

    /**
     * Lets the kernel hand over datagrams of one peer that came in a row as one (UDP_GRO, udp(7)). {@link #receive()} gives them
     * one by one all the same, each with its packet information; while some are left neither a {@link java.nio.channels.Selector}
     * nor a thread that waits already knows of them, so receive until nothing comes. In a batch they share a slot, see {@link
     * DatagramSlot#segmentSize}, but for those that a {@code receive()} has left.
     * Default: off. To be switched before bind: what is in the kernel's queue already as one when it is switched off comes as one
     * datagram (tried on Linux 6.18).
     *
     * @param on yes or no
     * @throws UnsupportedOperationException if the kernel cannot: it came with Linux 5.0
     * @throws IllegalStateException if the channel's payload capacity is less than {@link #MAX_PAYLOAD}: what does not fit
     *     would be several datagrams lost
     * @throws ClosedChannelException if the channel is closed
     * @throws IOException if the option cannot be set otherwise
     */
    public void coalesceReceived(boolean on) throws IOException {
        if (on && payloadCapacity < MAX_PAYLOAD) {
            throw new IllegalStateException(tooSmall(payloadCapacity));
        }
        switchOption(
                Layout.OPTION_UDP_GRO, "setsockopt(UDP_GRO)", on, "setsockopt(UDP_GRO): ENOPROTOOPT, since Linux 5.0");
        coalesces = on;
    }

    /** Switches an option of the open channel, which not every kernel or transport has. */
    private void switchOption(int option, String call, boolean on, String missing) throws IOException {
        enter(/* look= */ true);
        try {
            int result = transport.setOption(option, on ? 1 : 0);
            if (result == -Errno.ENOPROTOOPT) {
                throw new UnsupportedOperationException(missing);
            }
            Errno.check(call, result);
        } finally {
            transport.leave();
        }
    }

    /**
     * Whether IPv4 datagrams leave with the don't-fragment bit, so that routers report a link that is too narrow (RFC 1191,
     * IP_MTU_DISCOVER in ip(7)). Off, they are cut where they do not fit. To be switched off where several hosts share an address:
     * a router's report may reach another host than the one that sent, which then never learns of it. IPv6 routers do not cut
     * (RFC 8200, section 5): there a payload of at most 1232 bytes passes every link. Default: the system's, which is on.
     *
     * @param on yes or no
     * @throws UnsupportedOperationException if the JDK alone carries the datagrams ({@code pktinfo.fallback})
     * @throws ClosedChannelException if the channel is closed
     * @throws IOException if the option cannot be set otherwise
     */
    public void pathMtuDiscovery(boolean on) throws IOException {
        switchOption(
                Layout.OPTION_IP_MTU_DISCOVER,
                "setsockopt(IP_MTU_DISCOVER)",
                on,
                "IP_MTU_DISCOVER cannot be set without the native library");
    }

    /**
     * Whether datagrams to a group are received that only another socket of this host has joined (IP_MULTICAST_ALL in ip(7),
     * IPV6_MULTICAST_ALL), instead of those for this channel's own groups alone. Default: no, on every JDK; kernels before 4.20 know no
     * other for IPv6.
     *
     * @param on yes or no
     * @throws UnsupportedOperationException if it is to be switched off for IPv6 and the kernel cannot
     * @throws ClosedChannelException if the channel is closed
     * @throws IOException if the option cannot be set otherwise
     */
    public void allGroups(boolean on) throws IOException {
        enter(/* look= */ true);
        try {
            if (!setAllGroups(on) && !on) {
                throw new UnsupportedOperationException(
                        "setsockopt(IPV6_MULTICAST_ALL): ENOPROTOOPT, since Linux 4.20");
            }
        } finally {
            transport.leave();
        }
    }

    /** False if the kernel always receives all of IPv6. */
    private boolean setAllGroups(boolean on) throws IOException {
        int ipv4 = transport.setOption(Layout.OPTION_IP_MULTICAST_ALL, on ? 1 : 0);
        if (ipv4 != -Errno.ENOPROTOOPT) {
            Errno.check("setsockopt(IP_MULTICAST_ALL)", ipv4);
        }
        int ipv6 = socketFamily == Layout.FAMILY_IPV6
                ? transport.setOption(Layout.OPTION_IPV6_MULTICAST_ALL, on ? 1 : 0)
                : 0;
        if (ipv6 != -Errno.ENOPROTOOPT) {
            Errno.check("setsockopt(IPV6_MULTICAST_ALL)", ipv6);
        }
        return ipv6 >= 0;
    }

    /**
     * Whether interrupting a thread that waits in this channel closes it, as channels do, or is left for that thread to find, as
     * with {@link java.net.DatagramSocket}. Virtual threads close it always, as they do with both. Default: yes.
     *
     * @param on yes or no; to be said before anybody waits
     * @return this
     */
    public PktInfoChannel closeOnInterrupt(boolean on) {
        closesOnInterrupt = on;
        ignoresInterrupts = false;
        return this;
    }

    /**
     * Leaves an interrupt to the thread that is interrupted, whatever kind of thread it is: for a channel that many share, which none of
     * them shall close for all. Whoever waits goes on waiting, and finds the interrupt afterwards.
     *
     * @return this
     */
    public PktInfoChannel ignoreInterrupts() {
        closesOnInterrupt = false;
        ignoresInterrupts = true;
        return this;
    }

    private boolean isInterruptible() {
        return closesOnInterrupt || (!ignoresInterrupts && ParkedThreads.isCurrentVirtual());
    }

    /**
     * Parks until chosen, the time is over or the channel is closed, whatever else unparks the thread; whether it is chosen. A thread that is
     * interrupted does not park at all, so where an interrupt is no reason to end it is put aside until then.
     */
    private boolean park(ParkedThreads threads, ParkedThreads.Ticket ticket, long deadline) {
        boolean interrupted = false;
        try {
            do {
                interrupted |= ignoresInterrupts && Thread.interrupted();
                if (threads.park(ticket, Deadline.left(deadline))) {
                    return true;
                }
            } while (!Deadline.isOver(deadline) && isOpen());
            return false;
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private boolean isInterrupted() {
        return Thread.currentThread().isInterrupted() && isInterruptible();
    }

    private void beginWaiting() {
        if (isInterruptible()) {
            begin();
        }
    }

    private static String tooSmall(int capacity) {
        return "datagrams that come as one do not fit into " + capacity + " bytes, but into " + MAX_PAYLOAD;
    }

    /**
     * What went through this channel so far. Costs a few additions and a system call; the counting itself is part of every call,
     * without a lock or an atomic operation for what is sent and received.
     *
     * @return a snapshot, also of a closed channel
     */
    public ChannelStats stats() {
        askForDrops();
        return counters.snapshot();
    }

    /** What the kernel lost is not told while nothing is received, if not asked for. */
    private void askForDrops() {
        if (transport.enter()) {
            try {
                long told = transport.drops();
                if (told >= 0) {
                    noteDrops((int) told);
                }
            } finally {
                transport.leave();
            }
        }
    }

    private void noteDrops(int told) {
        long lost = counters.lost(told);
        if (lost > 0) {
            recorder.dropped(lost, counters.kernelDrops());
        }
    }

    /** Counts and records a datagram that is not sent; without a source if none was found. */
    void countUnsent(SendException.Kind kind, int errno, @Nullable Source source, Endpoint peer) {
        counters.sendError(kind);
        recorder.unsent(kind, errno, source, peer);
    }

    void countUnsent(SendException failure, @Nullable Source source, Endpoint peer) {
        countUnsent(failure.kind(), failure.errno(), source, peer);
    }

    /** 0 or less if it is not bound or closed. */
    int localPort() {
        return channel.socket().getLocalPort();
    }

    /** Returns true if the kernel may be asked to cut what is sent into datagrams. */
    boolean cutsDatagrams() {
        return cutsDatagrams;
    }

    /** Whether a packet-information option is on, for the tests. */
    boolean isOn(int option) throws IOException {
        return getOption("getsockopt", option) != 0;
    }

    /**
     * Receives one datagram; waits until one comes. A datagram of length zero is one too. Costs one copy of the payload; no
     * address object is made. From a queue that has not run empty for {@value Inbox#BUSY} datagrams it takes {@value Inbox#AHEAD}
     * with one system call, unless another thread waits, a batch exists or {@link #channel} is in non-blocking mode; the rest of
     * them is for the next calls of a {@code receive} of this channel or of a batch, in their order, and not seen by who reads the
     * JDK's channel. Connecting or disconnecting that throws it away, as it does what its own queue has.
     *
     * @return the datagram, never null
     * @throws IllegalBlockingModeException if {@link #channel} is in non-blocking mode: {@code receive(Duration.ZERO)} is for that
     * @throws java.nio.channels.AsynchronousCloseException if another thread closes the channel meanwhile
     * @throws java.nio.channels.ClosedByInterruptException if this thread is interrupted meanwhile or was before; the channel is
     *     closed then
     * @throws ClosedChannelException if the channel is closed
     * @throws java.net.PortUnreachableException if the JDK's channel is connected and its peer's host says that nobody listens
     * @throws IOException if receiving fails otherwise
     */
    public Datagram receive() throws IOException {
        checkBlocking();
        Datagram datagram;
        do {
            datagram = waitFor(one, Long.MAX_VALUE);
        } while (datagram == null);
        return datagram;
    }

    void checkBlocking() {
        if (channel.isOpen() && !channel.isBlocking()) {
            throw new IllegalBlockingModeException();
        }
    }

    /**
     * Receives one datagram within a time, whatever the blocking mode.
     *
     * @param timeout how long to wait at most; zero: not at all
     * @return the datagram, null if none came in time
     * @throws IllegalArgumentException if the timeout is negative
     * @throws java.nio.channels.AsynchronousCloseException if another thread closes the channel meanwhile
     * @throws java.nio.channels.ClosedByInterruptException if this thread is interrupted meanwhile or was before, and the timeout is
     *     not zero; the channel is closed then
     * @throws ClosedChannelException if the channel is closed
     * @throws java.net.PortUnreachableException if the JDK's channel is connected and its peer's host says that nobody listens
     * @throws IOException if receiving fails otherwise
     */
    public @Nullable Datagram receive(Duration timeout) throws IOException {
        return waitFor(one, nanos(timeout));
    }

    static long nanos(Duration timeout) {
        if (timeout.isNegative()) {
            throw new IllegalArgumentException("timeout " + timeout + " is negative");
        }
        return Deadline.nanos(timeout);
    }

    /** {@link Layout#FAMILY_IPV4} or {@link Layout#FAMILY_IPV6}. */
    int family() {
        return socketFamily;
    }

    /** What somebody waits for: something, or null if it is not there yet. Held in a field, so that waiting makes no garbage. */
    interface Attempt<T> {
        @Nullable
        T run() throws IOException;
    }

    /** Tries, and waits and tries again as long as there is time; null if nothing came. */
    <T> @Nullable T waitFor(Attempt<T> attempt, long nanos) throws IOException {
        checkOpen();
        // What is there costs no begin() and end(): they are for waiting.
        T there = nanos != 0 && isInterrupted() ? null : attempt.run();
        if (there != null || nanos == 0) {
            return there;
        }
        long start = System.nanoTime();
        long deadline = Deadline.after(nanos, start);
        boolean completed = false;
        waiting.incrementAndGet();
        try {
            beginWaiting();
            T result = attempt.run();
            if (result == null) {
                counters.receiveWait();
            }
            if (result == null && ParkedThreads.isCurrentVirtual()) {
                result = waitParked(attempt, deadline);
            }
            while (result == null && await(start, deadline)) {
                result = attempt.run();
            }
            completed = true;
            return result;
        } finally {
            waiting.decrementAndGet();
            end(completed);
        }
    }

    private <T> @Nullable T waitParked(Attempt<T> attempt, long deadline) throws IOException {
        T result = null;
        while (result == null && !Deadline.isOver(deadline)) {
            ParkedThreads.Ticket ticket = readers.enter();
            try {
                park(readers, ticket, deadline);
                result = attempt.run();
            } finally {
                readers.leave(ticket);
            }
        }
        return result;
    }

    /**
     * Receives one datagram into a packet of the JDK, as {@link java.net.DatagramSocket#receive} does: what does not fit is cut off, the
     * packet's address and length are set, and a packet used again keeps its room. For those who know the JDK's packets and want to
     * know where each was sent to.
     *
     * @param packet what to receive into; locked while it is filled, but not while nothing is there
     * @param timeout how long to wait at most; zero: not at all
     * @return where it was sent to, null if nothing came in time
     * @throws IllegalArgumentException if the timeout is negative
     * @throws java.nio.channels.AsynchronousCloseException as {@link #receive(Duration)} does
     * @throws java.nio.channels.ClosedByInterruptException as {@link #receive(Duration)} does
     * @throws ClosedChannelException if the channel is closed
     * @throws java.net.PortUnreachableException as {@link #receive(Duration)} does
     * @throws IOException if receiving fails otherwise
     */
    public @Nullable PacketInfo receive(DatagramPacket packet, Duration timeout) throws IOException {
        Objects.requireNonNull(packet, "packet");
        return waitFor(() -> inbox.take(packet), nanos(timeout));
    }

    /**
     * Whether more may be taken from the socket than is handed out at once: only if nobody else looks for it there. Asked while the
     * inbox is locked, where whoever begins to wait will look once more.
     */
    boolean mayReadAhead() {
        return waiting.get() == 0 && !hasBatches && channel.isBlocking() && transport.choosesSource();
    }

    /** For a batch: receives what is there, at most so many, and first what was taken ahead; 0 if nothing is. */
    int receiveMany(Arena arena, int most) throws IOException {
        int left = inbox.hasLeftover() ? takeLeft(arena, most) : 0;
        return left > 0 ? left : receiveNow(arena, most);
    }

    private int takeLeft(Arena arena, int most) throws IOException {
        checkCoalesced(arena);
        long cut = arena.tally.get(Tally.TRUNCATED);
        int left = inbox.take(arena, most);
        if (arena.tally.get(Tally.TRUNCATED) > cut) {
            recorder.truncated(arena, left);
        }
        return left;
    }

    private void checkCoalesced(Arena arena) {
        if (coalesces && arena.payloadCapacity() < MAX_PAYLOAD) {
            throw new IllegalStateException(tooSmall(arena.payloadCapacity()));
        }
    }

    boolean coalescesReceived() {
        return coalesces;
    }

    /** Receives what is there, at most so many, into an arena that only the caller uses; 0 if nothing is. */
    int receiveNow(Arena arena, int count) throws IOException {
        checkCoalesced(arena);
        enter(jdkSocket.isRestless());
        Object event = Recorder.beginReceive();
        try {
            int result = transport.receive(arena, count);
            if (result == -Errno.EAGAIN) {
                return 0;
            }
            Errno.check("recvmsg", result);
            recorder.received(event, result);
            count(arena, result); // before another socket begins to count what it has lost
            return result;
        } finally {
            transport.leave();
        }
    }

    private void count(Arena arena, int received) {
        if (arena.countReceived(received) > 0) {
            recorder.truncated(arena, received);
        }
        int told = arena.dropCount(received - 1); // the last one was queued last
        if (told != 0) {
            noteDrops(told);
        }
    }

    /** For the thread that polls for virtual ones. */
    private boolean poll(int events) {
        try {
            enter(/* look= */ true);
        } catch (IOException e) {
            return true; // who tries next will see it
        }
        try {
            return transport.await(events, ParkedThreads.LONGEST_POLL_MILLIS) != 0 || !channel.isOpen();
        } catch (IOException e) {
            return true; // who tries next will see it
        } finally {
            transport.leave();
        }
    }

    /** Waits for a datagram for a while; false if the time is over. A channel closed meanwhile ends it with an exception. */
    private boolean await(long start, long deadline) throws IOException {
        long left = Deadline.left(deadline);
        if (left == 0) {
            return false;
        }
        boolean unused = isReadableWithin(start, left);
        return true;
    }

    private boolean isReadableWithin(long start, long left) throws IOException {
        return poll(Layout.WAIT_READABLE, start, left) != 0;
    }

    /**
     * Polls once for a wait that began at an instant. Closing the channel ends it with an exception. JDK 17's
     * Thread.interrupt looks for a channel to close first and sets the thread's flag afterwards; who begins to wait
     * between the two is not woken, and has to see for itself once, after a second.
     */
    private int poll(int events, long start, long left) throws IOException {
        long first = Deadline.left(Deadline.after(FIRST_POLLS, start));
        long nanos = first > 0 ? Math.min(first, left) : left;
        int ready;
        enter(/* look= */ true);
        try {
            ready = Errno.check("poll", transport.await(events, Deadline.millis(nanos)));
        } finally {
            transport.leave();
        }
        if (isInterrupted()) {
            begin();
        }
        checkOpen();
        return ready;
    }

    /** Lets this thread use the transport, until it leaves; looks before, if that is wanted, which socket the JDK's channel has. */
    private void enter(boolean look) throws IOException {
        checkOpen();
        if (look) {
            follow();
        }
        while (!transport.enter()) {
            if (transport.awaitEntry()) {
                continue;
            }
            if (isOpen()) {
                throw new IllegalStateException("not while this very thread connects or disconnects the channel");
            }
            throw new ClosedChannelException();
        }
    }

    private void follow() throws IOException {
        if (jdkSocket.hasMoved()) {
            askForDrops();
            jdkSocket.follow();
            ownAddress.look();
        }
    }

    /** Looks after what nothing tells while nobody calls; true if the channel is closed. */
    private boolean watch() {
        if (Recorder.recordsDropped()) { // who wants a number asks for it
            askForDrops();
        }
        if (closeIfJdkChannelIsClosed()) {
            return true;
        }
        try {
            follow();
        } catch (IOException e) {
            return false; // who calls next tries it again, and is told
        }
        return false;
    }

    /** The JDK's channel may have been closed by its owner: then this one goes too. True if this one is closed. */
    private boolean closeIfJdkChannelIsClosed() {
        if (isOpen() && !channel.isOpen()) {
            try {
                close();
            } catch (IOException e) {
                throw new AssertionError("closing the JDK's channel, which is closed, does nothing", e);
            }
        }
        return !isOpen();
    }

    private void checkOpen() throws IOException {
        closeIfJdkChannelIsClosed();
        if (!isOpen()) {
            throw new ClosedChannelException();
        }
    }

    /**
     * Makes room to receive and answer many datagrams with one call.
     *
     * @param slots how many at most, in 1 to {@value DatagramBatch#MAX_SLOTS}; with 32 the cost of the calls no longer
     *     counts
     * @param payloadCapacity the longest payload of each, request or reply, in 1 to {@value #MAX_PAYLOAD} bytes
     * @return a batch, which takes {@code slots * (payloadCapacity + 583)} bytes outside the heap and is for one thread
     * @throws IllegalArgumentException if a number is out of range
     */
    public DatagramBatch newBatch(int slots, int payloadCapacity) {
        if (slots < 1 || slots > DatagramBatch.MAX_SLOTS) {
            throw new IllegalArgumentException(slots + " slots are not in 1 to " + DatagramBatch.MAX_SLOTS);
        }
        checkCapacity(payloadCapacity);
        hasBatches = true;
        inbox.await();
        Arena arena = newArena(slots, payloadCapacity);
        DatagramBatch batch = new DatagramBatch(this, arena, slots);
        Threads.cleaner().register(batch, retirement(counters, arena.tally));
        return batch;
    }

    private Arena newArena(int slots, int capacity) {
        Arena arena = new Arena(slots, capacity, socketFamily);
        counters.add(arena.tally);
        return arena;
    }

    /** For who shows nobody what is in it, and frees it. */
    Arena newHiddenArena(int slots) throws ClosedChannelException {
        if (!isOpen()) {
            throw new ClosedChannelException();
        }
        Arena arena = Arena.hidden(slots, payloadCapacity, socketFamily);
        counters.add(arena.tally);
        return arena;
    }

    /** Frees what {@link #newHiddenArena} gave. */
    void free(Arena arena) {
        counters.retire(arena.tally);
        arena.free();
    }

    /** What a batch has counted outlives it; nothing here keeps the batch or its memory. */
    private static Runnable retirement(ChannelCounters counters, Tally tally) {
        return () -> counters.retire(tally);
    }

    /**
     * Replies to a request from the address that it was sent to, see {@link SourceSelection#addressAsked}.
     *
     * @param request what was received, now or earlier, by this channel or another of the same port
     * @param payload the reply
     * @throws SendException as {@link #send} does, with {@link SendException.Kind#NO_SOURCE} if the request does not say which address
     *     it was sent to, or that is not one that this channel is {@linkplain #isBoundTo bound to}, and with {@link
     *     SendException.Kind#PEER_UNANSWERABLE} if it came from no address that can be answered
     * @throws ClosedChannelException as {@link #send} does
     * @throws IOException as {@link #send} does
     */
    public void reply(Datagram request, byte[] payload) throws IOException {
        reply(request, ByteBuffer.wrap(payload), SourceSelection.addressAsked());
    }

    /**
     * Replies to a request from the address that it was sent to, see {@link SourceSelection#addressAsked}.
     *
     * @param request what was received, now or earlier, by this channel or another of the same port
     * @param payload the reply, from its position to its limit; the position is the limit afterwards, unless an exception is
     *     thrown
     * @throws SendException as {@link #send} does, with {@link SendException.Kind#NO_SOURCE} if the request does not say which address
     *     it was sent to, or that is not one that this channel is {@linkplain #isBoundTo bound to}, and with {@link
     *     SendException.Kind#PEER_UNANSWERABLE} if it came from no address that can be answered
     * @throws ClosedChannelException as {@link #send} does
     * @throws IOException as {@link #send} does
     */
    public void reply(Datagram request, ByteBuffer payload) throws IOException {
        reply(request, payload, SourceSelection.addressAsked());
    }

    /**
     * Replies to a request from the address that a selection chooses.
     *
     * @param request what was received, now or earlier, by this channel or another of the same port
     * @param payload the reply, from its position to its limit; the position is the limit afterwards, unless an exception is
     *     thrown
     * @param selection chooses the source; one of the caller's own may choose an address to which this channel is not bound
     * @throws SendException as {@link #send} does, with {@link SendException.Kind#PEER_UNANSWERABLE} if the request came from no address
     *     that can be answered, and whatever the selection throws
     * @throws ClosedChannelException as {@link #send} does
     * @throws IOException as {@link #send} does
     */
    public void reply(Datagram request, ByteBuffer payload, SourceSelection selection) throws IOException {
        Objects.requireNonNull(payload, "payload");
        send(payload, request.peer(), select(request, selection));
    }

    private Source select(Datagram request, SourceSelection selection) throws SendException {
        Endpoint peer = request.peer();
        try {
            if (!IpAddress.isUsableSource(peer.address().high(), peer.address().low())) {
                throw SendException.unanswerable(peer); // Linux would send what is for 0.0.0.0 to this host itself
            }
            if (!transport.choosesSource()) {
                return Source.systemChoice();
            }
            Source source = selection.select(peer, request.packetInfo());
            if (AddressAsked.isRuleOf(selection) && !ownAddress.answers(request.packetInfo())) {
                throw AddressAsked.elsewhere(peer, request.packetInfo());
            }
            return Objects.requireNonNull(source, "the source that the selection chose");
        } catch (SendException e) {
            countUnsent(e, null, peer);
            throw e;
        }
    }

    /**
     * Sends a datagram from a chosen source. If the socket's send buffer is full it waits for room in blocking mode, and
     * fails with {@link SendException.Kind#TRANSIENT} in non-blocking mode. What is sent may still be lost on the way.
     *
     * @param payload the payload, from its position to its limit, which may be empty; the position is the limit afterwards,
     *     unless an exception is thrown
     * @param peer where to
     * @param source where from; also an address that this channel is not bound to, if the kernel takes it
     * @throws SendException if the datagram is not sent: {@link SendException#kind} says what to make of it. Its text names
     *     the source and the peer
     * @throws IllegalArgumentException if the peer's address is not of the channel's family
     * @throws java.nio.channels.AlreadyConnectedException if {@link #channel} is connected to another peer, as with {@link
     *     DatagramChannel#send}. Connected otherwise than by {@link #reconnect}, it is known within half a second
     * @throws java.nio.channels.AsynchronousCloseException if another thread closes the channel while this one waits
     * @throws java.nio.channels.ClosedByInterruptException if this thread is interrupted while it waits, or was before in
     *     blocking mode; the channel is closed then
     * @throws ClosedChannelException if the channel is closed
     * @throws IOException if sending fails otherwise
     */
    public void send(ByteBuffer payload, Endpoint peer, Source source) throws IOException {
        try {
            sendOrWait(payload, peer, source);
        } catch (SendException e) {
            countUnsent(e, source, peer);
            throw e;
        }
    }

    private void sendOrWait(ByteBuffer payload, Endpoint peer, Source source) throws IOException {
        checkSend(payload.remaining(), peer, source);
        if (!channel.isBlocking()) {
            if (!outbox.send(payload, peer, source)) {
                throw SendException.failed(Errno.EAGAIN, source, peer);
            }
            return;
        }
        if (!isInterrupted() && outbox.send(payload, peer, source)) {
            return;
        }
        checkOpen();
        boolean completed = false;
        try {
            beginWaiting();
            while (!outbox.send(payload, peer, source)) {
                counters.sendWait();
                boolean unused = awaitRoom(Deadline.NEVER, Long.MAX_VALUE);
            }
            completed = true;
        } catch (SendException e) {
            completed = true;
            throw e;
        } finally {
            end(completed);
        }
    }

    void checkSend(int length, Endpoint peer, Source source) throws SendException {
        boolean ipv4 = peer.address().isIpv4();
        if (ipv4 ? ipv6Only : socketFamily == Layout.FAMILY_IPV4) {
            throw new IllegalArgumentException(
                    "cannot send to " + peer + ": the channel is for " + (ipv4 ? "IPv6" : "IPv4") + " only");
        }
        if (peer.port() == 0) {
            throw SendException.portZero(peer);
        }
        jdkSocket.checkPeer(peer);
        if (!fits(source, ipv4)) {
            throw SendException.wrongFamily(source, peer);
        }
        if (length > payloadCapacity) {
            throw SendException.refused(
                    SendException.Kind.MESSAGE_TOO_LONG,
                    length + " bytes are more than the channel's capacity of " + payloadCapacity,
                    peer);
        }
    }

    /** The kernel ignores an in_pktinfo for an IPv6 peer without an error, and the reply would leave from anywhere. */
    static boolean fits(Source source, boolean ipv4Peer) {
        return source.controlMessage() == Source.ControlMessage.NONE
                || source.address().isIpv4() == ipv4Peer;
    }

    /** Sends the pending ones of the first so many slots; how many are done now, sent or failed. */
    int sendNow(Arena arena, int count) throws IOException {
        enter(jdkSocket.isRestless());
        Object event = Recorder.beginSend();
        try {
            int done = Errno.check("sendmsg", transport.send(arena, count));
            arena.tally.add(Tally.SEND_CALLS, done > 0 ? 1 : 0);
            recorder.sent(event, done);
            return done;
        } finally {
            transport.leave();
        }
    }

    /**
     * For a batch: sends what is pending; in blocking mode it waits for room, else not at all: as long as the patience, which begins anew
     * with each datagram that has left, and no longer than the limit.
     */
    void send(Arena arena, int count, int pending, long patience, long limit) throws IOException {
        if (limit == 0 || !channel.isBlocking()) {
            sendNow(arena, count);
            return;
        }
        int left = isInterrupted() ? pending : pending - sendNow(arena, count);
        if (left == 0) {
            return;
        }
        checkOpen();
        boolean completed = false;
        try {
            beginWaiting();
            left -= sendNow(arena, count);
            if (left > 0) {
                sendAsRoomComes(arena, count, left, patience, limit);
            }
            completed = true;
        } finally {
            end(completed);
        }
    }

    /** A socket is writable when half its buffer is free (sock_def_write_space), so who waits for each datagram tries again meanwhile. */
    private void sendAsRoomComes(Arena arena, int count, int pending, long patience, long limit) throws IOException {
        counters.sendWait();
        long end = Deadline.after(limit);
        long patienceEnds = Deadline.after(patience);
        long atOnce = patience < limit ? SEND_AGAIN : limit;
        int left = pending;
        while (left > 0 && !Deadline.isOver(patienceEnds) && awaitRoom(end, atOnce)) {
            int done = sendNow(arena, count);
            left -= done;
            patienceEnds = done > 0 ? Deadline.after(patience) : patienceEnds;
        }
    }

    /** Waits until the send buffer may have room, no longer than that at once; false if the time was over before. */
    private boolean awaitRoom(long deadline, long atOnce) throws IOException {
        long left = Math.min(Deadline.left(deadline), atOnce);
        if (left == 0) {
            return false;
        }
        if (!ParkedThreads.isCurrentVirtual()) {
            poll(Layout.WAIT_WRITABLE, System.nanoTime(), left);
            return true;
        }
        ParkedThreads.Ticket ticket = writers.enter();
        try {
            park(writers, ticket, Deadline.after(left));
        } finally {
            writers.leave(ticket);
        }
        return true;
    }

    /**
     * Whether replies leave from the source that is chosen. False only where the native library cannot be loaded and the
     * program was started with {@code -Dpktinfo.fallback=plain}: there the JDK alone sends and receives, no packet information comes,
     * sources and selections are ignored, and receiving without waiting may take a millisecond.
     *
     * @return true except in the fall-back
     */
    public boolean choosesSource() {
        return transport.choosesSource();
    }

    int boundInterface() {
        return boundInterface;
    }

    /**
     * On kernels of the RHEL 7 age index 0 in the control message clears the socket's binding to a device for that datagram;
     * naming the device again changes nothing on any kernel.
     */
    int interfaceIndex(Source source) {
        return source.interfaceIndex() != 0 || source.controlMessage() == Source.ControlMessage.NONE
                ? source.interfaceIndex()
                : boundInterface;
    }

    @Override
    protected void implCloseChannel() throws IOException {
        try {
            channel.close();
        } finally {
            askForDrops();
            cleanable.clean();
            readers.wakeAll();
            writers.wakeAll();
            inbox.freeIfClosed();
            outbox.freeIfClosed();
        }
    }

    /**
     * Where the channel is bound and whether it is open.
     *
     * @return for a log
     */
    @Override
    public String toString() {
        try {
            return "PktInfoChannel[" + (isOpen() ? String.valueOf(localAddress()) : "closed") + "]";
        } catch (IOException e) {
            return "PktInfoChannel[closed]";
        }
    }
}
