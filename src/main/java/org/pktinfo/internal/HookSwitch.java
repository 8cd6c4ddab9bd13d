package org.pktinfo.internal;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The switch between the JVM's native methods of datagram sockets and the native library's functions in their place.
 */
@SuppressWarnings("UnusedVariable") // the native method accesses the fields by name
public final class HookSwitch implements Runnable {
    /** The path of the JDK's library with the functions, as is the next field; null to restore the JDK's own. */
    private final @Nullable String nio;

    private final @Nullable String java;

    /** The name of the missing function or method; null if none is missing. */
    private @Nullable String failure;

    private HookSwitch(@Nullable String nio, @Nullable String java) {
        this.nio = nio;
        this.java = java;
    }

    /**
     * Replaces the JDK's functions by this library's.
     *
     * @throws IllegalStateException if the methods of this JVM are not known; the message is for the user
     */
    public static void on() {
        try {
            Class.forName("sun.nio.ch.DatagramChannelImpl"); // loads libnio
        } catch (ClassNotFoundException e) {
            throw unknown("sun.nio.ch.DatagramChannelImpl", e);
        }
        Path libraries = Path.of(System.getProperty("sun.boot.library.path", ""));
        new HookSwitch(
                        libraries.resolve(System.mapLibraryName("nio")).toString(),
                        libraries.resolve(System.mapLibraryName("java")).toString())
                .change();
    }

    /** Registers the JDK's own functions again. Sockets keep the options that were set on them. */
    public static void off() {
        new HookSwitch(null, null).change();
    }

    /** Calls {@link #run} from java.lang.Thread; the native method has the reason. */
    private void change() {
        Runnable caller = new Thread(null, this, "pktinfo-switch", 0, false);
        caller.run(); // in this thread: the new one is never started
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
