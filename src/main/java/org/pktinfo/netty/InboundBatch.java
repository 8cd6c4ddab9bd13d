package org.pktinfo.netty;

import io.netty.buffer.ByteBuf;
import io.netty.channel.MaxMessagesRecvByteBufAllocator;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.channel.socket.DatagramChannel;
import io.netty.channel.socket.DatagramPacket;
import io.netty.util.UncheckedBooleanSupplier;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.List;
import org.pktinfo.DatagramBatch;
import org.pktinfo.DatagramSlot;
import org.pktinfo.PacketInfo;

/**
 * Receives Netty's packets: fills a batch with one call, then copies each datagram out of it and remembers its peer. A
 * full batch means that more datagrams may be queued.
 */
@SuppressWarnings("deprecation") // of the handle, for which Netty 4.2 has no replacement
final class InboundBatch {
    /** The number of full batches in a row after which the next is read without asking the selector. */
    private static final int BUSY = 4;

    private final DatagramChannel channel;
    private final PktInfoDatagramChannelConfig config;
    private final BatchCache batches;
    private final RequestPeers peers = new RequestPeers();

    /** The number of the last batches that were full, at most {@link #BUSY}; 0 if the last one emptied the queue. */
    private int fullInARow;

    /** The time of the last batch, by System.nanoTime. */
    private long timeOfRead;

    InboundBatch(DatagramChannel channel, PktInfoDatagramChannelConfig config, BatchCache batches) {
        this.channel = channel;
        this.config = config;
        this.batches = batches;
    }

    /** Receives the queued datagrams and appends them to the packets read before; returns the number received. */
    int read(List<Object> packets, RecvByteBufAllocator.Handle handle) throws IOException {
        DatagramBatch batch = batches.usual(handle.guess());
        int limit = Math.min(batch.capacity(), mostToRead(packets.size()));
        int before = fullInARow;
        fullInARow = 0; // also if it fails
        int count = batch.receiveNow(limit);
        timeOfRead = System.nanoTime();
        fullInARow = count < limit ? 0 : Math.min(BUSY, before + 1);
        try {
            if (count > 0 && config.sharesReadBuffer()) {
                addSharing(packets, batch, count, handle);
            } else if (count > 0) {
                addApart(packets, batch, count, handle);
            }
        } finally {
            batch.clear();
        }
        return count;
    }

    /** Returns true if enough batches were full that the next may be read without asking the selector. */
    boolean isBusy() {
        return fullInARow == BUSY;
    }

    /**
     * Returns true if more is to be read at once. The selector reports datagrams that arrive in the meantime; a buffer
     * that was not filled says nothing about the number of datagrams.
     */
    boolean goesOn(RecvByteBufAllocator.Handle handle) {
        if (fullInARow == 0) {
            return false;
        }
        return handle instanceof RecvByteBufAllocator.ExtendedHandle extended
                ? extended.continueReading(UncheckedBooleanSupplier.TRUE_SUPPLIER)
                : handle.continueReading();
    }

    private void addApart(List<Object> packets, DatagramBatch batch, int count, RecvByteBufAllocator.Handle handle) {
        InetSocketAddress local = channel.localAddress();
        for (int i = 0; i < count; i++) {
            ByteBuf content = handle.allocate(config.getAllocator());
            packets.add(packet(batch.slot(i), content, content.writableBytes(), handle, local));
        }
    }

    /** Appends packets whose contents are slices of one buffer. */
    private void addSharing(List<Object> packets, DatagramBatch batch, int count, RecvByteBufAllocator.Handle handle) {
        InetSocketAddress local = channel.localAddress();
        int room = handle.guess();
        int total = 0;
        for (int i = 0; i < count; i++) {
            total += Math.min(batch.slot(i).length(), room);
        }
        ByteBuf shared = config.getAllocator().ioBuffer(total).retain(count);
        int taken = 0;
        try {
            int offset = 0;
            while (taken < count) {
                DatagramSlot slot = batch.slot(taken++);
                int length = Math.min(slot.length(), room);
                packets.add(packet(slot, shared.slice(offset, length).clear(), room, handle, local));
                offset += length;
            }
        } finally {
            shared.release(1 + count - taken);
        }
    }

    /** Returns the limit of one read. Without autoRead one read takes one packet, as in Netty's own channels. */
    private int mostToRead(int already) {
        return config.isAutoRead()
                        && config.getRecvByteBufAllocator() instanceof MaxMessagesRecvByteBufAllocator allocator
                ? Math.max(1, allocator.maxMessagesPerRead() - already)
                : 1;
    }

    /** Returns a packet that owns the content, which must be empty. */
    private DatagramPacket packet(
            DatagramSlot slot, ByteBuf content, int room, RecvByteBufAllocator.Handle handle, InetSocketAddress local) {
        boolean done = false;
        try {
            handle.attemptedBytesRead(room);
            content.writeBytes(slot.payload().limit(Math.min(slot.length(), room)));
            handle.lastBytesRead(content.readableBytes());
            PacketInfo info = slot.packetInfo();
            RequestPeer peer = peers.of(slot.peer(), info, local);
            config.memory().remember(peer.peer, peer.info, timeOfRead);
            done = true;
            return new PktInfoDatagramPacket(
                    content,
                    peer.destination,
                    peer,
                    info,
                    slot.wireLength(),
                    slot.facts().toRecord());
        } finally {
            if (!done) {
                content.release();
            }
        }
    }
}
