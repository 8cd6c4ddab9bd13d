package org.pktinfo.netty;

import org.jspecify.annotations.Nullable;
import org.pktinfo.DatagramBatch;
import org.pktinfo.PktInfoChannel;

/**
 * The channel's memory for datagrams on their way: read into and copied out at once, or filled and sent at once, so one does for both. A
 * batch belongs to one thread; when the channel has come to another event loop it gets new ones.
 */
final class Batches {
    /** The least that a slot holds, so that what is written usually fits, however little is read at a time. */
    private static final int USUAL_PAYLOAD = 2048;

    private final PktInfoChannel channel;
    private final PktInfoDatagramChannelConfig config;
    private @Nullable Thread thread;
    private @Nullable DatagramBatch usual;
    private @Nullable DatagramBatch large;

    Batches(PktInfoChannel channel, PktInfoDatagramChannelConfig config) {
        this.channel = channel;
        this.config = config;
    }

    /** A batch of the size wanted now, whose slots hold at least so much. */
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

    /** One slot for what is too long for the others. */
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
