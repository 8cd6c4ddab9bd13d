package org.pktinfo;

import java.util.Arrays;
import java.util.Objects;

/**
 * A received datagram, copied out of the channel's memory. It remains valid, can be kept, and can be answered later and
 * by any thread. Two datagrams are equal if their contents are, including the payload.
 *
 * @param payload the payload, exactly as long as the bytes received; the array belongs to the caller, the library keeps
 *     no reference to it
 * @param peer the sender's address and port
 * @param packetInfo the address that the datagram was sent to and the arrival interface
 * @param wireLength the number of bytes that the peer sent, in {@code payload.length} to 65535; more than
 *     {@code payload.length} if the payload was truncated
 * @param facts the facts that the kernel reported on demand, {@link ReceivedFacts#NONE} if there are none
 */
@SuppressWarnings("ArrayRecordComponent") // copied once and handed over: equals below compares the bytes
public record Datagram(byte[] payload, Endpoint peer, PacketInfo packetInfo, int wireLength, ReceivedFacts facts) {
    /**
     * Checks that no argument is null and that the lengths are consistent.
     *
     * @param payload the payload
     * @param peer the sender's address and port
     * @param packetInfo the address that the datagram was sent to and the arrival interface
     * @param wireLength the number of bytes that the peer sent
     * @param facts the facts that the kernel reported on demand
     * @throws IllegalArgumentException if the wire length is less than the payload's or more than 65535
     */
    public Datagram {
        Objects.requireNonNull(payload, "payload");
        Objects.requireNonNull(peer, "peer");
        Objects.requireNonNull(packetInfo, "packetInfo");
        Objects.requireNonNull(facts, "facts");
        if (wireLength < payload.length || wireLength > 0xffff) {
            throw new IllegalArgumentException(
                    "wire length " + wireLength + " is not in the payload's " + payload.length + " to 65535 bytes");
        }
    }

    /**
     * Creates a datagram without facts.
     *
     * @param payload the payload
     * @param peer the sender's address and port
     * @param packetInfo the address that the datagram was sent to and the arrival interface
     * @param wireLength the number of bytes that the peer sent
     * @throws IllegalArgumentException if the wire length is less than the payload's or more than 65535
     */
    public Datagram(byte[] payload, Endpoint peer, PacketInfo packetInfo, int wireLength) {
        this(payload, peer, packetInfo, wireLength, ReceivedFacts.NONE);
    }

    /**
     * Returns true if the payload is only the beginning of the datagram (MSG_TRUNC). The rest is lost.
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
                && wireLength == that.wireLength
                && facts.equals(that.facts);
    }

    @Override
    public int hashCode() {
        return Objects.hash(Arrays.hashCode(payload), peer, packetInfo, wireLength, facts);
    }

    /**
     * Returns a description with everything but the payload's bytes.
     *
     * @return a text for a log or a failing test
     */
    @Override
    public String toString() {
        String more = facts.equals(ReceivedFacts.NONE) ? "" : ", " + facts;
        return "Datagram[" + payload.length + " of " + wireLength + " bytes, peer=" + peer + ", " + packetInfo + more
                + "]";
    }
}
