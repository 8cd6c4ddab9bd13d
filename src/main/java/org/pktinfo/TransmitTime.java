package org.pktinfo;

import java.time.Instant;
import org.jspecify.annotations.Nullable;
import org.pktinfo.internal.TransmitTimes;

/**
 * The time at which this host's kernel handed a datagram to the driver of its network device
 * (SOF_TIMESTAMPING_TX_SOFTWARE), requested by {@link SendOptions#withTransmitTime}.
 *
 * @param id the number that the program gave to the datagram
 * @param time the time by the system's clock; null if the kernel has not reported it within {@value
 *     TransmitTimes#LONGEST_WAIT} ms, because it dropped the datagram before the device, the device takes no times, or
 *     more than {@value TransmitTimes#ROOM} requests were outstanding
 */
@SuppressWarnings("exports") // the annotations are not needed at run time
public record TransmitTime(long id, @Nullable Instant time) {
    /**
     * Checks the number.
     *
     * @param id the number of the datagram, 0 or more
     * @param time the time, or null
     * @throws IllegalArgumentException if the number is negative
     */
    public TransmitTime {
        if (id < 0) {
            throw new IllegalArgumentException("id " + id + " is negative");
        }
    }

    static @Nullable TransmitTime of(TransmitTimes.@Nullable Time time) {
        if (time == null) {
            return null;
        }
        long nanos = time.nanos();
        return new TransmitTime(time.id(), nanos == TransmitTimes.ABSENT ? null : ReceivedFacts.instant(nanos));
    }
}
