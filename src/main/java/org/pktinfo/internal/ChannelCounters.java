package org.pktinfo.internal;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/**
 * All that a channel has counted: the tallies of its arenas, and what happens too seldom to need one. For any thread.
 */
public final class ChannelCounters {
    private final List<Tally> tallies = new ArrayList<>(); // guarded by this
    private final Tally retired = new Tally(); // guarded by this

    /** Its lower half is the kernel's counter as last told. */
    private final AtomicLong kernelDrops = new AtomicLong();

    /** Datagrams that the channel's sockets before this one had lost, modulo 2^32. */
    private volatile int lostBefore;

    private final LongAdder receiveWaits = new LongAdder();
    private final LongAdder sendWaits = new LongAdder();
    private final LongAdder backgroundErrors = new LongAdder();

    synchronized void add(Tally tally) {
        tallies.add(tally);
    }

    /** Keeps what was counted and forgets the tally: nobody counts there any more. */
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
        backgroundErrors.add(number);
    }

    /**
     * Takes the kernel's counter, which counts modulo 2^32, from a datagram; how many more are lost than was known.
     * Threads that receive at the same time may come with their datagrams in any order: what is older than what is
     * known changes nothing, and older is what is less than 2^31 behind.
     */
    long lost(int told) {
        int all = lostBefore + told;
        while (true) {
            long known = kernelDrops.get();
            long more = known == 0 ? Integer.toUnsignedLong(all) : all - (int) known;
            if (more <= 0) {
                return 0;
            }
            if (kernelDrops.compareAndSet(known, known + more)) {
                return more;
            }
        }
    }

    /**
     * The channel has another socket from now on, whose counter begins with 0. For who lets nobody receive meanwhile.
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
        return backgroundErrors.sum();
    }

    /** Returns what all arenas have counted, there are and were. */
    public synchronized Tally total() {
        Tally total = new Tally();
        total.addAll(retired);
        tallies.forEach(total::addAll);
        return total;
    }
}
