package org.pktinfo.netty;

import io.netty.buffer.ByteBuf;
import io.netty.channel.socket.DatagramPacket;
import java.net.InetSocketAddress;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.pktinfo.SendOptions;

/**
 * A packet to be written to a {@link PktInfoDatagramChannel} whose datagrams have header fields of their own, in place
 * of the socket's: DSCP, ECN, hop limit. Its recipient and its sender have the meaning that they have in any other
 * packet. To any other channel it is an ordinary packet: one datagram with the socket's fields. Copies and duplicates
 * keep the fields.
 */
@SuppressWarnings("exports") // users of this package have Netty's modules
public final class OptionsPacket extends DatagramPacket {
    private final int segmentSize;
    private final SendOptions options;

    /**
     * Creates a packet for one datagram.
     *
     * @param content the payload; the packet takes ownership of it
     * @param recipient the destination
     * @param options the fields
     */
    public OptionsPacket(ByteBuf content, InetSocketAddress recipient, SendOptions options) {
        this(content, 0, recipient, null, options);
    }

    /**
     * Creates a packet for one or more datagrams, with a given source.
     *
     * @param content the payload; the packet takes ownership of it
     * @param segmentSize the length of each datagram, of which the last may be shorter; 0 for a single datagram
     * @param recipient the destination
     * @param sender the source; null for the one that the recipient determines
     * @param options the fields of all datagrams
     * @throws IllegalArgumentException if the segment size is negative
     */
    public OptionsPacket(
            ByteBuf content,
            int segmentSize,
            InetSocketAddress recipient,
            @Nullable InetSocketAddress sender,
            SendOptions options) {
        super(content, Objects.requireNonNull(recipient, "recipient"), sender);
        if (segmentSize < 0) {
            throw new IllegalArgumentException("segment size " + segmentSize + " is negative");
        }
        this.segmentSize = segmentSize;
        this.options = Objects.requireNonNull(options, "options");
    }

    /**
     * Returns a packet with the content, addresses and segment size of another one, and header fields of its own: for a
     * handler that gives them to the packets that a codec writes, replies and {@code SegmentedDatagramPacket}s among
     * them.
     *
     * @param packet the packet; the returned one takes over its reference to the content
     * @param options the fields, which replace all that the packet has of its own
     * @return the packet to be written instead
     */
    public static DatagramPacket of(DatagramPacket packet, SendOptions options) {
        Objects.requireNonNull(options, "options");
        return packet instanceof ReplyPacket reply
                ? reply.with(options)
                : new OptionsPacket(
                        packet.content(), SegmentedPackets.size(packet), packet.recipient(), packet.sender(), options);
    }

    /**
     * Returns the header fields of the datagrams.
     *
     * @return the fields
     */
    public SendOptions options() {
        return options;
    }

    /**
     * Returns the length of each datagram.
     *
     * @return the length in bytes, of which the last datagram may have fewer; 0 for a single datagram
     */
    public int segmentSize() {
        return segmentSize;
    }

    private OptionsPacket with(ByteBuf content) {
        return new OptionsPacket(content, segmentSize, recipient(), sender(), options);
    }

    @Override
    public OptionsPacket copy() {
        return with(content().copy());
    }

    @Override
    public OptionsPacket duplicate() {
        return with(content().duplicate());
    }

    @Override
    public OptionsPacket retainedDuplicate() {
        return with(content().retainedDuplicate());
    }

    @Override
    public OptionsPacket replace(ByteBuf content) {
        return with(content);
    }

    @Override
    public OptionsPacket retain() {
        super.retain();
        return this;
    }

    @Override
    public OptionsPacket retain(int increment) {
        super.retain(increment);
        return this;
    }

    @Override
    public OptionsPacket touch() {
        super.touch();
        return this;
    }

    @Override
    public OptionsPacket touch(@Nullable Object hint) {
        super.touch(hint);
        return this;
    }
}
