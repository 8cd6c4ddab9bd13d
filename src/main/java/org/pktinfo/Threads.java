package org.pktinfo;

/** The library's own threads: daemons that keep nothing of whoever happened to start them. */
final class Threads {
    private Threads() {}

    /** Throws what the JVM says if it cannot have one more thread; whoever remembers that there is one does so afterwards. */
    static void startDaemon(String name, Runnable work) {
        Thread thread = new Thread(null, work, name, 0, false);
        thread.setDaemon(true);
        thread.setContextClassLoader(null);
        thread.start();
    }
}
