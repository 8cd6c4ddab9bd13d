package org.pktinfo.netty;

import io.netty.channel.unix.SegmentedDatagramPacket;

/**
 * The packets that are sent as several datagrams. Their class is in the optional netty-transport-native-unix-common.
 */
final class SegmentedPackets {
    private static final boolean PRESENT = isPresent();

    private SegmentedPackets() {}

    private static boolean isPresent() {
        try {
            return SegmentedDatagramPacket.class.getName() != null;
        } catch (NoClassDefFoundError e) {
            return false;
        }
    }

    /** Returns the length of the datagrams that a message is to be sent as, 0 if it is one datagram. */
    static int size(Object message) {
        if (message instanceof OptionsPacket packet) {
            return packet.segmentSize();
        }
        return PRESENT && message instanceof SegmentedDatagramPacket segmented ? segmented.segmentSize() : 0;
    }
}
