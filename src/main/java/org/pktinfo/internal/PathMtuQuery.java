package org.pktinfo.internal;

import java.io.IOException;

/**
 * The path MTU that the kernel knows for a peer. It tells it of a connected socket only, so that a query opens a socket
 * of its own.
 */
public final class PathMtuQuery {
    /** A port that receives nothing of a query: any number does (RFC 863). */
    private static final int DISCARD = 9;

    private PathMtuQuery() {}

    /**
     * Returns the path MTU in bytes.
     *
     * @param sourceLow the source address, with {@code sourceHigh} 0 for the system's choice
     * @param interfaceIndex the interface to leave by, 0 for the routing table's choice
     * @param what the addresses as text, for an exception
     */
    public static int ask(
            long sourceHigh,
            long sourceLow,
            int interfaceIndex,
            long peerHigh,
            long peerLow,
            int peerScope,
            String what)
            throws IOException {
        int result = NativeCalls.pathMtu(sourceHigh, sourceLow, interfaceIndex, peerHigh, peerLow, peerScope, DISCARD);
        if (result == -Errno.EPERM && interfaceIndex != 0) {
            throw new IOException(
                    what + ": setsockopt(SO_BINDTODEVICE): EPERM (1), needs CAP_NET_RAW before Linux 5.7");
        }
        return Errno.check(what, result);
    }
}
