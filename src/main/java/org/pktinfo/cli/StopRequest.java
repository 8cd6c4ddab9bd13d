package org.pktinfo.cli;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.pktinfo.common.Deadline;

/**
 * Hears that the program is to stop, by SIGTERM, SIGINT or SIGHUP, or because the JVM ends, and lets the main thread do
 * it: the JVM itself would turn the first two into exit codes 143 and 130, and a shutdown hook can only change that by
 * cutting off all other hooks, among them the one that writes a flight recording.
 *
 * <p>Where signals cannot be had (a run-time image without the module jdk.unsupported) the exit code is the JVM's, and
 * all else as ever. With {@code -Xrs} the system's own rule holds: the process ends at once.
 */
final class StopRequest implements AutoCloseable {
    private final CountDownLatch asked = new CountDownLatch(1);
    private final CompletableFuture<Boolean> done = new CompletableFuture<>();

    /** Until it is closed, the JVM does not end before the main thread is done with stopping. */
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
        asked.countDown();
    }

    /** Waits for so long at most; true if the program is to stop. */
    boolean await(Duration time) {
        long deadline = Deadline.after(time);
        while (true) {
            try {
                return asked.await(Deadline.left(deadline), TimeUnit.NANOSECONDS);
            } catch (InterruptedException e) {
                ask(); // nobody but an embedding program interrupts, to the same end
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
