package org.pktinfo.server;

import java.io.Closeable;
import java.io.IOException;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Supplier;

/** A server's JMX beans, which go when it stops. For any thread. */
final class Beans {
    private final Complaints complaints;
    private final Queue<Closeable> beans = new ConcurrentLinkedQueue<>();
    private volatile boolean closed;

    Beans(Complaints complaints) {
        this.complaints = complaints;
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
        if (closed) { // meanwhile, or long ago
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
                complaints.log(Complaints.Kind.BEAN_STAYS, () -> "the JMX bean stays: " + e.getMessage());
            }
        }
    }
}
