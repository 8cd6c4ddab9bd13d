package org.pktinfo;

import java.util.Arrays;
import java.util.Objects;

/**
 * A received datagram, copied out of the channel's memory: it stays valid, may be kept, and may be answered later and
 * by any thread. Equality compares contents, the payload's too.
 *
 * @param payload the payload, exactly as long as what was received; the array belongs to the caller, the library keeps no
 *     reference to it
 * @param peer who sent it
 * @param packetInfo where it was sent to and came in
 * @param wireLength how many bytes the peer sent, in {@code payload.length} to 65535; more than {@code payload.length} if they did not fit
 */
@SuppressWarnings("ArrayRecordComponent") // copied once and handed over: equality below compares the bytes
public record Datagram(byte[] payload, Endpoint peer, PacketInfo packetInfo, int wireLength) {
    /**
     * Checks that nothing is null and that the lengths fit together.
     *
     * @param payload the payload
     * @param peer who sent it
     * @param packetInfo where it was sent to and came in
     * @param wireLength how many bytes the peer sent
     * @throws IllegalArgumentException if the wire length is less than the payload's or more than 65535
     */
    public Datagram {
        Objects.requireNonNull(payload, "payload");
        Objects.requireNonNull(peer, "peer");
        Objects.requireNonNull(packetInfo, "packetInfo");
        if (wireLength < payload.length || wireLength > 0xffff) {
            throw new IllegalArgumentException(
                    "wire length " + wireLength + " is not in the payload's " + payload.length + " to 65535 bytes");
        }
    }

    /**
     * Whether the payload is only the beginning of what the peer sent (MSG_TRUNC): the rest is lost.
     *
     * @return true if the datagram was longer than the channel's payload capacity
     */
    public boolean isTruncated() {
        return wireLength > payload.length;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Datagram that
                && Arrays.equals(payload, that.payload)
                && peer.equals(that.peer)
                && packetInfo.equals(that.packetInfo)
                && wireLength == that.wireLength;
    }

    @Override
    public int hashCode() {
        return Objects.hash(Arrays.hashCode(payload), peer, packetInfo, wireLength);
    }

    /**
     * Everything but the payload's bytes.
     *
     * @return for a log or a failing test
     */
    @Override
    public String toString() {
        return "Datagram[" + payload.length + " of " + wireLength + " bytes, peer=" + peer + ", " + packetInfo + "]";
    }
}
