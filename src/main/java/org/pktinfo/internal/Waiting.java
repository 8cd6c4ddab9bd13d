package org.pktinfo.internal;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.pktinfo.common.Deadline;

/**
 * The wait until a channel's socket is readable or writable: platform threads are in poll(2), virtual threads are
 * parked. Closing the channel wakes all waiters. An interrupt wakes the interrupted thread, and closes the channel
 * unless that was switched off. Thread-safe.
 */
public final class Waiting implements ChannelSocket.Part, ParkedThreads.Poll {
    /**
     * An attempt, which returns null without a result. Callers keep it in a field, so that waiting allocates nothing.
     */
    public interface Attempt<T> {
        @Nullable
        T run() throws IOException;
    }

    private static final long FIRST_POLLS = TimeUnit.SECONDS.toNanos(1);

    private final ChannelSocket socket;
    private final ParkedThreads readers;
    private final ParkedThreads writers;

    /** The number of threads that wait to receive. While there are any, no datagram may be received ahead. */
    private final AtomicInteger receivers = new AtomicInteger();

    private volatile boolean closesOnInterrupt = true;
    private volatile boolean ignoresInterrupts;

    public Waiting(ChannelSocket socket) {
        this.socket = socket;
        this.readers = new ParkedThreads("pktinfo-poll-in", this, Layout.WAIT_READABLE, socket.counters());
        this.writers = new ParkedThreads("pktinfo-poll-out", this, Layout.WAIT_WRITABLE, socket.counters());
        socket.add(this);
    }

    public void closeOnInterrupt(boolean on) {
        closesOnInterrupt = on;
        ignoresInterrupts = false;
    }

    public void ignoreInterrupts() {
        closesOnInterrupt = false;
        ignoresInterrupts = true;
    }

    private boolean isInterruptible() {
        return closesOnInterrupt || (!ignoresInterrupts && ParkedThreads.isCurrentVirtual());
    }

    /** Returns true if this thread is interrupted and may therefore not wait. */
    public boolean isInterrupted() {
        return Thread.currentThread().isInterrupted() && isInterruptible();
    }

    /** Begins a wait; {@link #end} must follow. */
    public void begin() {
        if (isInterruptible()) {
            socket.beginBlocking();
        }
    }

    /** Ends the wait. Throws if the channel was closed, or this thread interrupted, meanwhile. */
    public void end(boolean completed) throws IOException {
        socket.endBlocking(completed);
    }

    /** Returns true if a thread waits to receive. */
    public boolean hasReceivers() {
        return receivers.get() > 0;
    }

    /** Wakes all waiters. */
    @Override
    public void channelClosed() {
        readers.wakeAll();
        writers.wakeAll();
    }

    /**
     * Makes attempts, waiting for the socket to become readable in between; null if there is no result within the time.
     */
    public <T> @Nullable T receive(Attempt<T> attempt, long nanos) throws IOException {
        socket.checkOpen();
        // A queued datagram needs no begin() and end(), which are for waiting.
        T queued = nanos != 0 && isInterrupted() ? null : attempt.run();
        if (queued != null || nanos == 0) {
            return queued;
        }
        long start = System.nanoTime();
        long deadline = Deadline.after(nanos, start);
        boolean completed = false;
        receivers.incrementAndGet();
        try {
            begin();
            T result = attempt.run();
            if (result == null) {
                socket.counters().receiveWait();
            }
            if (result == null && ParkedThreads.isCurrentVirtual()) {
                result = receiveParked(attempt, deadline);
            }
            while (result == null && poll(Layout.WAIT_READABLE, start, Deadline.remaining(deadline)) >= 0) {
                result = attempt.run();
            }
            completed = true;
            return result;
        } finally {
            receivers.decrementAndGet();
            end(completed);
        }
    }

    private <T> @Nullable T receiveParked(Attempt<T> attempt, long deadline) throws IOException {
        T result = null;
        while (result == null && !Deadline.isOver(deadline)) {
            ParkedThreads.Ticket ticket = readers.enter();
            try {
                park(readers, ticket, deadline);
                result = attempt.run();
            } finally {
                readers.leave(ticket);
            }
        }
        return result;
    }

    /**
     * Waits until the socket is readable; returns false if the time is over. Makes the attempt once before, and does
     * not wait if it succeeds.
     */
    public boolean awaitReadable(Attempt<?> before, long nanos) throws IOException {
        socket.checkOpen();
        long start = System.nanoTime();
        long deadline = Deadline.after(nanos, start);
        boolean completed = false;
        receivers.incrementAndGet();
        try {
            begin();
            socket.counters().receiveWait();
            boolean readable = before.run() != null
                    || (ParkedThreads.isCurrentVirtual() ? parkOnce(deadline) : pollUntil(start, deadline));
            completed = true;
            return readable;
        } finally {
            receivers.decrementAndGet();
            end(completed);
        }
    }

    private boolean parkOnce(long deadline) throws IOException {
        ParkedThreads.Ticket ticket = readers.enter();
        try {
            boolean chosen = park(readers, ticket, deadline);
            socket.checkOpen();
            return chosen;
        } finally {
            readers.leave(ticket);
        }
    }

    private boolean pollUntil(long start, long deadline) throws IOException {
        while (pollOnce(Layout.WAIT_READABLE, start, Deadline.remaining(deadline)) == 0) {
            if (Deadline.isOver(deadline)) {
                return false;
            }
        }
        return true;
    }

    /**
     * Waits until the send buffer may have room, for at most {@code atOnce} nanoseconds. Returns false if the deadline
     * had already passed. The caller must have begun.
     */
    public boolean awaitRoom(long deadline, long atOnce) throws IOException {
        long remaining = Math.min(Deadline.remaining(deadline), atOnce);
        if (!ParkedThreads.isCurrentVirtual() || remaining == 0) {
            return poll(Layout.WAIT_WRITABLE, System.nanoTime(), remaining) >= 0;
        }
        ParkedThreads.Ticket ticket = writers.enter();
        try {
            park(writers, ticket, Deadline.after(remaining));
        } finally {
            writers.leave(ticket);
        }
        return true;
    }

    /** Polls once within a wait that began at {@code start}; negative if no time is left. */
    private int poll(int events, long start, long remaining) throws IOException {
        return remaining == 0 ? -1 : pollOnce(events, start, remaining);
    }

    /**
     * Polls once within a wait that began at {@code start}. Throws if the channel was closed. JDK 17's Thread.interrupt
     * looks for a channel to close before it sets the thread's flag. A thread that begins to wait between the two is
     * not woken, so it checks its flag once after a second.
     */
    private int pollOnce(int events, long start, long remaining) throws IOException {
        long first = Deadline.remaining(Deadline.after(FIRST_POLLS, start));
        long nanos = first > 0 ? Math.min(first, remaining) : remaining;
        int ready = socket.await(events, Deadline.millis(nanos));
        if (isInterrupted()) {
            socket.beginBlocking();
        }
        socket.checkOpen();
        return ready;
    }

    /** Polls for the virtual threads. */
    @Override
    public boolean poll(int events) {
        try {
            return socket.await(events, ParkedThreads.LONGEST_POLL_MILLIS) != 0
                    || !socket.channel().isOpen();
        } catch (IOException e) {
            return true; // the next attempt gets the exception
        }
    }

    /**
     * Parks until chosen, the time is over or the channel is closed, ignoring other unparks. Returns true if chosen. An
     * interrupted thread does not park at all; where interrupts are ignored, the flag is cleared and restored
     * afterwards.
     */
    private boolean park(ParkedThreads threads, ParkedThreads.Ticket ticket, long deadline) {
        boolean interrupted = false;
        try {
            do {
                interrupted |= ignoresInterrupts && Thread.interrupted();
                if (threads.park(ticket, Deadline.remaining(deadline))) {
                    return true;
                }
            } while (!Deadline.isOver(deadline) && socket.isOpen());
            return false;
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
