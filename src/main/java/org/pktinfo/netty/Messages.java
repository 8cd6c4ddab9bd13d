package org.pktinfo.netty;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.AddressedEnvelope;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.channels.UnresolvedAddressException;
import java.nio.channels.UnsupportedAddressTypeException;
import org.jspecify.annotations.Nullable;
import org.pktinfo.SendOptions;

/** The messages that can be written: bytes for the channel's peer, or an envelope of them with addresses. */
final class Messages {
    private Messages() {}

    /** Returns the object to queue for a message to be written, and takes ownership of the message. */
    static Object accept(Object message) {
        if (message instanceof AddressedEnvelope<?, ?> envelope && envelope.content() instanceof ByteBuf) {
            checkResolved(envelope.recipient());
            checkResolved(envelope.sender());
            return message;
        }
        if (message instanceof ByteBuf content) {
            // All empty buffers may be one object; each write needs its own to be distinguished from the others.
            if (content.isReadable()) {
                return content;
            }
            content.release();
            return Unpooled.buffer(0, 1);
        }
        throw new UnsupportedOperationException("a " + message.getClass().getName()
                + " cannot be written: a ByteBuf can, or an AddressedEnvelope of one for an InetSocketAddress");
    }

    private static void checkResolved(@Nullable SocketAddress address) {
        if (address != null && !(address instanceof InetSocketAddress)) {
            throw new UnsupportedAddressTypeException();
        }
        if (address instanceof InetSocketAddress inet && inet.isUnresolved()) {
            throw new UnresolvedAddressException();
        }
    }

    static ByteBuf content(Object message) {
        return message instanceof AddressedEnvelope<?, ?> envelope ? (ByteBuf) envelope.content() : (ByteBuf) message;
    }

    /** Returns the length of each datagram but the last that a message with this content is sent as. */
    static int piece(Object message, ByteBuf content) {
        int segment = SegmentedPackets.size(message);
        return segment > 0 ? Math.min(segment, content.readableBytes()) : content.readableBytes();
    }

    /** Returns the header fields that a message's datagrams have of their own, null for the socket's. */
    static @Nullable SendOptions options(Object message) {
        if (message instanceof ReplyPacket reply) {
            return reply.options;
        }
        return message instanceof OptionsPacket packet ? packet.options() : null;
    }

    static @Nullable InetSocketAddress recipient(Object message) {
        return message instanceof AddressedEnvelope<?, ?> envelope ? (InetSocketAddress) envelope.recipient() : null;
    }

    static @Nullable InetSocketAddress sender(Object message) {
        return message instanceof AddressedEnvelope<?, ?> envelope
                        && envelope.sender() instanceof InetSocketAddress sender
                ? sender
                : null;
    }
}
