package org.pktinfo.server;

import java.io.Closeable;
import java.io.IOException;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Supplier;

/** The JMX beans of a server, which are unregistered when it stops. Safe for use by any thread. */
final class Beans {
    private final ThrottledLog throttledLog;
    private final Queue<Closeable> beans = new ConcurrentLinkedQueue<>();
    private volatile boolean closed;

    Beans(ThrottledLog throttledLog) {
        this.throttledLog = throttledLog;
    }

    void register(String name, Supplier<ServerStats> stats) {
        if (name.isEmpty()) {
            throw new IllegalArgumentException("the bean's name is empty");
        }
        try {
            beans.add(StatsBean.register(name, stats));
        } catch (NoClassDefFoundError e) {
            throw new UnsupportedOperationException(
                    "no JMX bean: module java.management is missing, see --add-modules of java and jlink", e);
        }
        if (closed) { // the server may have stopped before or during the registration
            close();
            throw new IllegalStateException("the server is stopped");
        }
    }

    void close() {
        closed = true;
        for (Closeable bean = beans.poll(); bean != null; bean = beans.poll()) {
            try {
                bean.close();
            } catch (IOException e) {
                throttledLog.log(ThrottledLog.Kind.BEAN_STAYS, () -> "the JMX bean stays: " + e.getMessage());
            }
        }
    }
}
