package org.pktinfo.internal;

import java.lang.ref.WeakReference;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * The daemon thread that checks twice a second whether other code has closed the JDK's channel below one of ours, and
 * closes ours then: the duplicated descriptor would keep the port bound, and there is no notification. It also reads
 * the kernel's drop counters. One thread serves all channels, and runs only while there are any.
 */
final class ChannelWatchdog {
    private static final long PERIOD = TimeUnit.MILLISECONDS.toNanos(500);

    /** The watchdog's view of a channel. */
    interface Watched {
        /** Checks the channel. Returns true if it is closed. */
        boolean watch();

        void countBackgroundErrors(long number);
    }

    private static final Set<WeakReference<Watched>> CHANNELS = ConcurrentHashMap.newKeySet();
    private static boolean running; // guarded by ChannelWatchdog.class

    /**
     * The number of rounds in a row that ended before all channels were checked. Only the watchdog's thread uses it.
     */
    private static long failures;

    private ChannelWatchdog() {}

    /** Adds a channel. If the thread cannot be started, nothing is changed. */
    static synchronized void add(Watched channel) {
        if (!running) {
            Threads.startDaemon("pktinfo-watch", ChannelWatchdog::run); // waits for this lock, then finds the channel
            running = true;
        }
        CHANNELS.add(new WeakReference<>(channel));
    }

    private static void run() {
        while (goesOn()) {
            LockSupport.parkNanos(PERIOD);
            try {
                CHANNELS.removeIf(ChannelWatchdog::isDone);
                failures = 0;
            } catch (Throwable e) { // memory may be short for a moment
                failures++; // the next round is in half a second
            }
        }
    }

    /**
     * Returns true if there is nothing more to watch. A failure of one channel does not end the watch over the others.
     */
    private static boolean isDone(WeakReference<Watched> reference) {
        Watched channel = reference.get();
        if (channel == null) {
            return true;
        }
        long errors = failures;
        try {
            return channel.watch();
        } catch (Throwable e) {
            errors++;
            return false; // checked again in half a second
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
