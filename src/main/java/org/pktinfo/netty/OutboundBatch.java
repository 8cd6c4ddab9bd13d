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
import org.pktinfo.Source;

/**
 * Takes messages out of Netty's queue round by round: as many as fit into a batch are sent with one call, then each is
 * removed with its own outcome. Nothing is removed, and so no listener called, before all outcomes are known: a
 * listener may close the channel.
 */
final class OutboundBatch implements ChannelOutboundBuffer.MessageProcessor {
    private final DatagramChannel channel;
    private final PktInfoDatagramChannelConfig config;
    private final Batches batches;
    private final Sources sources;

    /**
     * Of the round: the messages in their order, behind which slot each ends, whether all of it is in slots, and why it
     * failed.
     */
    private Object[] messages = {};

    private int[] ends = {};
    private boolean[] whole = {};
    private @Nullable Throwable[] failures = {};
    private int count;
    private int limit;
    private DatagramBatch batch;

    /**
     * Number of bytes of the first message in the queue that have left in rounds before: only of one that leaves as several
     * datagrams.
     */
    private int gone;

    private boolean heldBack;

    /** The channel's peer, if it has one, as of the beginning of the round. */
    private @Nullable InetSocketAddress connected;

    OutboundBatch(DatagramChannel channel, PktInfoDatagramChannelConfig config, Batches batches, Sources sources) {
        this.channel = channel;
        this.config = config;
        this.batches = batches;
        this.sources = sources;
        this.batch = batches.usual(0);
    }

    /**
     * Sends from the queue until it is empty, so many messages are done, or the send buffer was found full so many
     * times. Whoever finds the queue not empty afterwards calls again once the channel is writable.
     */
    void send(ChannelOutboundBuffer queue, int most, int attempts) throws Exception {
        int messagesLeft = most;
        int attemptsLeft = attempts;
        while (messagesLeft > 0 && attemptsLeft > 0 && !queue.isEmpty()) {
            messagesLeft -= round(queue, messagesLeft);
            attemptsLeft -= heldBack ? 1 : 0;
        }
    }

    /** How many messages are done. */
    private int round(ChannelOutboundBuffer queue, int most) throws Exception {
        begin(most);
        try {
            queue.forEachFlushedMessage(this);
            if (count == 0) { // those that are left were cancelled
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

    /** Returns how long what is read next may be: reading and writing share their memory. */
    private int expectedPayload() {
        return channel.unsafe().recvBufAllocHandle().guess();
    }

    private void begin(int most) {
        batch = batches.usual(expectedPayload()).coalesceReplies(config.coalesces());
        if (messages.length != batch.capacity()) {
            messages = new Object[batch.capacity()];
            ends = new int[batch.capacity()];
            whole = new boolean[batch.capacity()];
            failures = new Throwable[batch.capacity()];
        }
        connected = channel.isConnected() ? channel.remoteAddress() : null;
        count = 0;
        limit = Math.min(most, batch.capacity());
        heldBack = false;
    }

    /** Puts one message into slots; false if no other has room behind it. */
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
     * Neighbours of one length to one peer leave in one piece anyway: a slot for each segment is enough. False if there
     * are too few.
     */
    private boolean put(Object message, ByteBuf content, int from, int piece) throws SendException {
        InetSocketAddress recipient = recipient(message);
        Endpoint peer = recipient instanceof RequestPeer request ? request.peer : Endpoint.of(recipient);
        Source source = sources.of(message, recipient, peer, connected != null);
        int length = content.readableBytes();
        int at = from;
        do {
            if (batch.size() == batch.capacity()) {
                return false;
            }
            int part = Math.min(piece, length - at);
            copy(content, at, batch.put(part, peer, source));
            at += part;
        } while (at < length);
        return true;
    }

    /** Straight into the slot: a ByteBuffer of the content would be a new object for each. */
    private static void copy(ByteBuf content, int from, DatagramSlot slot) {
        boolean done = false;
        try {
            content.getBytes(content.readerIndex() + from, slot.payload());
            slot.payload().rewind();
            done = true;
        } finally {
            if (!done) { // it was released already
                slot.cancelReply();
            }
        }
    }

    /** Who gets it, as the JDK's channel has it: only the peer, if there is one. */
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

    /** Finds out what has become of each message; how many are done. */
    private int settle() throws IOException {
        int slot = 0;
        for (int i = 0; i < count; i++) {
            int sent = i == 0 ? gone : 0;
            for (; slot < ends[i] && !heldBack; slot++) {
                DatagramSlot each = batch.slot(slot);
                if (each.isHeldBack()) {
                    heldBack = true;
                } else if (each.isSent()) {
                    sent += each.length();
                } else if (failures[i] == null) {
                    failures[i] = each.failure();
                }
            }
            if (failures[i] == null && (heldBack || !whole[i])) {
                gone = sent;
                return i;
            }
            gone = 0;
            if (heldBack) {
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
