package org.pktinfo.internal;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/** The counters of a channel: the tallies of its arenas, and events too rare to need a tally. Thread-safe. */
public final class ChannelCounters {
    private final List<Tally> tallies = new ArrayList<>(); // guarded by this
    private final Tally retired = new Tally(); // guarded by this

    /** The total of dropped datagrams. Its lower 32 bits are the kernel's counter as last reported. */
    private final AtomicLong kernelDrops = new AtomicLong();

    /** The number of datagrams that the channel's former sockets had dropped, modulo 2^32. */
    private volatile int lostBefore;

    private final LongAdder receiveWaits = new LongAdder();
    private final LongAdder sendWaits = new LongAdder();
    private final AtomicLong backgroundErrors = new AtomicLong(); // allocates nothing: memory may be short

    synchronized void add(Tally tally) {
        tallies.add(tally);
    }

    /** Keeps the tally's counts and releases the tally. Nothing may be counted there any more. */
    synchronized void retire(Tally tally) {
        tallies.remove(tally);
        retired.addAll(tally);
    }

    void receiveWait() {
        receiveWaits.increment();
    }

    public void sendWait() {
        sendWaits.increment();
    }

    void backgroundErrors(long number) {
        backgroundErrors.addAndGet(number);
    }

    /**
     * Takes the kernel's drop counter (modulo 2^32) from a datagram, and returns the number of drops that were not
     * known before. Threads that receive at the same time may call this in any order: an older counter changes nothing,
     * and older means less than 2^31 behind.
     */
    long lost(int reported) {
        int all = lostBefore + reported;
        while (true) {
            long previous = kernelDrops.get();
            long more = previous == 0 ? Integer.toUnsignedLong(all) : all - (int) previous;
            if (more <= 0) {
                return 0;
            }
            if (kernelDrops.compareAndSet(previous, previous + more)) {
                return more;
            }
        }
    }

    /**
     * Prepares for another socket, whose drop counter begins at 0. The caller must keep all threads from receiving
     * meanwhile.
     */
    void newSocket() {
        lostBefore = (int) kernelDrops.get();
    }

    public long kernelDrops() {
        return kernelDrops.get();
    }

    public long receiveWaits() {
        return receiveWaits.sum();
    }

    public long sendWaits() {
        return sendWaits.sum();
    }

    public long backgroundErrors() {
        return backgroundErrors.get();
    }

    /** Returns the sum of all arenas, present and former. */
    public synchronized Tally total() {
        Tally total = new Tally();
        total.addAll(retired);
        tallies.forEach(total::addAll);
        return total;
    }
}
