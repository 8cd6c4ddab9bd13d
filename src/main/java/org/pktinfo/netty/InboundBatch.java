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
 * Makes Netty's packets of what comes: as many as fit into a batch are received with one call, then each is copied out
 * of it, and its peer remembered. Tells from how full the batches are whether there is more.
 */
@SuppressWarnings("deprecation") // of the handle, for which there is nothing else in Netty 4.2
final class InboundBatch {
    /** So many full batches in a row, and the next is believed to be there without asking the selector. */
    private static final int BUSY = 4;

    private final DatagramChannel channel;
    private final PktInfoDatagramChannelConfig config;
    private final Batches batches;
    private final RequestPeers peers = new RequestPeers();

    /** Number of the last batches that were full, at most {@link #BUSY}; 0 if the last one took all that was there. */
    private int fullInARow;

    /** Of the last batch, by System.nanoTime. */
    private long timeOfRead;

    InboundBatch(DatagramChannel channel, PktInfoDatagramChannelConfig config, Batches batches) {
        this.channel = channel;
        this.config = config;
        this.batches = batches;
    }

    /** Adds the packets that are there, to those that were read before; returns how many. */
    int read(List<Object> packets, RecvByteBufAllocator.Handle handle) throws IOException {
        DatagramBatch batch = batches.usual(handle.guess());
        int most = Math.min(batch.capacity(), mostToRead(packets.size()));
        int before = fullInARow;
        fullInARow = 0; // also if it fails
        int count = batch.receiveNow(most);
        timeOfRead = System.nanoTime();
        fullInARow = count < most ? 0 : Math.min(BUSY, before + 1);
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

    /** Returns true if so many batches were full that the next may be read without asking the selector. */
    boolean isBusy() {
        return fullInARow == BUSY;
    }

    /**
     * Returns true if more is to be read at once. The selector tells of what came meanwhile; a buffer that was not
     * filled says nothing about datagrams.
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

    /** The contents are slices of one buffer. */
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
            int at = 0;
            while (taken < count) {
                DatagramSlot slot = batch.slot(taken++);
                int length = Math.min(slot.length(), room);
                packets.add(packet(slot, shared.slice(at, length).clear(), room, handle, local));
                at += length;
            }
        } finally {
            shared.release(1 + count - taken);
        }
    }

    /** Without autoRead one read takes one packet, as of Netty's own channels. */
    private int mostToRead(int already) {
        return config.isAutoRead()
                        && config.getRecvByteBufAllocator() instanceof MaxMessagesRecvByteBufAllocator allocator
                ? Math.max(1, allocator.maxMessagesPerRead() - already)
                : 1;
    }

    /** Takes the content over, which is empty. */
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
            return new PktInfoDatagramPacket(content, peer.destination, peer, info, slot.wireLength());
        } finally {
            if (!done) {
                content.release();
            }
        }
    }
}
