package org.pktinfo.netty;

import io.netty.channel.AddressedEnvelope;
import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;
import org.pktinfo.Endpoint;
import org.pktinfo.IpAddress;
import org.pktinfo.PacketInfo;
import org.pktinfo.SendException;
import org.pktinfo.Source;
import org.pktinfo.SourceSelection;

/** Where what is written leaves from: as the packet says, as the request it answers says, or from where its peer asked last. */
final class Sources {
    private final PktInfoDatagramChannelConfig config;

    Sources(PktInfoDatagramChannelConfig config) {
        this.config = config;
    }

    Source of(Object message, InetSocketAddress recipient, Endpoint peer) throws SendException {
        if (message instanceof Reply reply) {
            return reply.selection.select(peer, reply.asked);
        }
        RequestPeer request = recipient instanceof RequestPeer known ? known : null;
        Source answering = request == null ? null : request.source;
        InetSocketAddress sender = sender(message);
        if (request != null
                && answering != null
                && (sender == null ? isDefault() : sender.equals(request.destination))) {
            return answering;
        }
        PacketInfo asked =
                request == null || answering == null ? config.memory().lastAsked(peer) : request.info;
        IpAddress chosen = sender == null ? IpAddress.UNSPECIFIED : IpAddress.of(sender.getAddress());
        boolean asAsked = asked != null && asked.destination().equals(chosen);
        if (!asAsked && !chosen.isUnspecified() && !chosen.isMulticast()) {
            return Source.of(chosen);
        }
        if (asked == null) {
            return Source.systemChoice();
        }
        if (!asAsked && !isDefault()) {
            return config.selection().select(peer, asked);
        }
        return answering == null ? config.memory().source(peer) : answering;
    }

    private boolean isDefault() {
        return config.selection().equals(SourceSelection.addressAsked());
    }

    private static @Nullable InetSocketAddress sender(Object message) {
        return message instanceof AddressedEnvelope<?, ?> envelope
                        && envelope.sender() instanceof InetSocketAddress sender
                ? sender
                : null;
    }
}
