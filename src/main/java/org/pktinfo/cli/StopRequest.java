package org.pktinfo.cli;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.pktinfo.common.Deadline;

/**
 * Receives the request to stop, by SIGTERM, SIGINT or SIGHUP, or because the JVM ends, and lets the main thread stop
 * the program. The JVM itself would turn the first two into exit codes 143 and 130, and a shutdown hook can only change
 * that by aborting all other hooks, among them the one that writes a flight recording.
 *
 * <p>If signals cannot be handled (a run-time image without the module jdk.unsupported), the exit code is the JVM's,
 * and all else is unchanged. With {@code -Xrs} the system's default applies: the process ends at once.
 */
final class StopRequest implements AutoCloseable {
    private final CountDownLatch requested = new CountDownLatch(1);
    private final CompletableFuture<Boolean> done = new CompletableFuture<>();

    /** Installs the handlers. Until {@link #close}, the JVM does not end before the main thread has stopped. */
    StopRequest() {
        Runtime.getRuntime().addShutdownHook(new Thread(this::askAndWait, "stop"));
        try {
            Signals.handle(this::ask, "TERM", "INT", "HUP");
        } catch (IllegalArgumentException e) {
            System.err.println("-Xrs leaves signals to the system: they end this program at once, without a last line");
        } catch (ClassNotFoundException e) {
            System.err.println("no module jdk.unsupported: SIGTERM ends this program with exit code 143, not 0");
        }
    }

    void ask() {
        requested.countDown();
    }

    /** Waits at most for the given time; returns true if the program is to stop. */
    boolean await(Duration time) {
        long deadline = Deadline.after(time);
        while (true) {
            try {
                return requested.await(Deadline.remaining(deadline), TimeUnit.NANOSECONDS);
            } catch (InterruptedException e) {
                ask(); // only an embedding program interrupts, to the same end
            }
        }
    }

    private void askAndWait() {
        ask();
        done.join();
    }

    /** Lets the JVM end. */
    @Override
    public void close() {
        done.complete(true);
    }
}
