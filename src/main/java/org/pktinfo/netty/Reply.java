package org.pktinfo.netty;

import io.netty.buffer.ByteBuf;
import io.netty.channel.socket.DatagramPacket;
import java.net.InetSocketAddress;
import java.util.Objects;
import org.pktinfo.PacketInfo;
import org.pktinfo.SourceSelection;

/** A packet to be written that knows the request it answers; what Netty's is on any other channel. */
final class Reply extends DatagramPacket {
    final PacketInfo asked;
    final SourceSelection selection;

    Reply(ByteBuf content, InetSocketAddress peer, PacketInfo asked, SourceSelection selection) {
        super(content, peer);
        this.asked = asked;
        this.selection = Objects.requireNonNull(selection, "selection");
    }

    private Reply with(ByteBuf content) {
        return new Reply(content, recipient(), asked, selection);
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
