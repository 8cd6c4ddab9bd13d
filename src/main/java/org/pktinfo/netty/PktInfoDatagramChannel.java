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
 * A datagram channel for Netty's NIO event loop that knows where each packet was sent to, and whose replies leave from
 * there. In a Bootstrap it takes the place of {@code NioDatagramChannel}:
 *
 * <pre>{@code
 * new Bootstrap()
 *         .group(new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory()))
 *         .channel(PktInfoDatagramChannel.class)
 *         .handler(handler)
 *         .bind(8888);
 * }</pre>
 *
 * <p>What it reads are {@link PktInfoDatagramPacket}s; their {@link DatagramPacket#recipient} is the address that the
 * packet was really sent to. What is written leaves from
 *
 * <ol>
 *   <li>the address that the request was sent to, if the packet was made by {@link PktInfoDatagramPacket#reply};
 *   <li>the packet's {@link DatagramPacket#sender}, if that is a certain address of this host and not the wildcard or a
 *   group;
 *   <li>the address that the request was sent to, if the packet's recipient is the {@link DatagramPacket#sender} of the
 *   request, the
 *       very object and not one that is equal;
 *   <li>the address that the recipient asked last, out of a {@link org.pktinfo.PeerMemory};
 *   <li>whichever the system chooses, if the recipient has not asked.
 * </ol>
 *
 * <p>A channel that is bound to one address never leaves it, as Netty's own do not: a request that another channel
 * received, to another address or at another port, counts for nothing in 3 and 4. A connected channel sends from the
 * address that it is connected from. In 1 and 2 an address to which the channel is not bound fails the write, by {@link
 * SendException.Kind#NO_SOURCE}; only a {@link org.pktinfo.SourceSelection} of one's own may choose it.
 *
 * <p>What cannot be sent fails its own promise, by a {@link SendException} that says why, and nobody else's. Takes the
 * packets, options and methods of Netty's channels, {@link PktInfoChannelOption} besides, and {@code
 * SegmentedDatagramPacket}s, which leave as several datagrams. Memory outside the heap: {@link
 * PktInfoChannelOption#BATCH_SIZE} times the payload's length and 583 bytes. Safe for use by any thread, as all of
 * Netty's channels are.
 */
@SuppressWarnings({
    "exports", // who uses this package has Netty's modules
    "deprecation" // of Netty's own extension points, for which there is nothing else in 4.2
})
public final class PktInfoDatagramChannel extends AbstractNioMessageChannel implements DatagramChannel {
    private static final ChannelMetadata METADATA = new ChannelMetadata(/* hasDisconnect= */ true, 16);

    private final PktInfoChannel channel;
    private final PktInfoDatagramChannelConfig config;
    private final Memberships memberships;
    private final Batches batches;
    private final Sources sources;
    private final InboundBatch inbound;

    /** Made with the first write: it belongs to the event loop. */
    private @Nullable OutboundBatch outbound;

    /** The next read while the selector does not watch the socket; null while it does. */
    private @Nullable Future<?> nextRead;

    /**
     * A channel for IPv6 and IPv4, or for IPv4 on a host without IPv6.
     *
     * @throws ChannelException if no socket can be had
     * @throws UnsupportedOperationException if this is not Netty 4.2
     * @throws UnsatisfiedLinkError if the native library cannot be loaded
     */
    public PktInfoDatagramChannel() {
        this(Opening.open(Family.DUAL_STACK));
    }

    /**
     * A channel for certain addresses.
     *
     * @param family INET for IPv4 only; INET6 for both, as of Netty's own channels; null as without it. Netty's {@code
     *     SocketProtocolFamily} or the JDK's {@link java.net.StandardProtocolFamily}
     * @throws ChannelException if no socket can be had
     * @throws UnsupportedOperationException if it is another family, or IPv6 and there is none, or this is not Netty
     *     4.2
     * @throws UnsatisfiedLinkError if the native library cannot be loaded
     */
    public PktInfoDatagramChannel(@Nullable ProtocolFamily family) {
        this(Opening.open(family));
    }

    /**
     * A channel around one that exists.
     *
     * @param channel of the JDK's own provider; closed with this one
     * @throws ChannelException if it is closed or cannot be used
     * @throws IllegalArgumentException if it is not of the JDK's own provider
     * @throws UnsupportedOperationException if this is not Netty 4.2
     * @throws UnsatisfiedLinkError if the native library cannot be loaded
     */
    public PktInfoDatagramChannel(java.nio.channels.DatagramChannel channel) {
        this(Opening.wrap(channel));
    }

    private PktInfoDatagramChannel(PktInfoChannel channel) {
        super(/* parent= */ null, channel.channel(), SelectionKey.OP_READ);
        this.channel = channel;
        this.config = new PktInfoDatagramChannelConfig(this, channel, this::clearReadPending);
        this.memberships = new Memberships(this, config, channel.channel());
        this.batches = new Batches(channel, config);
        this.sources = new Sources(this, channel, config);
        this.inbound = new InboundBatch(this, config, batches);
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
     * A busy channel reads on in its event loop's next turn, unwatched: a socket in an epoll instance has the kernel
     * take a lock and call for each datagram that has left, to find that nobody waits for room to send.
     */
    @Override
    protected void doBeginRead() throws Exception {
        if (!inbound.isBusy() || !config.isAutoRead() || !isRegistered()) {
            super.doBeginRead(); // which leaves a channel alone that is between two event loops
        } else if (nextRead == null && registration().isValid()) { // a handler may have closed it
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
        return inbound.read(read, unsafe().recvBufAllocHandle());
    }

    @Override
    protected boolean continueReading(RecvByteBufAllocator.Handle handle) {
        return inbound.goesOn(handle);
    }

    /** An error of one datagram's, an ICMP message, is no reason to stop hearing the others. */
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
            channel.bind(null); // active without: DATAGRAM_CHANNEL_ACTIVE_ON_REGISTRATION
        }
        if (outbound == null) {
            outbound = new OutboundBatch(this, config, batches, sources);
        }
        outbound.send(queue, maxMessagesPerWrite(), config.getWriteSpinCount());
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
