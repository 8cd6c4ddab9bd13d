package org.pktinfo.internal;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Puts the native library's functions in the place of the JVM's own for datagram sockets, or takes them back. */
@SuppressWarnings("UnusedVariable") // the native method reads and writes the fields by their names
public final class HookSwitch implements Runnable {
    /** The JDK's two libraries that have the functions; null to take ours back. */
    private final @Nullable String nio;

    private final @Nullable String java;

    /** The name of the thing that is missing; null if nothing is. */
    private @Nullable String failure;

    private HookSwitch(@Nullable String nio, @Nullable String java) {
        this.nio = nio;
        this.java = java;
    }

    /**
     * Puts them there.
     *
     * @throws IllegalStateException if this JVM is not one whose methods are known; the text is for the user
     */
    public static void on() {
        try {
            Class.forName("sun.nio.ch.DatagramChannelImpl"); // which loads libnio
        } catch (ClassNotFoundException e) {
            throw unknown("sun.nio.ch.DatagramChannelImpl", e);
        }
        Path libraries = Path.of(System.getProperty("sun.boot.library.path", ""));
        new HookSwitch(
                        libraries.resolve(System.mapLibraryName("nio")).toString(),
                        libraries.resolve(System.mapLibraryName("java")).toString())
                .change();
    }

    /** Takes them back: sockets keep the options that they have. */
    public static void off() {
        new HookSwitch(null, null).change();
    }

    /** Calls {@link #run} from java.lang.Thread, see the native method. */
    private void change() {
        Runnable caller = new Thread(null, this, "pktinfo-switch", 0, false);
        caller.run(); // in this thread, the new one is never started
        if (failure != null) {
            throw unknown(failure, null);
        }
    }

    private static IllegalStateException unknown(String missing, @Nullable Throwable cause) {
        return new IllegalStateException(
                "this JVM's sockets cannot be reached: " + System.getProperty("java.vm.name") + " "
                        + System.getProperty("java.vm.version") + " lacks " + missing
                        + " (known are those of OpenJDK 17 to 28 on HotSpot)",
                cause);
    }

    @Override
    public native void run();
}
