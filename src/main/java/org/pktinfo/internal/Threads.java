package org.pktinfo.internal;

import java.lang.ref.Cleaner;
import java.security.AccessController;
import java.security.PrivilegedAction;
import org.jspecify.annotations.Nullable;

/** The library's own threads: daemons that keep no reference to the code that started them. */
public final class Threads {
    private static final int FIRST_WITHOUT_CALLERS = 24;

    private static @Nullable Cleaner cleaner; // guarded by Threads.class

    private Threads() {}

    /**
     * Returns the cleaner. It is not made in a static initializer: if its thread cannot be started once, the next
     * channel tries again.
     */
    static synchronized Cleaner cleaner() {
        Cleaner made = cleaner == null ? Cleaner.create() : cleaner;
        cleaner = made;
        return made;
    }

    /**
     * Starts a daemon thread. Throws the JVM's error if there can be no more threads; a caller that records the start
     * does so afterwards.
     */
    public static void startDaemon(String name, Runnable work) {
        Thread thread = Runtime.version().feature() < FIRST_WITHOUT_CALLERS
                ? new Uncalled(work, name).make()
                : thread(work, name);
        thread.setDaemon(true);
        thread.setContextClassLoader(null);
        thread.start();
    }

    private static Thread thread(Runnable work, String name) {
        return new Thread(null, work, name, 0, false);
    }

    /**
     * A thread's creation in a privileged action: otherwise the thread keeps the protection domains of its callers, and
     * their code loaded.
     */
    private record Uncalled(Runnable work, String name) implements PrivilegedAction<Thread> {
        @SuppressWarnings("removal") // deprecated for removal in the JDK
        Thread make() {
            return AccessController.doPrivileged(this);
        }

        @Override
        public Thread run() {
            return thread(work, name);
        }
    }
}
