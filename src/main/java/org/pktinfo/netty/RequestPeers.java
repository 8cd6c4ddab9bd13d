package org.pktinfo.netty;

import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;
import org.pktinfo.DatagramSlot;
import org.pktinfo.PacketInfo;

/**
 * Address objects made before, because peers come again and a host has few addresses: one at each place. For the channel's event loop.
 */
final class RequestPeers {
    private static final int PEER_BITS = 10;
    private static final int DESTINATION_BITS = 5;

    private record Destination(PacketInfo info, InetSocketAddress address) {}

    private final @Nullable RequestPeer[] peers = new RequestPeer[1 << PEER_BITS];
    private final @Nullable Destination[] destinations = new Destination[1 << DESTINATION_BITS];

    /** Who sent what is in the slot, and where to. */
    RequestPeer of(DatagramSlot slot, InetSocketAddress channel) {
        PacketInfo info = slot.packetInfo();
        long key = (slot.peerAddressLow() ^ slot.peerAddressHigh() ^ slot.peerPort()) * 31 + key(info);
        int place = place(key, PEER_BITS);
        RequestPeer there = peers[place];
        if (there == null || !there.sent(slot, info) || there.destination.getPort() != channel.getPort()) {
            there = new RequestPeer(slot.peer(), info, destination(info, channel));
            peers[place] = there;
        }
        return there;
    }

    /** With the channel's port; the channel's own address if it is not known. */
    private InetSocketAddress destination(PacketInfo info, InetSocketAddress channel) {
        if (info.truncated() || info.destination().isUnspecified()) {
            return channel;
        }
        int place = place(key(info), DESTINATION_BITS);
        Destination there = destinations[place];
        if (there == null || !there.info.equals(info) || there.address.getPort() != channel.getPort()) {
            there = new Destination(
                    info, new InetSocketAddress(info.destination().toInetAddress(), channel.getPort()));
            destinations[place] = there;
        }
        return there.address;
    }

    private static long key(PacketInfo info) {
        return info.destination().low() ^ info.destination().high();
    }

    /** The upper bits of a multiplication by a large odd number depend on all bits. */
    private static int place(long key, int bits) {
        return (int) ((key * 0x9e3779b97f4a7c15L) >>> (Long.SIZE - bits));
    }
}
