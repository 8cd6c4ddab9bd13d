package org.pktinfo;

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
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

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

    /** Takes over the server's membership if it succeeds. */
    static ExperimentClient ask(
            ExperimentAddress address,
            @Nullable IpAddress from,
            DatagramChannel server,
            @Nullable MembershipKey membership)
            throws IOException {
        DatagramChannel channel = DatagramChannel.open(
                address.address().isIpv4() ? StandardProtocolFamily.INET : StandardProtocolFamily.INET6);
        try {
            ExperimentClient client = new ExperimentClient(channel, membership);
            channel.bind(from == null ? null : new InetSocketAddress(from.toInetAddress(), 0));
            channel.setOption(StandardSocketOptions.SO_BROADCAST, true);
            if (address.group() != null) {
                channel.setOption(StandardSocketOptions.IP_MULTICAST_IF, address.group());
                channel.setOption(StandardSocketOptions.IP_MULTICAST_TTL, 0); // does not leave this host
                channel.setOption(StandardSocketOptions.IP_MULTICAST_LOOP, true);
            }
            int port = ((InetSocketAddress) server.getLocalAddress()).getPort();
            channel.send(
                    ByteBuffer.wrap(client.payload),
                    new InetSocketAddress(address.address().toInetAddress(), port));
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
        long deadline = System.nanoTime() + timeout.toNanos();
        long left = timeout.toNanos();
        DatagramPacket packet = new DatagramPacket(new byte[64], 64);
        while (left > 0) {
            channel.socket().setSoTimeout((int) TimeUnit.NANOSECONDS.toMillis(left) + 1);
            try {
                channel.socket().receive(packet);
            } catch (SocketTimeoutException e) {
                return null;
            }
            if (Arrays.equals(Arrays.copyOf(packet.getData(), packet.getLength()), payload)) {
                return IpAddress.of(packet.getAddress());
            }
            packet.setLength(64);
            left = deadline - System.nanoTime();
        }
        return null;
    }

    @Override
    public void close() throws IOException {
        if (membership != null) {
            membership.drop();
        }
        channel.close();
    }
}
