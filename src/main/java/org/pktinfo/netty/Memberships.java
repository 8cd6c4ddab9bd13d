package org.pktinfo.netty;

import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelPromise;
import java.io.IOException;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.nio.channels.DatagramChannel;
import java.nio.channels.MembershipKey;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The multicast groups that a channel has joined. The JDK joins them; this class finds the keys again. Each change
 * completes its promise. A method without an interface uses the one set for multicast, or that of the channel's
 * address. Safe for use by any thread.
 */
final class Memberships {
    private final io.netty.channel.socket.DatagramChannel owner;
    private final PktInfoDatagramChannelConfig config;
    private final DatagramChannel channel;
    private final List<MembershipKey> keys = new ArrayList<>();

    Memberships(
            io.netty.channel.socket.DatagramChannel owner,
            PktInfoDatagramChannelConfig config,
            DatagramChannel channel) {
        this.owner = owner;
        this.config = config;
        this.channel = channel;
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

    ChannelFuture join(InetAddress group, ChannelPromise promise) {
        return change(promise, () -> add(group, defaultInterface(), null));
    }

    ChannelFuture join(
            InetAddress group,
            NetworkInterface networkInterface,
            @Nullable InetAddress source,
            ChannelPromise promise) {
        return change(promise, () -> add(group, networkInterface, source));
    }

    /** Leaves a group; does nothing if it was not joined. */
    ChannelFuture leave(InetAddress group, ChannelPromise promise) {
        return change(promise, () -> drop(group, defaultInterface(), null));
    }

    ChannelFuture leave(
            InetAddress group,
            NetworkInterface networkInterface,
            @Nullable InetAddress source,
            ChannelPromise promise) {
        return change(promise, () -> drop(group, networkInterface, source));
    }

    /** Blocks a source in a membership of all sources; does nothing without one. */
    ChannelFuture block(InetAddress group, InetAddress source, ChannelPromise promise) {
        return change(promise, () -> exclude(group, defaultInterface(), source));
    }

    ChannelFuture block(
            InetAddress group, NetworkInterface networkInterface, InetAddress source, ChannelPromise promise) {
        return change(promise, () -> exclude(group, networkInterface, source));
    }

    private NetworkInterface defaultInterface() throws SocketException {
        NetworkInterface set = config.getNetworkInterface();
        NetworkInterface found = set == null
                ? NetworkInterface.getByInetAddress(owner.localAddress().getAddress())
                : set;
        if (found == null) {
            throw new SocketException(
                    "no interface: none is given, IP_MULTICAST_IF is not set, and the channel is bound to "
                            + owner.localAddress());
        }
        return found;
    }

    private synchronized void add(InetAddress group, NetworkInterface networkInterface, @Nullable InetAddress source)
            throws IOException {
        Objects.requireNonNull(group, "group");
        Objects.requireNonNull(networkInterface, "networkInterface");
        MembershipKey key =
                source == null ? channel.join(group, networkInterface) : channel.join(group, networkInterface, source);
        if (!keys.contains(key)) {
            keys.add(key);
        }
    }

    private synchronized void drop(InetAddress group, NetworkInterface networkInterface, @Nullable InetAddress source) {
        Objects.requireNonNull(group, "group");
        Objects.requireNonNull(networkInterface, "networkInterface");
        for (MembershipKey key : List.copyOf(keys)) {
            if (is(key, group, networkInterface) && Objects.equals(key.sourceAddress(), source)) {
                key.drop();
                keys.remove(key);
            }
        }
    }

    private synchronized void exclude(InetAddress group, NetworkInterface networkInterface, InetAddress source)
            throws IOException {
        Objects.requireNonNull(group, "group");
        Objects.requireNonNull(networkInterface, "networkInterface");
        Objects.requireNonNull(source, "source");
        for (MembershipKey key : keys) {
            if (is(key, group, networkInterface) && key.sourceAddress() == null) {
                key.block(source);
            }
        }
    }

    private static boolean is(MembershipKey key, InetAddress group, NetworkInterface networkInterface) {
        return key.group().equals(group) && key.networkInterface().equals(networkInterface);
    }
}
