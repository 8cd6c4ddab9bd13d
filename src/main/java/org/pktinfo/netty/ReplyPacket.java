package org.pktinfo.netty;

import io.netty.buffer.ByteBuf;
import io.netty.channel.socket.DatagramPacket;
import java.net.InetSocketAddress;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.pktinfo.PacketInfo;
import org.pktinfo.SendOptions;
import org.pktinfo.SourceSelection;

/**
 * A packet to be written that carries the request it answers; on any other channel it is an ordinary packet of Netty's.
 */
final class ReplyPacket extends DatagramPacket {
    final PacketInfo requestInfo;
    final SourceSelection selection;

    /** The header fields; null for the socket's. */
    final @Nullable SendOptions options;

    ReplyPacket(
            ByteBuf content,
            InetSocketAddress peer,
            PacketInfo requestInfo,
            SourceSelection selection,
            @Nullable SendOptions options) {
        super(content, peer);
        this.requestInfo = requestInfo;
        this.selection = Objects.requireNonNull(selection, "selection");
        this.options = options;
    }

    private ReplyPacket with(ByteBuf content) {
        return new ReplyPacket(content, recipient(), requestInfo, selection, options);
    }

    /** Returns this reply with header fields of its own. */
    ReplyPacket with(SendOptions fields) {
        return new ReplyPacket(content(), recipient(), requestInfo, selection, fields);
    }

    @Override
    public DatagramPacket copy() {
        return with(content().copy());
    }

    @Override
    public DatagramPacket duplicate() {
        return with(content().duplicate());
    }

    @Override
    public DatagramPacket retainedDuplicate() {
        return with(content().retainedDuplicate());
    }

    @Override
    public DatagramPacket replace(ByteBuf content) {
        return with(content);
    }
}
