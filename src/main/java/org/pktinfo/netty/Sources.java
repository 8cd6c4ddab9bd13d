package org.pktinfo.netty;

import io.netty.channel.socket.DatagramChannel;
import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;
import org.pktinfo.Endpoint;
import org.pktinfo.IpAddress;
import org.pktinfo.PacketInfo;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.SendException;
import org.pktinfo.Source;
import org.pktinfo.SourceSelection;

/**
 * Where what is written leaves from: as the packet says, as the request it answers says, or from where its peer asked
 * last. From no other address than the one that the channel is bound to or connected from, if there is one, unless a
 * selection says so.
 */
final class Sources {
    /** 255.255.255.255, IPv4-mapped. */
    private static final IpAddress BROADCAST = new IpAddress(0, 0xffff_ffff_ffffL, 0);

    private final DatagramChannel owner;
    private final PktInfoChannel channel;
    private final PktInfoDatagramChannelConfig config;

    Sources(DatagramChannel owner, PktInfoChannel channel, PktInfoDatagramChannelConfig config) {
        this.owner = owner;
        this.channel = channel;
        this.config = config;
    }

    Source of(Object message, InetSocketAddress recipient, Endpoint peer, boolean connected) throws SendException {
        if (message instanceof Reply reply) {
            checkAnswerable(peer, reply.asked);
            return of(reply, peer);
        }
        if (recipient instanceof RequestPeer asking) {
            checkAnswerable(peer, asking.info);
        }
        InetSocketAddress sender = Messages.sender(message);
        boolean byRule = config.selection().equals(SourceSelection.addressAsked());
        if (connected && byRule && sender == null) {
            return Source.systemChoice();
        }
        RequestPeer request = requestOfThisChannel(recipient);
        Source answering = request == null ? null : request.source;
        if (request != null && answering != null && (sender == null ? byRule : sender.equals(request.destination))) {
            return answering;
        }
        PacketInfo last = request == null || answering == null ? config.memory().lastAsked(peer) : request.info;
        PacketInfo asked = last != null && (answering != null || answers(last)) ? last : null;
        IpAddress chosen = sender == null ? IpAddress.UNSPECIFIED : IpAddress.of(sender.getAddress());
        boolean asAsked = asked != null && asked.destination().equals(chosen);
        if (!asAsked && !chosen.isUnspecified() && !chosen.isMulticast()) {
            return certain(chosen, peer);
        }
        if (connected && byRule) {
            return Source.systemChoice();
        }
        if (asked != null && !asAsked && !byRule) {
            return config.selection().select(peer, asked);
        }
        return answering == null ? config.memory().source(peer, last, channel) : answering;
    }

    /** Linux would send what is for 0.0.0.0, the address of a client that has none yet, to this host itself. */
    private static void checkAnswerable(Endpoint peer, PacketInfo info) throws SendException {
        IpAddress address = peer.address();
        if (address.isUnspecified() || address.isMulticast() || address.equals(BROADCAST)) {
            Source unused = SourceSelection.addressAsked().select(peer, info); // which refuses it
        }
    }

    private Source of(Reply reply, Endpoint peer) throws SendException {
        Source source = reply.selection.select(peer, reply.asked);
        boolean byRule = reply.selection.equals(SourceSelection.addressAsked())
                || reply.selection.equals(SourceSelection.interfacePinned());
        if (byRule && !answers(reply.asked)) {
            throw refusal(peer, "the request was sent to " + reply.asked.destination());
        }
        return source;
    }

    private Source certain(IpAddress sender, Endpoint peer) throws SendException {
        if (!channel.isBoundTo(sender)) {
            throw refusal(peer, "the packet's sender is " + sender);
        }
        return Source.of(sender);
    }

    private SendException refusal(Endpoint peer, String reason) {
        return SendException.noSource(peer, reason + ", and the channel is bound to " + owner.localAddress());
    }

    /**
     * The request that the very object stands for; null if it was another channel's, which has other addresses or
     * another port.
     */
    private @Nullable RequestPeer requestOfThisChannel(InetSocketAddress recipient) {
        InetSocketAddress local = owner.localAddress();
        return recipient instanceof RequestPeer request
                        && local != null
                        && local.getPort() == request.destination.getPort()
                        && answers(request.info)
                ? request
                : null;
    }

    private boolean answers(PacketInfo asked) {
        return channel.isBoundTo(asked.local()) || channel.isBoundTo(asked.destination());
    }
}
