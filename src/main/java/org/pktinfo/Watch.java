package org.pktinfo;

import java.lang.ref.WeakReference;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Looks twice a second whether the JDK's channel of one of ours was closed by somebody else, and closes ours then: our duplicate
 * would keep the port bound, and nothing else tells; and what the kernel has lost of it. One daemon thread for all channels, while
 * there are any.
 */
final class Watch {
    private static final long PERIOD = TimeUnit.MILLISECONDS.toNanos(500);

    private static final Set<WeakReference<PktInfoChannel>> CHANNELS = ConcurrentHashMap.newKeySet();
    private static boolean running; // guarded by Watch.class

    private Watch() {}

    /** Nothing is changed if the thread is refused. */
    static synchronized void add(PktInfoChannel channel) {
        if (!running) {
            Threads.startDaemon("pktinfo-watch", Watch::run); // which waits for this class, and finds the channel
            running = true;
        }
        CHANNELS.add(new WeakReference<>(channel));
    }

    private static void run() {
        while (goesOn()) {
            LockSupport.parkNanos(PERIOD);
            try {
                CHANNELS.removeIf(Watch::isDone);
            } catch (OutOfMemoryError e) {
                // of a moment; the channels are looked at again in half a second
            }
        }
    }

    /** Returns true if there is nothing more to watch; failing with one channel does not end the watch over all others. */
    private static boolean isDone(WeakReference<PktInfoChannel> reference) {
        try {
            PktInfoChannel channel = reference.get();
            return channel == null || channel.watch();
        } catch (Throwable e) {
            return false; // looked at again in half a second
        }
    }

    private static synchronized boolean goesOn() {
        running = !CHANNELS.isEmpty();
        return running;
    }
}
