package org.pktinfo;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import java.nio.channels.InterruptibleChannel;
import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.pktinfo.internal.ChannelSocket;
import org.pktinfo.internal.JdkChannels;
import org.pktinfo.internal.NativeLibrary;
import org.pktinfo.internal.Transport;
import org.pktinfo.internal.Waiting;

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
 * <p>Safe for use by any number of threads at once; no lock is held while waiting. Closing only the JDK's channel
 * closes this one within a second. Methods that throw {@link IOException} throw of its kinds {@link
 * ClosedChannelException} if the channel is closed; {@link java.nio.channels.AsynchronousCloseException} if another
 * thread closes it while they wait; and {@link java.nio.channels.ClosedByInterruptException} if this thread is
 * interrupted while they wait, or was before they may have to, which closes the channel: see {@link #closeOnInterrupt}.
 *
 * <p>Memory outside the heap: one payload capacity and 640 bytes for receiving, and the same for sending, each from its
 * first use on: 129 KiB in all with the default capacity. Once {@link #receive()} reads ahead, {@value Inbox#AHEAD}
 * times as much for receiving: 582 KiB. Closing the channel frees it. It does not count for {@code
 * -XX:MaxDirectMemorySize}; that of batches does. Two descriptors besides the JDK's.
 */
@SuppressWarnings("exports") // the annotations are not needed at run time
public final class PktInfoChannel implements InterruptibleChannel {
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
    public static final int MAX_PAYLOAD = Transport.LONGEST_PAYLOAD;

    final ChannelSocket socket;
    final Inbox inbox;
    final Outbox outbox;
    private final DatagramChannel channel;
    private final Waiting waiting;

    /** Takes over the JDK channel only if it succeeds. */
    private PktInfoChannel(DatagramChannel channel, boolean ipv6Only, int payloadCapacity) throws IOException {
        this.channel = channel;
        this.socket = new ChannelSocket(channel, ipv6Only, payloadCapacity);
        this.waiting = new Waiting(socket);
        this.inbox = new Inbox(socket, waiting);
        this.outbox = new Outbox(socket, waiting);
    }

    /**
     * Returns true if this system can do it: it is Linux, and the native library loads, on first use. Never throws.
     *
     * @return true if {@link #open()} will not fail for want of the library
     */
    public static boolean isSupported() {
        return unsupportedReason() == null;
    }

    /**
     * Returns the reason why {@link #isSupported} is false.
     *
     * @return an error whose text lists every attempt to load the native library and its reason, null if it is loaded
     */
    public static @Nullable Throwable unsupportedReason() {
        return NativeLibrary.anyFailure();
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
        return NativeLibrary.libcVersion();
    }

    /**
     * Opens a channel for IPv6 and IPv4, or for IPv4 on a host without IPv6, with room for the largest datagrams.
     *
     * @return the channel, not yet bound
     * @throws IOException as {@link #open(Family, int)} does
     */
    public static PktInfoChannel open() throws IOException {
        return open(Family.DUAL_STACK);
    }

    /**
     * As {@link #open(Family, int)}, with room for the largest datagrams.
     *
     * @param family which addresses
     * @return the channel, not yet bound
     * @throws IOException as there
     */
    public static PktInfoChannel open(Family family) throws IOException {
        return open(family, MAX_PAYLOAD);
    }

    /**
     * Opens a channel for certain addresses and datagrams of a certain length; not yet bound.
     *
     * @param family which addresses
     * @param payloadCapacity the longest payload that can be received whole or sent, in 1 to {@value #MAX_PAYLOAD}
     *     bytes; what does not fit is cut off and marked, see {@link Datagram#isTruncated}
     * @return the channel
     * @throws java.net.SocketException if the kernel ignores the source of what is sent, as gVisor does, and {@code
     *     pktinfo.unproven} is not {@code allow}; the text names the kernel
     * @throws IOException if no socket can be had
     * @throws IllegalArgumentException if the capacity is out of range
     * @throws UnsupportedOperationException if IPv6 is asked for and there is none, or java.net.preferIPv4Stack is set
     * @throws UnsatisfiedLinkError if the native library cannot be loaded; the text lists every attempt
     */
    public static PktInfoChannel open(Family family, int payloadCapacity) throws IOException {
        Objects.requireNonNull(family, "family");
        NativeLibrary.loadOrFallBack();
        DatagramChannel channel = JdkChannels.open(family != Family.IPV6, family != Family.IPV4);
        try {
            return new PktInfoChannel(channel, family == Family.IPV6, payloadCapacity);
        } catch (Throwable e) {
            channel.close();
            throw e;
        }
    }

    /**
     * Gives packet information to a channel that exists already, with room for the largest datagrams.
     *
     * <p>Packet information is switched on from now on: datagrams that a bound channel has queued before came without,
     * and {@link #reply} refuses them. The JDK's channel can still be used, but is better connected and disconnected by
     * {@link #reconnect}; closing the result closes it too.
     *
     * @param channel a channel of the JDK's own provider
     * @return the channel around it
     * @throws ClosedChannelException if it is closed
     * @throws java.net.SocketException as {@link #open(Family, int)} does
     * @throws IOException if it cannot be used
     * @throws IllegalArgumentException if it is not of the JDK's own provider
     * @throws UnsatisfiedLinkError as {@link #open(Family, int)} does
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
     * @throws IOException as there
     * @throws IllegalArgumentException as there, or if the capacity is out of range
     */
    public static PktInfoChannel wrap(DatagramChannel channel, int payloadCapacity) throws IOException {
        Objects.requireNonNull(channel, "channel");
        NativeLibrary.loadOrFallBack();
        return new PktInfoChannel(channel, /* ipv6Only= */ false, payloadCapacity);
    }

    /**
     * Binds to a local address.
     *
     * @param local the address and port; null, or a wildcard address and port 0, leaves them to the system. Bound to
     *     one address the channel receives only what is sent there
     * @return this channel
     * @throws java.net.BindException if the address is in use or not this host's, or the port needs a privilege; the
     *     text names address and privilege
     * @throws IllegalArgumentException if the address is not of the channel's family, or is a name without a number
     * @throws java.nio.channels.AlreadyBoundException if the channel is bound already
     * @throws IOException if binding fails otherwise
     */
    public PktInfoChannel bind(@Nullable SocketAddress local) throws IOException {
        socket.bind(local);
        return this;
    }

    /**
     * The address that the channel is bound to.
     *
     * @return address and port, null if it is not bound
     * @throws IOException if it cannot be determined
     */
    public @Nullable InetSocketAddress localAddress() throws IOException {
        return (InetSocketAddress) channel.getLocalAddress();
    }

    /**
     * Returns true if the channel is bound to an address, alone or among all others. If it is bound to one or connected
     * it has only that one; the kernel would not refuse to send from another. Costs nanoseconds and no system call.
     *
     * @param address of this host
     * @return true for all addresses if the channel is bound to all, a group, or not yet; and for the unspecified one
     */
    public boolean isBoundTo(IpAddress address) {
        return outbox.isBoundTo(address);
    }

    /**
     * Returns the JDK's channel of the same socket: for options, multicast membership, the blocking mode, and to
     * register with a Selector. Packet information stays on. It is connected and disconnected by {@link #reconnect}.
     *
     * @return always the same channel; closing it closes this one as well, closing this one closes it
     */
    public DatagramChannel channel() {
        return channel;
    }

    /** Connects or disconnects a {@link DatagramChannel} or its socket, for {@link PktInfoChannel#reconnect}. */
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
     * channel.reconnect(() -> channel.channel().disconnect())}. Others are held off meanwhile, and who waits already
     * goes on to wait. As the JDK's channel does, it waits for a thread that reads from that one itself.
     *
     * <p>Disconnecting frees the port for a moment, or replaces the socket. A JDK's channel that is connected or
     * disconnected otherwise is followed within half a second; until then what is sent leaves from the socket before,
     * the new one may find its port in use, and what is sent just while it is disconnected may move it to another port.
     *
     * @param reconnection connects or disconnects; must not send or receive by this channel, nor wait for somebody who
     *     does. It is run also if this channel is closed, to have the JDK's say so
     * @throws IllegalStateException if the reconnection itself uses this channel to send or receive
     * @throws IOException if the reconnection throws it, or the new socket cannot be used
     */
    public void reconnect(Reconnection reconnection) throws IOException {
        Objects.requireNonNull(reconnection, "reconnection");
        socket.reconnect(reconnection::run);
    }

    /**
     * Waits until a datagram is there, without taking it; another thread may take it first.
     *
     * @param timeout how long to wait at most; zero: not at all
     * @return false if the time is over and none seemed to be there
     * @throws IllegalArgumentException if the timeout is negative
     * @throws IOException if waiting fails otherwise
     */
    public boolean awaitReadable(Duration timeout) throws IOException {
        return inbox.awaitReadable(DatagramBatch.nanos(timeout));
    }

    /**
     * Lets the kernel hand over datagrams of one peer that came in a row as one (UDP_GRO, udp(7)). {@link #receive()}
     * gives them one by one all the same, each with its packet information; while some are left neither a {@link
     * java.nio.channels.Selector} nor a thread that waits already knows of them, so receive until nothing comes. In a
     * batch they share a slot, see {@link DatagramSlot#segmentSize}, but for those that a {@code receive()} has left.
     * Default: off. To be switched before bind: once off, what is queued as one is one datagram (tried on Linux 6.18).
     *
     * @param on true to switch it on
     * @throws UnsupportedOperationException if the kernel cannot: it came with Linux 5.0
     * @throws IllegalStateException if the payload capacity is below {@link #MAX_PAYLOAD}: not all of them would fit
     * @throws IOException if the option cannot be set otherwise
     */
    public void coalesceReceived(boolean on) throws IOException {
        if (on) {
            Inbox.checkHolds(socket.payloadCapacity());
        }
        socket.change(() -> socket.options().coalesce(on));
    }

    /**
     * Sends IPv4 datagrams with the don't-fragment bit or without (RFC 1191, IP_MTU_DISCOVER in ip(7)). Off, routers
     * fragment what does not fit. To be switched off where several hosts share an address: a router's report may reach
     * another one than sent. IPv6 routers never do (RFC 8200 5): 1232 bytes pass all links. Default: the system's, on.
     *
     * @param on true to switch it on
     * @throws UnsupportedOperationException if the JDK alone carries the datagrams ({@code pktinfo.fallback})
     * @throws IOException if the option cannot be set otherwise
     */
    public void pathMtuDiscovery(boolean on) throws IOException {
        socket.change(() -> socket.options().pathMtuDiscovery(on));
    }

    /**
     * Receives datagrams to groups that only another socket of this host has joined, or to this channel's own alone
     * (IP_MULTICAST_ALL in ip(7), IPV6_MULTICAST_ALL). Default: off; kernels before 4.20 cannot do that for IPv6.
     *
     * @param on true to switch it on
     * @throws UnsupportedOperationException if it is to be switched off for IPv6 and the kernel cannot
     * @throws IOException if the option cannot be set otherwise
     */
    public void allGroups(boolean on) throws IOException {
        socket.change(() -> socket.options().allGroups(on));
    }

    /**
     * Closes this channel when a thread that waits in it is interrupted, as channels do, or leaves the interrupt to
     * that thread, as with {@link java.net.DatagramSocket}. Virtual threads close it always, as with both. Default: on.
     *
     * @param on true to close it; to be set before a thread waits
     * @return this
     */
    public PktInfoChannel closeOnInterrupt(boolean on) {
        waiting.closeOnInterrupt(on);
        return this;
    }

    /**
     * Leaves an interrupt to the thread that is interrupted, whatever kind of thread it is: for a channel that many
     * share, which none of them shall close for all. Whoever waits goes on waiting, and finds the interrupt afterwards.
     *
     * @return this
     */
    public PktInfoChannel ignoreInterrupts() {
        waiting.ignoreInterrupts();
        return this;
    }

    /**
     * Returns what went through this channel so far. Costs a few additions and a system call.
     *
     * @return a snapshot, also of a closed channel
     */
    public ChannelStats stats() {
        socket.askForDrops();
        return ChannelStats.of(socket.counters(), outbox.errors());
    }

    /**
     * Receives one datagram, which may be empty; waits until one comes. Costs one copy of the payload; no address
     * object is made. From a queue that has not run empty for {@value Inbox#BUSY} datagrams it takes {@value
     * Inbox#AHEAD} with one system call, unless another thread waits, a batch exists or {@link #channel} is in
     * non-blocking mode; the rest is for the next calls of a {@code receive} of this channel or of a batch, in order,
     * and not seen by who reads the JDK's channel. Connecting or disconnecting that throws it away, as its own queue.
     *
     * @return the datagram, never null
     * @throws java.nio.channels.IllegalBlockingModeException if {@link #channel} is in non-blocking mode: {@code
     *     receive(Duration.ZERO)} is for that
     * @throws java.net.PortUnreachableException if the JDK's channel is connected and its peer's port is closed
     * @throws IOException if receiving fails otherwise
     */
    public Datagram receive() throws IOException {
        return inbox.receive();
    }

    /**
     * Receives one datagram within a time, whatever the blocking mode; otherwise as {@link #receive()}.
     *
     * @param timeout how long to wait at most; zero: not at all, also if this thread is interrupted
     * @return the datagram, null if none came in time
     * @throws IllegalArgumentException if the timeout is negative
     * @throws IOException as there
     */
    public @Nullable Datagram receive(Duration timeout) throws IOException {
        return inbox.receive(DatagramBatch.nanos(timeout));
    }

    /**
     * Receives one datagram into a packet of the JDK, as {@link java.net.DatagramSocket#receive} does: what does not
     * fit is cut off, the packet's address and length are set, and a packet used again keeps its room. For those who
     * know the JDK's packets and want to know where each was sent to.
     *
     * @param packet what to receive into; locked while it is filled, but not while nothing is there
     * @param timeout how long to wait at most; zero: not at all
     * @return where it was sent to, null if nothing came in time
     * @throws IllegalArgumentException if the timeout is negative
     * @throws IOException as {@link #receive()} does
     */
    public @Nullable PacketInfo receive(DatagramPacket packet, Duration timeout) throws IOException {
        Objects.requireNonNull(packet, "packet");
        return inbox.receive(packet, DatagramBatch.nanos(timeout));
    }

    /**
     * Makes room to receive and answer many datagrams with one call.
     *
     * @param slots number of slots, in 1 to {@value DatagramBatch#MAX_SLOTS}; with 32 the cost of the calls is small
     * @param payloadCapacity the longest payload of each, request or reply, in 1 to {@value #MAX_PAYLOAD} bytes
     * @return a batch, which takes {@code slots * (payloadCapacity + 583)} bytes outside the heap and is for one thread
     * @throws IllegalArgumentException if a number is out of range
     */
    public DatagramBatch newBatch(int slots, int payloadCapacity) {
        return DatagramBatch.of(inbox, outbox, slots, payloadCapacity);
    }

    /**
     * As {@link #reply(Datagram, ByteBuffer)}.
     *
     * @param request what was received
     * @param payload the reply
     * @throws IOException as there
     */
    public void reply(Datagram request, byte[] payload) throws IOException {
        reply(request, ByteBuffer.wrap(payload));
    }

    /**
     * Replies to a request from the address that it was sent to, see {@link SourceSelection#addressAsked}.
     *
     * @param request what was received, now or earlier, by this channel or another of the same port
     * @param payload from its position to its limit; the position is the limit afterwards, if nothing is thrown
     * @throws SendException as {@link #send} does, with {@link SendException.Kind#NO_SOURCE} if the request does not
     *     say which address it was sent to, or that is not one that this channel is {@linkplain #isBoundTo bound to},
     *     and with {@link SendException.Kind#PEER_UNANSWERABLE} if it came from no address that can be answered
     * @throws IOException as {@link #send} does
     */
    public void reply(Datagram request, ByteBuffer payload) throws IOException {
        reply(request, payload, SourceSelection.addressAsked());
    }

    /**
     * Replies as {@link #reply(Datagram, ByteBuffer)}, but from the address that a selection chooses.
     *
     * @param request what was received
     * @param payload the reply
     * @param selection chooses the source; the caller's own may choose an address to which this channel is not bound
     * @throws SendException as there, and whatever the selection throws
     * @throws IOException as there
     */
    public void reply(Datagram request, ByteBuffer payload, SourceSelection selection) throws IOException {
        Objects.requireNonNull(payload, "payload");
        send(payload, request.peer(), outbox.select(request, selection));
    }

    /**
     * Sends a datagram from a chosen source. If the socket's send buffer is full it waits for room in blocking mode,
     * and fails with {@link SendException.Kind#TRANSIENT} in non-blocking mode. What is sent may be lost on the way.
     *
     * @param payload from its position to its limit, may be empty; the position is the limit then, if nothing is thrown
     * @param peer where to
     * @param source where from; also an address that this channel is not bound to, if the kernel takes it
     * @throws SendException if the datagram is not sent, for the reason of its {@link SendException#kind}
     * @throws IllegalArgumentException if the peer's address is not of the channel's family
     * @throws java.nio.channels.AlreadyConnectedException if {@link #channel} is connected to another peer, as with
     *     {@link DatagramChannel#send}. Connected otherwise than by {@link #reconnect}, known within half a second
     * @throws IOException if sending fails otherwise
     */
    public void send(ByteBuffer payload, Endpoint peer, Source source) throws IOException {
        outbox.send(payload, peer, source);
    }

    /**
     * Returns true if replies leave from the source that is chosen. False only where the native library cannot be
     * loaded and the program was started with {@code -Dpktinfo.fallback=plain}: there the JDK alone sends and receives,
     * no packet information comes, sources and selections are ignored, receiving without waiting may take 1 ms.
     *
     * @return true except in the fall-back
     */
    public boolean choosesSource() {
        return socket.choosesSource();
    }

    @Override
    public boolean isOpen() {
        return socket.isOpen();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }

    @Override
    public String toString() {
        return "PktInfoChannel[" + socket + "]";
    }
}
