package org.pktinfo.internal;

import java.net.DatagramPacket;

/** Copies a received datagram into a packet of the JDK, as the JDK itself fills it. */
public final class PacketCopy {
    private PacketCopy() {}

    /** Copies a part of a slot's payload, as much as fits. */
    public static void copy(Arena arena, int index, int from, int length, DatagramPacket packet) {
        synchronized (packet) {
            int fits = Math.min(length, room(arena, packet, length));
            arena.memory().get(arena.payloadAt(index) + from, packet.getData(), packet.getOffset(), fits);
            packet.setAddress(
                    Addresses.toInetAddress(arena.peerHigh(index), arena.peerLow(index), arena.peerScope(index)));
            packet.setPort(arena.peerPort(index));
            // setLength would shrink the room that a longer datagram needs when the packet is used again.
            boolean isSet = fits == packet.getLength()
                    || (arena.address() != 0 && NativeCalls.setPacketLength(packet, fits) >= 0);
            if (!isSet) {
                packet.setLength(fits);
            }
        }
    }

    /** Returns the packet's room in bytes; exact only as far as it matters for this length. */
    private static int room(Arena arena, DatagramPacket packet, int length) {
        int current = packet.getLength();
        return current >= length || arena.address() == 0 ? current : Math.max(current, NativeCalls.packetRoom(packet));
    }
}
