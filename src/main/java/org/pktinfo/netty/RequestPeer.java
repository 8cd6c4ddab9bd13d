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
 * Who sent a request, as the socket address that handlers know, and where to. What is written to this very object, by the channel that
 * received the request or another of its port and address, answers it, even if the peer has asked another address meanwhile. Equal to any
 * other socket address of the peer.
 */
final class RequestPeer extends InetSocketAddress {
    @Serial
    private static final long serialVersionUID = 1;

    final transient Endpoint peer;
    final transient PacketInfo info;

    /** Where it was sent to, with the channel's port; the channel's own address if that is not known. */
    final transient InetSocketAddress destination;

    /** By the address asked; null if the request does not say enough. */
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

    /** What is read back somewhere else, or later, is the peer's address and nothing more. */
    @Serial
    private Object writeReplace() {
        return new InetSocketAddress(getAddress(), getPort());
    }

    private static @Nullable Source source(Endpoint peer, PacketInfo info) {
        try {
            return SourceSelection.addressAsked().select(peer, info);
        } catch (SendException e) {
            return null; // the memory is asked then
        }
    }
}
