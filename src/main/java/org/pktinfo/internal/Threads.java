package org.pktinfo.internal;

import java.lang.ref.Cleaner;
import org.jspecify.annotations.Nullable;

/** The library's own threads: daemons that keep nothing of whoever happened to start them. */
final class Threads {
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
    static void startDaemon(String name, Runnable work) {
        Thread thread = new Thread(null, work, name, 0, false);
        thread.setDaemon(true);
        thread.setContextClassLoader(null);
        thread.start();
    }
}
