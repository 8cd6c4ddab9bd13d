package org.pktinfo;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** Where a channel's datagrams are made ready that are sent one by one. For any thread. */
final class Outbox {
    private final PktInfoChannel channel;
    private final ReentrantLock lock = new ReentrantLock();
    private @Nullable Arena arena; // guarded by lock

    Outbox(PktInfoChannel channel) {
        this.channel = channel;
    }

    /** Sends a datagram, whose payload has no bytes left then; false if the send buffer is full. */
    boolean send(ByteBuffer payload, Endpoint peer, Source source) throws IOException {
        lock.lock();
        try {
            Arena room = room();
            room.write(0, payload);
            room.prepareSend(0, payload.remaining(), peer, source, channel.interfaceIndex(source));
            if (channel.sendNow(room, 1) == 0) {
                return false;
            }
            int error = room.error(0);
            if (error != 0) {
                throw SendException.failed(error, source, peer);
            }
            room.tally.add(Tally.SENT, 1);
            room.tally.add(Tally.SENT_BYTES, payload.remaining());
        } finally {
            lock.unlock();
            freeIfClosed();
        }
        payload.position(payload.limit());
        return true;
    }

    private Arena room() throws ClosedChannelException {
        Arena room = arena;
        if (room == null) {
            room = channel.newHiddenArena(1);
            arena = room;
        }
        return room;
    }

    /**
     * Frees the memory once the channel is closed, unless somebody uses it: who does calls this afterwards, because nobody may wait for
     * him who closes the channel.
     */
    void freeIfClosed() {
        if (channel.isOpen() || lock.isHeldByCurrentThread() || !lock.tryLock()) {
            return;
        }
        try {
            if (arena != null) {
                channel.free(arena);
                arena = null;
            }
        } finally {
            lock.unlock();
        }
    }
}
