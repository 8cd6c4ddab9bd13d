package org.pktinfo.netty;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.AddressedEnvelope;
import io.netty.channel.ChannelException;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelMetadata;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.ChannelPromise;
import io.netty.channel.MaxMessagesRecvByteBufAllocator;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.channel.nio.AbstractNioMessageChannel;
import io.netty.channel.nio.NioIoOps;
import io.netty.channel.socket.DatagramChannel;
import io.netty.channel.socket.DatagramChannelConfig;
import io.netty.channel.socket.DatagramPacket;
import io.netty.util.UncheckedBooleanSupplier;
import io.netty.util.Version;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.ProtocolFamily;
import java.net.SocketAddress;
import java.net.SocketException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SelectionKey;
import java.nio.channels.UnresolvedAddressException;
import java.nio.channels.UnsupportedAddressTypeException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.pktinfo.DatagramBatch;
import org.pktinfo.DatagramSlot;
import org.pktinfo.PacketInfo;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.PktInfoChannel.Family;
import org.pktinfo.SendException;
import org.pktinfo.common.Exceptions;

/**
 * A datagram channel for Netty's NIO event loop that knows where each packet was sent to, and whose replies leave from there. In a
 * Bootstrap it takes the place of {@code NioDatagramChannel}:
 *
 * <pre>{@code
 * new Bootstrap()
 *         .group(new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory()))
 *         .channel(PktInfoDatagramChannel.class)
 *         .handler(handler)
 *         .bind(8888);
 * }</pre>
 *
 * <p>What it reads are {@link PktInfoDatagramPacket}s; their {@link DatagramPacket#recipient} is the address that the packet was really sent
 * to. What is written leaves from
 *
 * <ol>
 *   <li>the address that the request was sent to, if the packet was made by {@link PktInfoDatagramPacket#reply};
 *   <li>the packet's {@link DatagramPacket#sender}, if that is a certain address of this host and not the wildcard or a group;
 *   <li>the address that the request was sent to, if the packet's recipient is the {@link DatagramPacket#sender} of the request, the
 *       very object and not one that is equal;
 *   <li>the address that the recipient asked last, out of a {@link org.pktinfo.PeerMemory};
 *   <li>whichever the system chooses, if the recipient has not asked.
 * </ol>
 *
 * <p>A channel that is bound to one address never leaves it, as Netty's own do not: a request that another channel received, to another
 * address or at another port, counts for nothing in 3 and 4. A connected channel sends from the address that it is connected from. In 1 and 2
 * an address to which the channel is not bound fails the write, by {@link SendException.Kind#NO_SOURCE}; only a {@link
 * org.pktinfo.SourceSelection} of one's own may choose it.
 *
 * <p>What cannot be sent fails its own promise, by a {@link SendException} that says why, and nobody else's. Takes the packets, options and
 * methods of Netty's channels, {@link PktInfoChannelOption} besides, and {@code SegmentedDatagramPacket}s, which leave as several
 * datagrams. Memory outside the heap: {@link PktInfoChannelOption#BATCH_SIZE} times the payload's length and 583 bytes. Safe for use by
 * any thread, as all of Netty's channels are.
 */
@SuppressWarnings({
    "exports", // who uses this package has Netty's modules
    "deprecation" // of Netty's own extension points, for which there is nothing else in 4.2
})
public final class PktInfoDatagramChannel extends AbstractNioMessageChannel implements DatagramChannel {
    private static final ChannelMetadata METADATA = new ChannelMetadata(/* hasDisconnect= */ true, 16);

    /** So many full batches in a row, and the next is believed to be there without asking the selector. */
    private static final int BUSY = 4;

    private final PktInfoChannel channel;
    private final PktInfoDatagramChannelConfig config;
    private final Memberships memberships;
    private final RequestPeers peers = new RequestPeers();
    private final Batches batches;
    private final Sources sources;

    /** Made with the first write: it belongs to the event loop. */
    private @Nullable OutboundBatch outbound;

    /** How many of the last batches were full, at most {@link #BUSY}; 0 if the last one took all that was there. */
    private int fullInARow;

    /** The next read while the selector does not watch the socket; null while it does. */
    private @Nullable Future<?> nextRead;

    /** Of the last batch, by System.nanoTime. */
    private long timeOfRead;

    /**
     * A channel for IPv6 and IPv4, or for IPv4 on a host without IPv6.
     *
     * @throws ChannelException if no socket can be had
     * @throws UnsupportedOperationException if this is not Netty 4.2
     * @throws UnsatisfiedLinkError if the native library cannot be loaded
     */
    public PktInfoDatagramChannel() {
        this(open(Family.DUAL_STACK));
    }

    /**
     * A channel for certain addresses.
     *
     * @param family INET for IPv4 only; INET6 for both, as of Netty's own channels; null as without it. Netty's {@code
     *     SocketProtocolFamily} or the JDK's {@link java.net.StandardProtocolFamily}
     * @throws ChannelException if no socket can be had
     * @throws UnsupportedOperationException if it is another family, or IPv6 and there is none, or this is not Netty 4.2
     * @throws UnsatisfiedLinkError if the native library cannot be loaded
     */
    public PktInfoDatagramChannel(@Nullable ProtocolFamily family) {
        this(open(family(family)));
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
        this(wrap(channel));
    }

    private PktInfoDatagramChannel(PktInfoChannel channel) {
        super(/* parent= */ null, channel.channel(), SelectionKey.OP_READ);
        this.channel = channel;
        this.config = new PktInfoDatagramChannelConfig(this, channel, this::clearReadPending);
        this.memberships = new Memberships(channel.channel());
        this.batches = new Batches(channel, config);
        this.sources = new Sources(this, channel, config);
    }

    private static Family family(@Nullable ProtocolFamily family) {
        return switch (family == null ? "INET6" : family.name()) {
            case "INET" -> Family.IPV4;
            case "INET6" -> Family.DUAL_STACK;
            default -> throw new UnsupportedOperationException("INET and INET6 there are, not " + family);
        };
    }

    private static PktInfoChannel open(Family family) {
        checkSupported();
        try {
            return PktInfoChannel.open(family);
        } catch (IOException e) {
            throw new ChannelException("no socket: " + e.getMessage(), e);
        }
    }

    private static PktInfoChannel wrap(java.nio.channels.DatagramChannel channel) {
        checkSupported();
        try {
            return PktInfoChannel.wrap(channel);
        } catch (IOException e) {
            throw new ChannelException("cannot use " + channel + ": " + e, e);
        }
    }

    /** No public signature here names a class that only Netty 4.2 has: with an older one nobody would get as far as this. */
    private static void checkNetty() {
        try {
            Class.forName("io.netty.channel.IoRegistration", /* initialize= */ false, Bootstrap.class.getClassLoader());
        } catch (ClassNotFoundException e) {
            Version version = Version.identify(Bootstrap.class.getClassLoader()).get("netty-transport");
            throw new UnsupportedOperationException(
                    "PktInfoDatagramChannel needs Netty 4.2; there is "
                            + (version == null ? "an older one" : version.artifactVersion()),
                    e);
        }
    }

    /** The JDK alone, where that was asked for, is what NioDatagramChannel has. */
    private static void checkSupported() {
        checkNetty();
        Throwable reason = PktInfoChannel.unsupportedReason();
        if (reason != null) {
            String text = "PktInfoDatagramChannel needs the native library (without it, take NioDatagramChannel): "
                    + reason.getMessage();
            throw Exceptions.causedBy(new UnsatisfiedLinkError(text), reason);
        }
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
     * A busy channel reads on in its event loop's next turn, unwatched: a socket in an epoll instance has the kernel take a lock and call
     * for each datagram that has left, to find that nobody waits for room to send.
     */
    @Override
    protected void doBeginRead() throws Exception {
        if (fullInARow < BUSY || !config.isAutoRead() || !isRegistered()) {
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
        RecvByteBufAllocator.Handle handle = unsafe().recvBufAllocHandle();
        DatagramBatch batch = batches.usual(handle.guess());
        int most = Math.min(batch.capacity(), mostToRead(read.size()));
        int before = fullInARow;
        fullInARow = 0; // also if it fails
        int count = batch.receiveNow(most);
        timeOfRead = System.nanoTime();
        fullInARow = count < most ? 0 : Math.min(BUSY, before + 1);
        try {
            if (config.sharesReadBuffer() && count > 0) {
                addSharing(read, batch, count, handle);
            } else {
                addApart(read, batch, count, handle);
            }
        } finally {
            batch.clear();
        }
        return count;
    }

    private void addApart(List<Object> read, DatagramBatch batch, int count, RecvByteBufAllocator.Handle handle) {
        for (int i = 0; i < count; i++) {
            ByteBuf content = handle.allocate(config.getAllocator());
            read.add(packet(batch.slot(i), content, content.writableBytes(), handle));
        }
    }

    /** The contents are slices of one buffer. */
    private void addSharing(List<Object> read, DatagramBatch batch, int count, RecvByteBufAllocator.Handle handle) {
        int room = handle.guess();
        int total = 0;
        for (int i = 0; i < count; i++) {
            total += Math.min(batch.slot(i).length(), room);
        }
        ByteBuf shared = config.getAllocator().ioBuffer(total).retain(count);
        int taken = 0;
        try {
            int at = 0;
            while (taken < count) {
                DatagramSlot slot = batch.slot(taken++);
                int length = Math.min(slot.length(), room);
                read.add(packet(slot, shared.slice(at, length).clear(), room, handle));
                at += length;
            }
        } finally {
            shared.release(1 + count - taken);
        }
    }

    /** Without autoRead one read takes one packet, as of Netty's own channels. */
    private int mostToRead(int already) {
        return config.isAutoRead()
                        && config.getRecvByteBufAllocator() instanceof MaxMessagesRecvByteBufAllocator allocator
                ? Math.max(1, allocator.maxMessagesPerRead() - already)
                : 1;
    }

    /** Takes the content over, which is empty. */
    private DatagramPacket packet(DatagramSlot slot, ByteBuf content, int room, RecvByteBufAllocator.Handle handle) {
        boolean done = false;
        try {
            handle.attemptedBytesRead(room);
            content.writeBytes(slot.payload().limit(Math.min(slot.length(), room)));
            handle.lastBytesRead(content.readableBytes());
            PacketInfo info = slot.packetInfo();
            RequestPeer peer = peers.of(slot.peer(), info, localAddress());
            config.memory().remember(peer.peer, peer.info, timeOfRead);
            done = true;
            return new PktInfoDatagramPacket(content, peer.destination, peer, info, slot.wireLength());
        } finally {
            if (!done) {
                content.release();
            }
        }
    }

    /** What came meanwhile the selector tells; a buffer that was not filled says nothing about datagrams. */
    @Override
    protected boolean continueReading(RecvByteBufAllocator.Handle handle) {
        if (fullInARow == 0) {
            return false;
        }
        return handle instanceof RecvByteBufAllocator.ExtendedHandle extended
                ? extended.continueReading(UncheckedBooleanSupplier.TRUE_SUPPLIER)
                : handle.continueReading();
    }

    /** An error of one datagram's, an ICMP message, is no reason to stop hearing the others. */
    @Override
    protected boolean closeOnReadError(Throwable cause) {
        return !isActive() || !(cause instanceof IOException) || cause instanceof ClosedChannelException;
    }

    @Override
    protected Object filterOutboundMessage(Object message) {
        if (message instanceof AddressedEnvelope<?, ?> envelope && envelope.content() instanceof ByteBuf) {
            checkResolved(envelope.recipient());
            checkResolved(envelope.sender());
            return message;
        }
        if (message instanceof ByteBuf content) {
            // All that are empty may be one object; each write needs its own to be told from the others.
            if (content.isReadable()) {
                return content;
            }
            content.release();
            return Unpooled.buffer(0, 1);
        }
        throw new UnsupportedOperationException("a " + message.getClass().getName()
                + " cannot be written: a ByteBuf can, or an AddressedEnvelope of one for an InetSocketAddress");
    }

    private static void checkResolved(@Nullable SocketAddress address) {
        if (address != null && !(address instanceof InetSocketAddress)) {
            throw new UnsupportedAddressTypeException();
        }
        if (address instanceof InetSocketAddress inet && inet.isUnresolved()) {
            throw new UnresolvedAddressException();
        }
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

    /** For the methods that name none: the one that is set for multicast, or that of the local address. */
    private NetworkInterface defaultInterface() throws SocketException {
        NetworkInterface set = config.getNetworkInterface();
        NetworkInterface found =
                set == null ? NetworkInterface.getByInetAddress(localAddress().getAddress()) : set;
        if (found == null) {
            throw new SocketException(
                    "no interface: none is given, IP_MULTICAST_IF is not set, and the channel is bound to "
                            + localAddress());
        }
        return found;
    }

    private interface Change {
        void make() throws IOException;
    }

    private static ChannelFuture change(ChannelPromise promise, Change change) {
        try {
            change.make();
            promise.setSuccess();
        } catch (IOException | RuntimeException e) {
            promise.setFailure(e);
        }
        return promise;
    }

    @Override
    public ChannelFuture joinGroup(InetAddress group) {
        return joinGroup(group, newPromise());
    }

    @Override
    public ChannelFuture joinGroup(InetAddress group, ChannelPromise promise) {
        return change(promise, () -> memberships.join(group, defaultInterface(), null));
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
        return change(promise, () -> memberships.join(group, networkInterface, source));
    }

    @Override
    public ChannelFuture leaveGroup(InetAddress group) {
        return leaveGroup(group, newPromise());
    }

    @Override
    public ChannelFuture leaveGroup(InetAddress group, ChannelPromise promise) {
        return change(promise, () -> memberships.leave(group, defaultInterface(), null));
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
        return change(promise, () -> memberships.leave(group, networkInterface, source));
    }

    @Override
    public ChannelFuture block(InetAddress group, NetworkInterface networkInterface, InetAddress source) {
        return block(group, networkInterface, source, newPromise());
    }

    @Override
    public ChannelFuture block(
            InetAddress group, NetworkInterface networkInterface, InetAddress source, ChannelPromise promise) {
        return change(promise, () -> memberships.block(group, networkInterface, source));
    }

    @Override
    public ChannelFuture block(InetAddress group, InetAddress source) {
        return block(group, source, newPromise());
    }

    @Override
    public ChannelFuture block(InetAddress group, InetAddress source, ChannelPromise promise) {
        return change(promise, () -> memberships.block(group, defaultInterface(), source));
    }
}
