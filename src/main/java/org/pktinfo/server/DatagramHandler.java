package org.pktinfo.server;

import org.pktinfo.DatagramSlot;
import org.pktinfo.NetworkError;
import org.pktinfo.TransmitTime;

/**
 * Handles the datagrams that a {@link DatagramServer} receives.
 *
 * <p>The next request of the same peer may reach another worker after a restart. If several hosts share the address, it
 * may reach another host whenever one of them is added or removed. A handler that keeps no state between requests
 * therefore scales without limit. Keep state that must last where every host finds it, or let the peer carry it, sealed
 * with a secret that all hosts have, as DNS cookies (RFC 9018) and QUIC's retry tokens (RFC 9000 8.1) do. For hosts
 * that share an address, send replies of at most 1232 bytes over IPv6, and set {@link
 * org.pktinfo.PktInfoSocketOptions#FRAGMENTATION} to {@link org.pktinfo.Fragmentation#DONT} for longer ones over IPv4.
 */
@FunctionalInterface
public interface DatagramHandler {
    /**
     * Handles one request, on the thread of a worker. While it runs, the worker's other datagrams wait. To reply, call
     * {@link DatagramSlot#reply(int)} or another of the slot's reply methods before returning. To reply later or from
     * another thread, copy the request by {@link DatagramSlot#toDatagram} and use {@link DatagramServer#reply}. A
     * handler need not reply.
     *
     * @param request the request, valid until this method returns
     * @throws Exception if the request cannot be handled: the failure is counted and logged, and no reply is sent
     */
    void handle(DatagramSlot request) throws Exception;

    /**
     * Handles a request over the rate limit, on average one in n as {@link RateLimit#slip} says. A reply no longer than
     * the request keeps the server from being an amplifier. In DNS this reply says "truncated", so that a peer whose
     * address is being forged gets through over TCP. The default implementation sends no reply.
     *
     * @param request the request, valid until this method returns
     * @throws Exception if the request cannot be handled: the failure is counted and logged, and no reply is sent
     */
    default void handleOverLimit(DatagramSlot request) throws Exception {}

    /**
     * Handles an error that the network reported about a reply, on the thread of the worker that sent it; only if the
     * server's errors are switched on. Anyone may have forged it, see {@link NetworkError}. While this method runs, the
     * worker's requests wait; between two batches of requests it is called at most {@value Worker#MOST_REPORTS} times.
     * The default implementation does nothing; the errors are counted in any case, see {@link ServerStats#channels}.
     *
     * @param error the report
     * @throws Exception if the report cannot be handled: the failure is counted as one of {@link
     *     ServerStats#receiveErrors} and logged
     */
    default void handleError(NetworkError error) throws Exception {}

    /**
     * Handles the time of transmission of a reply that requested it by {@link
     * org.pktinfo.SendOptions#withTransmitTime}, on the thread of the worker that sent it, under the same conditions as
     * {@link #handleError}. The default implementation does nothing.
     *
     * @param time the time; one that did not become known is handled with the next datagram or report
     * @throws Exception if the time cannot be handled: the failure is counted and logged as for {@link #handleError}
     */
    default void handleTransmitTime(TransmitTime time) throws Exception {}
}
