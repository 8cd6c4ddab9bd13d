package org.pktinfo.cli;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.pktinfo.common.Deadline;

/**
 * Sends requests periodically, and runs commands that announce when the server goes up or down. When the program is
 * stopped, it announces down.
 */
final class HealthCheck {
    /** The outcome of one request. */
    record Outcome(boolean good, String text) {}

    private enum State {
        UNKNOWN,
        UP,
        DOWN
    }

    private static final Duration HOOK_LIMIT = Duration.ofSeconds(5);
    private static final Duration EVER = Duration.ofDays(36_500);

    private final int rise;
    private final int fall;
    private final @Nullable Hook onUp;
    private final @Nullable Hook onDown;

    private State state = State.UNKNOWN;
    private boolean lastWasGood;
    private int inARow;

    /** Held while a command runs: the last one must be that for down. */
    private final ReentrantLock telling = new ReentrantLock();

    private State announced = State.UNKNOWN; // guarded by telling
    private boolean ending; // guarded by telling

    HealthCheck(int rise, int fall, @Nullable Hook onUp, @Nullable Hook onDown) {
        this.rise = rise;
        this.fall = fall;
        this.onUp = onUp;
        this.onDown = onDown;
    }

    /**
     * Sends requests until the program is stopped, announces down if that is not the last announcement, and returns the
     * exit code.
     */
    int run(Duration every, Supplier<Outcome> ask) {
        try (StopRequest stop = new StopRequest()) {
            AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
            Thread asking = new Thread(() -> askAgainAndAgain(every, ask), "ask"); // may wait long for a reply
            asking.setDaemon(true);
            asking.setUncaughtExceptionHandler((thread, e) -> {
                failure.set(e);
                stop.ask();
            });
            asking.start();
            while (!stop.await(EVER)) {
                // the wait has timed out after a hundred years
            }
            boolean down = end();
            Throwable e = failure.get();
            if (e != null) {
                throw new IllegalStateException("asking failed: " + e, e);
            }
            return down ? 0 : 1;
        }
    }

    private void askAgainAndAgain(Duration every, Supplier<Outcome> ask) {
        long due = Deadline.after(Duration.ZERO);
        while (true) {
            note(ask.get());
            tell();
            due = Deadline.following(due, every);
            Deadline.sleepUntil(due);
        }
    }

    private void note(Outcome outcome) {
        inARow = outcome.good == lastWasGood ? Math.min(inARow + 1, Math.max(rise, fall)) : 1;
        lastWasGood = outcome.good;
        State next = outcome.good ? State.UP : State.DOWN;
        if (next != state && inARow >= (outcome.good ? rise : fall)) {
            state = next;
            System.out.println((outcome.good ? "up: " : "down: ") + outcome.text);
        }
    }

    /**
     * Announces a change. A command that failed is run again next time: until it succeeds, others rely on an outdated
     * state.
     */
    private void tell() {
        telling.lock();
        try {
            if (!ending && announced != state && succeeds(state == State.UP ? onUp : onDown)) {
                announced = state;
            }
        } finally {
            telling.unlock();
        }
    }

    private static boolean succeeds(@Nullable Hook hook) {
        return hook == null || hook.run(HOOK_LIMIT);
    }

    /** Announces down if necessary; returns false if the command failed. */
    private boolean end() {
        telling.lock();
        try {
            ending = true;
            return announced == State.DOWN || succeeds(onDown);
        } finally {
            telling.unlock();
        }
    }
}
