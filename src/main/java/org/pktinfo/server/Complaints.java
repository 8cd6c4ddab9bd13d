package org.pktinfo.server;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/**
 * A log that a flood cannot flood: of each kind of complaint one line a second, with the number of those left out since the last. A
 * flood of one kind hides none of another.
 */
final class Complaints {
    /** What there is to complain of besides the kinds of {@link org.pktinfo.SendException}. */
    enum Kind {
        RECEIVING_FAILED,
        SENDING_FAILED,
        HANDLER_FAILED,
        BEAN_STAYS
    }

    private static final System.Logger LOGGER = System.getLogger("org.pktinfo.server");
    private static final long INTERVAL = TimeUnit.SECONDS.toNanos(1);

    private static final class Said {
        final AtomicLong next = new AtomicLong(System.nanoTime());
        final AtomicInteger leftOut = new AtomicInteger();
    }

    private final Map<Enum<?>, Said> said = new ConcurrentHashMap<>();

    /** The text is made only if it is logged. */
    void log(Enum<?> kind, Supplier<String> text) {
        Said before = said.computeIfAbsent(kind, key -> new Said());
        long now = System.nanoTime();
        long due = before.next.get();
        if (now - due < 0 || !before.next.compareAndSet(due, now + INTERVAL)) {
            before.leftOut.incrementAndGet();
            return;
        }
        int others = before.leftOut.getAndSet(0);
        LOGGER.log(System.Logger.Level.WARNING, () -> text.get() + (others == 0 ? "" : " (and " + others + " more)"));
    }

    /** The last words, when nothing more will come: how many were left out and not told yet. */
    void finish() {
        said.forEach((kind, before) -> {
            int others = before.leftOut.getAndSet(0);
            if (others > 0) {
                LOGGER.log(System.Logger.Level.WARNING, () -> kind + ": " + others + " more");
            }
        });
    }
}
