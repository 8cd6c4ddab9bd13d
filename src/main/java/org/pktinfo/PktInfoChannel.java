package org.pktinfo;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.SocketOption;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import java.nio.channels.InterruptibleChannel;
import java.time.Duration;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.pktinfo.internal.ChannelSocket;
import org.pktinfo.internal.JdkChannels;
import org.pktinfo.internal.NativeLibrary;
import org.pktinfo.internal.Transport;
import org.pktinfo.internal.Waiting;

/**
 * A UDP channel that reports the address that each datagram was sent to, and sends replies from that address.
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
 * <p>The socket is that of a {@link DatagramChannel}, see {@link #jdkChannel}.
 *
 * <p>Safe for use by any number of threads; no lock is held while waiting. Closing only the JDK's channel closes this
 * one within a second. Methods that throw {@link IOException} throw {@link ClosedChannelException} if the channel is
 * closed, {@link java.nio.channels.AsynchronousCloseException} if another thread closes it while they wait, and
 * {@link java.nio.channels.ClosedByInterruptException} if this thread is interrupted while they wait, or before a call
 * that may wait, which closes the channel: see {@link #closeOnInterrupt}.
 *
 * <p>Memory outside the heap until it is closed: one payload capacity and 768 bytes for each direction from its first
 * use on, 130 KiB in all by default; 583 KiB once {@link #receive()} reads {@value Receiver#AHEAD} ahead. It does not
 * count towards {@code -XX:MaxDirectMemorySize}; that of batches does. Two file descriptors besides the JDK's.
 */
@SuppressWarnings("exports") // the annotations are not needed at run time
public final class PktInfoChannel implements InterruptibleChannel {
    /** The address families of a channel. */
    public enum Family {
        /** IPv6 and IPv4 on one AF_INET6 socket; on a host without IPv6, IPv4 only. */
        DUAL_STACK,
        /** IPv4 only, on an AF_INET socket. */
        IPV4,
        /** IPv6 only: an AF_INET6 socket with IPV6_V6ONLY (RFC 3493 5.3). */
        IPV6
    }

    /** The largest UDP payload in bytes: 65 527, over IPv6; over IPv4 it is 65 507. */
    public static final int MAX_PAYLOAD = Transport.LONGEST_PAYLOAD;

    final ChannelSocket socket;
    final Receiver receiver;
    final Sender sender;
    private final Waiting waiting;

    /** Takes over the JDK channel only if it succeeds. */
    private PktInfoChannel(DatagramChannel channel, boolean ipv6Only, int payloadCapacity) throws IOException {
        this.socket = new ChannelSocket(channel, ipv6Only, payloadCapacity);
        this.waiting = new Waiting(socket);
        this.receiver = new Receiver(socket, waiting);
        this.sender = new Sender(socket, waiting);
    }

    /** {@return true on Linux if {@link #open()} finds the native library} Loads it if needed; never throws. */
    public static boolean isSupported() {
        return unsupportedReason() == null;
    }

    /** {@return the reason why {@link #isSupported} is false, with every attempt to load; null if it is true} */
    public static @Nullable Throwable unsupportedReason() {
        return NativeLibrary.anyFailure();
    }

    /**
     * {@return a new channel, not yet bound, for IPv6 and IPv4, with the largest payload capacity}
     *
     * @throws IOException if {@link #open(Family, int)} throws it
     */
    public static PktInfoChannel open() throws IOException {
        return open(Family.DUAL_STACK);
    }

    /**
     * {@return a new channel, not yet bound, with the largest payload capacity}
     *
     * @param family the address family
     * @throws IOException if {@link #open(Family, int)} throws it
     */
    public static PktInfoChannel open(Family family) throws IOException {
        return open(family, MAX_PAYLOAD);
    }

    /**
     * {@return a new channel, not yet bound}
     *
     * @param family the address family
     * @param payloadCapacity the longest payload that can be received whole or sent, in 1 to {@value #MAX_PAYLOAD}
     *     bytes; a longer datagram is truncated and marked, see {@link Datagram#isTruncated}
     * @throws java.net.SocketException if the kernel ignores the source of sent datagrams, as gVisor does, and
     *     {@code pktinfo.unproven} is not {@code allow}; the text names the kernel
     * @throws IOException if no socket can be created
     * @throws IllegalArgumentException if the capacity is out of range
     * @throws UnsupportedOperationException if IPv6 is requested, and is missing or java.net.preferIPv4Stack is set
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
     * Adds packet information to an existing channel, with the largest payload capacity. Datagrams that a bound channel
     * queued before have none, and {@link #reply} refuses them.
     *
     * @param channel a channel of the JDK's own provider
     * @return the channel around it; closing it closes the JDK's channel too
     * @throws ClosedChannelException if the JDK's channel is closed
     * @throws java.net.SocketException if {@link #open(Family, int)} throws it
     * @throws IOException if the JDK's channel cannot be used
     * @throws IllegalArgumentException if the JDK's channel is not of the JDK's own provider
     */
    public static PktInfoChannel wrap(DatagramChannel channel) throws IOException {
        return wrap(channel, MAX_PAYLOAD);
    }

    /**
     * Adds packet information as {@link #wrap(DatagramChannel)} does, with a payload capacity.
     *
     * @param channel a channel of the JDK's own provider
     * @param payloadCapacity the longest payload, in 1 to {@value #MAX_PAYLOAD} bytes
     * @return the channel around it
     * @throws IOException if {@link #wrap(DatagramChannel)} throws it
     * @throws IllegalArgumentException if {@link #wrap(DatagramChannel)} throws it, or the capacity is out of range
     */
    public static PktInfoChannel wrap(DatagramChannel channel, int payloadCapacity) throws IOException {
        Objects.requireNonNull(channel, "channel");
        NativeLibrary.loadOrFallBack();
        return new PktInfoChannel(channel, /* ipv6Only= */ false, payloadCapacity);
    }

    /**
     * Binds this channel to a local address. Bound to one address, it receives only datagrams to that address.
     *
     * @param local the address and port; null, or a wildcard address and port 0, leaves them to the system
     * @return this channel
     * @throws java.net.BindException if the address is in use or not this host's, or the port needs a privilege; the
     *     text names address and privilege
     * @throws IllegalArgumentException if the address is not of the channel's family, or is an unresolved name
     * @throws java.nio.channels.AlreadyBoundException if the channel is bound already
     * @throws IOException if binding fails otherwise
     */
    public PktInfoChannel bind(@Nullable SocketAddress local) throws IOException {
        socket.bind(local);
        return this;
    }

    /**
     * {@return the address and port that the channel is bound to, null if it is not bound}
     *
     * @throws IOException if it cannot be determined
     */
    public @Nullable InetSocketAddress localAddress() throws IOException {
        return (InetSocketAddress) jdkChannel().getLocalAddress();
    }

    /**
     * {@return true if the channel is bound to an address, to it alone or to all} A channel bound to one address, or
     * connected, has only that one, though the kernel would send from another. It is true for every address if the
     * channel is bound to all, a group, or not yet; and for the unspecified one. Costs nanoseconds, no system call.
     *
     * @param address an address of this host
     */
    public boolean isBoundTo(IpAddress address) {
        return sender.isBoundTo(address);
    }

    /**
     * {@return the JDK's channel of the same socket, always the same object} It is for options, multicast membership,
     * the blocking mode and registration with a Selector. Packet information stays on. Closing either channel closes
     * the other. Connect and disconnect it by {@link #reconnect}.
     */
    public DatagramChannel jdkChannel() {
        return socket.channel();
    }

    /**
     * Connects or disconnects {@link #jdkChannel} while no thread sends or receives by this channel: {@code
     * channel.reconnect(() -> channel.jdkChannel().disconnect())}. Other threads are held off meanwhile; those that
     * wait continue to wait. Like the JDK's channel, it waits for a thread that reads from the JDK's channel itself.
     *
     * @param reconnection connects or disconnects; must not send or receive by this channel, nor wait for a thread that
     *     does. It is run even if this channel is closed, so that the JDK's channel reports it
     * @throws IllegalStateException if the reconnection itself uses this channel to send or receive
     * @throws IOException if the reconnection throws it, or the new socket cannot be used
     */
    public void reconnect(Reconnection reconnection) throws IOException {
        Objects.requireNonNull(reconnection, "reconnection");
        socket.reconnect(reconnection::run);
    }

    /**
     * {@return true once a datagram can be received, which another thread may do first; false after the timeout}
     *
     * @param timeout the longest time to wait; zero does not wait
     * @throws IllegalArgumentException if the timeout is negative
     * @throws IOException if waiting fails otherwise
     */
    public boolean awaitReadable(Duration timeout) throws IOException {
        return receiver.awaitReadable(DatagramBatch.nanos(timeout));
    }

    /**
     * {@return this channel, with an option of {@link PktInfoSocketOptions} or of the JDK's channel set}
     *
     * @param <T> the type of its value
     * @param option the option
     * @param value the value
     * @throws IllegalStateException if the payload capacity is too small for COALESCE_RECEIVED
     * @throws UnsupportedOperationException if the kernel, the channel or the JDK lacks the option
     * @throws IllegalArgumentException if the value is out of range
     * @throws IOException if the option cannot be set otherwise, as for lack of a privilege
     */
    public <T> PktInfoChannel setOption(SocketOption<T> option, T value) throws IOException {
        Objects.requireNonNull(value, "value");
        if (option instanceof PktInfoSocketOption<T> own) {
            own.check(value, socket.payloadCapacity());
            socket.change(() -> own.set(socket.options(), value));
        } else {
            jdkChannel().setOption(option, value);
        }
        return this;
    }

    /**
     * {@return the value of an option; false or 0 if the kernel lacks one of {@link PktInfoSocketOptions}}
     *
     * @param <T> the type of its value
     * @param option the option
     * @throws UnsupportedOperationException if the JDK lacks the option
     * @throws IOException if the option cannot be read
     */
    public <T> T getOption(SocketOption<T> option) throws IOException {
        return option instanceof PktInfoSocketOption<T> own
                ? socket.get(() -> own.get(socket.options()))
                : jdkChannel().getOption(option);
    }

    /** {@return the options of {@link PktInfoSocketOptions} and those of the JDK's channel} */
    public Set<SocketOption<?>> supportedOptions() {
        return PktInfoSocketOptions.with(jdkChannel().supportedOptions());
    }

    /**
     * {@return this channel, from now on closed or not if a waiting thread is interrupted, as the JDK's are} If not,
     * the thread keeps the interrupt, as in {@link java.net.DatagramSocket}; virtual threads always close it.
     *
     * @param on true, the default, to close it; to be set before a thread waits
     */
    public PktInfoChannel closeOnInterrupt(boolean on) {
        waiting.closeOnInterrupt(on);
        return this;
    }

    /**
     * {@return this channel, which from now on leaves an interrupt to the thread that is interrupted, platform or
     * virtual} For a channel that many threads share. A waiting thread waits on, and finds the interrupt afterwards.
     */
    public PktInfoChannel ignoreInterrupts() {
        waiting.ignoreInterrupts();
        return this;
    }

    /** {@return a snapshot of the counters, also of a closed channel} Costs a few additions and a system call. */
    public ChannelStats stats() {
        socket.askForDrops();
        return ChannelStats.of(socket.counters(), socket.errors(), sender.errors());
    }

    /**
     * {@return one datagram, never null, maybe empty} Waits for it. Once {@value Receiver#BUSY} came from a queue that
     * did not run empty, it takes {@value Receiver#AHEAD} with one system call, unless another thread waits, a batch
     * exists or {@link #jdkChannel} is in non-blocking mode. The next calls of a {@code receive} of this channel or of
     * a batch return the rest, in order. The JDK's channel does not see them; connecting or disconnecting it discards
     * them and its queue.
     *
     * @throws java.nio.channels.IllegalBlockingModeException if {@link #jdkChannel} is in non-blocking mode, for which
     *     there is {@code receive(Duration.ZERO)}
     * @throws java.net.PortUnreachableException if the JDK's channel is connected and its peer's port is closed
     * @throws IOException if receiving fails otherwise
     */
    public Datagram receive() throws IOException {
        return receiver.receive();
    }

    /**
     * {@return one datagram as {@link #receive()} does, but in either blocking mode; null if none arrived in time}
     *
     * @param timeout the longest time to wait; zero does not wait, even if this thread is interrupted
     * @throws IllegalArgumentException if the timeout is negative
     * @throws IOException if {@link #receive()} throws it
     */
    public @Nullable Datagram receive(Duration timeout) throws IOException {
        return receiver.receive(DatagramBatch.nanos(timeout));
    }

    /**
     * Receives one datagram into a packet of the JDK, as {@link java.net.DatagramSocket#receive} does: a datagram that
     * does not fit is truncated, the packet's address and length are set, and a reused packet keeps its room.
     *
     * @param packet the packet to fill; locked while it is filled, but not during the wait
     * @param timeout the longest time to wait; zero does not wait
     * @return the packet information, null if no datagram arrived in time
     * @throws IllegalArgumentException if the timeout is negative
     * @throws IOException if {@link #receive()} throws it
     */
    public @Nullable PacketInfo receive(DatagramPacket packet, Duration timeout) throws IOException {
        return receiver.receive(packet, DatagramBatch.nanos(timeout));
    }

    /**
     * {@return the packet information and the facts of a datagram received as {@link #receive(DatagramPacket,
     * Duration)} does; null if none arrived in time}
     *
     * @param packet the packet to fill
     * @param timeout the longest time to wait; zero does not wait
     * @throws IOException if {@link #receive(DatagramPacket, Duration)} throws it
     */
    public @Nullable PacketReport receiveReport(DatagramPacket packet, Duration timeout) throws IOException {
        return receiver.receiveReport(packet, DatagramBatch.nanos(timeout));
    }

    /**
     * {@return a new batch, to receive and answer many datagrams with one call, for one thread} It takes {@code slots *
     * (payloadCapacity + 711)} bytes outside the heap.
     *
     * @param slots number of slots, in 1 to {@value DatagramBatch#MAX_SLOTS}; with 32 the cost of the calls is small
     * @param payloadCapacity the longest payload of each, request or reply, in 1 to {@value #MAX_PAYLOAD} bytes
     * @throws IllegalArgumentException if a number is out of range
     */
    public DatagramBatch newBatch(int slots, int payloadCapacity) {
        return DatagramBatch.of(receiver, sender, slots, payloadCapacity);
    }

    /**
     * Replies as {@link #reply(Datagram, ByteBuffer)} does.
     *
     * @param request the request
     * @param payload the payload of the reply
     * @throws IOException if {@link #reply(Datagram, ByteBuffer)} throws it
     */
    public void reply(Datagram request, byte[] payload) throws IOException {
        reply(request, ByteBuffer.wrap(payload));
    }

    /**
     * Replies to a request from the address that it was sent to, see {@link SourceSelection#requestDestination}.
     *
     * @param request the request, received now or earlier, by this channel or another of the same port
     * @param payload from its position to its limit; the position is the limit afterwards, if nothing is thrown
     * @throws SendException if {@link #send} throws it; of kind {@link SendException.Kind#NO_SOURCE} if the request
     *     does not say which address it was sent to, or this channel is not {@linkplain #isBoundTo bound to} it; and of
     *     kind {@link SendException.Kind#PEER_UNANSWERABLE} if no reply can be sent to the request's source address
     * @throws IOException if {@link #send} throws it
     */
    public void reply(Datagram request, ByteBuffer payload) throws IOException {
        reply(request, payload, SourceSelection.requestDestination());
    }

    /**
     * Replies as {@link #reply(Datagram, ByteBuffer)} does, but from the source that a selection chooses.
     *
     * @param request the request
     * @param payload the payload of the reply
     * @param selection chooses the source; the caller's own may choose an address to which this channel is not bound
     * @throws IOException if {@link #reply(Datagram, ByteBuffer)} or the selection throws it
     */
    public void reply(Datagram request, ByteBuffer payload, SourceSelection selection) throws IOException {
        reply(request, payload, selection, SendOptions.NONE);
    }

    /**
     * Replies as {@link #reply(Datagram, ByteBuffer, SourceSelection)} does, with header fields of its own.
     *
     * @param request the request
     * @param payload the payload of the reply
     * @param selection chooses the source
     * @param options the fields, such as {@link SendOptions#ecnOf}
     * @throws IOException if {@link #reply(Datagram, ByteBuffer, SourceSelection)} throws it
     */
    public void reply(Datagram request, ByteBuffer payload, SourceSelection selection, SendOptions options)
            throws IOException {
        Objects.requireNonNull(payload, "payload");
        send(payload, request.peer(), sender.select(request, selection), options);
    }

    /**
     * Sends a datagram from a chosen source. If the socket's send buffer is full, it waits for room in blocking mode,
     * and fails with {@link SendException.Kind#TRANSIENT} in non-blocking mode. A sent datagram may be lost on the way.
     *
     * @param payload from its position to its limit, may be empty; the position is the limit then, if nothing is thrown
     * @param peer the destination
     * @param source the source; also an address that this channel is not bound to, if the kernel accepts it
     * @throws SendException if the datagram is not sent, for the reason of its {@link SendException#kind}
     * @throws IllegalArgumentException if the peer's address is not of the channel's family
     * @throws java.nio.channels.AlreadyConnectedException if {@link #jdkChannel} is connected to another peer, as with
     *     {@link DatagramChannel#send}; a connection made without {@link #reconnect} is known within half a second
     * @throws IOException if sending fails otherwise
     */
    public void send(ByteBuffer payload, Endpoint peer, Source source) throws IOException {
        send(payload, peer, source, SendOptions.NONE);
    }

    /**
     * Sends a datagram as {@link #send(ByteBuffer, Endpoint, Source)} does, with header fields of its own.
     *
     * @param payload the payload
     * @param peer the destination
     * @param source the source
     * @param options the fields
     * @throws IOException if {@link #send(ByteBuffer, Endpoint, Source)} throws it
     */
    public void send(ByteBuffer payload, Endpoint peer, Source source, SendOptions options) throws IOException {
        sender.send(payload, peer, source, options);
    }

    /**
     * {@return the next error of {@link PktInfoSocketOptions#RECEIVE_ERRORS}, null if there is none} Never waits.
     *
     * @throws IOException if the channel is closed, or the report cannot be read
     */
    public @Nullable NetworkError receiveError() throws IOException {
        return NetworkError.of(socket.receiveError());
    }

    /**
     * {@return the next time of {@link SendOptions#withTransmitTime}, null if none is known yet} Never waits.
     *
     * @throws IOException if the channel is closed, or the time cannot be read
     */
    public @Nullable TransmitTime receiveTransmitTime() throws IOException {
        return TransmitTime.of(socket.receiveTransmitTime());
    }

    /**
     * {@return the path MTU to a peer in bytes, headers included: the interface's, or less if a router reported less}
     * Opens, binds, connects and closes a socket of its own, which sends nothing: some ten microseconds, so not for
     * each datagram. Forged reports lower it too, see {@link NetworkError}.
     *
     * @param peer the peer
     * @param source the source; without an interface, the device that the channel is bound to is taken
     * @throws IllegalArgumentException if the peer is not of the channel's family, or the source not of the peer's
     * @throws UnsupportedOperationException if the JDK alone carries the datagrams ({@code pktinfo.fallback})
     * @throws IOException if the channel is closed, there is no route, the source is not this host's, or it has an
     *     interface and CAP_NET_RAW is missing before Linux 5.7
     */
    public int pathMtu(IpAddress peer, Source source) throws IOException {
        return PathMtu.ask(socket, peer, source);
    }

    /**
     * {@return true if replies are sent from the chosen source} It is false only if the native library cannot be loaded
     * and the program was started with {@code -Dpktinfo.fallback=plain}. The JDK alone sends and receives then: there
     * is no packet information, sources and selections are ignored, and receiving without waiting may take 1 ms.
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
