package org.pktinfo;

import java.net.DatagramPacket;
import java.time.Duration;
import java.util.Objects;

/**
 * The kernel's report of a datagram that was received into a packet of the JDK, which has no room for it: see {@link
 * PktInfoChannel#receiveReport(DatagramPacket, Duration)}.
 *
 * @param packetInfo the address that the datagram was sent to and the arrival interface
 * @param facts the facts that the kernel reported on demand, {@link ReceivedFacts#NONE} if there are none
 */
public record PacketReport(PacketInfo packetInfo, ReceivedFacts facts) {
    /**
     * Checks that no argument is null.
     *
     * @param packetInfo the address that the datagram was sent to and the arrival interface
     * @param facts the facts that the kernel reported on demand
     */
    public PacketReport {
        Objects.requireNonNull(packetInfo, "packetInfo");
        Objects.requireNonNull(facts, "facts");
    }
}
