package org.pktinfo.internal;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.pktinfo.common.Deadline;

/**
 * Waits until a channel's socket can be read or written: platform threads in poll(2), virtual ones parked. Closing the
 * channel wakes everybody, and an interrupt the thread that is interrupted, which closes the channel unless that was
 * switched off. For any thread.
 */
public final class Waiting implements ChannelSocket.Part, ParkedThreads.Poll {
    /** Tries to get something: null if it is not there yet. Held in a field, so that waiting makes no garbage. */
    public interface Attempt<T> {
        @Nullable
        T run() throws IOException;
    }

    private static final long FIRST_POLLS = TimeUnit.SECONDS.toNanos(1);

    private final ChannelSocket socket;
    private final ParkedThreads readers;
    private final ParkedThreads writers;

    /** Number of threads that wait for something to receive: while there are some, nothing may be taken ahead. */
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

    /** Returns true if this thread is interrupted, and that is a reason not to wait. */
    public boolean isInterrupted() {
        return Thread.currentThread().isInterrupted() && isInterruptible();
    }

    /** Begins to wait; to be followed by {@link #end}. */
    public void begin() {
        if (isInterruptible()) {
            socket.beginBlocking();
        }
    }

    /** Ends the wait, with an exception if the channel was closed or this thread interrupted meanwhile. */
    public void end(boolean completed) throws IOException {
        socket.endBlocking(completed);
    }

    /** Returns true if a thread waits for something to receive. */
    public boolean hasReceivers() {
        return receivers.get() > 0;
    }

    /** Wakes everybody. */
    @Override
    public void channelClosed() {
        readers.wakeAll();
        writers.wakeAll();
    }

    /** Tries, and waits until the socket is readable and tries again as long as there is time; null if nothing came. */
    public <T> @Nullable T receive(Attempt<T> attempt, long nanos) throws IOException {
        socket.checkOpen();
        // What is there costs no begin() and end(): they are for waiting.
        T there = nanos != 0 && isInterrupted() ? null : attempt.run();
        if (there != null || nanos == 0) {
            return there;
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
            while (result == null && poll(Layout.WAIT_READABLE, start, Deadline.left(deadline)) >= 0) {
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

    /** Waits until the socket is readable or the attempt, made once before, succeeds; false if the time is over. */
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
        while (pollOnce(Layout.WAIT_READABLE, start, Deadline.left(deadline)) == 0) {
            if (Deadline.isOver(deadline)) {
                return false;
            }
        }
        return true;
    }

    /**
     * Waits until the send buffer may have room, no longer than that at once; false if the time was over before. For
     * who has begun.
     */
    public boolean awaitRoom(long deadline, long atOnce) throws IOException {
        long left = Math.min(Deadline.left(deadline), atOnce);
        if (!ParkedThreads.isCurrentVirtual() || left == 0) {
            return poll(Layout.WAIT_WRITABLE, System.nanoTime(), left) >= 0;
        }
        ParkedThreads.Ticket ticket = writers.enter();
        try {
            park(writers, ticket, Deadline.after(left));
        } finally {
            writers.leave(ticket);
        }
        return true;
    }

    /** Polls once for a wait that began at an instant; negative if no time is left. */
    private int poll(int events, long start, long left) throws IOException {
        return left == 0 ? -1 : pollOnce(events, start, left);
    }

    /**
     * Polls once for a wait that began at an instant. Closing the channel ends it with an exception. JDK 17's
     * Thread.interrupt looks for a channel to close first and sets the thread's flag afterwards; who begins to wait
     * between the two is not woken, and has to see for itself once, after a second.
     */
    private int pollOnce(int events, long start, long left) throws IOException {
        long first = Deadline.left(Deadline.after(FIRST_POLLS, start));
        long nanos = first > 0 ? Math.min(first, left) : left;
        int ready = socket.await(events, Deadline.millis(nanos));
        if (isInterrupted()) {
            socket.beginBlocking();
        }
        socket.checkOpen();
        return ready;
    }

    /** Polls for virtual threads. */
    @Override
    public boolean poll(int events) {
        try {
            return socket.await(events, ParkedThreads.LONGEST_POLL_MILLIS) != 0
                    || !socket.channel().isOpen();
        } catch (IOException e) {
            return true; // who tries next will see it
        }
    }

    /**
     * Parks until chosen, the time is over or the channel is closed, whatever else unparks the thread; true if it is
     * chosen. A thread that is interrupted does not park at all, so where an interrupt is no reason to end it is put
     * aside until then.
     */
    private boolean park(ParkedThreads threads, ParkedThreads.Ticket ticket, long deadline) {
        boolean interrupted = false;
        try {
            do {
                interrupted |= ignoresInterrupts && Thread.interrupted();
                if (threads.park(ticket, Deadline.left(deadline))) {
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
