package org.pktinfo.netty;

import org.jspecify.annotations.Nullable;
import org.pktinfo.DatagramBatch;
import org.pktinfo.PktInfoChannel;

/**
 * The channel's batches of datagrams. A batch is read into and copied out at once, or filled and sent at once, so that
 * one serves both directions. A batch belongs to one thread; a channel that has moved to another event loop gets new
 * ones.
 */
final class BatchCache {
    /** The least capacity of a slot, so that datagrams written usually fit even if the reads are short. */
    private static final int USUAL_PAYLOAD = 2048;

    private final PktInfoChannel channel;
    private final PktInfoDatagramChannelConfig config;
    private @Nullable Thread thread;
    private @Nullable DatagramBatch usual;
    private @Nullable DatagramBatch large;

    BatchCache(PktInfoChannel channel, PktInfoDatagramChannelConfig config) {
        this.channel = channel;
        this.config = config;
    }

    /** Returns a batch of the configured size whose slots hold at least the given length. */
    DatagramBatch usual(int payload) {
        followThread();
        int slots = config.batchSize();
        int capacity = Math.min(Math.max(payload, USUAL_PAYLOAD), PktInfoChannel.MAX_PAYLOAD);
        DatagramBatch batch = usual;
        if (batch == null || batch.capacity() != slots || batch.payloadCapacity() < capacity) {
            batch = channel.newBatch(slots, capacity);
            usual = batch;
        }
        return batch;
    }

    /** Returns a batch of one slot, for datagrams that are too long for the usual one. */
    DatagramBatch large() {
        followThread();
        DatagramBatch batch = large;
        if (batch == null) {
            batch = channel.newBatch(1, PktInfoChannel.MAX_PAYLOAD);
            large = batch;
        }
        return batch;
    }

    private void followThread() {
        if (thread != Thread.currentThread()) {
            thread = Thread.currentThread();
            usual = null;
            large = null;
        }
    }
}
