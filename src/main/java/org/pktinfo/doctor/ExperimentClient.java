package org.pktinfo.doctor;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.MembershipKey;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.pktinfo.IpAddress;
import org.pktinfo.common.Deadline;

/** A client that sends one request, by the JDK alone, and reports the source of the reply. */
final class ExperimentClient implements AutoCloseable {
    private static final SecureRandom RANDOM = new SecureRandom();

    private final DatagramChannel channel;
    private final byte[] payload = new byte[8];
    private final @Nullable MembershipKey membership;

    private ExperimentClient(DatagramChannel channel, @Nullable MembershipKey membership) {
        this.channel = channel;
        this.membership = membership;
        RANDOM.nextBytes(payload);
    }

    /**
     * Sends a request to a server on this host.
     *
     * @param to an address of this host, or a group
     * @param from another address of this host, null for the system's choice
     * @param membership the server's, if {@code to} is a group; owned by the client if this succeeds
     */
    static ExperimentClient ask(
            IpAddress to, @Nullable IpAddress from, DatagramChannel server, @Nullable MembershipKey membership)
            throws IOException {
        DatagramChannel channel =
                DatagramChannel.open(to.isIpv4() ? StandardProtocolFamily.INET : StandardProtocolFamily.INET6);
        try {
            ExperimentClient client = new ExperimentClient(channel, membership);
            channel.bind(from == null ? null : new InetSocketAddress(from.toInetAddress(), 0));
            channel.setOption(StandardSocketOptions.SO_BROADCAST, true);
            if (membership != null) {
                channel.setOption(StandardSocketOptions.IP_MULTICAST_IF, membership.networkInterface());
                channel.setOption(StandardSocketOptions.IP_MULTICAST_TTL, 0); // does not leave this host
                channel.setOption(StandardSocketOptions.IP_MULTICAST_LOOP, true);
            }
            int port = ((InetSocketAddress) server.getLocalAddress()).getPort();
            channel.send(ByteBuffer.wrap(client.payload), new InetSocketAddress(to.toInetAddress(), port));
            return client;
        } catch (Throwable e) {
            channel.close();
            throw e;
        }
    }

    /** Returns the request's payload, which differs each time. */
    byte[] payload() {
        return payload.clone();
    }

    /** Returns the source of the reply with the request's payload; null if none arrives in time. */
    @Nullable
    IpAddress awaitReply(Duration timeout) throws IOException {
        long deadline = Deadline.after(timeout);
        DatagramPacket packet = new DatagramPacket(new byte[64], 64);
        for (int remaining = millis(deadline); remaining > 0; remaining = millis(deadline)) {
            channel.socket().setSoTimeout(remaining);
            try {
                channel.socket().receive(packet);
            } catch (SocketTimeoutException e) {
                return null;
            }
            if (Arrays.equals(Arrays.copyOf(packet.getData(), packet.getLength()), payload)) {
                return IpAddress.of(packet.getAddress());
            }
            packet.setLength(64);
        }
        return null;
    }

    private static int millis(long deadline) {
        return Deadline.millis(Deadline.remaining(deadline));
    }

    @Override
    public void close() throws IOException {
        if (membership != null) {
            membership.drop();
        }
        channel.close();
    }
}
