package org.pktinfo;

import java.util.EnumMap;
import java.util.Map;
import org.pktinfo.internal.ChannelCounters;
import org.pktinfo.internal.Tally;

/**
 * What went through a channel since it was opened or wrapped: a snapshot, of which each number is exact and which
 * together are of about one moment. Nothing is ever counted down. Bytes are those of payloads.
 *
 * @param received datagrams taken from the kernel, each counted that came as one with others (UDP_GRO)
 * @param receivedBytes their bytes, also those that did not fit
 * @param receiveCalls calls that took at least one datagram: {@code received / receiveCalls} is how many came at once
 * @param receiveWaits how often a thread had to wait for a datagram
 * @param truncated datagrams that did not fit
 * @param controlTruncated datagrams whose control data was cut off
 * @param withoutPacketInfo datagrams of which the kernel did not tell, or not whole, where they were sent to
 * @param kernelDrops datagrams that the kernel lost because the socket's receive buffer was full, or threw away because
 *     of a wrong checksum or a socket filter, since the socket was made (SO_MEMINFO). Kernels before 4.12 tell by the
 *     datagrams received (SO_RXQ_OVFL): what was lost after the last of these was queued, the next one tells. 0 on
 *     kernels before 2.6.33 and in the fall-back to the JDK
 * @param sent datagrams sent, each counted that left together with others or in segments
 * @param sentBytes their bytes
 * @param sendCalls calls that found room in the send buffer for at least one datagram
 * @param sendWaits how often a thread had to wait because the send buffer was full
 * @param coalesced replies that left together with their neighbours (UDP_SEGMENT)
 * @param backgroundErrors exceptions and errors that the library's own threads met while they looked after this
 *     channel, such as a moment without memory; they go on after each
 * @param sendErrors datagrams that were not sent, refused ones included, by kind; kinds that did not occur are missing
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
        Map<SendException.Kind, Long> sendErrors) {
    static ChannelStats of(ChannelCounters counters, Map<SendException.Kind, Long> sendErrors) {
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
                sendErrors);
    }

    /** Of a channel that did nothing yet. */
    public static final ChannelStats NONE = new ChannelStats(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, Map.of());

    /**
     * Copies the map.
     *
     * @param received datagrams taken
     * @param receivedBytes their bytes
     * @param receiveCalls calls that took some
     * @param receiveWaits waited for a datagram
     * @param truncated did not fit
     * @param controlTruncated control data cut off
     * @param withoutPacketInfo destination unknown
     * @param kernelDrops lost by the kernel
     * @param sent datagrams sent
     * @param sentBytes their bytes
     * @param sendCalls calls that found room
     * @param sendWaits waited for room
     * @param coalesced left together
     * @param backgroundErrors met by the library's own threads
     * @param sendErrors not sent
     */
    public ChannelStats {
        sendErrors = Map.copyOf(sendErrors);
    }

    /**
     * All datagrams that were not sent.
     *
     * @return the sum of {@link #sendErrors}
     */
    public long failed() {
        return sendErrors.values().stream().mapToLong(Long::longValue).sum();
    }

    /**
     * What two channels have done together.
     *
     * @param other another channel's
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
                errors);
    }
}
