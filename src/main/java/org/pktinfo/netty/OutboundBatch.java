package org.pktinfo.netty;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.socket.DatagramChannel;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.AlreadyConnectedException;
import java.nio.channels.NotYetConnectedException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.pktinfo.DatagramBatch;
import org.pktinfo.DatagramSlot;
import org.pktinfo.Endpoint;
import org.pktinfo.SendException;
import org.pktinfo.SendOptions;
import org.pktinfo.Source;

/**
 * Sends messages of Netty's queue in rounds. As many as fit into a batch are sent with one call, then each is removed
 * with its own outcome. No message is removed, and no listener called, before all outcomes are known: a listener may
 * close the channel.
 */
final class OutboundBatch implements ChannelOutboundBuffer.MessageProcessor {
    private final DatagramChannel channel;
    private final PktInfoDatagramChannelConfig config;
    private final BatchCache batches;
    private final SourceResolver sources;

    /**
     * The messages of the round in their order; with the slot behind which each ends, a flag for one that is entirely
     * in slots, and the cause of its failure.
     */
    private Object[] messages = {};

    private int[] ends = {};
    private boolean[] whole = {};
    private @Nullable Throwable[] failures = {};
    private int count;
    private int limit;
    private DatagramBatch batch;

    /**
     * The number of bytes of the queue's first message that were sent in previous rounds: non-zero only if it is sent
     * as several datagrams.
     */
    private int gone;

    private boolean sendBufferFull;

    /** The channel's peer at the beginning of the round, null if it is not connected. */
    private @Nullable InetSocketAddress connected;

    OutboundBatch(
            DatagramChannel channel, PktInfoDatagramChannelConfig config, BatchCache batches, SourceResolver sources) {
        this.channel = channel;
        this.config = config;
        this.batches = batches;
        this.sources = sources;
        this.batch = batches.usual(0);
    }

    /**
     * Sends from the queue until it is empty, the given number of messages is done, or the send buffer was full the
     * given number of times. If the queue is not empty afterwards, call this method again once the channel is writable.
     */
    void send(ChannelOutboundBuffer queue, int maxMessages, int attempts) throws Exception {
        int messagesLeft = maxMessages;
        int attemptsLeft = attempts;
        while (messagesLeft > 0 && attemptsLeft > 0 && !queue.isEmpty()) {
            messagesLeft -= round(queue, messagesLeft);
            attemptsLeft -= sendBufferFull ? 1 : 0;
        }
    }

    /** Sends one batch; returns the number of messages that are done. */
    private int round(ChannelOutboundBuffer queue, int maxMessages) throws Exception {
        begin(maxMessages);
        try {
            queue.forEachFlushedMessage(this);
            if (count == 0) { // the remaining ones were cancelled
                while (queue.remove()) {
                    // the next
                }
                return 0;
            }
            batch.send();
            int done = settle();
            batch.clear();
            remove(queue, done);
            return done;
        } finally {
            batch.clear();
            Arrays.fill(messages, 0, count, null);
            Arrays.fill(failures, 0, count, null);
        }
    }

    /** Returns the expected length of the next datagram read: reading and writing share their batches. */
    private int expectedPayload() {
        return channel.unsafe().recvBufAllocHandle().guess();
    }

    private void begin(int maxMessages) {
        batch = batches.usual(expectedPayload()).coalesceReplies(config.coalesces());
        if (messages.length != batch.capacity()) {
            messages = new Object[batch.capacity()];
            ends = new int[batch.capacity()];
            whole = new boolean[batch.capacity()];
            failures = new Throwable[batch.capacity()];
        }
        connected = channel.isConnected() ? channel.remoteAddress() : null;
        count = 0;
        limit = Math.min(maxMessages, batch.capacity());
        sendBufferFull = false;
    }

    /** Puts one message into slots; returns false if no further message fits. */
    @Override
    public boolean processMessage(Object message) {
        if (count == limit || (count > 0 && batch.size() == batch.capacity())) {
            return false;
        }
        int from = count == 0 ? gone : 0;
        ByteBuf content = Messages.content(message);
        int piece = Messages.piece(message, content);
        if (piece > batch.payloadCapacity()) {
            if (count > 0) {
                return false;
            }
            batch = batches.large();
        }
        whole[count] = true;
        try {
            whole[count] = put(message, content, from, piece);
        } catch (SendException | RuntimeException e) {
            failures[count] = e;
        }
        messages[count] = message;
        ends[count++] = batch.size();
        return whole[count - 1];
    }

    /**
     * Puts the rest of a message into slots, one for each segment: neighbours of one length to one peer are sent as one
     * anyway. Returns false if there are too few slots.
     */
    private boolean put(Object message, ByteBuf content, int from, int piece) throws SendException {
        InetSocketAddress recipient = recipient(message);
        Endpoint peer = recipient instanceof RequestPeer request ? request.peer : Endpoint.of(recipient);
        Source source = sources.of(message, recipient, peer, connected != null);
        SendOptions options = Messages.options(message);
        int length = content.readableBytes();
        int offset = from;
        do {
            if (batch.size() == batch.capacity()) {
                return false;
            }
            int part = Math.min(piece, length - offset);
            DatagramSlot slot = batch.put(part, peer, source);
            if (options != null) {
                slot.sendOptions(options);
            }
            copy(content, offset, slot);
            offset += part;
        } while (offset < length);
        return true;
    }

    /** Copies directly into the slot: a ByteBuffer view of the content would be a new object for each. */
    private static void copy(ByteBuf content, int from, DatagramSlot slot) {
        boolean done = false;
        try {
            content.getBytes(content.readerIndex() + from, slot.payload());
            slot.payload().rewind();
            done = true;
        } finally {
            if (!done) { // the content was released already
                slot.cancelReply();
            }
        }
    }

    /** Returns the recipient as the JDK's channel would: only the peer, if the channel is connected. */
    private InetSocketAddress recipient(Object message) {
        InetSocketAddress recipient = Messages.recipient(message);
        if (recipient != null && connected != null && !recipient.equals(connected)) {
            throw new AlreadyConnectedException();
        }
        InetSocketAddress chosen = recipient == null ? connected : recipient;
        if (chosen == null) {
            throw new NotYetConnectedException();
        }
        return chosen;
    }

    /** Determines the outcome of each message; returns the number that are done. */
    private int settle() throws IOException {
        int slot = 0;
        for (int i = 0; i < count; i++) {
            int sent = i == 0 ? gone : 0;
            for (; slot < ends[i] && !sendBufferFull; slot++) {
                DatagramSlot each = batch.slot(slot);
                if (each.wouldBlock()) {
                    sendBufferFull = true;
                } else if (each.isSent()) {
                    sent += each.length();
                } else if (failures[i] == null) {
                    failures[i] = each.failure();
                }
            }
            if (failures[i] == null && (sendBufferFull || !whole[i])) {
                gone = sent;
                return i;
            }
            gone = 0;
            if (sendBufferFull) {
                return i + 1;
            }
        }
        return count;
    }

    private void remove(ChannelOutboundBuffer queue, int done) {
        for (int i = 0; i < done; i++) {
            while (queue.current() != messages[i] && queue.remove()) {
                // one that was cancelled
            }
            Throwable failure = failures[i];
            boolean removed = failure == null ? queue.remove() : queue.remove(failure);
            if (!removed) {
                return; // a listener has closed the channel
            }
        }
    }
}
