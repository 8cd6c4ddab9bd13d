package org.pktinfo.server;

import java.util.Map;
import java.util.Objects;
import org.pktinfo.ChannelStats;
import org.pktinfo.SendException;

/**
 * What a server has done since it started: a snapshot. Every datagram taken ends in exactly one place, so that, while nothing
 * is under way, {@code received = replied + sendErrors + handlerErrors + unanswered + ownAddress
 * + answeringPorts + otherWorkers + rateLimited}; replies by
 * {@link DatagramServer#reply} come on top of {@code replied} and {@code sendErrors}, and their requests count as unanswered.
 *
 * @param received datagrams taken from the kernel
 * @param replied replies sent
 * @param unanswered datagrams that the handler did not reply to
 * @param handlerErrors datagrams on which the handler threw
 * @param ownAddress datagrams that claim to come from this server's own address and port, never answered
 * @param answeringPorts datagrams from a port whose service answers whatever it gets, never answered, see {@link DatagramServer}
 * @param otherWorkers broadcast and multicast datagrams that another worker answers: the kernel gives each to all
 * @param rateLimited datagrams of a peer's prefix that had its replies already, not handled; those that slip are, see {@link RateLimit}
 * @param truncated datagrams that did not fit
 * @param withoutPacketInfo datagrams of which the kernel did not tell the destination
 * @param sendErrors replies that were not sent, by kind; kinds that did not occur are missing
 * @param batches calls that took datagrams: {@code received / batches} is how many came at once
 * @param receiveErrors calls that failed, and whatever else a worker survived
 * @param channels what went through the workers' channels, all added up
 */
public record ServerStats(
        long received,
        long replied,
        long unanswered,
        long handlerErrors,
        long ownAddress,
        long answeringPorts,
        long otherWorkers,
        long rateLimited,
        long truncated,
        long withoutPacketInfo,
        Map<SendException.Kind, Long> sendErrors,
        long batches,
        long receiveErrors,
        ChannelStats channels) {
    /**
     * Copies the map; nothing may be null.
     *
     * @param received datagrams taken
     * @param replied replies sent
     * @param unanswered without a reply
     * @param handlerErrors the handler threw
     * @param ownAddress from the server's own address
     * @param answeringPorts from a port that answers everything
     * @param otherWorkers for another worker
     * @param rateLimited over the limit
     * @param truncated did not fit
     * @param withoutPacketInfo destination unknown
     * @param sendErrors not sent
     * @param batches calls that took datagrams
     * @param receiveErrors calls that failed
     * @param channels of the workers
     */
    public ServerStats {
        sendErrors = Map.copyOf(sendErrors);
        Objects.requireNonNull(channels, "channels");
    }

    /**
     * All replies that were not sent.
     *
     * @return the sum of {@link #sendErrors}
     */
    public long failed() {
        return sendErrors.values().stream().mapToLong(Long::longValue).sum();
    }
}
