package org.pktinfo.netty;

import io.netty.channel.ChannelException;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelMetadata;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.ChannelPromise;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.channel.nio.AbstractNioMessageChannel;
import io.netty.channel.nio.NioIoOps;
import io.netty.channel.socket.DatagramChannel;
import io.netty.channel.socket.DatagramChannelConfig;
import io.netty.channel.socket.DatagramPacket;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.ProtocolFamily;
import java.net.SocketAddress;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SelectionKey;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.PktInfoChannel.Family;
import org.pktinfo.SendException;

/**
 * A datagram channel for Netty's NIO event loop that reports the destination of each packet, and whose replies leave
 * from it. In a Bootstrap it replaces {@code NioDatagramChannel}:
 *
 * <pre>{@code
 * new Bootstrap()
 *         .group(new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory()))
 *         .channel(PktInfoDatagramChannel.class)
 *         .handler(handler)
 *         .bind(8888);
 * }</pre>
 *
 * <p>Packets are read as {@link PktInfoDatagramPacket}s, whose {@link DatagramPacket#recipient} is the actual
 * destination address of the packet. The source address of a packet written is, in this order:
 *
 * <ol>
 *   <li>the request destination, for a packet made by {@link PktInfoDatagramPacket#reply};
 *   <li>the packet's {@link DatagramPacket#sender}, if it is neither the wildcard nor a group;
 *   <li>the request destination, if the recipient is the {@code sender} object of a request;
 *   <li>the last request destination of the recipient, out of a {@link org.pktinfo.PeerMemory};
 *   <li>the system's choice, if the recipient has sent no request.
 * </ol>
 *
 * <p>In 3 the recipient has to be the very object that {@link DatagramPacket#sender} of the request returned, not one
 * that is equal. A channel that is bound to one address sends from no other, like Netty's own: in 3 and 4 a request
 * that another channel received, at another address or port, is ignored. A connected channel sends from the address
 * that it is connected from. In 1 and 2 an address to which the channel is not bound fails the write with {@link
 * SendException.Kind#NO_SOURCE}; only a {@link org.pktinfo.SourceSelection} of the program's own may choose it.
 *
 * <p>If the network's errors are switched on, the handlers get each as a user event, a {@link
 * org.pktinfo.NetworkError}; while a channel neither reads nor writes, they wait.
 *
 * <p>A packet that cannot be sent fails its own promise alone, with a {@link SendException} that gives the reason. The
 * channel supports the packets, options and methods of Netty's channels, {@link PktInfoChannelOption}, {@link
 * OptionsPacket}s, and {@code SegmentedDatagramPacket}s, which are sent as several datagrams. Memory outside the heap:
 * {@link PktInfoChannelOption#BATCH_SIZE} times the sum of the payload's length and 711 bytes. Safe for use by any
 * thread, as all of Netty's channels are.
 */
@SuppressWarnings({
    "exports", // users of this package have Netty's modules
    "deprecation" // of Netty's own extension points, for which 4.2 has no replacement
})
public final class PktInfoDatagramChannel extends AbstractNioMessageChannel implements DatagramChannel {
    private static final ChannelMetadata METADATA = new ChannelMetadata(/* hasDisconnect= */ true, 16);

    private final PktInfoChannel channel;
    private final PktInfoDatagramChannelConfig config;
    private final Memberships memberships;
    private final BatchCache batches;
    private final SourceResolver sources;
    private final InboundBatch inbound;
    private final ReportEvents reports;

    /** Created by the first write, because it belongs to the event loop. */
    private @Nullable OutboundBatch outbound;

    /** The next read while the selector does not watch the socket; null while it does. */
    private @Nullable Future<?> nextRead;

    /**
     * Opens a channel for IPv6 and IPv4, or for IPv4 on a host without IPv6.
     *
     * @throws ChannelException if no socket can be opened
     * @throws UnsupportedOperationException if this is not Netty 4.2
     * @throws UnsatisfiedLinkError if the native library cannot be loaded
     */
    public PktInfoDatagramChannel() {
        this(Opening.open(Family.DUAL_STACK));
    }

    /**
     * Opens a channel for an address family.
     *
     * @param family INET for IPv4 only; INET6 for both, as in Netty's own channels; null for the default, as in the
     *     constructor without parameters. Netty's {@code SocketProtocolFamily} or the JDK's {@link
     *     java.net.StandardProtocolFamily}
     * @throws ChannelException if no socket can be opened
     * @throws UnsupportedOperationException if it is another family, or IPv6 on a host without it, or this is not Netty
     *     4.2
     * @throws UnsatisfiedLinkError if the native library cannot be loaded
     */
    public PktInfoDatagramChannel(@Nullable ProtocolFamily family) {
        this(Opening.open(family));
    }

    /**
     * Wraps an existing channel.
     *
     * @param channel a channel of the JDK's own provider; closed with this one
     * @throws ChannelException if it is closed or cannot be used
     * @throws IllegalArgumentException if it is not of the JDK's own provider
     * @throws UnsupportedOperationException if this is not Netty 4.2
     * @throws UnsatisfiedLinkError if the native library cannot be loaded
     */
    public PktInfoDatagramChannel(java.nio.channels.DatagramChannel channel) {
        this(Opening.wrap(channel));
    }

    private PktInfoDatagramChannel(PktInfoChannel channel) {
        super(/* parent= */ null, channel.jdkChannel(), SelectionKey.OP_READ);
        this.channel = channel;
        this.config = new PktInfoDatagramChannelConfig(this, channel, this::clearReadPending);
        this.memberships = new Memberships(this, config, channel.jdkChannel());
        this.batches = new BatchCache(channel, config);
        this.sources = new SourceResolver(this, channel, config);
        this.inbound = new InboundBatch(this, config, batches);
        this.reports = new ReportEvents(this, channel);
    }

    @Override
    public ChannelMetadata metadata() {
        return METADATA;
    }

    @Override
    public DatagramChannelConfig config() {
        return config;
    }

    @Override
    public boolean isActive() {
        return isOpen() && (isBound() || (isRegistered() && isActiveOnRegistration()));
    }

    private boolean isActiveOnRegistration() {
        return Boolean.TRUE.equals(config.getOption(ChannelOption.DATAGRAM_CHANNEL_ACTIVE_ON_REGISTRATION));
    }

    private boolean isBound() {
        return javaChannel().socket().isBound();
    }

    @Override
    public boolean isConnected() {
        return javaChannel().isConnected();
    }

    @Override
    protected java.nio.channels.DatagramChannel javaChannel() {
        return (java.nio.channels.DatagramChannel) super.javaChannel();
    }

    @Override
    protected @Nullable SocketAddress localAddress0() {
        return javaChannel().socket().getLocalSocketAddress();
    }

    @Override
    protected @Nullable SocketAddress remoteAddress0() {
        return javaChannel().socket().getRemoteSocketAddress();
    }

    @Override
    public InetSocketAddress localAddress() {
        return (InetSocketAddress) super.localAddress();
    }

    @Override
    public InetSocketAddress remoteAddress() {
        return (InetSocketAddress) super.remoteAddress();
    }

    @Override
    protected void doBind(@Nullable SocketAddress local) throws Exception {
        channel.bind(local);
    }

    @Override
    protected boolean doConnect(SocketAddress remote, @Nullable SocketAddress local) throws Exception {
        boolean done = false;
        try {
            if (local != null) {
                doBind(local);
            }
            channel.reconnect(() -> javaChannel().connect(remote));
            done = true;
            return true;
        } finally {
            if (!done) {
                doClose();
            }
        }
    }

    @Override
    protected void doFinishConnect() {
        throw new AssertionError("connecting a datagram channel does not take time");
    }

    @Override
    protected void doDisconnect() throws Exception {
        channel.reconnect(() -> javaChannel().disconnect());
    }

    @Override
    protected void doClose() throws Exception {
        channel.close();
    }

    /**
     * Requests the next read. A busy channel reads in its event loop's next turn, and the selector does not watch it.
     * For a socket in an epoll instance the kernel takes a lock and makes a call for each datagram sent, only to find
     * that no thread waits for room to send.
     */
    @Override
    protected void doBeginRead() throws Exception {
        if (!inbound.isBusy() || !config.isAutoRead() || !isRegistered()) {
            super.doBeginRead(); // ignores a channel that is between two event loops
        } else if (nextRead == null && registration().isValid()) { // a handler may have closed the channel
            removeAndSubmit(NioIoOps.READ);
            nextRead = eventLoop().schedule(this::readOn, 0, TimeUnit.NANOSECONDS); // a task would run in this turn
        }
    }

    private void readOn() {
        nextRead = null;
        if (isActive() && config.isAutoRead()) {
            unsafe().read();
        }
    }

    @Override
    protected void doDeregister() throws Exception {
        if (nextRead != null) {
            nextRead.cancel(/* mayInterruptIfRunning= */ false);
            nextRead = null;
        }
        super.doDeregister();
    }

    @Override
    protected int doReadMessages(List<Object> read) throws Exception {
        int count = inbound.read(read, unsafe().recvBufAllocHandle());
        reports.look();
        return count;
    }

    @Override
    protected boolean continueReading(RecvByteBufAllocator.Handle handle) {
        return inbound.goesOn(handle);
    }

    /** Keeps the channel open after an error that concerns one datagram, such as an ICMP message. */
    @Override
    protected boolean closeOnReadError(Throwable cause) {
        return !isActive() || !(cause instanceof IOException) || cause instanceof ClosedChannelException;
    }

    @Override
    protected Object filterOutboundMessage(Object message) {
        return Messages.accept(message);
    }

    @Override
    protected boolean doWriteMessage(Object message, ChannelOutboundBuffer queue) {
        throw new AssertionError("doWrite writes all");
    }

    @Override
    protected void doWrite(ChannelOutboundBuffer queue) throws Exception {
        if (!isBound()) {
            channel.bind(null); // active though not bound: DATAGRAM_CHANNEL_ACTIVE_ON_REGISTRATION
        }
        if (outbound == null) {
            outbound = new OutboundBatch(this, config, batches, sources);
        }
        outbound.send(queue, maxMessagesPerWrite(), config.getWriteSpinCount());
        reports.look();
        if (!registration().isValid()) {
            return; // a listener has closed the channel
        }
        if (queue.isEmpty()) {
            removeAndSubmit(NioIoOps.WRITE);
        } else {
            addAndSubmit(NioIoOps.WRITE);
        }
    }

    @Override
    public ChannelFuture joinGroup(InetAddress group) {
        return joinGroup(group, newPromise());
    }

    @Override
    public ChannelFuture joinGroup(InetAddress group, ChannelPromise promise) {
        return memberships.join(group, promise);
    }

    @Override
    public ChannelFuture joinGroup(InetSocketAddress group, NetworkInterface networkInterface) {
        return joinGroup(group, networkInterface, newPromise());
    }

    @Override
    public ChannelFuture joinGroup(InetSocketAddress group, NetworkInterface networkInterface, ChannelPromise promise) {
        return joinGroup(group.getAddress(), networkInterface, null, promise);
    }

    @Override
    public ChannelFuture joinGroup(InetAddress group, NetworkInterface networkInterface, @Nullable InetAddress source) {
        return joinGroup(group, networkInterface, source, newPromise());
    }

    @Override
    public ChannelFuture joinGroup(
            InetAddress group,
            NetworkInterface networkInterface,
            @Nullable InetAddress source,
            ChannelPromise promise) {
        return memberships.join(group, networkInterface, source, promise);
    }

    @Override
    public ChannelFuture leaveGroup(InetAddress group) {
        return leaveGroup(group, newPromise());
    }

    @Override
    public ChannelFuture leaveGroup(InetAddress group, ChannelPromise promise) {
        return memberships.leave(group, promise);
    }

    @Override
    public ChannelFuture leaveGroup(InetSocketAddress group, NetworkInterface networkInterface) {
        return leaveGroup(group, networkInterface, newPromise());
    }

    @Override
    public ChannelFuture leaveGroup(
            InetSocketAddress group, NetworkInterface networkInterface, ChannelPromise promise) {
        return leaveGroup(group.getAddress(), networkInterface, null, promise);
    }

    @Override
    public ChannelFuture leaveGroup(
            InetAddress group, NetworkInterface networkInterface, @Nullable InetAddress source) {
        return leaveGroup(group, networkInterface, source, newPromise());
    }

    @Override
    public ChannelFuture leaveGroup(
            InetAddress group,
            NetworkInterface networkInterface,
            @Nullable InetAddress source,
            ChannelPromise promise) {
        return memberships.leave(group, networkInterface, source, promise);
    }

    @Override
    public ChannelFuture block(InetAddress group, NetworkInterface networkInterface, InetAddress source) {
        return block(group, networkInterface, source, newPromise());
    }

    @Override
    public ChannelFuture block(
            InetAddress group, NetworkInterface networkInterface, InetAddress source, ChannelPromise promise) {
        return memberships.block(group, networkInterface, source, promise);
    }

    @Override
    public ChannelFuture block(InetAddress group, InetAddress source) {
        return block(group, source, newPromise());
    }

    @Override
    public ChannelFuture block(InetAddress group, InetAddress source, ChannelPromise promise) {
        return memberships.block(group, source, promise);
    }
}
