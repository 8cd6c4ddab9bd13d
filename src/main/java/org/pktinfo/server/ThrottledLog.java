package org.pktinfo.server;

import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.pktinfo.SendException;
import org.pktinfo.common.Throttle;

/**
 * A log of at most one line a second for each kind of failure, with the number of lines suppressed since the last. A
 * flood of one kind does not suppress lines of another.
 */
final class ThrottledLog {
    /** The kinds of failure besides those of {@link org.pktinfo.SendException}. */
    enum Kind {
        RECEIVING_FAILED,
        SENDING_FAILED,
        HANDLER_FAILED,
        REPORT_HANDLER_FAILED,
        CLOSING_FAILED,
        BEAN_STAYS
    }

    private static final System.Logger LOGGER = System.getLogger("org.pktinfo.server");
    private static final long INTERVAL = TimeUnit.SECONDS.toNanos(1);
    private static final int TRACES = 32;

    private final Map<Enum<?>, Throttle> throttles = new ConcurrentHashMap<>();

    /** The types of exceptions that were logged with a stack trace. */
    private final Set<Class<?>> traced = ConcurrentHashMap.newKeySet();

    /**
     * Creates a log, and uses its classes once: a class that is initialized when the heap is full stays unusable for
     * the life of the JVM.
     */
    ThrottledLog() {
        for (Kind kind : Kind.values()) {
            throttle(kind);
        }
        for (SendException.Kind kind : SendException.Kind.values()) {
            throttle(kind);
        }
        Throwable unused = OneLine.of(new Throwable("unused"));
    }

    /**
     * Logs a line unless it is to be suppressed, and builds the text only then. Throws nothing: if the log or the text
     * throws, the line counts as suppressed.
     */
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
     * Logs a failure. The first exception of a type is logged at once, with its stack trace; those that follow are
     * throttled lines.
     */
    void logFailure(Enum<?> kind, Throwable failure, Supplier<String> text) {
        if (traced.size() < TRACES && traced.add(failure.getClass())) {
            log(throttle(kind), 1, failure, text, "");
        } else {
            log(kind, text);
        }
    }

    /**
     * Writes the line. The count of suppressed lines is appended after the text was shortened, so that it is never cut
     * off.
     */
    private static void log(
            Throttle throttle, long reported, @Nullable Throwable failure, Supplier<String> text, String more) {
        try {
            String line = OneLine.of(text.get()) + more;
            if (failure == null) {
                LOGGER.log(System.Logger.Level.WARNING, line);
            } else {
                LOGGER.log(System.Logger.Level.WARNING, line, OneLine.of(failure));
            }
        } catch (Throwable e) {
            throttle.leaveOut(reported);
        }
    }

    /** Logs the numbers of suppressed lines that no later line can report any more. */
    void finish() {
        throttles.forEach((kind, throttle) -> {
            long others = throttle.takeSuppressed();
            if (others > 0) {
                log(throttle, others, null, () -> kind + ": ", others + " more");
            }
        });
    }
}
