package org.pktinfo;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.SocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * What was taken from a channel's socket to be handed out one by one. That is one datagram, as long as receivers have to wait for
 * it now and then; of a queue that does not run empty several are taken with one system call. What is left goes to the next
 * receiver, whoever it is; but not once the JDK's channel was connected or disconnected, which throws its own queue away. For any
 * thread.
 */
final class Inbox {
    /** How many are taken at once from a queue that does not run empty: an eighth of the calls. */
    static final int AHEAD = 8;

    /** So many in a row have to be there at once before the queue counts as one that does not run empty. */
    static final int BUSY = 64;

    private final PktInfoChannel channel;
    private final GuardedArena memory; // its lock guards all that follows
    private int filled;
    private int next; // the first slot of which something is left, if less than filled
    private int taken; // bytes of that slot that were handed out, if it holds several datagrams
    private int inARow;
    private @Nullable SocketAddress place; // where the channel was bound when it was taken
    private boolean placeIsKnown; // not under a security manager that does not tell: it makes up another one each time

    /** For who would rather not take the lock. */
    private volatile boolean leftover;

    Inbox(PktInfoChannel channel) {
        this.channel = channel;
        this.memory = new GuardedArena(channel);
    }

    /** The next datagram, null if none is there. */
    @Nullable
    Datagram take() throws IOException {
        memory.lock();
        try {
            Arena from = hasNext() ? memory.get() : receive(inARow >= BUSY && channel.mayReadAhead() ? AHEAD : 1);
            if (from == null) {
                return null;
            }
            int slot = next;
            int at = taken;
            int length = advance(from);
            return from.segmentSize(slot) == 0 ? from.datagram(slot) : from.datagram(slot, at, length, length);
        } finally {
            unlock();
        }
    }

    /** The next datagram into a packet of the JDK, and where it was sent to; null if none is there. */
    @Nullable
    PacketInfo take(DatagramPacket packet) throws IOException {
        memory.lock();
        try {
            Arena from = hasNext() ? memory.get() : receive(1);
            if (from == null) {
                return null;
            }
            int slot = next;
            int at = taken;
            from.copy(slot, at, advance(from), packet);
            return from.packetInfo(slot);
        } finally {
            unlock();
        }
    }

    /** Returns true if something may be left; costs next to nothing. */
    boolean hasLeftover() {
        return leftover;
    }

    /** Puts what is left into a batch's arena, at most so many, each datagram into a slot; how many. */
    int take(Arena to, int most) throws IOException {
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

    /** Whether nothing was taken that nobody has got yet. */
    boolean isEmpty() throws IOException {
        memory.lock();
        try {
            return !hasNext();
        } finally {
            unlock();
        }
    }

    /** Returns when whoever is just taking something is done: who comes then finds it here. */
    void await() {
        memory.lock();
        memory.unlock();
    }

    private void unlock() {
        boolean some = next < filled;
        if (leftover != some) {
            leftover = some;
        }
        memory.unlock();
    }

    void freeIfClosed() {
        memory.freeIfClosed();
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
        return channel.channel().getLocalAddress() == address;
    }

    /** Takes what is there, at most so many; null if nothing is. */
    private @Nullable Arena receive(int count) throws IOException {
        Arena room = memory.withRoomFor(count);
        next = 0;
        filled = 0; // also if it fails
        if (count > 1 || channel.coalescesReceived()) { // else nothing is left of it
            place = channel.channel().getLocalAddress();
            placeIsKnown = isStillAt(place);
        }
        filled = channel.receiveNow(room, count);
        inARow = filled == 0 ? 0 : Math.min(BUSY, inARow + filled);
        return filled == 0 ? null : room;
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
