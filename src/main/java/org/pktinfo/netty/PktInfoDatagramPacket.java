package org.pktinfo.netty;

import io.netty.buffer.ByteBuf;
import io.netty.channel.socket.DatagramPacket;
import java.net.InetSocketAddress;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.pktinfo.PacketInfo;
import org.pktinfo.ReceivedFacts;
import org.pktinfo.SendOptions;
import org.pktinfo.SourceSelection;

/**
 * A datagram that a {@link PktInfoDatagramChannel} received. {@link #recipient} is its destination, an address of the
 * host, a group or a broadcast address, with the channel's port; {@link #packetInfo} is the kernel's report of it, and
 * {@link #facts} are those that it reports on demand. Copies and duplicates keep them.
 */
@SuppressWarnings("exports") // users of this package have Netty's modules
public final class PktInfoDatagramPacket extends DatagramPacket {
    private final PacketInfo packetInfo;
    private final int wireLength;
    private final boolean truncated;
    private final ReceivedFacts facts;

    /**
     * Creates a datagram without facts as if it were received; also for tests of handlers.
     *
     * @param content the payload received
     * @param recipient the destination
     * @param sender the peer
     * @param packetInfo the kernel's report
     * @param wireLength the number of bytes that the peer sent, from those of the content to 65535
     * @throws IllegalArgumentException if {@code wireLength} is out of range
     */
    public PktInfoDatagramPacket(
            ByteBuf content,
            InetSocketAddress recipient,
            InetSocketAddress sender,
            PacketInfo packetInfo,
            int wireLength) {
        this(content, recipient, sender, packetInfo, wireLength, ReceivedFacts.NONE);
    }

    /**
     * Creates a datagram as if it were received; also for tests of handlers.
     *
     * @param content the payload received
     * @param recipient the destination
     * @param sender the peer
     * @param packetInfo the kernel's report
     * @param wireLength the number of bytes that the peer sent, from those of the content to 65535
     * @param facts the facts that the kernel reported on demand
     * @throws IllegalArgumentException if {@code wireLength} is out of range
     */
    public PktInfoDatagramPacket(
            ByteBuf content,
            InetSocketAddress recipient,
            InetSocketAddress sender,
            PacketInfo packetInfo,
            int wireLength,
            ReceivedFacts facts) {
        this(content, recipient, sender, packetInfo, wireLength, wireLength > content.readableBytes(), facts);
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
            boolean truncated,
            ReceivedFacts facts) {
        super(content, Objects.requireNonNull(recipient, "recipient"), Objects.requireNonNull(sender, "sender"));
        this.packetInfo = Objects.requireNonNull(packetInfo, "packetInfo");
        this.wireLength = wireLength;
        this.truncated = truncated;
        this.facts = Objects.requireNonNull(facts, "facts");
    }

    /**
     * Returns the destination and the arrival interface.
     *
     * @return the kernel's report
     */
    public PacketInfo packetInfo() {
        return packetInfo;
    }

    /**
     * Returns the facts that the kernel reported on demand: those of {@link org.pktinfo.PktInfoSocketOptions}, set by
     * {@link PktInfoChannelOption#of}.
     *
     * @return the facts, {@link ReceivedFacts#NONE} if there are none
     */
    public ReceivedFacts facts() {
        return facts;
    }

    /**
     * Returns the number of bytes that the peer sent.
     *
     * @return the length in bytes
     */
    public int wireLength() {
        return wireLength;
    }

    /**
     * Returns true if the datagram was longer than the buffer that {@link
     * io.netty.channel.ChannelOption#RECVBUF_ALLOCATOR} allocated for it.
     *
     * @return true if the rest is lost
     */
    public boolean isTruncated() {
        return truncated;
    }

    /**
     * Returns a reply to this very request, from its destination. Write it to a {@link PktInfoDatagramChannel}.
     *
     * @param content the reply; the packet takes ownership of it
     * @return the packet; writing it fails with {@link org.pktinfo.SendException.Kind#NO_SOURCE} if the kernel did not
     *     report the request destination, or the channel that it is written to is bound to or connected from another
     *     address
     */
    public DatagramPacket reply(ByteBuf content) {
        return reply(content, SourceSelection.requestDestination());
    }

    /**
     * Returns a reply to this very request, from the source address that a selection chooses.
     *
     * @param content the reply; the packet takes ownership of it
     * @param selection chooses the source when the packet is written, in the channel's event loop; its exceptions fail
     *     the write. A selection of the program's own may choose an address that the channel is not bound to
     * @return the packet
     */
    public DatagramPacket reply(ByteBuf content, SourceSelection selection) {
        return new ReplyPacket(content, sender(), packetInfo, selection, null);
    }

    /**
     * Returns a reply to this very request as {@link #reply(ByteBuf, SourceSelection)} does, with header fields of its
     * own.
     *
     * @param content the reply; the packet takes ownership of it
     * @param selection chooses the source
     * @param options the fields, such as {@code SendOptions.NONE.withTrafficClass(facts().trafficClass())}
     * @return the packet
     */
    public DatagramPacket reply(ByteBuf content, SourceSelection selection, SendOptions options) {
        return new ReplyPacket(content, sender(), packetInfo, selection, Objects.requireNonNull(options, "options"));
    }

    private PktInfoDatagramPacket with(ByteBuf content) {
        return new PktInfoDatagramPacket(content, recipient(), sender(), packetInfo, wireLength, truncated, facts);
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
