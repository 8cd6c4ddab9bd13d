package org.pktinfo.netty;

import io.netty.channel.unix.SegmentedDatagramPacket;

/** The packets that leave as several datagrams. Their class is in netty-transport-native-unix-common, which need not be there. */
final class Segments {
    private static final boolean PRESENT = isPresent();

    private Segments() {}

    private static boolean isPresent() {
        try {
            return SegmentedDatagramPacket.class.getName() != null;
        } catch (NoClassDefFoundError e) {
            return false;
        }
    }

    /** How long the datagrams are that a message is to be sent as, 0 if it is one. */
    static int size(Object message) {
        return PRESENT && message instanceof SegmentedDatagramPacket segmented ? segmented.segmentSize() : 0;
    }
}
