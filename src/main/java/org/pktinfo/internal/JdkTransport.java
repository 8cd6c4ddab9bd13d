package org.pktinfo.internal;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.Inet4Address;
import java.net.InetSocketAddress;
import java.net.NoRouteToHostException;
import java.net.PortUnreachableException;
import java.net.SocketAddress;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.StandardProtocolFamily;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import java.nio.channels.IllegalBlockingModeException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.Locale;
import java.util.concurrent.ConcurrentLinkedDeque;
import org.jspecify.annotations.Nullable;

/**
 * A transport on the JDK alone, without packet information and without a choice of the source. It serves to try a
 * program on a system without a native library. It is slow and not meant for production.
 */
final class JdkTransport implements Transport {
    private static final int SLICE_MILLIS = 200;

    private final DatagramChannel channel;
    private final boolean ipv4Only;
    private volatile boolean ipv6Only;
    private volatile boolean closed;

    /** The datagrams that were received while a thread only waited for readability. */
    private final ConcurrentLinkedDeque<Taken> waiting = new ConcurrentLinkedDeque<>();

    /** A datagram with the local address at that time, which is a new object after each connect and disconnect. */
    private record Taken(DatagramPacket packet, @Nullable SocketAddress place) {}

    JdkTransport(DatagramChannel channel) throws IOException {
        this.channel = channel;
        this.ipv4Only = isIpv4Only(channel);
    }

    /** Returns true for an IPv4-only channel: the JDK does not report the family of a channel that is not bound. */
    private static boolean isIpv4Only(DatagramChannel channel) throws IOException {
        if (channel.getLocalAddress() instanceof InetSocketAddress local) {
            return local.getAddress() instanceof Inet4Address;
        }
        try {
            DatagramChannel.open(StandardProtocolFamily.INET6).close();
            return false;
        } catch (UnsupportedOperationException e) {
            return true;
        }
    }

    @Override
    public boolean choosesSource() {
        return false;
    }

    @Override
    public boolean enter() {
        return !closed;
    }

    @Override
    public boolean awaitEntry() {
        return false;
    }

    @Override
    public void leave() {
        // no lock is held
    }

    @Override
    public void close() {
        closed = true; // closing the JDK's channel wakes all waiters
    }

    @Override
    public long namespace() {
        return -Errno.ENOPROTOOPT;
    }

    /** Accepts the packet information options without effect. IPV6_V6ONLY is imitated by discarding IPv4 datagrams. */
    @Override
    public int setOption(int option, int value) {
        ipv6Only |= option == Layout.OPTION_IPV6_V6ONLY;
        return switch (option) {
            case Layout.OPTION_IP_PKTINFO,
                    Layout.OPTION_IPV6_RECVPKTINFO,
                    Layout.OPTION_IPV6_V6ONLY,
                    Layout.OPTION_IP_MULTICAST_ALL,
                    Layout.OPTION_IPV6_MULTICAST_ALL -> 0;
            default -> -Errno.ENOPROTOOPT;
        };
    }

    @Override
    public long getOption(int option) {
        return switch (option) {
            case Layout.OPTION_FAMILY -> ipv4Only ? Layout.FAMILY_IPV4 : Layout.FAMILY_IPV6;
            case Layout.OPTION_IPV6_V6ONLY -> ipv6Only ? 1 : 0;
            case Layout.OPTION_IP_PKTINFO, Layout.OPTION_IPV6_RECVPKTINFO, Layout.OPTION_BOUND_INTERFACE -> 0;
            default -> -Errno.ENOPROTOOPT;
        };
    }

    @Override
    public long drops() {
        return -Errno.ENOPROTOOPT;
    }

    @Override
    public int receive(Arena arena, int count) throws IOException {
        int received = 0;
        forgetStale(channel.getLocalAddress());
        while (received < count) {
            Taken taken = waiting.poll();
            DatagramPacket packet = taken == null ? take(received == 0 ? 1 : 0) : taken.packet;
            if (packet == null) {
                break;
            }
            arena.putReceived(received++, packet);
        }
        return received == 0 ? -Errno.EAGAIN : received;
    }

    @Override
    public int receiveErrors(ByteBuffer reports, int count) {
        return 0;
    }

    @Override
    public int await(int events, int timeoutMillis) throws IOException {
        if (events == Layout.WAIT_WRITABLE) {
            return 1;
        }
        SocketAddress place = channel.getLocalAddress();
        forgetStale(place);
        if (!waiting.isEmpty()) {
            return 1;
        }
        DatagramPacket packet = take(Math.min(timeoutMillis, SLICE_MILLIS));
        if (packet == null) {
            return 0;
        }
        waiting.add(new Taken(packet, place));
        return 1;
    }

    /** Drops datagrams that were received before a connect, as the kernel drops those in the socket's queue. */
    @SuppressWarnings("ReferenceEquality") // an equal address may be from another connection
    private void forgetStale(@Nullable SocketAddress place) {
        waiting.removeIf(taken -> taken.place != place);
    }

    /**
     * Receives one datagram; null if none arrives in time or the channel is closed. A blocking channel cannot be polled
     * without waiting.
     */
    private @Nullable DatagramPacket take(int millis) throws IOException {
        DatagramPacket packet = new DatagramPacket(new byte[LONGEST_PAYLOAD], LONGEST_PAYLOAD);
        boolean taken;
        try {
            taken = channel.isBlocking() ? millis > 0 && takeBlocking(packet, millis) : takeSelected(packet, millis);
        } catch (ClosedByInterruptException e) {
            throw e;
        } catch (ClosedChannelException | IllegalBlockingModeException e) {
            return null; // closed, or the mode was changed: the waiter checks again
        }
        boolean unwanted = ipv6Only && packet.getAddress() instanceof Inet4Address;
        return taken && !unwanted ? packet : null;
    }

    private boolean takeBlocking(DatagramPacket packet, int millis) throws IOException {
        try {
            channel.socket().setSoTimeout(millis);
            channel.socket().receive(packet);
            return true;
        } catch (SocketTimeoutException e) {
            return false;
        } catch (PortUnreachableException e) {
            throw e;
        } catch (SocketException e) {
            if (channel.isOpen()) {
                throw e;
            }
            if (Thread.currentThread().isInterrupted()) { // the interrupt made the JDK close it
                throw new ClosedByInterruptException();
            }
            return false;
        }
    }

    private boolean takeSelected(DatagramPacket packet, int millis) throws IOException {
        if (millis > 1) {
            try (Selector selector = Selector.open()) {
                channel.register(selector, SelectionKey.OP_READ);
                selector.select(millis);
            }
        }
        ByteBuffer buffer = ByteBuffer.wrap(packet.getData());
        InetSocketAddress peer = (InetSocketAddress) channel.receive(buffer);
        if (peer == null) {
            return false;
        }
        packet.setSocketAddress(peer);
        packet.setLength(buffer.position());
        return true;
    }

    @Override
    public int send(Arena arena, int count) throws IOException {
        int done = 0;
        for (int i = 0; i < count; i++) {
            if (arena.sendState(i) != Layout.STATE_PENDING) {
                continue;
            }
            int error = send(arena.payload(i).limit(arena.length(i)), peer(arena, i));
            if (error == Errno.EAGAIN) {
                return done;
            }
            arena.finish(i, error);
            done++;
        }
        return done;
    }

    private static InetSocketAddress peer(Arena arena, int slot) {
        return new InetSocketAddress(
                Addresses.toInetAddress(arena.peerHigh(slot), arena.peerLow(slot), arena.peerScope(slot)),
                arena.peerPort(slot));
    }

    private int send(ByteBuffer payload, InetSocketAddress peer) throws IOException {
        boolean empty = !payload.hasRemaining();
        try {
            return channel.send(payload, peer) == 0 && !empty ? Errno.EAGAIN : 0;
        } catch (ClosedChannelException e) {
            throw e;
        } catch (IOException e) {
            return errno(e);
        }
    }

    /** Returns the error number for an exception, of which the JDK keeps only the text. */
    private static int errno(IOException e) {
        String text = String.valueOf(e.getMessage()).toLowerCase(Locale.ROOT);
        if (e instanceof PortUnreachableException) {
            return Errno.ECONNREFUSED;
        }
        if (e instanceof NoRouteToHostException || text.contains("no route")) {
            return Errno.EHOSTUNREACH;
        }
        if (text.contains("unreachable")) {
            return Errno.ENETUNREACH;
        }
        return text.contains("too long") || text.contains("too large") ? Errno.EMSGSIZE : Errno.EIO;
    }
}
