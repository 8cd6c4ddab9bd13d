package org.pktinfo.cli;

import java.io.PrintStream;
import java.time.Duration;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.RejectedExecutionHandler;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Prints the lines about each datagram, in a thread of its own and in the order given, so that a slow reader delays no
 * datagram. Lines for which there is no room are dropped, and the next lines that are printed report their number.
 */
final class Printer {
    private static final int ROOM = 1000; // datagrams

    private final PrintStream out;
    private final AtomicLong omitted = new AtomicLong();
    private final ThreadPoolExecutor thread;

    private final class Lines implements Runnable {
        private final String text;
        private final long omittedBefore = omitted.getAndSet(0);

        Lines(String text) {
            this.text = text;
        }

        @Override
        public void run() {
            printOmitted(omittedBefore);
            out.println(text);
            out.flush();
        }
    }

    Printer(PrintStream out) {
        this.out = out;
        RejectedExecutionHandler full = (lines, executor) -> omitted.addAndGet(1 + ((Lines) lines).omittedBefore);
        this.thread = new ThreadPoolExecutor(
                1,
                1,
                0,
                TimeUnit.SECONDS,
                new ArrayBlockingQueue<>(ROOM),
                work -> {
                    Thread made = new Thread(work, "print");
                    made.setDaemon(true);
                    return made;
                },
                full);
        int unused = thread.prestartAllCoreThreads();
    }

    void print(String text) {
        thread.execute(new Lines(text));
    }

    private void printOmitted(long datagrams) {
        if (datagrams > 0) {
            out.println("... " + datagrams + " datagrams not printed");
        }
    }

    /** Prints the remaining lines if they are read within the given time. */
    void finish(Duration patience) {
        thread.shutdown();
        try {
            if (thread.awaitTermination(patience.toMillis(), TimeUnit.MILLISECONDS)) {
                printOmitted(omitted.getAndSet(0));
                out.flush();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // do not wait any longer
        }
    }
}
