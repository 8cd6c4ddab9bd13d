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
import org.pktinfo.NetworkError;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.SendException;
import org.pktinfo.TransmitTime;
import org.pktinfo.common.Deadline;

/** One socket and the thread that serves it. */
final class Worker implements Runnable {
    private static final Duration LONG = Duration.ofDays(1);
    /** The longest wait for the next reply. A device of 128 kbit/s sends 1400 bytes within that time. */
    private static final Duration ROOM = Duration.ofMillis(100);

    /** The longest wait for all replies of a batch, during which the worker answers no other request. */
    private static final Duration ROOM_FOR_ALL = Duration.ofMillis(250);

    /**
     * The number of replies that have to be sent without waiting before the worker waits for room again. Replies to
     * neighbours that do not exist hold the buffer for seconds; an attacker who sends requests in their names would
     * delay the replies to all other peers.
     */
    private static final int SENT_BEFORE_ROOM = 16;

    /** The limit of reports that are handled between two batches of requests: a flood delays no request long. */
    static final int MOST_REPORTS = 16;

    private static final long PAUSE_AFTER_ERROR = TimeUnit.MILLISECONDS.toNanos(10);

    final PktInfoChannel channel;
    private final boolean answersGroups;
    private final int port;
    private final DatagramHandler handler;
    private final Counters counters;
    private final ThrottledLog throttledLog;
    private final @Nullable RateLimiter rateLimiter;
    private final DatagramBatch batch;
    private final long spin; // nanoseconds

    /**
     * Held from receiving datagrams until their replies are sent. Fair, because a thread that stops the server would
     * wait long under load otherwise.
     */
    private final ReentrantLock busy = new ReentrantLock(true);

    private volatile boolean finished; // receives no more
    private volatile boolean closing; // closes its channel when it has ended
    private int sentBeforeRoom; // guarded by busy; replies to be sent before room is waited for

    Worker(Service service, PktInfoChannel channel, boolean answersGroups, int port, Settings settings) {
        this.channel = channel;
        this.answersGroups = answersGroups;
        this.port = port;
        this.handler = service.handler();
        this.counters = service.counters();
        this.throttledLog = service.throttledLog();
        this.rateLimiter = service.rateLimiter();
        this.spin = settings.spin.toNanos();
        this.batch = channel.newBatch(settings.batchSize, settings.payloadCapacity);
        batch.coalesceReplies(settings.coalesceReplies);
    }

    /**
     * Serves until the worker is stopped or the channel is closed. No peer, route, firewall, interface, handler or log
     * ends the loop.
     */
    @Override
    public void run() {
        while (true) {
            try {
                while (takeAndAnswer()) {
                    // as long as datagrams are queued
                }
                if (!answersWhileSpinning()) {
                    boolean unused = channel.awaitReadable(LONG);
                }
            } catch (ClosedChannelException e) {
                end();
                return;
            } catch (Throwable e) { // errors too, such as a moment without memory
                survive(e);
            }
        }
    }

    private void survive(Throwable e) {
        try {
            counters.receiveErrors.increment();
            throttledLog.log(ThrottledLog.Kind.RECEIVING_FAILED, () -> "receiving failed: " + e.getMessage());
        } catch (Throwable again) {
            // no memory even for a line or for its class; the loop matters more
        }
        LockSupport.parkNanos(PAUSE_AFTER_ERROR); // an error that occurs at once would occur again
    }

    /**
     * Closes the channel if a handler has stopped the server: the replies to the datagrams received with its own are
     * sent by now.
     */
    private void end() {
        if (closing) {
            try {
                channel.close();
            } catch (IOException e) {
                throttledLog.log(ThrottledLog.Kind.CLOSING_FAILED, () -> "closing failed: " + e.getMessage());
            }
            throttledLog.finish(); // no thread waits for the server's end and would do this
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

    /** Receives, handles and answers one batch, then handles some reports; returns false if there was neither. */
    private boolean takeAndAnswer() throws IOException {
        busy.lock();
        try {
            if (finished) {
                throw new ClosedChannelException();
            }
            int count = batch.receive(Duration.ZERO);
            if (count > 0) {
                answer(count);
            }
            boolean hadReports = handleReports();
            return count > 0 || hadReports;
        } finally {
            busy.unlock();
        }
    }

    private void answer(int count) {
        counters.received.add(count);
        long now = rateLimiter == null ? 0 : System.nanoTime();
        for (int i = 0; i < count; i++) {
            handle(batch.slot(i), now);
        }
        send(count);
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

    /** Handles some errors of the network and times of transmission; returns false if there were none. */
    private boolean handleReports() throws IOException {
        int handled = 0;
        while (handled < MOST_REPORTS) {
            NetworkError error = channel.receiveError();
            TransmitTime time = error == null ? channel.receiveTransmitTime() : null;
            if (error != null) {
                handle(error, () -> handler.handleError(error));
            } else if (time != null) {
                handle(time, () -> handler.handleTransmitTime(time));
            } else {
                break;
            }
            handled++;
        }
        return handled > 0;
    }

    /** A call of the handler. */
    private interface HandlerCall {
        void run() throws Exception;
    }

    private void handle(Object report, HandlerCall call) {
        try {
            call.run();
        } catch (Throwable e) { // errors too, as for a request
            survive(report, e);
        } finally {
            boolean unused = Thread.interrupted(); // as for a request
        }
    }

    private void survive(Object report, Throwable e) {
        try {
            counters.receiveErrors.increment();
            throttledLog.logFailure(
                    ThrottledLog.Kind.REPORT_HANDLER_FAILED, e, () -> "the handler failed on " + report + ": " + e);
        } catch (Throwable again) {
            // as above; the failure must not count twice, nor the worker pause for it
        }
    }

    /** Returns true for echo, daytime, quote of the day, chargen and time (RFC 862, 867, 865, 864, 868). */
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
        } catch (Throwable e) { // errors too: one peer's datagram must not end the service for all
            slot.cancelReply();
            survive(slot, e);
        } finally {
            boolean unused = Thread.interrupted(); // an interrupt of this handler must not reach the next call
        }
    }

    private void survive(DatagramSlot slot, Throwable e) {
        try {
            counters.handlerErrors.increment();
            throttledLog.logFailure(
                    ThrottledLog.Kind.HANDLER_FAILED,
                    e,
                    () -> "the handler failed on a datagram of " + slot.peer() + ": " + e);
        } catch (Throwable again) {
            // as above; the other datagrams of the batch matter more
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
            throttledLog.log(ThrottledLog.Kind.SENDING_FAILED, () -> "sending failed: " + e.getMessage());
        }
        int sent = 0;
        boolean inVain = false;
        for (int i = 0; i < count; i++) {
            DatagramSlot slot = batch.slot(i);
            if (slot.isSent()) {
                sent++;
            } else if (slot.hasReply()) {
                inVain |= waits && slot.wouldBlock();
                countFailure(slot);
            }
        }
        sentBeforeRoom = inVain ? SENT_BEFORE_ROOM : sentBeforeRoom - Math.min(sent, sentBeforeRoom);
        counters.replied.add(sent);
    }

    private void countFailure(DatagramSlot slot) {
        SendException.Kind kind = slot.failureKind();
        if (kind == null) { // the wait for room timed out
            counters.sendError(SendException.Kind.OTHER);
            return;
        }
        counters.sendError(kind);
        throttledLog.log(kind, () -> "not answered: " + message(slot.failure()));
    }

    private static String message(@Nullable SendException failure) {
        return failure == null ? "for no reason" : String.valueOf(failure.getMessage());
    }

    /** Returns true if the current thread is in this worker's handler. */
    boolean isHandling() {
        return busy.isHeldByCurrentThread();
    }

    /** Stops receiving, and waits at most the given time until the datagrams received before are answered. */
    void finish(long nanos) {
        finished = true;
        if (awaitIdle(nanos)) {
            busy.unlock();
        }
    }

    /** Does the same as {@link #finish}, and then closes the channel whether or not they are answered. */
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
     * Stops from within a handler, which cannot wait for itself, nor for another handler that does the same. A busy
     * worker closes its channel when it is done.
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

    /**
     * Acquires {@link #busy} within the given time; returns true if no datagram is being handled, nor will be until the
     * lock is released.
     */
    private boolean awaitIdle(long nanos) {
        try {
            return busy.tryLock(nanos, TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // do not wait any longer for the datagrams being handled
            return false;
        }
    }
}
