package org.pktinfo.socket;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketAddress;
import java.net.SocketException;
import java.net.SocketOption;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import java.time.Duration;
import java.util.HashSet;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.pktinfo.Endpoint;
import org.pktinfo.NetworkError;
import org.pktinfo.PacketInfo;
import org.pktinfo.PacketReport;
import org.pktinfo.PeerMemory;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.PktInfoSocketOptions;
import org.pktinfo.Reconnection;
import org.pktinfo.SendException;
import org.pktinfo.SendOptions;
import org.pktinfo.Source;
import org.pktinfo.TransmitTime;

/**
 * A {@link DatagramSocket} whose replies leave from the peer's last request destination. {@link #send} sends to a peer
 * from which a datagram was received before from the address that its last datagram was sent to, and to any other peer
 * by the system's choice. All other behaviour is as the superclass documents it, and as in the JDK's own sockets.
 *
 * <p>The interface of {@link DatagramSocket} does not say which request a reply belongs to, so that a {@link
 * PeerMemory} decides. A peer that sends requests to two of the host's addresses at once, from one port, may get a
 * reply from the wrong one; a {@link PktInfoChannel} does not have this limit.
 *
 * <p>If the request destination has left the host, a reply to the peer fails once: the peer is then forgotten, and the
 * next datagram leaves by the system's choice. Exceptions of {@link #send} are those of the JDK's sockets, with a
 * {@link SendException} as their cause.
 *
 * <p>A connected socket sends from {@link #getLocalAddress}, as the JDK's does: the kernel chose that address when the
 * socket was connected, and from then on delivers to it only datagrams sent to that address. A server that connects a
 * socket to a peer therefore binds it to the request destination first. A socket that is bound to one address sends
 * from that address, even if a shared memory says otherwise.
 *
 * <p>Safe for use by any number of threads. Sending does not wait for a thread that receives, and waiting does not pin
 * the carrier of a virtual thread. Memory and descriptors: those of a {@link PktInfoChannel}, and the memory of peers.
 */
@SuppressWarnings("exports") // the annotations are not needed at run time
public class PktInfoDatagramSocket extends DatagramSocket {
    /** The longest duration, which the channel takes for no limit. */
    private static final Duration FOREVER = Duration.ofNanos(Long.MAX_VALUE);

    private final PktInfoChannel channel;

    /** The JDK's view of the same socket, which does everything but receive and send. */
    private final DatagramSocket jdk;

    private final PeerMemory memory;
    private final Reception<PacketInfo> withPacketInfo;
    private final Reception<PacketReport> withReport;
    private volatile boolean remembers = true;

    /**
     * Opens a socket on all addresses and a port of the system's choice.
     *
     * @throws SocketException if no socket can be opened or bound
     * @throws UnsatisfiedLinkError if the native library cannot be loaded
     */
    public PktInfoDatagramSocket() throws SocketException {
        this(new InetSocketAddress(0));
    }

    /**
     * Opens a socket on all addresses and a port.
     *
     * @param port the port, 0 for one of the system's choice
     * @throws SocketException if no socket can be opened or bound
     * @throws IllegalArgumentException if the port is not in 0 to 65535
     * @throws UnsatisfiedLinkError if the native library cannot be loaded
     */
    public PktInfoDatagramSocket(int port) throws SocketException {
        this(new InetSocketAddress(port));
    }

    /**
     * Opens a socket on one address and a port.
     *
     * @param port the port, 0 for one of the system's choice
     * @param address the address, null for all
     * @throws SocketException if no socket can be opened or bound
     * @throws IllegalArgumentException if the port is not in 0 to 65535
     * @throws UnsatisfiedLinkError if the native library cannot be loaded
     */
    public PktInfoDatagramSocket(int port, @Nullable InetAddress address) throws SocketException {
        this(new InetSocketAddress(address, port));
    }

    /**
     * Opens a socket on an address and port, or one that is bound later.
     *
     * @param address the address to bind to, null to bind later
     * @throws SocketException if no socket can be opened or bound
     * @throws IllegalArgumentException if the address is not an {@link InetSocketAddress}
     * @throws UnsatisfiedLinkError if the native library cannot be loaded
     */
    public PktInfoDatagramSocket(@Nullable SocketAddress address) throws SocketException {
        this(address, new PeerMemory());
    }

    /**
     * Opens a socket with a given memory, of another size or shared by several sockets of a port.
     *
     * @param address the address to bind to, null to bind later
     * @param memory the memory of each peer's last request destination
     * @throws SocketException if no socket can be opened or bound
     * @throws IllegalArgumentException if the address is not an {@link InetSocketAddress}
     * @throws UnsatisfiedLinkError if the native library cannot be loaded
     */
    public PktInfoDatagramSocket(@Nullable SocketAddress address, PeerMemory memory) throws SocketException {
        super(new UnusedSocketImpl());
        this.memory = Objects.requireNonNull(memory, "memory");
        this.channel = open();
        this.jdk = channel.jdkChannel().socket();
        this.withPacketInfo = channel::receive;
        this.withReport = channel::receiveReport;
        boolean done = false;
        try {
            jdk.setBroadcast(true);
            if (address != null) {
                jdk.bind(address);
            }
            done = true;
        } finally {
            if (!done) {
                closeChannel();
            }
        }
    }

    private static PktInfoChannel open() throws SocketException {
        try {
            return PktInfoChannel.open().closeOnInterrupt(false);
        } catch (IOException e) {
            throw JdkRules.because("no socket: " + e.getMessage(), e);
        }
    }

    /**
     * Returns the memory of each peer's last request destination, which also counts the datagrams that this socket sent
     * to unknown peers: {@link PeerMemory#unknownPeers}.
     *
     * @return the memory that the socket was created with
     */
    public PeerMemory memory() {
        return memory;
    }

    /**
     * Enables or disables remembering the peers' request destinations. If disabled, all datagrams leave by the system's
     * choice, as from the JDK's sockets. Default: enabled.
     *
     * @param on true to enable, from the next datagram on
     * @return this
     */
    public PktInfoDatagramSocket rememberPeers(boolean on) {
        remembers = on;
        return this;
    }

    private void bindIfNeeded() throws SocketException {
        if (jdk.isBound()) {
            return;
        }
        try {
            jdk.bind(null);
        } catch (SocketException e) {
            if (!jdk.isBound()) { // otherwise another thread was faster
                throw e;
            }
        }
    }

    @Override
    public void receive(DatagramPacket packet) throws IOException {
        remember(packet, receive(packet, withPacketInfo));
    }

    /**
     * Receives a datagram as {@link #receive} does, and returns the kernel's report of it: the request destination, and
     * the facts that {@link #setOption} of {@link org.pktinfo.PktInfoSocketOptions} enables. Of several threads each
     * gets the report of its own datagram.
     *
     * @param packet the packet to fill
     * @return the report
     * @throws SocketTimeoutException if no datagram arrives before the time of {@link #setSoTimeout} is over
     * @throws IOException if {@link #receive} throws it
     */
    public PacketReport receiveReport(DatagramPacket packet) throws IOException {
        PacketReport report = receive(packet, withReport);
        remember(packet, report.packetInfo());
        return report;
    }

    /** A way to receive into a packet; returns null when the time is over. */
    private interface Reception<T> {
        @Nullable
        T into(DatagramPacket packet, Duration timeout) throws IOException;
    }

    private <T> T receive(DatagramPacket packet, Reception<T> reception) throws IOException {
        Objects.requireNonNull(packet, "packet");
        bindIfNeeded();
        int millis = jdk.getSoTimeout();
        T report;
        try {
            do {
                report = reception.into(packet, millis == 0 ? FOREVER : Duration.ofMillis(millis));
            } while (report == null && millis == 0);
        } catch (ClosedChannelException e) {
            throw JdkRules.because("Socket closed", e);
        }
        if (report == null) {
            throw new SocketTimeoutException("Receive timed out");
        }
        return report;
    }

    private void remember(DatagramPacket packet, PacketInfo info) {
        if (remembers) {
            memory.remember(JdkRules.endpoint(packet.getAddress(), packet.getPort()), info);
        }
    }

    @Override
    public void send(DatagramPacket packet) throws IOException {
        transmit(packet, SendOptions.NONE);
    }

    /**
     * Sends a datagram as {@link #send(DatagramPacket)} does, with header fields of its own in place of the socket's.
     *
     * @param packet the packet
     * @param options the fields
     * @throws IOException if {@link #send(DatagramPacket)} throws it
     * @throws IllegalArgumentException if {@link #send(DatagramPacket)} throws it
     */
    public void send(DatagramPacket packet, SendOptions options) throws IOException {
        transmit(packet, Objects.requireNonNull(options, "options"));
    }

    private void transmit(DatagramPacket packet, SendOptions options) throws IOException {
        synchronized (packet) {
            if (jdk.isClosed()) {
                throw new SocketException("Socket is closed");
            }
            Endpoint peer = JdkRules.peer(jdk, packet);
            if (remembers && peer.address().isUnspecified() && memory.lastDestination(peer) != null) {
                throw new SocketException("no reply can be sent to " + peer
                        + ", a client that has no address yet: it would go to this host itself");
            }
            bindIfNeeded();
            ByteBuffer payload = ByteBuffer.wrap(packet.getData(), packet.getOffset(), packet.getLength());
            try {
                channel.send(payload, peer, source(peer), options);
            } catch (ClosedChannelException e) {
                throw JdkRules.because("Socket is closed", e);
            } catch (SendException e) {
                if (e.kind() == SendException.Kind.SOURCE_UNUSABLE) {
                    memory.forget(peer);
                }
                throw JdkRules.exception(e);
            }
        }
    }

    /**
     * Returns the next error that the network reported, see {@link PktInfoChannel#receiveError}.
     *
     * @return the error, null if there is none
     * @throws IOException if the socket is closed, or the report cannot be read
     */
    public @Nullable NetworkError receiveError() throws IOException {
        return channel.receiveError();
    }

    /**
     * Returns the next requested time of transmission, see {@link PktInfoChannel#receiveTransmitTime}.
     *
     * @return the time, null if none is known yet
     * @throws IOException if the socket is closed, or the time cannot be read
     */
    public @Nullable TransmitTime receiveTransmitTime() throws IOException {
        return channel.receiveTransmitTime();
    }

    private Source source(Endpoint peer) {
        return remembers && !jdk.isConnected() ? memory.source(peer, channel) : Source.systemChoice();
    }

    @Override
    public void close() {
        closeChannel();
    }

    private void closeChannel() {
        try {
            channel.close();
        } catch (IOException e) {
            throw new AssertionError("a datagram socket has nothing that closing could fail to write", e);
        }
    }

    @Override
    public boolean isClosed() {
        return jdk.isClosed();
    }

    /** Returns null, like every socket that was not made by a channel. */
    @Override
    public @Nullable DatagramChannel getChannel() {
        return null;
    }

    @Override
    public void bind(@Nullable SocketAddress address) throws SocketException {
        jdk.bind(address);
    }

    @Override
    public void connect(InetAddress address, int port) {
        reconnect(() -> jdk.connect(address, port));
    }

    @Override
    public void connect(SocketAddress address) throws SocketException {
        try {
            channel.reconnect(() -> jdk.connect(address));
        } catch (SocketException e) {
            throw e;
        } catch (IOException e) {
            throw JdkRules.because("the new socket cannot be used: " + e.getMessage(), e);
        }
    }

    @Override
    public void disconnect() {
        reconnect(jdk::disconnect);
    }

    private void reconnect(Reconnection reconnection) {
        try {
            channel.reconnect(reconnection);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public boolean isBound() {
        return jdk.isBound();
    }

    @Override
    public boolean isConnected() {
        return jdk.isConnected();
    }

    @Override
    public @Nullable InetAddress getInetAddress() {
        return jdk.getInetAddress();
    }

    @Override
    public int getPort() {
        return jdk.getPort();
    }

    @Override
    public @Nullable SocketAddress getRemoteSocketAddress() {
        return jdk.getRemoteSocketAddress();
    }

    @Override
    public @Nullable SocketAddress getLocalSocketAddress() {
        return jdk.getLocalSocketAddress();
    }

    @Override
    public @Nullable InetAddress getLocalAddress() {
        return jdk.getLocalAddress();
    }

    @Override
    public int getLocalPort() {
        return jdk.getLocalPort();
    }

    @Override
    public void setSoTimeout(int timeout) throws SocketException {
        jdk.setSoTimeout(timeout);
    }

    @Override
    public int getSoTimeout() throws SocketException {
        return jdk.getSoTimeout();
    }

    @Override
    public void setSendBufferSize(int size) throws SocketException {
        jdk.setSendBufferSize(size);
    }

    @Override
    public int getSendBufferSize() throws SocketException {
        return jdk.getSendBufferSize();
    }

    @Override
    public void setReceiveBufferSize(int size) throws SocketException {
        jdk.setReceiveBufferSize(size);
    }

    @Override
    public int getReceiveBufferSize() throws SocketException {
        return jdk.getReceiveBufferSize();
    }

    @Override
    public void setReuseAddress(boolean on) throws SocketException {
        jdk.setReuseAddress(on);
    }

    @Override
    public boolean getReuseAddress() throws SocketException {
        return jdk.getReuseAddress();
    }

    @Override
    public void setBroadcast(boolean on) throws SocketException {
        jdk.setBroadcast(on);
    }

    @Override
    public boolean getBroadcast() throws SocketException {
        return jdk.getBroadcast();
    }

    @Override
    public void setTrafficClass(int trafficClass) throws SocketException {
        jdk.setTrafficClass(trafficClass);
    }

    @Override
    public int getTrafficClass() throws SocketException {
        return jdk.getTrafficClass();
    }

    @Override
    public <T> DatagramSocket setOption(SocketOption<T> name, T value) throws IOException {
        if (PktInfoSocketOptions.all().contains(name)) {
            PktInfoChannel unused = channel.setOption(name, value);
        } else {
            jdk.setOption(name, value);
        }
        return this;
    }

    @Override
    public <T> T getOption(SocketOption<T> name) throws IOException {
        return PktInfoSocketOptions.all().contains(name) ? channel.getOption(name) : jdk.getOption(name);
    }

    @Override
    public Set<SocketOption<?>> supportedOptions() {
        Set<SocketOption<?>> options = new HashSet<>(jdk.supportedOptions());
        options.addAll(PktInfoSocketOptions.all());
        return Set.copyOf(options);
    }

    @Override
    public void joinGroup(SocketAddress group, @Nullable NetworkInterface networkInterface) throws IOException {
        jdk.joinGroup(group, networkInterface);
    }

    @Override
    public void leaveGroup(SocketAddress group, @Nullable NetworkInterface networkInterface) throws IOException {
        jdk.leaveGroup(group, networkInterface);
    }
}
