package org.pktinfo.internal;

import java.lang.ref.WeakReference;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Looks twice a second whether the JDK's channel of one of ours was closed by somebody else, and closes ours then: our
 * duplicate would keep the port bound, and nothing else tells; and what the kernel has lost of it. One daemon thread
 * for all channels, while there are any.
 */
final class Watch {
    private static final long PERIOD = TimeUnit.MILLISECONDS.toNanos(500);

    /** A channel, to this thread. */
    interface Watched {
        /** Returns true if it is closed. */
        boolean watch();

        void countBackgroundErrors(long number);
    }

    private static final Set<WeakReference<Watched>> CHANNELS = ConcurrentHashMap.newKeySet();
    private static boolean running; // guarded by Watch.class

    /** Rounds that ended before all channels were looked at, since the last one that did not; the thread's own. */
    private static long cutShort;

    private Watch() {}

    /** Nothing is changed if the thread is refused. */
    static synchronized void add(Watched channel) {
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
                cutShort = 0;
            } catch (Throwable e) { // a moment without memory
                cutShort++; // the channels are looked at again in half a second
            }
        }
    }

    /**
     * Returns true if there is nothing more to watch; failing with one channel does not end the watch over all others.
     */
    private static boolean isDone(WeakReference<Watched> reference) {
        Watched channel = reference.get();
        if (channel == null) {
            return true;
        }
        long errors = cutShort;
        try {
            return channel.watch();
        } catch (Throwable e) {
            errors++;
            return false; // looked at again in half a second
        } finally {
            if (errors > 0) {
                channel.countBackgroundErrors(errors);
            }
        }
    }

    private static synchronized boolean goesOn() {
        running = !CHANNELS.isEmpty();
        return running;
    }
}
