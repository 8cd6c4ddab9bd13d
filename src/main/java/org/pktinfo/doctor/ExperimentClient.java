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

/** A client that has asked once, through the JDK alone, and sees where the reply comes from. */
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
     * Asks a server on this host.
     *
     * @param to an address of this host, or a group
     * @param from another, null for the system's choice
     * @param membership the server's, if it is a group; taken over if this succeeds
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

    /** The request's, different each time. */
    byte[] payload() {
        return payload.clone();
    }

    /** The source of the reply with the request's payload; null if none comes in time. */
    @Nullable
    IpAddress awaitReply(Duration timeout) throws IOException {
        long deadline = Deadline.after(timeout);
        DatagramPacket packet = new DatagramPacket(new byte[64], 64);
        for (int left = millis(deadline); left > 0; left = millis(deadline)) {
            channel.socket().setSoTimeout(left);
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
        return Deadline.millis(Deadline.left(deadline));
    }

    @Override
    public void close() throws IOException {
        if (membership != null) {
            membership.drop();
        }
        channel.close();
    }
}
