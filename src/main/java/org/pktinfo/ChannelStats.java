package org.pktinfo;

import java.util.EnumMap;
import java.util.Map;
import org.pktinfo.internal.ChannelCounters;
import org.pktinfo.internal.NetworkErrors;
import org.pktinfo.internal.Tally;

/**
 * The counters of a channel since it was opened or wrapped. A snapshot: each number is exact, and all are of about the
 * same moment. No number ever decreases. Byte counts are those of payloads.
 *
 * @param received datagrams received; datagrams that the kernel coalesced (UDP_GRO) count one by one
 * @param receivedBytes bytes of the received datagrams, including those that were truncated
 * @param receiveCalls calls that received at least one datagram: {@code received / receiveCalls} is the average number
 *     of datagrams per call
 * @param receiveWaits number of times that a thread had to wait for a datagram
 * @param truncated datagrams that were longer than the payload capacity
 * @param controlTruncated datagrams whose control data was truncated
 * @param withoutPacketInfo datagrams whose destination the kernel did not report, or not completely
 * @param kernelDrops datagrams that the kernel dropped since the socket was created because the socket's receive buffer
 *     was full, the checksum was wrong or a socket filter rejected them (SO_MEMINFO). Kernels before 4.12 report drops
 *     with received datagrams only (SO_RXQ_OVFL): drops after the last of these was queued are reported with the next
 *     one. 0 on kernels before 2.6.33 and in the fall-back to the JDK
 * @param sent datagrams sent; those that were coalesced or sent in segments count one by one
 * @param sentBytes bytes of the datagrams sent
 * @param sendCalls calls for which the send buffer had room for at least one datagram
 * @param sendWaits number of times that a thread had to wait because the send buffer was full
 * @param coalesced replies that were sent as one with their neighbours (UDP_SEGMENT)
 * @param backgroundErrors exceptions and errors of the library's own threads while they served this channel, such as a
 *     brief shortage of memory; the threads continue after each
 * @param networkErrors errors that the network reported about datagrams sent, see {@link PktInfoChannel#receiveError};
 *     0 unless they are switched on
 * @param networkErrorsDropped those of them that {@link PktInfoChannel#receiveError} will not return, because the
 *     program did not call it often enough; those for which the kernel itself had no room are not known
 * @param sendErrors datagrams that were not sent, including refused ones, by kind; kinds that did not occur are absent
 */
public record ChannelStats(
        long received,
        long receivedBytes,
        long receiveCalls,
        long receiveWaits,
        long truncated,
        long controlTruncated,
        long withoutPacketInfo,
        long kernelDrops,
        long sent,
        long sentBytes,
        long sendCalls,
        long sendWaits,
        long coalesced,
        long backgroundErrors,
        long networkErrors,
        long networkErrorsDropped,
        Map<SendException.Kind, Long> sendErrors) {
    static ChannelStats of(ChannelCounters counters, NetworkErrors errors, Map<SendException.Kind, Long> sendErrors) {
        Tally total = counters.total();
        return new ChannelStats(
                total.get(Tally.RECEIVED),
                total.get(Tally.RECEIVED_BYTES),
                total.get(Tally.RECEIVE_CALLS),
                counters.receiveWaits(),
                total.get(Tally.TRUNCATED),
                total.get(Tally.CONTROL_TRUNCATED),
                total.get(Tally.WITHOUT_PACKET_INFO),
                counters.kernelDrops(),
                total.get(Tally.SENT),
                total.get(Tally.SENT_BYTES),
                total.get(Tally.SEND_CALLS),
                counters.sendWaits(),
                total.get(Tally.COALESCED),
                counters.backgroundErrors(),
                errors.received(),
                errors.dropped(),
                sendErrors);
    }

    /** The counters of a channel that has neither received nor sent anything. */
    public static final ChannelStats NONE = new ChannelStats(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, Map.of());

    /**
     * Copies the map.
     *
     * @param received datagrams received
     * @param receivedBytes bytes of the received datagrams
     * @param receiveCalls calls that received at least one datagram
     * @param receiveWaits number of waits for a datagram
     * @param truncated datagrams longer than the payload capacity
     * @param controlTruncated datagrams with truncated control data
     * @param withoutPacketInfo datagrams with an unknown destination
     * @param kernelDrops datagrams dropped by the kernel
     * @param sent datagrams sent
     * @param sentBytes bytes of the datagrams sent
     * @param sendCalls calls for which the send buffer had room
     * @param sendWaits number of waits for room in the send buffer
     * @param coalesced replies sent as one with their neighbours
     * @param backgroundErrors errors of the library's own threads
     * @param networkErrors errors reported by the network
     * @param networkErrorsDropped errors reported and not returned
     * @param sendErrors datagrams not sent, by kind
     */
    public ChannelStats {
        sendErrors = Map.copyOf(sendErrors);
    }

    /**
     * Returns the number of datagrams that were not sent.
     *
     * @return the sum of {@link #sendErrors}
     */
    public long failed() {
        return sendErrors.values().stream().mapToLong(Long::longValue).sum();
    }

    /**
     * Adds the counters of another channel to these.
     *
     * @param other the counters of another channel
     * @return the sums
     */
    public ChannelStats plus(ChannelStats other) {
        Map<SendException.Kind, Long> errors = new EnumMap<>(SendException.Kind.class);
        errors.putAll(sendErrors);
        other.sendErrors.forEach((kind, number) -> errors.merge(kind, number, Long::sum));
        return new ChannelStats(
                received + other.received,
                receivedBytes + other.receivedBytes,
                receiveCalls + other.receiveCalls,
                receiveWaits + other.receiveWaits,
                truncated + other.truncated,
                controlTruncated + other.controlTruncated,
                withoutPacketInfo + other.withoutPacketInfo,
                kernelDrops + other.kernelDrops,
                sent + other.sent,
                sentBytes + other.sentBytes,
                sendCalls + other.sendCalls,
                sendWaits + other.sendWaits,
                coalesced + other.coalesced,
                backgroundErrors + other.backgroundErrors,
                networkErrors + other.networkErrors,
                networkErrorsDropped + other.networkErrorsDropped,
                errors);
    }
}
