package org.pktinfo.doctor;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.time.Duration;
import java.util.Collection;
import org.jspecify.annotations.Nullable;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.common.Deadline;
import org.pktinfo.internal.Addresses;
import org.pktinfo.internal.Arena;
import org.pktinfo.internal.Errno;
import org.pktinfo.internal.JdkChannels;
import org.pktinfo.internal.Layout;
import org.pktinfo.internal.NativeTransport;

/**
 * A socket with only the options given, whose replies carry any control messages, including those that {@link
 * PktInfoChannel} never sends. It shows the kernel's response to them. Not safe for use by several threads.
 */
final class ExperimentSocket implements AutoCloseable {
    private static final int CAPACITY = 64;

    private final DatagramChannel channel;
    private final NativeTransport transport;
    private final Arena arena;

    private ExperimentSocket(DatagramChannel channel, int socketFamily) throws IOException {
        this.channel = channel;
        this.transport = NativeTransport.of(channel);
        this.arena = new Arena(1, CAPACITY, socketFamily);
    }

    /**
     * Opens a socket bound to the wildcard address.
     *
     * @throws UnsupportedOperationException if there is no such socket here, or the kernel refuses an option; the text
     *     says why
     */
    static ExperimentSocket open(PktInfoChannel.Family family, Collection<Diagnosis.SocketOption> options, int port)
            throws IOException {
        boolean ipv6 = family != PktInfoChannel.Family.IPV4;
        DatagramChannel channel = JdkChannels.open(!ipv6, ipv6);
        @Nullable ExperimentSocket socket = null;
        try {
            socket = new ExperimentSocket(channel, ipv6 ? Layout.FAMILY_IPV6 : Layout.FAMILY_IPV4);
            if (family == PktInfoChannel.Family.IPV6) {
                socket.set("IPV6_V6ONLY", Layout.OPTION_IPV6_V6ONLY);
            }
            for (Diagnosis.SocketOption option : options) {
                socket.set(option.name(), option.number);
            }
            channel.bind(new InetSocketAddress(port));
            return socket;
        } catch (Throwable e) {
            if (socket != null) {
                socket.transport.close();
            }
            channel.close();
            throw e;
        }
    }

    private void set(String name, int option) {
        int result = transport.setOption(option, 1);
        if (result < 0) {
            throw new UnsupportedOperationException("setsockopt(" + name + "): " + Errno.describe(-result));
        }
    }

    /** Returns the channel, for multicast membership. */
    DatagramChannel channel() {
        return channel;
    }

    int port() throws IOException {
        return ((InetSocketAddress) channel.getLocalAddress()).getPort();
    }

    /** Receives the datagram with this payload and discards others; returns false if it does not arrive in time. */
    boolean receive(byte[] payload, Duration timeout) throws IOException {
        long deadline = Deadline.after(timeout);
        while (!Deadline.isOver(deadline)) {
            int millis = Deadline.millis(Deadline.remaining(deadline));
            Errno.check("poll", transport.await(Layout.WAIT_READABLE, millis));
            int count = transport.receive(arena, 1);
            if (count > 0 && ByteBuffer.wrap(payload).equals(arena.payload(0).limit(arena.length(0)))) {
                return true;
            }
            if (count < 0 && count != -Errno.EAGAIN) {
                throw Errno.exception("recvmsg", -count);
            }
        }
        return false;
    }

    /** Returns the packet information of the last datagram. */
    ControlMessages received() {
        return ControlMessages.of(arena, 0);
    }

    /** Returns the sender of the last datagram. */
    InetAddress peer() {
        return Addresses.toInetAddress(arena.peerHigh(0), arena.peerLow(0), arena.peerScope(0));
    }

    /** Sends the last datagram's payload back with these control messages; returns the error number, 0 on success. */
    int reply(ControlMessages messages) throws IOException {
        messages.prepareReply(arena, 0);
        int done = transport.send(arena, 1);
        if (done < 0) {
            throw Errno.exception("sendmsg", -done);
        }
        return done == 0 ? Errno.EAGAIN : arena.error(0);
    }

    @Override
    public void close() throws IOException {
        try {
            channel.close();
        } finally {
            transport.close();
        }
    }
}
