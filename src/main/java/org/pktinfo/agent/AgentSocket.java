package org.pktinfo.agent;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocketImpl;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketAddress;
import java.net.SocketException;
import java.net.SocketOption;
import java.net.SocketOptions;
import java.net.StandardSocketOptions;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.common.Exceptions;
import org.pktinfo.socket.PktInfoDatagramSocket;

/**
 * What works below one {@link java.net.DatagramSocket} or {@link java.net.MulticastSocket} of the program: a {@link
 * PktInfoDatagramSocket}, by the names that {@link DatagramSocketImpl} has for everything. The JDK's class above checks
 * arguments, and lets one thread at a time receive.
 */
final class AgentSocket extends DatagramSocketImpl {
    private final AgentOptions options;
    private volatile @Nullable PktInfoDatagramSocket socket; // null until created

    /** The class above closes what it could not bind, while the JDK's own sockets may be bound again. */
    private boolean bindFailed; // guarded by this

    private @Nullable DatagramPacket peeked; // only for who receives, which is one thread at a time

    AgentSocket(AgentOptions options) {
        this.options = options;
    }

    private PktInfoDatagramSocket socket() throws SocketException {
        PktInfoDatagramSocket there = socket;
        if (there == null) {
            throw new SocketException("Socket is closed");
        }
        return there;
    }

    @Override
    protected void create() throws SocketException {
        socket = new PktInfoDatagramSocket((SocketAddress) null);
    }

    @Override
    protected void bind(int port, InetAddress address) throws SocketException {
        PktInfoDatagramSocket there = socket();
        try {
            there.bind(new InetSocketAddress(address, port));
        } catch (SocketException e) {
            if (port == 0 && address.isAnyLocalAddress() && there.isBound()) {
                return; // the class above binds with the first use, and another thread was faster
            }
            synchronized (this) {
                bindFailed = true;
            }
            throw e;
        }
        boolean chooses = options.choosesSource(there.getLocalPort());
        there.rememberPeers(chooses);
        options.say(
                AgentOptions.Log.SOCKETS,
                there.getLocalSocketAddress() + ": "
                        + (chooses ? "replies leave from the address asked" : "left alone, not one of the ports"));
    }

    @Override
    protected void close() {
        PktInfoDatagramSocket there = socket;
        synchronized (this) {
            if (bindFailed) {
                bindFailed = false;
                return;
            }
        }
        if (there != null) {
            there.close();
        }
    }

    @Override
    protected int getLocalPort() {
        PktInfoDatagramSocket there = socket;
        return there == null ? 0 : there.getLocalPort();
    }

    @Override
    protected void connect(InetAddress address, int port) throws SocketException {
        socket().connect(new InetSocketAddress(address, port));
    }

    @Override
    protected void disconnect() {
        try {
            socket().disconnect();
        } catch (SocketException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    protected void send(DatagramPacket packet) throws IOException {
        socket().send(packet);
    }

    @Override
    protected void receive(DatagramPacket packet) throws IOException {
        DatagramPacket first = peeked;
        if (first == null) {
            socket().receive(packet);
            return;
        }
        peeked = null;
        copy(first, packet);
    }

    private static void copy(DatagramPacket from, DatagramPacket to) {
        int length = Math.min(from.getLength(), to.getLength());
        System.arraycopy(from.getData(), from.getOffset(), to.getData(), to.getOffset(), length);
        to.setSocketAddress(from.getSocketAddress());
        to.setLength(length);
    }

    /**
     * The class above peeks where a security manager, or a filter of its own, wants to see who sent before it takes
     * anything.
     */
    @Override
    protected int peekData(DatagramPacket packet) throws IOException {
        DatagramPacket first = peeked;
        if (first == null) {
            first = new DatagramPacket(new byte[PktInfoChannel.MAX_PAYLOAD], PktInfoChannel.MAX_PAYLOAD);
            socket().receive(first);
            peeked = first;
        }
        copy(first, packet);
        return first.getPort();
    }

    /** As the JDK's own classes did, which could not change an address given to them either. */
    @Override
    protected int peek(InetAddress address) throws IOException {
        throw new UnsupportedOperationException("an InetAddress cannot be changed; peekData says who sent");
    }

    @SuppressWarnings({"deprecation", "removal"}) // the class above still calls it
    @Override
    protected void setTTL(byte ttl) throws IOException {
        setTimeToLive(Byte.toUnsignedInt(ttl));
    }

    @SuppressWarnings({"deprecation", "removal"})
    @Override
    protected byte getTTL() throws IOException {
        return (byte) getTimeToLive();
    }

    @Override
    protected void setTimeToLive(int ttl) throws IOException {
        setOption(StandardSocketOptions.IP_MULTICAST_TTL, ttl);
    }

    @Override
    protected int getTimeToLive() throws IOException {
        return getOption(StandardSocketOptions.IP_MULTICAST_TTL);
    }

    @Override
    protected void join(InetAddress group) throws IOException {
        joinGroup(new InetSocketAddress(group, 0), null);
    }

    @Override
    protected void leave(InetAddress group) throws IOException {
        leaveGroup(new InetSocketAddress(group, 0), null);
    }

    @Override
    protected void joinGroup(SocketAddress group, @Nullable NetworkInterface networkInterface) throws IOException {
        socket().joinGroup(group, networkInterface);
    }

    @Override
    protected void leaveGroup(SocketAddress group, @Nullable NetworkInterface networkInterface) throws IOException {
        socket().leaveGroup(group, networkInterface);
    }

    @Override
    protected <T> void setOption(SocketOption<T> name, T value) throws IOException {
        socket().setOption(name, value);
    }

    @Override
    protected <T> T getOption(SocketOption<T> name) throws IOException {
        return socket().getOption(name);
    }

    @Override
    protected Set<SocketOption<?>> supportedOptions() {
        PktInfoDatagramSocket there = socket;
        return there == null ? Set.of() : there.supportedOptions();
    }

    @Override
    public void setOption(int option, @Nullable Object value) throws SocketException {
        Objects.requireNonNull(value, "value");
        PktInfoDatagramSocket there = socket();
        switch (option) {
            case SocketOptions.SO_TIMEOUT -> there.setSoTimeout((Integer) value);
            case SocketOptions.SO_SNDBUF -> there.setSendBufferSize((Integer) value);
            case SocketOptions.SO_RCVBUF -> there.setReceiveBufferSize((Integer) value);
            case SocketOptions.SO_REUSEADDR -> there.setReuseAddress((Boolean) value);
            case SocketOptions.SO_BROADCAST -> there.setBroadcast((Boolean) value);
            case SocketOptions.IP_TOS -> there.setTrafficClass((Integer) value);
            case SocketOptions.IP_MULTICAST_IF ->
                set(StandardSocketOptions.IP_MULTICAST_IF, interfaceOf((InetAddress) value));
            case SocketOptions.IP_MULTICAST_IF2 -> set(StandardSocketOptions.IP_MULTICAST_IF, (NetworkInterface) value);
            // The old constant is about switching it off.
            case SocketOptions.IP_MULTICAST_LOOP -> set(StandardSocketOptions.IP_MULTICAST_LOOP, !(Boolean) value);
            default -> throw unknown(option);
        }
    }

    @Override
    public @Nullable Object getOption(int option) throws SocketException {
        PktInfoDatagramSocket there = socket();
        return switch (option) {
            case SocketOptions.SO_BINDADDR -> there.getLocalAddress();
            case SocketOptions.SO_TIMEOUT -> there.getSoTimeout();
            case SocketOptions.SO_SNDBUF -> there.getSendBufferSize();
            case SocketOptions.SO_RCVBUF -> there.getReceiveBufferSize();
            case SocketOptions.SO_REUSEADDR -> there.getReuseAddress();
            case SocketOptions.SO_BROADCAST -> there.getBroadcast();
            case SocketOptions.IP_TOS -> there.getTrafficClass();
            case SocketOptions.IP_MULTICAST_IF -> addressOf(get(StandardSocketOptions.IP_MULTICAST_IF));
            case SocketOptions.IP_MULTICAST_IF2 -> get(StandardSocketOptions.IP_MULTICAST_IF);
            case SocketOptions.IP_MULTICAST_LOOP -> !get(StandardSocketOptions.IP_MULTICAST_LOOP);
            default -> throw unknown(option);
        };
    }

    private static SocketException unknown(int option) {
        return new SocketException("option " + option + " is none of a datagram socket's");
    }

    private <T> void set(SocketOption<T> name, T value) throws SocketException {
        try {
            setOption(name, value);
        } catch (SocketException e) {
            throw e;
        } catch (IOException e) {
            throw because(e);
        }
    }

    private <T> T get(SocketOption<T> name) throws SocketException {
        try {
            return getOption(name);
        } catch (SocketException e) {
            throw e;
        } catch (IOException e) {
            throw because(e);
        }
    }

    private static SocketException because(IOException reason) {
        return Exceptions.causedBy(new SocketException(reason.getMessage()), reason);
    }

    private static NetworkInterface interfaceOf(InetAddress address) throws SocketException {
        NetworkInterface found = NetworkInterface.getByInetAddress(address);
        if (found == null) {
            throw new SocketException("no interface has the address " + address.getHostAddress());
        }
        return found;
    }

    private static InetAddress addressOf(@Nullable NetworkInterface networkInterface) {
        InetAddress any = new InetSocketAddress(0).getAddress();
        return networkInterface == null
                ? any
                : networkInterface.inetAddresses().findFirst().orElse(any);
    }
}
