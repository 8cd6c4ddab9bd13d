package org.pktinfo.netty;

import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;
import org.pktinfo.Endpoint;
import org.pktinfo.PacketInfo;
import org.pktinfo.common.Hash;

/** Address objects made before, because peers come again: one at each place. For the channel's event loop. */
final class RequestPeers {
    private static final int BITS = 10;

    private final @Nullable RequestPeer[] known = new RequestPeer[1 << BITS];

    RequestPeer of(Endpoint peer, PacketInfo info, InetSocketAddress channel) {
        long key = (peer.address().low() ^ peer.address().high() ^ peer.port()) * 31
                + (info.destination().low() ^ info.destination().high());
        int place = Hash.place(key, BITS);
        RequestPeer there = known[place];
        if (there == null
                || !there.peer.equals(peer)
                || !there.info.equals(info)
                || there.destination.getPort() != channel.getPort()) {
            there = new RequestPeer(peer, info, channel);
            known[place] = there;
        }
        return there;
    }
}
