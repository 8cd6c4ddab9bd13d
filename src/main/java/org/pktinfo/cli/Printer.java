package org.pktinfo.cli;

import java.io.PrintStream;
import java.time.Duration;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.RejectedExecutionHandler;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Prints what is to be said of each datagram, in a thread of its own and in the order given: who does not read it holds up nobody. What
 * there is no room for is left out, and the next lines that are printed say how much that was.
 */
final class Printer {
    private static final int ROOM = 1000; // datagrams

    private final PrintStream out;
    private final AtomicLong leftOut = new AtomicLong();
    private final ThreadPoolExecutor thread;

    private final class Lines implements Runnable {
        private final String text;
        private final long leftOutBefore = leftOut.getAndSet(0);

        Lines(String text) {
            this.text = text;
        }

        @Override
        public void run() {
            sayLeftOut(leftOutBefore);
            out.println(text);
            out.flush();
        }
    }

    Printer(PrintStream out) {
        this.out = out;
        RejectedExecutionHandler full = (lines, executor) -> leftOut.addAndGet(1 + ((Lines) lines).leftOutBefore);
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

    private void sayLeftOut(long datagrams) {
        if (datagrams > 0) {
            out.println("... " + datagrams + " datagrams not printed");
        }
    }

    /** Prints what is still to be printed, if somebody reads it within that time. */
    void finish(Duration patience) {
        thread.shutdown();
        try {
            if (thread.awaitTermination(patience.toMillis(), TimeUnit.MILLISECONDS)) {
                sayLeftOut(leftOut.getAndSet(0));
                out.flush();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // hurried
        }
    }
}
