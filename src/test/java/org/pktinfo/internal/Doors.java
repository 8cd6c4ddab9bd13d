package org.pktinfo.internal;

import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;

/** Lets the tests of other packages look at what is public for none. */
public final class Doors {
    private Doors() {}

    /** Returns an arena's raw memory, for tests that play the kernel. */
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

    /** Returns how many datagrams were lost when the one in a slot was queued. */
    public static int dropCount(Arena arena, int slot) {
        return arena.dropCount(slot);
    }
}
