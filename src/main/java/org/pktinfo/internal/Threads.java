package org.pktinfo.internal;

import java.lang.ref.Cleaner;
import java.security.AccessController;
import java.security.PrivilegedAction;
import org.jspecify.annotations.Nullable;

/** The library's own threads: daemons that keep nothing of whoever happened to start them. */
public final class Threads {
    private static final int FIRST_WITHOUT_CALLERS = 24;

    private static @Nullable Cleaner cleaner; // guarded by Threads.class

    private Threads() {}

    /** Not in a static initializer: where its thread is refused once, the next channel tries again. */
    static synchronized Cleaner cleaner() {
        Cleaner made = cleaner == null ? Cleaner.create() : cleaner;
        cleaner = made;
        return made;
    }

    /**
     * Throws what the JVM says if it cannot have one more thread; whoever remembers that there is one does so
     * afterwards.
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

    /** A new thread remembers whose code was on the stack, for a security manager, and would keep it loaded. */
    private record Uncalled(Runnable work, String name) implements PrivilegedAction<Thread> {
        @SuppressWarnings("removal") // and gone one day
        Thread make() {
            return AccessController.doPrivileged(this);
        }

        @Override
        public Thread run() {
            return thread(work, name);
        }
    }
}
