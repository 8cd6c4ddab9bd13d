package org.pktinfo;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import org.pktinfo.common.KindCounters;

/** All that a channel has counted: the tallies of its arenas, and what happens too seldom to need one. For any thread. */
final class ChannelCounters {
    private final List<Tally> tallies = new ArrayList<>(); // guarded by this
    private final Tally retired = new Tally(); // guarded by this

    /** Its lower half is the kernel's counter as last told. */
    private final AtomicLong kernelDrops = new AtomicLong();

    /** Datagrams that the channel's sockets before this one had lost, modulo 2^32. */
    private volatile int lostBefore;

    private final LongAdder receiveWaits = new LongAdder();
    private final LongAdder sendWaits = new LongAdder();
    private final LongAdder backgroundErrors = new LongAdder();
    private final KindCounters<SendException.Kind> sendErrors = new KindCounters<>(SendException.Kind.class);

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

    void sendWait() {
        sendWaits.increment();
    }

    void backgroundErrors(long number) {
        backgroundErrors.add(number);
    }

    void sendError(SendException.Kind kind) {
        sendErrors.count(kind);
    }

    /**
     * Takes the kernel's counter, which counts modulo 2^32, from a datagram; how many more are lost than was known. Threads that
     * receive at the same time may come with their datagrams in any order: what is older than what is known changes nothing, and
     * older is what is less than 2^31 behind.
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

    /** The channel has another socket from now on, whose counter begins with 0. For who lets nobody receive meanwhile. */
    void newSocket() {
        lostBefore = (int) kernelDrops.get();
    }

    long kernelDrops() {
        return kernelDrops.get();
    }

    synchronized ChannelStats snapshot() {
        return new ChannelStats(
                sum(Tally.RECEIVED),
                sum(Tally.RECEIVED_BYTES),
                sum(Tally.RECEIVE_CALLS),
                receiveWaits.sum(),
                sum(Tally.TRUNCATED),
                sum(Tally.CONTROL_TRUNCATED),
                sum(Tally.WITHOUT_PACKET_INFO),
                kernelDrops.get(),
                sum(Tally.SENT),
                sum(Tally.SENT_BYTES),
                sum(Tally.SEND_CALLS),
                sendWaits.sum(),
                sum(Tally.COALESCED),
                backgroundErrors.sum(),
                sendErrors.snapshot());
    }

    private long sum(int what) {
        long sum = retired.get(what);
        for (Tally tally : tallies) {
            sum += tally.get(what);
        }
        return sum;
    }
}
