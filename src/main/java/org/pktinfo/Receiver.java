package org.pktinfo;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.SocketAddress;
import java.nio.channels.IllegalBlockingModeException;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.pktinfo.internal.Arena;
import org.pktinfo.internal.ChannelSocket;
import org.pktinfo.internal.GuardedArena;
import org.pktinfo.internal.Layout;
import org.pktinfo.internal.PacketCopy;
import org.pktinfo.internal.Tally;
import org.pktinfo.internal.Transport;
import org.pktinfo.internal.Waiting;

/**
 * Receives a channel's datagrams, and hands them out one by one. It takes one datagram from the socket at a time as
 * long as receivers have to wait now and then; from a queue that does not run empty it takes several with one system
 * call. The rest goes to the next receiver, whichever thread that is. It is discarded once the JDK's channel was
 * connected or disconnected, which discards its own queue. For any thread.
 */
final class Receiver implements Waiting.Attempt<Datagram> {
    /** The number of datagrams taken at once from a queue that does not run empty: an eighth of the calls. */
    static final int AHEAD = 8;

    /**
     * The number of datagrams received in a row without waiting after which a queue counts as one that does not run
     * empty.
     */
    static final int BUSY = 64;

    private final ChannelSocket socket;
    private final Waiting waiting;
    private final GuardedArena memory; // its lock guards all fields that follow
    private @Nullable SlotRecords records; // of the arena in memory
    private int filled;
    private int next; // the first slot that is not handed out completely, if less than filled
    private int taken; // bytes of that slot that were handed out, if it holds coalesced datagrams
    private int inARow;
    private @Nullable SocketAddress place; // the local address of the channel when the datagrams were taken
    private boolean isPositionKnown; // false if a security manager hides it: a different one each time

    /** True if datagrams are left, for readers that avoid the lock. */
    private volatile boolean leftover;

    /** A batch looks for datagrams in the socket's queue, without this lock. */
    private volatile boolean hasBatches;

    Receiver(ChannelSocket socket, Waiting waiting) {
        this.socket = socket;
        this.waiting = waiting;
        this.memory = new GuardedArena(socket);
    }

    /** Refuses to wait without limit for a channel that a Selector is for. */
    void checkBlocking() {
        if (socket.channel().isOpen() && !socket.channel().isBlocking()) {
            throw new IllegalBlockingModeException();
        }
    }

    /** Waits for a datagram. */
    Datagram receive() throws IOException {
        checkBlocking();
        Datagram datagram;
        do {
            datagram = receive(Long.MAX_VALUE);
        } while (datagram == null);
        return datagram;
    }

    /** Waits for a datagram no longer than some nanoseconds; null if none arrived. */
    @Nullable
    Datagram receive(long nanos) throws IOException {
        return waiting.receive(this, nanos);
    }

    /** Waits for a datagram and copies it into a packet of the JDK; returns the packet information. */
    @Nullable
    PacketInfo receive(DatagramPacket packet, long nanos) throws IOException {
        Objects.requireNonNull(packet, "packet");
        return waiting.receive(() -> take(packet, SlotRecords::packetInfo), nanos);
    }

    /** Does the same, and returns the facts too. */
    @Nullable
    PacketReport receiveReport(DatagramPacket packet, long nanos) throws IOException {
        Objects.requireNonNull(packet, "packet");
        return waiting.receive(() -> take(packet, SlotRecords::report), nanos);
    }

    /** Reads what a receiver is to be told of the datagram in a slot. */
    private interface Report<T> {
        T of(SlotRecords records, int index);
    }

    /** Waits until an attempt succeeds, for callers with their own way to receive. */
    <T> @Nullable T receive(Waiting.Attempt<T> attempt, long nanos) throws IOException {
        return waiting.receive(attempt, nanos);
    }

    /** Waits until a datagram can be received, without receiving it. */
    boolean awaitReadable(long nanos) throws IOException {
        return waiting.awaitReadable(() -> isEmpty() ? null : this, nanos);
    }

    /** Takes the next datagram; null if there is none. */
    @Override
    public @Nullable Datagram run() throws IOException {
        memory.lock();
        try {
            Arena from = hasNext() ? memory.get() : receive(inARow >= BUSY && mayReadAhead() ? AHEAD : 1);
            if (from == null) {
                return null;
            }
            int slot = next;
            int offset = taken;
            int length = advance(from);
            boolean one = from.segmentSize(slot) == 0;
            return records(from).datagram(slot, offset, length, one ? from.wireLength(slot) : length);
        } finally {
            unlock();
        }
    }

    private <T> @Nullable T take(DatagramPacket packet, Report<T> report) throws IOException {
        memory.lock();
        try {
            Arena from = hasNext() ? memory.get() : receive(1);
            if (from == null) {
                return null;
            }
            int slot = next;
            int offset = taken;
            PacketCopy.copy(from, slot, offset, advance(from), packet);
            return report.of(records(from), slot);
        } finally {
            unlock();
        }
    }

    private SlotRecords records(Arena from) {
        SlotRecords current = SlotRecords.of(from, records);
        records = current;
        return current;
    }

    /** Receives up to a limit for a batch, the datagrams left by a read-ahead first; returns 0 if there are none. */
    int take(Arena to, int limit) throws IOException {
        int moved = leftover ? takeRemaining(to, limit) : 0;
        return moved > 0 ? moved : receive(to, limit);
    }

    private int takeRemaining(Arena to, int limit) throws IOException {
        checkCoalesced(to);
        long truncatedBefore = to.tally.get(Tally.TRUNCATED);
        int moved = move(to, limit);
        if (to.tally.get(Tally.TRUNCATED) > truncatedBefore) {
            socket.recorder().truncated(to, moved);
        }
        return moved;
    }

    /** Moves the datagrams that are left into a batch's arena, one per slot, up to a limit; returns their number. */
    private int move(Arena to, int limit) throws IOException {
        memory.lock();
        try {
            int moved = 0;
            Arena from = memory.get();
            while (from != null && moved < limit && hasNext()) {
                int slot = next;
                int offset = taken;
                to.putReceived(moved++, from, slot, offset, advance(from));
            }
            return moved;
        } finally {
            unlock();
        }
    }

    /** Returns true if every datagram that was taken has been handed out. */
    private boolean isEmpty() throws IOException {
        memory.lock();
        try {
            return !hasNext();
        } finally {
            unlock();
        }
    }

    /**
     * Returns an arena for a batch. Read-ahead ends, and a thread that is just taking datagrams is waited for, so that
     * the batch finds here the ones it leaves.
     */
    Arena newArena(int slots, int payloadCapacity) {
        hasBatches = true;
        memory.lock();
        memory.unlock();
        return socket.newArena(slots, payloadCapacity);
    }

    private void unlock() {
        boolean some = next < filled;
        if (leftover != some) {
            leftover = some;
        }
        memory.unlock();
    }

    private boolean hasNext() throws IOException {
        if (next < filled && (memory.get() == null || (isPositionKnown && !isStillAt(place)))) {
            filled = 0;
            taken = 0;
        }
        return next < filled;
    }

    /** The JDK's channel has a new address object, perhaps an equal one, after each connect and disconnect. */
    @SuppressWarnings("ReferenceEquality")
    private boolean isStillAt(@Nullable SocketAddress address) throws IOException {
        return socket.channel().getLocalAddress() == address;
    }

    /** Receives queued datagrams up to a limit; null if there are none. */
    private @Nullable Arena receive(int count) throws IOException {
        Arena room = memory.withRoomFor(count);
        next = 0;
        filled = 0; // also if it fails
        if (count > 1 || socket.options().coalesces()) { // else nothing is left over
            place = socket.channel().getLocalAddress();
            isPositionKnown = isStillAt(place);
        }
        filled = receive(room, count);
        inARow = filled == 0 ? 0 : Math.min(BUSY, inARow + filled);
        return filled == 0 ? null : room;
    }

    /**
     * Returns true if more datagrams may be taken from the socket than are handed out at once, which holds only if no
     * other receiver looks for them there. Called under the lock; a thread that begins to wait looks here once more
     * under it.
     */
    boolean mayReadAhead() {
        return !waiting.hasReceivers() && !hasBatches && socket.channel().isBlocking() && socket.choosesSource();
    }

    private void checkCoalesced(Arena arena) {
        if (socket.options().coalesces()) {
            checkHolds(arena.payloadCapacity());
        }
    }

    /** Refuses a capacity that cannot hold coalesced datagrams. */
    static void checkHolds(int capacity) {
        if (capacity < Transport.LONGEST_PAYLOAD) {
            throw new IllegalStateException("datagrams that come as one do not fit into " + capacity
                    + " bytes, but into " + Transport.LONGEST_PAYLOAD);
        }
    }

    /** Receives queued datagrams up to a limit into an arena that only the caller uses; returns 0 if there are none. */
    private int receive(Arena arena, int count) throws IOException {
        checkCoalesced(arena);
        int received = socket.receive(arena, count);
        if (received > 0 && count(arena, received) > 0) {
            socket.recorder().truncated(arena, received);
        }
        return received;
    }

    /** Counts the datagrams in the first slots of an arena; returns the number of truncated ones. */
    private static int count(Arena arena, int received) {
        long datagrams = 0;
        long bytes = 0;
        int truncated = 0;
        int controlTruncated = 0;
        int withoutPacketInfo = 0;
        for (int i = 0; i < received; i++) {
            datagrams += arena.datagrams(i);
            bytes += arena.wireLength(i);
            truncated += arena.has(i, Layout.FLAG_TRUNCATED) ? 1 : 0;
            controlTruncated += arena.has(i, Layout.FLAG_CONTROL_TRUNCATED) ? 1 : 0;
            withoutPacketInfo += ReplyRule.hasPacketInfo(arena, i) ? 0 : 1;
        }
        Tally tally = arena.tally;
        tally.add(Tally.RECEIVED, datagrams);
        tally.add(Tally.RECEIVED_BYTES, bytes);
        tally.add(Tally.RECEIVE_CALLS, 1);
        if ((truncated | controlTruncated | withoutPacketInfo) != 0) {
            tally.add(Tally.TRUNCATED, truncated);
            tally.add(Tally.CONTROL_TRUNCATED, controlTruncated);
            tally.add(Tally.WITHOUT_PACKET_INFO, withoutPacketInfo);
        }
        return truncated;
    }

    /** Advances past the next datagram, which may be one of several coalesced ones; returns its length. */
    private int advance(Arena from) {
        int segment = from.segmentSize(next);
        int whole = from.length(next);
        int length = segment == 0 ? whole : Math.min(segment, whole - taken);
        if (segment == 0 || taken + length == whole) {
            taken = 0;
            next++;
        } else {
            taken += length;
        }
        return length;
    }
}
