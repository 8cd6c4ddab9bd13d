package org.pktinfo.internal;

import java.nio.channels.ClosedChannelException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * An arena that only one part of a channel uses, guarded by that part's lock, and freed once the channel is closed.
 * Closing the channel does not wait for a thread that holds the lock: that thread frees the memory when it releases the
 * lock.
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

    /** Returns the arena, or null if there is none yet or any more. The caller must hold the lock. */
    @Nullable
    public Arena get() {
        return arena;
    }

    /**
     * Returns an arena with at least {@code slots} slots; a smaller one is replaced and freed. The caller must hold the
     * lock.
     */
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

    /** Frees the memory if the channel is closed and no thread holds the lock. */
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
