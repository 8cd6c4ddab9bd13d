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
 * Finds the source address of a packet written: as the packet says, as the request that it answers says, or by the last
 * request destination of its peer. If the channel is bound to or connected from one address, only a selection may
 * choose another.
 */
final class SourceResolver {
    /** 255.255.255.255, IPv4-mapped. */
    private static final IpAddress BROADCAST = new IpAddress(0, 0xffff_ffff_ffffL, 0);

    private final DatagramChannel owner;
    private final PktInfoChannel channel;
    private final PktInfoDatagramChannelConfig config;

    SourceResolver(DatagramChannel owner, PktInfoChannel channel, PktInfoDatagramChannelConfig config) {
        this.owner = owner;
        this.channel = channel;
        this.config = config;
    }

    Source of(Object message, InetSocketAddress recipient, Endpoint peer, boolean connected) throws SendException {
        if (message instanceof ReplyPacket reply) {
            checkAnswerable(peer, reply.requestInfo);
            return of(reply, peer);
        }
        if (recipient instanceof RequestPeer asking) {
            checkAnswerable(peer, asking.info);
        }
        InetSocketAddress sender = Messages.sender(message);
        boolean byRule = config.selection().equals(SourceSelection.requestDestination());
        if (connected && byRule && sender == null) {
            return Source.systemChoice();
        }
        RequestPeer request = requestOfThisChannel(recipient);
        Source answering = request == null ? null : request.source;
        if (request != null && answering != null && (sender == null ? byRule : sender.equals(request.destination))) {
            return answering;
        }
        PacketInfo last = request == null || answering == null ? config.memory().lastDestination(peer) : request.info;
        PacketInfo requestInfo = last != null && (answering != null || answers(last)) ? last : null;
        IpAddress chosen = sender == null ? IpAddress.UNSPECIFIED : IpAddress.of(sender.getAddress());
        boolean isRequestDestination =
                requestInfo != null && requestInfo.destination().equals(chosen);
        if (!isRequestDestination && !chosen.isUnspecified() && !chosen.isMulticast()) {
            return certain(chosen, peer);
        }
        if (connected && byRule) {
            return Source.systemChoice();
        }
        if (requestInfo != null && !isRequestDestination && !byRule) {
            return config.selection().select(peer, requestInfo);
        }
        return answering == null ? config.memory().source(peer, last, channel) : answering;
    }

    /**
     * Rejects 0.0.0.0, the address of a client that has none yet: Linux would deliver the reply to this host itself.
     * Also rejects groups and the broadcast address.
     */
    private static void checkAnswerable(Endpoint peer, PacketInfo info) throws SendException {
        IpAddress address = peer.address();
        if (address.isUnspecified() || address.isMulticast() || address.equals(BROADCAST)) {
            Source unused = SourceSelection.requestDestination().select(peer, info); // throws the refusal
        }
    }

    private Source of(ReplyPacket reply, Endpoint peer) throws SendException {
        Source source = reply.selection.select(peer, reply.requestInfo);
        boolean byRule = reply.selection.equals(SourceSelection.requestDestination())
                || reply.selection.equals(SourceSelection.interfacePinned());
        if (byRule && !answers(reply.requestInfo)) {
            throw refusal(peer, "the request was sent to " + reply.requestInfo.destination());
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
     * Returns the request that this very object stands for; null if another channel received it, which has other
     * addresses or another port.
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

    private boolean answers(PacketInfo info) {
        return channel.isBoundTo(info.local()) || channel.isBoundTo(info.destination());
    }
}
