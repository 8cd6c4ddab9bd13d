package org.pktinfo.server;

import org.pktinfo.DatagramSlot;

/**
 * What a server does with a datagram.
 *
 * <p>The next request of the same peer may reach another worker after a restart, and, where several hosts share the address, another
 * host whenever one of them comes or goes. So a handler that keeps nothing between requests scales without limit; what must
 * be kept, keep where every host finds it, or let the peer carry it, sealed with a secret that all hosts have (as DNS cookies
 * are, RFC 9018, or QUIC's retry tokens, RFC 9000 8.1). For such hosts: replies of at most 1232 bytes over IPv6, and
 * {@link DatagramServer.Builder#pathMtuDiscovery} off for longer ones over IPv4.
 */
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

    /**
     * Handles a request over the rate limit, about every n-th of them as {@link RateLimit#slip} says. An answer no longer than the
     * request keeps the server from being an amplifier: that of DNS says "truncated", so that a peer whose address was forged
     * gets through over TCP. Unless it is overridden, nothing is replied.
     *
     * @param request the request, valid until this method returns
     * @throws Exception if it cannot be handled: counted and logged, and nothing is replied
     */
    default void handleOverLimit(DatagramSlot request) throws Exception {}
}
