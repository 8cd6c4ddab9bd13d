package org.pktinfo.netty;

import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;
import org.pktinfo.Endpoint;
import org.pktinfo.PacketInfo;
import org.pktinfo.common.Hash;

/**
 * A cache of address objects, because peers send more than one request. One object for each place. For the channel's
 * event loop.
 */
final class RequestPeers {
    private static final int BITS = 10;

    private final @Nullable RequestPeer[] cache = new RequestPeer[1 << BITS];

    RequestPeer of(Endpoint peer, PacketInfo info, InetSocketAddress channel) {
        long key = (peer.address().low() ^ peer.address().high() ^ peer.port()) * 31
                + (info.destination().low() ^ info.destination().high());
        int place = Hash.place(key, BITS);
        RequestPeer cached = cache[place];
        if (cached == null
                || !cached.peer.equals(peer)
                || !cached.info.equals(info)
                || cached.destination.getPort() != channel.getPort()) {
            cached = new RequestPeer(peer, info, channel);
            cache[place] = cached;
        }
        return cached;
    }
}
