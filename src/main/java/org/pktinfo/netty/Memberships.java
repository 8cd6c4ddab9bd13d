package org.pktinfo.netty;

import java.io.IOException;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.nio.channels.DatagramChannel;
import java.nio.channels.MembershipKey;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The multicast groups that a channel has joined; the JDK does it, this finds the keys again. For any thread. */
final class Memberships {
    private final DatagramChannel channel;
    private final List<MembershipKey> keys = new ArrayList<>();

    Memberships(DatagramChannel channel) {
        this.channel = channel;
    }

    synchronized void join(InetAddress group, NetworkInterface networkInterface, @Nullable InetAddress source)
            throws IOException {
        Objects.requireNonNull(group, "group");
        Objects.requireNonNull(networkInterface, "networkInterface");
        MembershipKey key =
                source == null ? channel.join(group, networkInterface) : channel.join(group, networkInterface, source);
        if (!keys.contains(key)) {
            keys.add(key);
        }
    }

    /** Leaving a group that was not joined does nothing. */
    synchronized void leave(InetAddress group, NetworkInterface networkInterface, @Nullable InetAddress source) {
        Objects.requireNonNull(group, "group");
        Objects.requireNonNull(networkInterface, "networkInterface");
        for (MembershipKey key : List.copyOf(keys)) {
            if (is(key, group, networkInterface) && Objects.equals(key.sourceAddress(), source)) {
                key.drop();
                keys.remove(key);
            }
        }
    }

    /** For a membership of all sources; without one it does nothing. */
    synchronized void block(InetAddress group, NetworkInterface networkInterface, InetAddress source)
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
