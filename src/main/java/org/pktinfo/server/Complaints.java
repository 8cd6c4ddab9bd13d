package org.pktinfo.server;

import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.pktinfo.common.Throttle;

/**
 * A log that a flood cannot flood: of each kind of complaint one line a second, with the number of those left out since
 * the last. A flood of one kind hides none of another.
 */
final class Complaints {
    /** What there is to complain of besides the kinds of {@link org.pktinfo.SendException}. */
    enum Kind {
        RECEIVING_FAILED,
        SENDING_FAILED,
        HANDLER_FAILED,
        CLOSING_FAILED,
        BEAN_STAYS
    }

    private static final System.Logger LOGGER = System.getLogger("org.pktinfo.server");
    private static final long INTERVAL = TimeUnit.SECONDS.toNanos(1);
    private static final int TRACES = 32;

    private final Map<Enum<?>, Throttle> throttles = new ConcurrentHashMap<>();

    /** The types of exceptions that were logged with a stack trace. */
    private final Set<Class<?>> traced = ConcurrentHashMap.newKeySet();

    /** The text is made only if it is logged. Throws nothing: what a log throws, or the text, counts as left out. */
    void log(Enum<?> kind, Supplier<String> text) {
        Throttle throttle = throttle(kind);
        long others = throttle.next();
        if (others >= 0) {
            log(throttle, others + 1, null, text, others == 0 ? "" : " (and " + others + " more)");
        }
    }

    private Throttle throttle(Enum<?> kind) {
        return throttles.computeIfAbsent(kind, key -> new Throttle(INTERVAL));
    }

    /**
     * The first exception of a type is logged with its stack trace, at once; those that follow are lines as all others.
     */
    void logFailure(Enum<?> kind, Throwable failure, Supplier<String> text) {
        if (traced.size() < TRACES && traced.add(failure.getClass())) {
            log(throttle(kind), 1, failure, text, "");
        } else {
            log(kind, text);
        }
    }

    /** However long the text is, how many more there were is not cut off. */
    private static void log(
            Throttle throttle, long told, @Nullable Throwable failure, Supplier<String> text, String more) {
        try {
            String line = OneLine.of(text.get()) + more;
            if (failure == null) {
                LOGGER.log(System.Logger.Level.WARNING, line);
            } else {
                LOGGER.log(System.Logger.Level.WARNING, line, OneLine.of(failure));
            }
        } catch (Throwable e) {
            throttle.leaveOut(told);
        }
    }

    /** The last words, when nothing more will come: how many were left out and not told yet. */
    void finish() {
        throttles.forEach((kind, throttle) -> {
            long others = throttle.takeLeftOut();
            if (others > 0) {
                log(throttle, others, null, () -> kind + ": ", others + " more");
            }
        });
    }
}
