package org.pktinfo.server;

import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.pktinfo.DatagramBatch;
import org.pktinfo.DatagramSlot;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.SendException;

/** One socket and the thread that serves it. */
final class Worker implements Runnable {
    private static final Duration LONG = Duration.ofDays(1);
    /** A device of 128 kbit/s makes room for the next reply of 1400 bytes within that. */
    private static final Duration ROOM = Duration.ofMillis(100);

    /** For all replies of a batch: meanwhile nobody else is answered. */
    private static final Duration ROOM_FOR_ALL = Duration.ofMillis(250);

    /**
     * So many replies have to leave at once before room is waited for again: replies to neighbours that do not exist hold the buffer for
     * seconds, and whoever sends requests in their names would have everybody else wait.
     */
    private static final int SENT_BEFORE_ROOM = 16;

    private static final long PAUSE_AFTER_ERROR = TimeUnit.MILLISECONDS.toNanos(10);

    final PktInfoChannel channel;
    private final DatagramServer server;
    private final boolean answersGroups;
    private final int port;
    private final DatagramHandler handler;
    private final Counters counters;
    private final Complaints complaints;
    private final @Nullable RateLimiter rateLimiter;
    private final DatagramBatch batch;
    private final long spin; // nanoseconds

    /** Held from taking datagrams until their replies are sent. Fair: under load who stops the server would wait for long. */
    private final ReentrantLock busy = new ReentrantLock(true);

    private boolean stopping; // guarded by busy
    private int sentBeforeRoom; // guarded by busy; how many have to leave before room is waited for

    Worker(
            DatagramServer server,
            PktInfoChannel channel,
            boolean answersGroups,
            int port,
            DatagramServer.Builder settings) {
        this.server = server;
        this.channel = channel;
        this.answersGroups = answersGroups;
        this.port = port;
        this.handler = server.handler();
        this.counters = server.counters();
        this.complaints = server.complaints();
        this.rateLimiter = server.rateLimiter();
        this.spin = settings.spin.toNanos();
        this.batch = channel.newBatch(settings.batchSize, settings.payloadCapacity);
        batch.coalesceReplies(settings.coalesceReplies);
    }

    /** Nothing that a peer, a route, a firewall or an interface does ends it: only a closed channel does. */
    @Override
    public void run() {
        while (true) {
            try {
                while (takeAndAnswer()) {
                    // as long as there is something to take
                }
                if (!answersWhileSpinning()) {
                    boolean unused = channel.awaitReadable(LONG);
                }
            } catch (ClosedChannelException e) {
                return;
            } catch (IOException e) {
                counters.receiveErrors.increment();
                complaints.log(Complaints.Kind.RECEIVING_FAILED, () -> "receiving failed: " + e.getMessage());
                LockSupport.parkNanos(PAUSE_AFTER_ERROR); // of what fails at once, the next try would too
            }
        }
    }

    private boolean answersWhileSpinning() throws IOException {
        if (spin == 0) {
            return false;
        }
        long begin = System.nanoTime();
        while (System.nanoTime() - begin < spin) {
            if (takeAndAnswer()) {
                return true;
            }
            Thread.onSpinWait();
        }
        return false;
    }

    /** False if nothing was there. */
    private boolean takeAndAnswer() throws IOException {
        busy.lock();
        try {
            if (stopping) {
                throw new ClosedChannelException();
            }
            int count = batch.receive(Duration.ZERO);
            if (count == 0) {
                return false;
            }
            counters.received.add(count);
            long now = rateLimiter == null ? 0 : System.nanoTime();
            for (int i = 0; i < count; i++) {
                handle(batch.slot(i), now);
            }
            send(count);
            return true;
        } finally {
            busy.unlock();
        }
    }

    private void handle(DatagramSlot slot, long now) {
        if (slot.hasPacketInfo() && !slot.isUnicast() && !answersGroups) {
            counters.otherWorkers.increment();
            return;
        }
        if (slot.peerPort() == port && slot.peer().address().isLocal()) {
            counters.ownAddress.increment();
            return;
        }
        if (answersEverything(slot.peerPort())) {
            counters.answeringPorts.increment();
            return;
        }
        RateLimiter.Verdict verdict = rateLimiter == null
                ? RateLimiter.Verdict.WITHIN
                : rateLimiter.ask(slot.peerAddressHigh(), slot.peerAddressLow(), now);
        if (verdict == RateLimiter.Verdict.OVER) {
            counters.rateLimited.increment();
            return;
        }
        handle(slot, verdict == RateLimiter.Verdict.SLIPS);
    }

    /** Echo, daytime, quote of the day, chargen and time (RFC 862, 867, 865, 864, 868). */
    private static boolean answersEverything(int port) {
        return port == 7 || port == 13 || port == 17 || port == 19 || port == 37;
    }

    private void handle(DatagramSlot slot, boolean overLimit) {
        try {
            if (overLimit) {
                handler.handleOverLimit(slot);
            } else {
                handler.handle(slot);
            }
            countIfUnanswered(slot);
        } catch (Throwable e) { // also what Java calls an error: one peer's datagram must not end the service for all
            slot.cancelReply();
            counters.handlerErrors.increment();
            complaints.log(
                    Complaints.Kind.HANDLER_FAILED,
                    () -> "the handler failed on a datagram of " + slot.peer() + ": " + e);
        }
    }

    private void countIfUnanswered(DatagramSlot slot) {
        if (!slot.hasReply()) {
            counters.unanswered.increment();
        }
    }

    private void send(int count) {
        boolean waits = sentBeforeRoom <= 0;
        try {
            int unused = batch.send(ROOM, waits ? ROOM_FOR_ALL : Duration.ZERO);
        } catch (IOException e) {
            complaints.log(Complaints.Kind.SENDING_FAILED, () -> "sending failed: " + e.getMessage());
        }
        int sent = 0;
        boolean inVain = false;
        for (int i = 0; i < count; i++) {
            DatagramSlot slot = batch.slot(i);
            if (slot.isSent()) {
                sent++;
            } else if (slot.hasReply()) {
                inVain |= waits && slot.isHeldBack();
                countFailure(slot);
            }
        }
        sentBeforeRoom = inVain ? SENT_BEFORE_ROOM : sentBeforeRoom - Math.min(sent, sentBeforeRoom);
        counters.replied.add(sent);
    }

    private void countFailure(DatagramSlot slot) {
        SendException failure = slot.failure();
        if (failure == null) { // the wait for room ended before there was any
            counters.sendError(SendException.Kind.OTHER);
            return;
        }
        counters.sendError(failure.kind());
        complaints.log(failure.kind(), () -> "not answered: " + failure.getMessage());
    }

    /** Lets the datagrams that were taken be answered, as long as the time is not over, and takes no more if they are. */
    void finish(long nanos) {
        try {
            if (busy.tryLock(nanos, TimeUnit.NANOSECONDS)) {
                stopping = true;
                busy.unlock();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // hurried: what is under way is not waited for
        }
    }

    /** Lets the datagrams that were taken be answered, as long as the time is not over, and closes the channel. */
    void stop(long nanos) throws IOException {
        boolean idle = false;
        try {
            idle = busy.tryLock(nanos, TimeUnit.NANOSECONDS);
            stopping = idle;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // hurried: what is under way is cut off
        } finally {
            channel.close();
            if (idle) {
                busy.unlock();
            }
        }
    }

    @Override
    public String toString() {
        return server + " " + channel;
    }
}
