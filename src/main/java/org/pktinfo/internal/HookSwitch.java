package org.pktinfo.internal;

import org.jspecify.annotations.Nullable;

/**
 * Puts the native library's functions in the place of the JVM's own for datagram sockets, or takes them back. {@link
 * JvmSockets} runs it.
 */
@SuppressWarnings("UnusedVariable") // the native method reads and writes the fields by their names
final class HookSwitch implements Runnable {
    /** The JDK's two libraries that have the functions; null to take ours back. */
    private final @Nullable String nio;

    private final @Nullable String java;

    /** The name of the thing that is missing; null if it was done. */
    @Nullable
    String failure;

    HookSwitch(@Nullable String nio, @Nullable String java) {
        this.nio = nio;
        this.java = java;
    }

    @Override
    public native void run();
}
