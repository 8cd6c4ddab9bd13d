package org.pktinfo;

import java.io.IOException;
import java.util.Objects;
import org.pktinfo.internal.ChannelSocket;
import org.pktinfo.internal.PathMtuQuery;
import org.pktinfo.internal.SocketOptions;

/** The query for a path MTU, checked and in the addresses of the public API. */
final class PathMtu {
    private PathMtu() {}

    static int ask(ChannelSocket socket, IpAddress peer, Source source) throws IOException {
        Objects.requireNonNull(peer, "peer");
        Objects.requireNonNull(source, "source");
        socket.checkOpen();
        if (!socket.choosesSource()) {
            throw new UnsupportedOperationException("the path MTU cannot be read without the native library");
        }
        if (!socket.options().takes(peer.isIpv4())) {
            throw SocketOptions.otherFamily("no path to " + peer, peer.isIpv4());
        }
        if (!Sender.fits(source, peer.isIpv4())) {
            throw new IllegalArgumentException("source " + source + " is not of the family of " + peer);
        }
        IpAddress address = source.address();
        int device = source.interfaceIndex() != 0
                ? source.interfaceIndex()
                : socket.options().boundInterface();
        return PathMtuQuery.ask(
                address.high(),
                address.low(),
                device,
                peer.high(),
                peer.low(),
                peer.scopeId(),
                "path MTU to " + peer + " from " + source);
    }
}
