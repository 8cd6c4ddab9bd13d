package org.pktinfo.it.support;

import java.io.IOException;

/** Work of a test's own program that runs in the background. */
public final class Background {
    private Background() {}

    /** Work that may fail with an exception of its own. */
    public interface Work {
        void run() throws IOException;
    }

    /** Starts a daemon thread that prints its failure on stdout. */
    public static Thread start(Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (IOException e) {
                System.out.println(e);
            }
        });
        thread.setDaemon(true);
        thread.start();
        return thread;
    }
}
