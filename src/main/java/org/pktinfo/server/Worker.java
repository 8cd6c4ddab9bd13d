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
import org.pktinfo.common.Deadline;

/** One socket and the thread that serves it. */
final class Worker implements Runnable {
    private static final Duration LONG = Duration.ofDays(1);
    /** A device of 128 kbit/s makes room for the next reply of 1400 bytes within that. */
    private static final Duration ROOM = Duration.ofMillis(100);

    /** For all replies of a batch: meanwhile nobody else is answered. */
    private static final Duration ROOM_FOR_ALL = Duration.ofMillis(250);

    /**
     * So many replies have to leave at once before room is waited for again: replies to neighbours that do not exist
     * hold the buffer for seconds, and whoever sends requests in their names would have everybody else wait.
     */
    private static final int SENT_BEFORE_ROOM = 16;

    private static final long PAUSE_AFTER_ERROR = TimeUnit.MILLISECONDS.toNanos(10);

    final PktInfoChannel channel;
    private final boolean answersGroups;
    private final int port;
    private final DatagramHandler handler;
    private final Counters counters;
    private final Complaints complaints;
    private final @Nullable RateLimiter rateLimiter;
    private final DatagramBatch batch;
    private final long spin; // nanoseconds

    /**
     * Held from taking datagrams until their replies are sent. Fair: under load who stops the server would wait for
     * long.
     */
    private final ReentrantLock busy = new ReentrantLock(true);

    private volatile boolean finished; // takes no more
    private volatile boolean closing; // closes its channel when it has ended
    private int sentBeforeRoom; // guarded by busy; how many have to leave before room is waited for

    Worker(Service service, PktInfoChannel channel, boolean answersGroups, int port, Settings settings) {
        this.channel = channel;
        this.answersGroups = answersGroups;
        this.port = port;
        this.handler = service.handler();
        this.counters = service.counters();
        this.complaints = service.complaints();
        this.rateLimiter = service.rateLimiter();
        this.spin = settings.spin.toNanos();
        this.batch = channel.newBatch(settings.batchSize, settings.payloadCapacity);
        batch.coalesceReplies(settings.coalesceReplies);
    }

    /**
     * Nothing that a peer, a route, a firewall, an interface, a handler or a log does ends it: only stopping or a
     * closed channel does.
     */
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
                end();
                return;
            } catch (Throwable e) { // also what Java calls an error, such as a moment without memory
                survive(e);
            }
        }
    }

    private void survive(Throwable e) {
        try {
            counters.receiveErrors.increment();
            complaints.log(Complaints.Kind.RECEIVING_FAILED, () -> "receiving failed: " + e.getMessage());
        } catch (OutOfMemoryError again) {
            // not even for a line; the loop matters more
        }
        LockSupport.parkNanos(PAUSE_AFTER_ERROR); // of what fails at once, the next try would too
    }

    /**
     * Closes the channel if a handler has stopped the server: then the replies to what was taken with its datagram are
     * sent now.
     */
    private void end() {
        if (closing) {
            try {
                channel.close();
            } catch (IOException e) {
                complaints.log(Complaints.Kind.CLOSING_FAILED, () -> "closing failed: " + e.getMessage());
            }
            complaints.finish(); // nobody who waits for the server's end does
        }
    }

    private boolean answersWhileSpinning() throws IOException {
        if (spin == 0) {
            return false;
        }
        long deadline = Deadline.after(spin);
        while (!Deadline.isOver(deadline)) {
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
            if (finished) {
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
        if (slot.peerPort() == port && slot.isFromThisHost()) {
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
            complaints.logFailure(
                    Complaints.Kind.HANDLER_FAILED,
                    e,
                    () -> "the handler failed on a datagram of " + slot.peer() + ": " + e);
        } finally {
            boolean unused = Thread.interrupted(); // a handler's business, and none of the next one's
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
        SendException.Kind kind = slot.failureKind();
        if (kind == null) { // the wait for room ended before there was any
            counters.sendError(SendException.Kind.OTHER);
            return;
        }
        counters.sendError(kind);
        complaints.log(kind, () -> "not answered: " + message(slot.failure()));
    }

    private static String message(@Nullable SendException failure) {
        return failure == null ? "for no reason" : String.valueOf(failure.getMessage());
    }

    /** Whether the current thread is in this worker's handler. */
    boolean isHandling() {
        return busy.isHeldByCurrentThread();
    }

    /** Takes no more, and waits so long for the datagrams that were taken to be answered. */
    void finish(long nanos) {
        finished = true;
        if (awaitIdle(nanos)) {
            busy.unlock();
        }
    }

    /** The same, and closes the channel, whether they are answered or not. */
    void stop(long nanos) throws IOException {
        finished = true;
        boolean idle = awaitIdle(nanos);
        try {
            channel.close();
        } finally {
            if (idle) {
                busy.unlock();
            }
        }
    }

    /**
     * The same for a handler, which cannot wait for itself, nor for another that does the same: who is busy closes when
     * it is done.
     */
    void stopWhenIdle() throws IOException {
        closing = true;
        finished = true;
        if (!busy.isHeldByCurrentThread() && busy.tryLock()) {
            try {
                channel.close();
            } finally {
                busy.unlock();
            }
        }
    }

    /** True if nothing is under way, and nothing will be until busy is unlocked. */
    private boolean awaitIdle(long nanos) {
        try {
            return busy.tryLock(nanos, TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // hurried: what is under way is not waited for
            return false;
        }
    }
}
