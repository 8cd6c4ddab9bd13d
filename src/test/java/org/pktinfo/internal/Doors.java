package org.pktinfo.internal;

import java.io.IOException;
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
        return HiddenMemory.total();
    }

    /** Returns the kernel's number of the socket below a channel. */
    public static long cookie(DatagramChannel channel) {
        return NativeCalls.cookie(JdkChannels.descriptor(channel));
    }

    /** Switches the network's errors on for both families of a JDK channel, as its owner could in C. */
    public static void reportErrors(DatagramChannel channel) throws IOException {
        String unused = NativeLibrary.load();
        int descriptor = JdkChannels.descriptor(channel);
        Errno.check("setsockopt", NativeCalls.setOption(descriptor, Layout.OPTION_IP_RECVERR, 1));
        if (NativeCalls.getOption(descriptor, Layout.OPTION_FAMILY) == Layout.FAMILY_IPV6) {
            Errno.check("setsockopt", NativeCalls.setOption(descriptor, Layout.OPTION_IPV6_RECVERR, 1));
        }
    }

    /** Returns the number of datagrams dropped when the one in a slot was queued. */
    public static int dropCount(Arena arena, int slot) {
        return arena.dropCount(slot);
    }
}
