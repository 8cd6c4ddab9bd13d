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
 * Where virtual threads wait for one channel: parked, while one platform thread polls for all of them, because a
 * blocking native call would hold the carrier (also on JDK 25). The poller lives while somebody waits and two seconds
 * longer at most.
 *
 * <p>It wakes one thread and polls again only when that one has tried its luck: the socket stays readable until then,
 * and to wake everybody for one datagram would cost ten thousand waiters as many system calls.
 */
final class ParkedThreads {
    /** Polls once; true if the channel may be tried. Throws nothing: a closed channel is true too. */
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
     * So long at most somebody is polled for who has given up meanwhile: the thread that polls keeps the channel from
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
            return null; // without a look, which would cost a starting JVM a millisecond
        }
        try {
            return MethodHandles.publicLookup()
                    .findVirtual(Thread.class, "isVirtual", MethodType.methodType(boolean.class));
        } catch (NoSuchMethodException | IllegalAccessException e) {
            return null;
        }
    }

    /** Whether the current thread is virtual; never before JDK 21. */
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

    /** Queues the current thread; whoever has a ticket must give it back. */
    Ticket enter() {
        Ticket ticket = new Ticket();
        lock.lock();
        try {
            if (!polling) {
                Threads.startDaemon(name, this::pollWhileSomebodyWaits); // which waits for the lock
                polling = true;
            }
            waiting.add(ticket);
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        return ticket;
    }

    /** Parks until chosen, woken for any reason, or so many nanoseconds have passed; whether it is chosen. */
    boolean park(Ticket ticket, long nanos) {
        if (isChosen(ticket)) {
            return true;
        }
        // For ever is not a very long time: a timed park of a virtual thread costs an entry in a timer queue.
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

    /** Takes the thread out again; if it was the one that tries, the poller goes on. */
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

    /** The channel is closed: everybody shall see it. */
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
            } catch (Throwable e) { // a moment without memory; those that wait know of no other thread
                counters.backgroundErrors(1);
                LockSupport.parkNanos(PAUSE_AFTER_ERROR);
            }
        }
    }

    /** Waits until there is somebody to poll for and nobody tries; false, and the thread ends, after an idle second. */
    private boolean awaitWork() {
        lock.lock();
        try {
            long left = TimeUnit.SECONDS.toNanos(1);
            while (waiting.isEmpty() || trying != null) {
                if (left <= 0 && waiting.isEmpty() && trying == null) {
                    polling = false;
                    return false;
                }
                left = changed.awaitNanos(left <= 0 ? TimeUnit.SECONDS.toNanos(1) : left);
            }
            return true;
        } catch (InterruptedException e) {
            polling = false; // nobody has this thread to interrupt it, but the next waiter would start another
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
