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

    static synchronized void add(PktInfoChannel channel) {
        CHANNELS.add(new WeakReference<>(channel));
        if (!running) {
            running = true;
            Thread thread = new Thread(null, Watch::run, "pktinfo-watch", 0, false);
            thread.setDaemon(true);
            thread.start();
        }
    }

    private static void run() {
        while (goesOn()) {
            LockSupport.parkNanos(PERIOD);
            CHANNELS.removeIf(reference -> {
                PktInfoChannel channel = reference.get();
                return channel == null || channel.watch();
            });
        }
    }

    private static synchronized boolean goesOn() {
        running = !CHANNELS.isEmpty();
        return running;
    }
}
