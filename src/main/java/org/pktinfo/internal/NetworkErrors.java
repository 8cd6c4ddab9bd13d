package org.pktinfo.internal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The errors that the network reports to a socket with IP_RECVERR or IPV6_RECVERR. Such a socket has a queue of reports
 * and, since the last ICMP message, a pending error: the next call that receives or sends fails with it, whatever peer
 * that call is for, and a poll reports both at once until they are taken. Therefore every receive, send and wait of an
 * opted-in channel takes reports from the queue, and repeats a call that failed with the error of another datagram.
 *
 * <p>Peers and routers, real or forged, write the queue: each call takes at most {@link ErrorLayout#MOST_REPORTS} from
 * it, and no more than {@link #ROOM} are kept for the program; the rest are counted. Thread-safe.
 */
public final class NetworkErrors {
    /**
     * One report.
     *
     * @param peerHigh the destination of the datagram, as {@link Addresses} holds addresses
     * @param hasReporter false if this host itself reports
     * @param origin 1 this host, 2 ICMP, 3 ICMPv6 (linux/errqueue.h)
     * @param info with EMSGSIZE the MTU, unsigned
     */
    public record Report(
            long peerHigh,
            long peerLow,
            int peerScope,
            int peerPort,
            boolean hasReporter,
            long reporterHigh,
            long reporterLow,
            int reporterScope,
            int origin,
            int type,
            int code,
            int errno,
            int info) {}

    /** The number of reports kept until the program takes them. */
    public static final int ROOM = 64;

    /** The number of times that a call is repeated, each after a further ICMP message. */
    private static final int ATTEMPTS = 4;

    private static final int LARGEST_ERRNO = 4095; // of Linux, MAX_ERRNO in linux/err.h

    /** The reports that one round took from the queue. */
    private enum Found {
        NOTHING,
        /** Reports of this host only, which cause no pending error. */
        LOCAL,
        /** A report with which there was a pending error, or may have been. */
        OTHERS
    }

    private final SocketOptions options;
    private final TransmitTimes transmitTimes;
    private final ReentrantLock lock = new ReentrantLock();
    private @Nullable ByteBuffer memory; // guarded by lock
    private final ArrayDeque<Report> reports = new ArrayDeque<>(0); // guarded by lock
    private volatile boolean hasReports;
    private final LongAdder received = new LongAdder();
    private final LongAdder dropped = new LongAdder();

    NetworkErrors(SocketOptions options, TransmitTimes transmitTimes) {
        this.options = options;
        this.transmitTimes = transmitTimes;
    }

    /** Returns true if the kernel may write to the queue: errors, or times of transmission. */
    boolean areOn() {
        return options.reportsErrors() || options.hasTakenTransmitTimes();
    }

    /** Returns the number of reports taken from the socket, those that were dropped included. */
    public long received() {
        return received.sum();
    }

    /** Returns the number of reports dropped because the program took none for too long, or they were malformed. */
    public long dropped() {
        return dropped.sum();
    }

    /** Returns the oldest report, null if there is none. */
    @Nullable
    Report poll() {
        if (!hasReports) {
            return null;
        }
        lock.lock();
        try {
            Report report = reports.poll();
            hasReports = !reports.isEmpty();
            return report;
        } finally {
            lock.unlock();
        }
    }

    /** Receives as the transport does; an error of a datagram that was sent does not fail it. */
    int receive(Transport transport, Arena arena, int count) throws IOException {
        int result = transport.receive(arena, count);
        for (int i = 0; i < ATTEMPTS && SlotFailures.isReported(-result); i++) {
            drain(transport);
            result = transport.receive(arena, count);
        }
        if (SlotFailures.isReported(-result)) {
            return -Errno.EAGAIN; // as if nothing were queued: the caller waits, is woken at once, and tries again
        }
        if (result == -Errno.EAGAIN) { // a local report makes a selector ready without failing a call
            drain(transport);
        }
        return result;
    }

    /** Sends as the transport does; an error of a datagram that was sent before fails no other one. */
    int send(Transport transport, Arena arena, int count) throws IOException {
        if (count > 1) { // an EMSGSIZE pending would look like a refusal to segment
            drain(transport);
        }
        int done = transport.send(arena, count);
        if (done > 0) {
            done += sendAgain(transport, arena, count);
        }
        if (done == 0) { // the caller is going to wait, and a report would wake it
            drain(transport);
        }
        return done;
    }

    /** Repeats what failed with the error of another datagram; returns the change in the number of slots done. */
    private int sendAgain(Transport transport, Arena arena, int count) throws IOException {
        int more = 0;
        for (int i = 0; SlotFailures.existIn(arena, count); i++) {
            Found found = takeSomeAfterSending(transport);
            // If the receive buffer was full, the error is pending without a report in the queue.
            boolean isPerhapsAnothers = found == Found.OTHERS || (found == Found.NOTHING && i == 0);
            if (i == ATTEMPTS || !isPerhapsAnothers) {
                SlotFailures.settle(arena, count);
            } else {
                more -= SlotFailures.reopen(arena, count);
                more += Math.max(0, transport.send(arena, count));
            }
        }
        return more;
    }

    /** Takes reports from the queue, up to a limit. The caller must have entered the transport. */
    void drain(Transport transport) throws IOException {
        Found unused = takeSome(transport);
    }

    /** Takes the times of datagrams just sent, of which the kernel may have as many as it took datagrams. */
    void drainTimes(Transport transport, int sent) {
        for (int taken = 0; taken <= sent && takeSomeAfterSending(transport) != Found.NOTHING; ) {
            taken += ErrorLayout.MOST_REPORTS;
        }
    }

    /** Takes reports as {@link #drain} does; a failure does not hide the outcome of the datagrams that have left. */
    private Found takeSomeAfterSending(Transport transport) {
        try {
            return takeSome(transport);
        } catch (IOException e) {
            return Found.NOTHING; // the next call that receives, or asks for a report, throws it
        }
    }

    private Found takeSome(Transport transport) throws IOException {
        lock.lock();
        try {
            ByteBuffer room = memory;
            if (room == null) {
                room = ByteBuffer.allocateDirect(ErrorLayout.MOST_REPORTS * ErrorLayout.REPORT_SIZE)
                        .order(ByteOrder.nativeOrder());
                memory = room;
            }
            int count = Errno.check("recvmsg(MSG_ERRQUEUE)", transport.receiveErrors(room, ErrorLayout.MOST_REPORTS));
            Found found = count == 0 ? Found.NOTHING : Found.LOCAL;
            for (int i = 0; i < count; i++) {
                int at = i * ErrorLayout.REPORT_SIZE;
                found = take(room, at) ? Found.OTHERS : found;
            }
            hasReports = !reports.isEmpty();
            return found;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Keeps one message of the queue if it is a report or a time of transmission. Returns true if there may have been a
     * pending error with it.
     */
    private boolean take(ByteBuffer room, int at) {
        int origin = room.get(at + ErrorLayout.ORIGIN) & 0xff;
        if (origin == ErrorLayout.ORIGIN_TRANSMITTED) {
            transmitTimes.take(room, at);
        }
        if (origin > ErrorLayout.ORIGIN_ICMPV6) {
            return false;
        }
        received.increment();
        int errno = room.getInt(at + ErrorLayout.ERROR);
        boolean valid = origin >= ErrorLayout.ORIGIN_LOCAL
                && room.get(at + ErrorLayout.HAS_PEER) != 0
                && errno > 0
                && errno <= LARGEST_ERRNO;
        if (valid && reports.size() < ROOM) {
            reports.add(report(room, at, origin, errno));
        } else {
            dropped.increment();
        }
        return origin != ErrorLayout.ORIGIN_LOCAL;
    }

    private static Report report(ByteBuffer room, int at, int origin, int errno) {
        return new Report(
                networkLong(room, at + ErrorLayout.PEER_ADDRESS),
                networkLong(room, at + ErrorLayout.PEER_ADDRESS + 8),
                Math.max(0, room.getInt(at + ErrorLayout.PEER_SCOPE)),
                room.getShort(at + ErrorLayout.PEER_PORT) & 0xffff,
                room.get(at + ErrorLayout.HAS_REPORTER) != 0,
                networkLong(room, at + ErrorLayout.REPORTER_ADDRESS),
                networkLong(room, at + ErrorLayout.REPORTER_ADDRESS + 8),
                Math.max(0, room.getInt(at + ErrorLayout.REPORTER_SCOPE)),
                origin,
                room.get(at + ErrorLayout.TYPE) & 0xff,
                room.get(at + ErrorLayout.CODE) & 0xff,
                errno,
                room.getInt(at + ErrorLayout.INFO));
    }

    static long networkLong(ByteBuffer room, int at) {
        long value = room.getLong(at);
        return room.order() == ByteOrder.BIG_ENDIAN ? value : Long.reverseBytes(value);
    }
}
