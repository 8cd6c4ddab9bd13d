package org.pktinfo;

import java.io.IOException;
import java.nio.ByteBuffer;

/** Where a channel's datagrams are made ready that are sent one by one. For any thread. */
final class Outbox {
    private final PktInfoChannel channel;
    private final GuardedArena memory;

    Outbox(PktInfoChannel channel) {
        this.channel = channel;
        this.memory = new GuardedArena(channel);
    }

    /** Sends a datagram, whose payload has no bytes left then; false if the send buffer is full. */
    boolean send(ByteBuffer payload, Endpoint peer, Source source) throws IOException {
        memory.lock();
        try {
            Arena arena = memory.withRoomFor(1);
            arena.write(0, payload);
            arena.prepareSend(0, payload.remaining(), peer, source, channel.interfaceIndex(source));
            if (channel.sendNow(arena, 1) == 0) {
                return false;
            }
            int error = arena.error(0);
            if (error != 0) {
                throw SendException.failed(error, source, peer);
            }
            arena.tally.add(Tally.SENT, 1);
            arena.tally.add(Tally.SENT_BYTES, payload.remaining());
        } finally {
            memory.unlock();
        }
        payload.position(payload.limit());
        return true;
    }

    void freeIfClosed() {
        memory.freeIfClosed();
    }
}
