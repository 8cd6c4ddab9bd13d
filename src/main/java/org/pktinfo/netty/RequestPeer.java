package org.pktinfo.netty;

import java.io.Serial;
import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;
import org.pktinfo.Endpoint;
import org.pktinfo.PacketInfo;
import org.pktinfo.SendException;
import org.pktinfo.Source;
import org.pktinfo.SourceSelection;

/**
 * The peer that sent a request, as the socket address that handlers see, with the request destination. A packet written
 * to this very object, by the channel that received the request or another of its port and address, answers that
 * request, even if the peer has sent another to a different address since. Equal to any other socket address of the
 * peer.
 */
final class RequestPeer extends InetSocketAddress {
    @Serial
    private static final long serialVersionUID = 1;

    final transient Endpoint peer;
    final transient PacketInfo info;

    /** The request destination with the channel's port; the channel's own address if the destination is unknown. */
    final transient InetSocketAddress destination;

    /** The source for a reply, by the request destination; null if the request does not say enough. */
    final transient @Nullable Source source;

    RequestPeer(Endpoint peer, PacketInfo info, InetSocketAddress channel) {
        super(peer.address().toInetAddress(), peer.port());
        this.peer = peer;
        this.info = info;
        this.destination = info.truncated() || info.destination().isUnspecified()
                ? channel
                : new InetSocketAddress(info.destination().toInetAddress(), channel.getPort());
        this.source = source(peer, info);
    }

    /** Serializes the peer's address alone: the request has no meaning elsewhere or later. */
    @Serial
    private Object writeReplace() {
        return new InetSocketAddress(getAddress(), getPort());
    }

    private static @Nullable Source source(Endpoint peer, PacketInfo info) {
        try {
            return SourceSelection.requestDestination().select(peer, info);
        } catch (SendException e) {
            return null; // the memory of peers decides then
        }
    }
}
