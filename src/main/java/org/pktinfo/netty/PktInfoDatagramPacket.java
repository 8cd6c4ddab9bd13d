package org.pktinfo.netty;

import io.netty.buffer.ByteBuf;
import io.netty.channel.socket.DatagramPacket;
import java.net.InetSocketAddress;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.pktinfo.PacketInfo;
import org.pktinfo.SourceSelection;

/**
 * A datagram that a {@link PktInfoDatagramChannel} received: {@link #recipient} is the address that it was sent to, be
 * it the host's, a group's or a broadcast address, with the channel's port; {@link #packetInfo} is all that the kernel
 * said. Copies and duplicates keep it.
 */
@SuppressWarnings("exports") // who uses this package has Netty's modules
public final class PktInfoDatagramPacket extends DatagramPacket {
    private final PacketInfo packetInfo;
    private final int wireLength;
    private final boolean truncated;

    /**
     * A datagram as it is received: also for tests of handlers.
     *
     * @param content what came
     * @param recipient where it was sent to
     * @param sender who sent it
     * @param packetInfo what the kernel said
     * @param wireLength how many bytes were sent, from those of the content to 65535
     * @throws IllegalArgumentException if {@code wireLength} is less or more
     */
    public PktInfoDatagramPacket(
            ByteBuf content,
            InetSocketAddress recipient,
            InetSocketAddress sender,
            PacketInfo packetInfo,
            int wireLength) {
        this(content, recipient, sender, packetInfo, wireLength, wireLength > content.readableBytes());
        if (wireLength < content.readableBytes() || wireLength > 0xffff) {
            throw new IllegalArgumentException("wire length " + wireLength + " is not in the content's "
                    + content.readableBytes() + " to 65535 bytes");
        }
    }

    private PktInfoDatagramPacket(
            ByteBuf content,
            InetSocketAddress recipient,
            InetSocketAddress sender,
            PacketInfo packetInfo,
            int wireLength,
            boolean truncated) {
        super(content, Objects.requireNonNull(recipient, "recipient"), Objects.requireNonNull(sender, "sender"));
        this.packetInfo = Objects.requireNonNull(packetInfo, "packetInfo");
        this.wireLength = wireLength;
        this.truncated = truncated;
    }

    /**
     * Where it was sent to and came in.
     *
     * @return what the kernel said
     */
    public PacketInfo packetInfo() {
        return packetInfo;
    }

    /**
     * How many bytes the peer sent.
     *
     * @return bytes
     */
    public int wireLength() {
        return wireLength;
    }

    /**
     * Whether the peer sent more than the buffer took that {@link io.netty.channel.ChannelOption#RECVBUF_ALLOCATOR}
     * made for it.
     *
     * @return true if the rest is lost
     */
    public boolean isTruncated() {
        return truncated;
    }

    /**
     * The reply to this very request, from the address that it was sent to; to be written to a {@link
     * PktInfoDatagramChannel}.
     *
     * @param content the reply; the packet takes it over
     * @return the packet; writing it fails with {@link org.pktinfo.SendException.Kind#NO_SOURCE} if the request does
     *     not say which address it was sent to, or it is written to a channel that is bound to another or connected
     *     from one
     */
    public DatagramPacket reply(ByteBuf content) {
        return reply(content, SourceSelection.addressAsked());
    }

    /**
     * The reply to this very request, from the source that a selection chooses.
     *
     * @param content the reply; the packet takes it over
     * @param selection chooses the source when the packet is written, in the channel's event loop; what it throws fails
     *     the write. One of the program's own may choose an address that the channel is not bound to
     * @return the packet
     */
    public DatagramPacket reply(ByteBuf content, SourceSelection selection) {
        return new Reply(content, sender(), packetInfo, selection);
    }

    private PktInfoDatagramPacket with(ByteBuf content) {
        return new PktInfoDatagramPacket(content, recipient(), sender(), packetInfo, wireLength, truncated);
    }

    @Override
    public PktInfoDatagramPacket copy() {
        return with(content().copy());
    }

    @Override
    public PktInfoDatagramPacket duplicate() {
        return with(content().duplicate());
    }

    @Override
    public PktInfoDatagramPacket retainedDuplicate() {
        return with(content().retainedDuplicate());
    }

    @Override
    public PktInfoDatagramPacket replace(ByteBuf content) {
        return with(content);
    }

    @Override
    public PktInfoDatagramPacket retain() {
        super.retain();
        return this;
    }

    @Override
    public PktInfoDatagramPacket retain(int increment) {
        super.retain(increment);
        return this;
    }

    @Override
    public PktInfoDatagramPacket touch() {
        super.touch();
        return this;
    }

    @Override
    public PktInfoDatagramPacket touch(@Nullable Object hint) {
        super.touch(hint);
        return this;
    }
}
