package org.pktinfo.server;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/** A log that a flood cannot flood: one line a second, with the number of those left out since the last. */
final class Complaints {
    private static final System.Logger LOGGER = System.getLogger("org.pktinfo.server");
    private static final long INTERVAL = TimeUnit.SECONDS.toNanos(1);

    private final AtomicLong next = new AtomicLong(System.nanoTime());
    private final AtomicInteger leftOut = new AtomicInteger();

    /** The text is made only if it is logged. */
    void log(Supplier<String> text) {
        long now = System.nanoTime();
        long due = next.get();
        if (now - due < 0 || !next.compareAndSet(due, now + INTERVAL)) {
            leftOut.incrementAndGet();
            return;
        }
        int others = leftOut.getAndSet(0);
        LOGGER.log(System.Logger.Level.WARNING, () -> text.get() + (others == 0 ? "" : " (and " + others + " more)"));
    }
}
