package org.pktinfo.internal;

import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;

/** Gives the tests of other packages access to package-private members. */
public final class Doors {
    private Doors() {}

    /** Returns an arena's raw memory, for tests that simulate the kernel. */
    public static ByteBuffer memory(Arena arena) {
        return arena.memory();
    }

    /** Returns the bytes of arenas that are neither freed nor collected. */
    public static long hiddenBytes() {
        return Arena.hiddenBytes();
    }

    /** Returns the kernel's number of the socket below a channel. */
    public static long cookie(DatagramChannel channel) {
        return NativeCalls.cookie(JdkChannels.descriptor(channel));
    }

    /** Returns the number of datagrams dropped when the one in a slot was queued. */
    public static int dropCount(Arena arena, int slot) {
        return arena.dropCount(slot);
    }
}
