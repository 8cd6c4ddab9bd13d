package org.pktinfo.internal;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The virtual threads that wait for one channel. They are parked, and one platform thread polls for all of them,
 * because a blocking native call would pin the carrier (also on JDK 25). The poller ends at most two seconds after the
 * last waiter.
 *
 * <p>The poller wakes one thread, and polls again only after that one's attempt: the socket stays readable until then,
 * and waking all for one datagram would cost ten thousand waiters as many system calls.
 */
final class ParkedThreads {
    /**
     * A poll, made once. It returns true if an attempt is worthwhile, also for a closed channel, and throws nothing.
     */
    interface Poll {
        boolean poll(int events);
    }

    /** One waiting thread. */
    static final class Ticket {
        private final Thread thread = Thread.currentThread();
        private boolean chosen; // guarded by lock
    }

    private static final int FIRST_WITH_VIRTUAL_THREADS = 19;

    private static final @Nullable MethodHandle IS_VIRTUAL = isVirtualHandle();

    /**
     * The longest poll in milliseconds. A poll may outlast its waiters, and the polling thread keeps the channel from
     * being collected.
     */
    static final int LONGEST_POLL_MILLIS = 1000;

    private static final long PAUSE_AFTER_ERROR = TimeUnit.MILLISECONDS.toNanos(10);

    private final String name;
    private final Poll poll;
    private final int events;
    private final ChannelCounters counters;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Deque<Ticket> waiting = new ArrayDeque<>(); // guarded by lock
    private @Nullable Ticket trying; // guarded by lock
    private boolean polling; // guarded by lock

    ParkedThreads(String name, Poll poll, int events, ChannelCounters counters) {
        this.name = name;
        this.poll = poll;
        this.events = events;
        this.counters = counters;
    }

    private static @Nullable MethodHandle isVirtualHandle() {
        if (Runtime.version().feature() < FIRST_WITH_VIRTUAL_THREADS) {
            return null; // a look-up would cost a starting JVM a millisecond
        }
        try {
            return MethodHandles.publicLookup()
                    .findVirtual(Thread.class, "isVirtual", MethodType.methodType(boolean.class));
        } catch (NoSuchMethodException | IllegalAccessException e) {
            return null;
        }
    }

    /** Returns true if the current thread is virtual; never before JDK 21. */
    static boolean isCurrentVirtual() {
        if (IS_VIRTUAL == null) {
            return false;
        }
        try {
            return (boolean) IS_VIRTUAL.invokeExact(Thread.currentThread());
        } catch (Throwable e) {
            throw new AssertionError("Thread.isVirtual throws nothing", e);
        }
    }

    /** Queues the current thread. The caller must give the ticket back with {@link #leave}. */
    Ticket enter() {
        Ticket ticket = new Ticket();
        lock.lock();
        try {
            if (!polling) {
                Threads.startDaemon(name, this::pollWhileSomebodyWaits); // waits for the lock
                polling = true;
            }
            waiting.add(ticket);
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        return ticket;
    }

    /**
     * Parks until chosen, unparked for any reason, or {@code nanos} nanoseconds have passed. Returns true if chosen.
     */
    boolean park(Ticket ticket, long nanos) {
        if (isChosen(ticket)) {
            return true;
        }
        // An untimed park: a timed one of a virtual thread costs an entry in a timer queue.
        if (nanos == Long.MAX_VALUE) {
            LockSupport.park(this);
        } else {
            LockSupport.parkNanos(this, nanos);
        }
        return isChosen(ticket);
    }

    private boolean isChosen(Ticket ticket) {
        lock.lock();
        try {
            return ticket.chosen;
        } finally {
            lock.unlock();
        }
    }

    /** Removes the thread; if it was the chosen one, the poller goes on. */
    void leave(Ticket ticket) {
        lock.lock();
        try {
            if (trying == ticket) {
                trying = null;
                changed.signalAll();
            } else {
                waiting.remove(ticket);
            }
        } finally {
            lock.unlock();
        }
    }

    /** Wakes all threads after the channel was closed. */
    void wakeAll() {
        lock.lock();
        try {
            for (Ticket ticket : waiting) {
                LockSupport.unpark(ticket.thread);
            }
        } finally {
            lock.unlock();
        }
    }

    private void pollWhileSomebodyWaits() {
        boolean working = true;
        while (working) {
            try {
                working = awaitWork();
                if (working && poll.poll(events)) {
                    choose();
                }
            } catch (Throwable e) { // memory may be short for a moment, and the waiters depend on this thread
                counters.backgroundErrors(1);
                LockSupport.parkNanos(PAUSE_AFTER_ERROR);
            }
        }
    }

    /** Waits until there is a waiter and no chosen thread. Returns false after an idle second, and the poller ends. */
    private boolean awaitWork() {
        lock.lock();
        try {
            long remaining = TimeUnit.SECONDS.toNanos(1);
            while (waiting.isEmpty() || trying != null) {
                if (remaining <= 0 && waiting.isEmpty() && trying == null) {
                    polling = false;
                    return false;
                }
                remaining = changed.awaitNanos(remaining <= 0 ? TimeUnit.SECONDS.toNanos(1) : remaining);
            }
            return true;
        } catch (InterruptedException e) {
            polling = false; // no code interrupts this thread; if it ends, the next waiter starts another
            return false;
        } finally {
            lock.unlock();
        }
    }

    private void choose() {
        lock.lock();
        try {
            trying = waiting.poll();
            if (trying != null) {
                trying.chosen = true;
                LockSupport.unpark(trying.thread);
            }
        } finally {
            lock.unlock();
        }
    }
}
