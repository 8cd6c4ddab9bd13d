package org.pktinfo;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.SocketAddress;
import java.nio.channels.IllegalBlockingModeException;
import org.jspecify.annotations.Nullable;
import org.pktinfo.internal.Arena;
import org.pktinfo.internal.ChannelSocket;
import org.pktinfo.internal.GuardedArena;
import org.pktinfo.internal.Layout;
import org.pktinfo.internal.Tally;
import org.pktinfo.internal.Transport;
import org.pktinfo.internal.Waiting;

/**
 * What was taken from a channel's socket to be handed out one by one. That is one datagram, as long as receivers have
 * to wait for it now and then; of a queue that does not run empty several are taken with one system call. What is left
 * goes to the next receiver, whoever it is; but not once the JDK's channel was connected or disconnected, which throws
 * its own queue away. For any thread.
 */
final class Inbox implements Waiting.Attempt<Datagram> {
    /** How many are taken at once from a queue that does not run empty: an eighth of the calls. */
    static final int AHEAD = 8;

    /** So many in a row have to be there at once before the queue counts as one that does not run empty. */
    static final int BUSY = 64;

    private final ChannelSocket socket;
    private final Waiting waiting;
    private final GuardedArena memory; // its lock guards all that follows
    private @Nullable SlotRecords records; // of its arena
    private int filled;
    private int next; // the first slot of which something is left, if less than filled
    private int taken; // bytes of that slot that were handed out, if it holds several datagrams
    private int inARow;
    private @Nullable SocketAddress place; // where the channel was bound when it was taken
    private boolean placeIsKnown; // not under a security manager that does not tell: it makes up another one each time

    /** For who would rather not take the lock. */
    private volatile boolean leftover;

    /** A batch looks for datagrams in the socket's queue, without this lock. */
    private volatile boolean hasBatches;

    Inbox(ChannelSocket socket, Waiting waiting) {
        this.socket = socket;
        this.waiting = waiting;
        this.memory = new GuardedArena(socket);
    }

    /** Refuses to wait without end for a channel that a Selector is for. */
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

    /** Waits for a datagram no longer than some nanoseconds; null if none came. */
    @Nullable
    Datagram receive(long nanos) throws IOException {
        return waiting.receive(this, nanos);
    }

    /** Waits for a datagram, and puts it into a packet of the JDK; returns where it was sent to. */
    @Nullable
    PacketInfo receive(DatagramPacket packet, long nanos) throws IOException {
        return waiting.receive(() -> take(packet), nanos);
    }

    /** For who takes otherwise. */
    <T> @Nullable T receive(Waiting.Attempt<T> attempt, long nanos) throws IOException {
        return waiting.receive(attempt, nanos);
    }

    /** Waits until a datagram is there, without taking it. */
    boolean awaitReadable(long nanos) throws IOException {
        return waiting.awaitReadable(() -> isEmpty() ? null : this, nanos);
    }

    /** Takes the next datagram; null if none is there. */
    @Override
    public @Nullable Datagram run() throws IOException {
        memory.lock();
        try {
            Arena from = hasNext() ? memory.get() : receive(inARow >= BUSY && mayReadAhead() ? AHEAD : 1);
            if (from == null) {
                return null;
            }
            int slot = next;
            int at = taken;
            int length = advance(from);
            boolean one = from.segmentSize(slot) == 0;
            return records(from).datagram(slot, at, length, one ? from.wireLength(slot) : length);
        } finally {
            unlock();
        }
    }

    private @Nullable PacketInfo take(DatagramPacket packet) throws IOException {
        memory.lock();
        try {
            Arena from = hasNext() ? memory.get() : receive(1);
            if (from == null) {
                return null;
            }
            int slot = next;
            int at = taken;
            from.copy(slot, at, advance(from), packet);
            return records(from).packetInfo(slot);
        } finally {
            unlock();
        }
    }

    private SlotRecords records(Arena from) {
        SlotRecords current = SlotRecords.of(from, records);
        records = current;
        return current;
    }

    /** For a batch: receives what is there, at most so many, and first what was taken ahead; 0 if nothing is. */
    int take(Arena to, int most) throws IOException {
        int left = leftover ? takeLeft(to, most) : 0;
        return left > 0 ? left : receive(to, most);
    }

    private int takeLeft(Arena to, int most) throws IOException {
        checkCoalesced(to);
        long cut = to.tally.get(Tally.TRUNCATED);
        int left = move(to, most);
        if (to.tally.get(Tally.TRUNCATED) > cut) {
            socket.recorder().truncated(to, left);
        }
        return left;
    }

    /** Puts what is left into a batch's arena, at most so many, each datagram into a slot; how many. */
    private int move(Arena to, int most) throws IOException {
        memory.lock();
        try {
            int moved = 0;
            Arena from = memory.get();
            while (from != null && moved < most && hasNext()) {
                int slot = next;
                int at = taken;
                to.putReceived(moved++, from, slot, at, advance(from));
            }
            return moved;
        } finally {
            unlock();
        }
    }

    /** Returns true if nothing was taken that nobody has got yet. */
    private boolean isEmpty() throws IOException {
        memory.lock();
        try {
            return !hasNext();
        } finally {
            unlock();
        }
    }

    /**
     * Returns an arena for a batch. Nothing is taken ahead any more, and whoever is just taking something is waited
     * for: the batch finds here what was.
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
        if (next < filled && (memory.get() == null || (placeIsKnown && !isStillAt(place)))) {
            filled = 0;
            taken = 0;
        }
        return next < filled;
    }

    /** The JDK's channel has a new address object, an equal one perhaps, after each connect and disconnect. */
    @SuppressWarnings("ReferenceEquality")
    private boolean isStillAt(@Nullable SocketAddress address) throws IOException {
        return socket.channel().getLocalAddress() == address;
    }

    /** Takes what is there, at most so many; null if nothing is. */
    private @Nullable Arena receive(int count) throws IOException {
        Arena room = memory.withRoomFor(count);
        next = 0;
        filled = 0; // also if it fails
        if (count > 1 || socket.options().coalesces()) { // else nothing is left of it
            place = socket.channel().getLocalAddress();
            placeIsKnown = isStillAt(place);
        }
        filled = receive(room, count);
        inARow = filled == 0 ? 0 : Math.min(BUSY, inARow + filled);
        return filled == 0 ? null : room;
    }

    /**
     * Tells whether more may be taken from the socket than is handed out at once: only if nobody else looks for it
     * there. Asked under the lock, where whoever begins to wait will look once more.
     */
    boolean mayReadAhead() {
        return !waiting.hasReceivers() && !hasBatches && socket.channel().isBlocking() && socket.choosesSource();
    }

    private void checkCoalesced(Arena arena) {
        if (socket.options().coalesces()) {
            checkHolds(arena.payloadCapacity());
        }
    }

    /** Refuses a capacity that cannot hold what may come as one. */
    static void checkHolds(int capacity) {
        if (capacity < Transport.LONGEST_PAYLOAD) {
            throw new IllegalStateException("datagrams that come as one do not fit into " + capacity
                    + " bytes, but into " + Transport.LONGEST_PAYLOAD);
        }
    }

    /** Receives what is there, at most so many, into an arena that only the caller uses; 0 if nothing is. */
    private int receive(Arena arena, int count) throws IOException {
        checkCoalesced(arena);
        int received = socket.receive(arena, count);
        if (received > 0 && count(arena, received) > 0) {
            socket.recorder().truncated(arena, received);
        }
        return received;
    }

    /** Counts what was received into the first so many slots; how many did not fit. */
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
            withoutPacketInfo += AddressAsked.hasPacketInfo(arena, i) ? 0 : 1;
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

    /** Steps over the next datagram, which may be one of several that came as one; its length. */
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
