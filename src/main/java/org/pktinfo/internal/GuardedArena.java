package org.pktinfo.internal;

import java.nio.channels.ClosedChannelException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * An arena that nobody but a part of a channel sees, for who holds its lock; gone once the channel is closed. Whoever
 * closes the channel waits for nobody who holds the lock: that one frees the memory when he lets go.
 */
public final class GuardedArena implements ChannelSocket.Part {
    private final ChannelSocket socket;
    private final ReentrantLock lock = new ReentrantLock();
    private @Nullable Arena arena; // guarded by lock

    public GuardedArena(ChannelSocket socket) {
        this.socket = socket;
        socket.add(this);
    }

    public void lock() {
        lock.lock();
    }

    public void unlock() {
        lock.unlock();
        freeIfClosed();
    }

    /** Returns the arena, null if there is none yet or any more. For who holds the lock. */
    @Nullable
    public Arena get() {
        return arena;
    }

    /** Returns one with so many slots at least; a smaller one there was is gone. For who holds the lock. */
    public Arena withRoomFor(int slots) throws ClosedChannelException {
        Arena room = arena;
        if (room == null || room.slots() < slots) {
            room = socket.newHiddenArena(slots);
            free();
            arena = room;
        }
        return room;
    }

    @Override
    public void channelClosed() {
        freeIfClosed();
    }

    /** Frees the memory if the channel is closed and nobody holds the lock. */
    private void freeIfClosed() {
        if (!socket.isOpen() && !lock.isHeldByCurrentThread() && lock.tryLock()) {
            try {
                free();
            } finally {
                lock.unlock();
            }
        }
    }

    private void free() {
        if (arena != null) {
            socket.free(arena);
            arena = null;
        }
    }
}
