package org.pktinfo.internal;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The times of transmission that a program has requested for datagrams. A time comes back in the socket's error queue,
 * on Linux 6.13 and later with the number that was given to the datagram. Older kernels count a number of their own,
 * which a failed send advances or not; there the datagram itself comes back with its time, and is recognized by
 * destination, length and a digest of its payload. Thread-safe.
 */
public final class TransmitTimes {
    /**
     * One time.
     *
     * @param id the program's number of the datagram
     * @param nanos nanoseconds since 1970; {@link #ABSENT} if the kernel reported none
     */
    public record Time(long id, long nanos) {}

    public static final long ABSENT = Long.MIN_VALUE;

    /** The number of requests, and of times that the program has not taken, that are kept. */
    public static final int ROOM = 256;

    /** The longest wait for a time, in milliseconds. */
    public static final int LONGEST_WAIT = 1000;

    private record Request(
            long id, int number, long peerHigh, long peerLow, int peerPort, int length, long digest, long since) {}

    private static final long NANOS = TimeUnit.MILLISECONDS.toNanos(LONGEST_WAIT);

    private final SocketOptions options;
    private final ReentrantLock lock = new ReentrantLock();
    private final ArrayDeque<Request> requests = new ArrayDeque<>(0); // guarded by lock, oldest first
    private final ArrayDeque<Time> times = new ArrayDeque<>(0); // guarded by lock
    private volatile boolean hasAny;
    private int nextNumber; // guarded by lock

    TransmitTimes(SocketOptions options) {
        this.options = options;
    }

    /** Notes the requests of the pending slots among the first {@code count}, before they are sent. */
    void begin(Arena arena, long[] ids, int count) {
        lock.lock();
        try {
            int form = options.transmitForm();
            int first = nextNumber;
            nextNumber += count;
            arena.memory().putInt(Layout.TRANSMIT_FORM, form).putInt(Layout.TRANSMIT_NUMBER, first);
            for (int i = 0; i < count; i++) {
                if (isRequested(arena, i) && arena.sendState(i) == Layout.STATE_PENDING) {
                    add(request(arena, i, ids[i], first + i, form != Layout.TRANSMIT_NUMBERED));
                }
            }
        } finally {
            lock.unlock();
        }
    }

    /** Forgets the requests of slots that failed or are still to be sent. */
    void end(Arena arena, int count) {
        lock.lock();
        try {
            int first = arena.memory().getInt(Layout.TRANSMIT_NUMBER);
            for (int i = 0; i < count; i++) {
                int number = first + i;
                boolean isSent = arena.sendState(i) == Layout.STATE_DONE && arena.error(i) == 0;
                if (isRequested(arena, i) && !isSent) {
                    Request unused = remove(request -> request.number == number);
                }
            }
        } finally {
            lock.unlock();
        }
    }

    private static boolean isRequested(Arena arena, int index) {
        return (arena.sendFlags(index) & Layout.SEND_WITH_TRANSMIT_TIME) != 0;
    }

    private static Request request(Arena arena, int index, long id, int number, boolean needsDigest) {
        return new Request(
                id,
                number,
                arena.peerHigh(index),
                arena.peerLow(index),
                arena.peerPort(index),
                arena.length(index),
                needsDigest ? digest(arena.memory(), arena.payloadAt(index), arena.length(index)) : 0,
                System.nanoTime());
    }

    /** Computes FNV-1a of the payload's beginning, as native/transmitted.c does. */
    static long digest(ByteBuffer memory, int at, int length) {
        long hash = 0xcbf29ce484222325L;
        for (int i = 0; i < length && i < ErrorLayout.DIGEST_OF; i++) {
            hash = (hash ^ (memory.get(at + i) & 0xff)) * 0x100000001b3L;
        }
        return hash;
    }

    private void add(Request request) {
        if (requests.size() == ROOM) {
            finish(requests.remove(), ABSENT);
        }
        requests.add(request);
        hasAny = true;
    }

    /** Takes a message of the error queue that {@link NetworkErrors} has read; ignores one that nobody requested. */
    void take(ByteBuffer room, int at) {
        lock.lock();
        try {
            int number = room.getInt(at + ErrorLayout.NUMBER);
            boolean byNumber = options.transmitForm() == Layout.TRANSMIT_NUMBERED;
            Request found = remove(request -> byNumber ? request.number == number : isOf(request, room, at));
            if (found != null) {
                long time = room.getLong(at + ErrorLayout.TIME);
                finish(found, time == 0 ? ABSENT : time);
            }
        } finally {
            lock.unlock();
        }
    }

    private static boolean isOf(Request request, ByteBuffer room, int at) {
        return room.get(at + ErrorLayout.HAS_PEER) != 0
                && request.digest == room.getLong(at + ErrorLayout.DIGEST)
                && request.length == room.getInt(at + ErrorLayout.PAYLOAD_LENGTH)
                && request.peerPort == (room.getShort(at + ErrorLayout.PEER_PORT) & 0xffff)
                && request.peerHigh == NetworkErrors.networkLong(room, at + ErrorLayout.PEER_ADDRESS)
                && request.peerLow == NetworkErrors.networkLong(room, at + ErrorLayout.PEER_ADDRESS + 8);
    }

    private @Nullable Request remove(Predicate<Request> isWanted) {
        for (Iterator<Request> iterator = requests.iterator(); iterator.hasNext(); ) {
            Request request = iterator.next();
            if (isWanted.test(request)) {
                iterator.remove();
                return request;
            }
        }
        return null;
    }

    private void finish(Request request, long nanos) {
        if (times.size() == ROOM) {
            times.remove();
        }
        times.add(new Time(request.id, nanos));
    }

    /** Returns true if a time was requested that the program has not taken. */
    boolean hasAny() {
        return hasAny;
    }

    /** Returns the next time, in the order in which they became known; null if none is known yet. */
    @Nullable
    Time poll() {
        if (!hasAny) {
            return null;
        }
        lock.lock();
        try {
            Request oldest = requests.peek();
            if (times.isEmpty() && oldest != null && System.nanoTime() - oldest.since >= NANOS) {
                finish(requests.remove(), ABSENT);
            }
            Time time = times.poll();
            hasAny = !times.isEmpty() || !requests.isEmpty();
            return time;
        } finally {
            lock.unlock();
        }
    }
}
