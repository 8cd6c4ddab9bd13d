package org.pktinfo.server;

import java.util.Map;
import java.util.Objects;
import org.pktinfo.ChannelStats;
import org.pktinfo.SendException;

/**
 * A snapshot of a server's counters since it started. Every datagram received is counted in exactly one place, so that,
 * while none is being handled, {@code received = replied + sendErrors + handlerErrors + unanswered + ownAddress +
 * answeringPorts + otherWorkers + rateLimited}. Replies by {@link DatagramServer#reply} are added to {@code replied}
 * and {@code sendErrors}, and their requests count as unanswered.
 *
 * @param received datagrams received from the kernel
 * @param replied replies sent
 * @param unanswered datagrams that the handler did not reply to
 * @param handlerErrors datagrams on which the handler threw
 * @param ownAddress datagrams that claim to come from this server's own address and port, never answered
 * @param answeringPorts datagrams from a port whose service answers every datagram, never answered, see {@link
 *     DatagramServer}
 * @param otherWorkers broadcast and multicast datagrams that another worker answers: the kernel delivers each to all
 * @param rateLimited datagrams over their prefix's limit, not handled; those that slip are handled, see {@link
 *     RateLimit}
 * @param truncated datagrams that were longer than the payload capacity
 * @param withoutPacketInfo datagrams whose destination the kernel did not report
 * @param sendErrors replies that were not sent, by kind; kinds that did not occur are missing
 * @param batches calls that received datagrams: {@code received / batches} is the average batch
 * @param receiveErrors calls that failed, and other errors that a worker survived
 * @param channels the sum of the counters of the workers' channels
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
     * Copies the map. No argument may be null.
     *
     * @param received datagrams received
     * @param replied replies sent
     * @param unanswered datagrams without a reply
     * @param handlerErrors datagrams on which the handler threw
     * @param ownAddress datagrams from the server's own address
     * @param answeringPorts datagrams from a port that answers every datagram
     * @param otherWorkers datagrams that another worker answers
     * @param rateLimited datagrams over the limit
     * @param truncated datagrams longer than the capacity
     * @param withoutPacketInfo datagrams of an unknown destination
     * @param sendErrors replies not sent, by kind
     * @param batches calls that received datagrams
     * @param receiveErrors calls that failed
     * @param channels the counters of the channels
     */
    public ServerStats {
        sendErrors = Map.copyOf(sendErrors);
        Objects.requireNonNull(channels, "channels");
    }

    /**
     * Returns the number of replies that were not sent.
     *
     * @return the sum of {@link #sendErrors}
     */
    public long failed() {
        return sendErrors.values().stream().mapToLong(Long::longValue).sum();
    }
}
