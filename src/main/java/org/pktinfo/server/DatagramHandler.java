package org.pktinfo.server;

import org.pktinfo.DatagramSlot;

/** What a server does with a datagram. */
@FunctionalInterface
public interface DatagramHandler {
    /**
     * Handles one request, on a worker's thread: while it runs, that worker's other datagrams wait. To reply, call
     * {@link DatagramSlot#reply(int)} or one of its siblings before returning; to reply later or from another thread, take
     * {@link DatagramSlot#toDatagram} along and use {@link DatagramServer#reply}. To say nothing is fine too.
     *
     * @param request the request, valid until this method returns
     * @throws Exception if it cannot be handled: counted and logged, and nothing is replied
     */
    void handle(DatagramSlot request) throws Exception;
}
