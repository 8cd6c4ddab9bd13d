package org.pktinfo.server;

import java.io.IOException;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.DatagramChannel;
import org.pktinfo.PktInfoChannel;

/** Makes a server's sockets what its builder says, and what a server's must be. */
final class Sockets {
    private Sockets() {}

    /** One that is bound there, or the one that exists. */
    static PktInfoChannel open(Settings settings, SocketAddress local) throws IOException {
        PktInfoChannel channel = settings.existing == null
                ? PktInfoChannel.open(settings.family, settings.payloadCapacity)
                : PktInfoChannel.wrap(settings.existing, settings.payloadCapacity);
        try {
            if (settings.existing == null) {
                bind(channel, local, settings.workers > 1);
            }
            channel.ignoreInterrupts(); // of whoever handles or replies: the socket is everybody's
            raiseSendBuffer(channel.channel());
            if (!settings.pathMtuDiscovery) {
                channel.pathMtuDiscovery(false);
            }
            if (settings.allGroups) {
                channel.allGroups(true);
            }
            return channel;
        } catch (Throwable e) {
            channel.close();
            throw e;
        }
    }

    private static void bind(PktInfoChannel channel, SocketAddress local, boolean shared) throws IOException {
        if (shared) {
            channel.channel().setOption(StandardSocketOptions.SO_REUSEPORT, true);
        }
        PktInfoChannel unused = channel.bind(local);
    }

    /** The kernel gives as much as net.core.wmem_max allows, and takes memory for what is in there only. */
    private static void raiseSendBuffer(DatagramChannel channel) throws IOException {
        if (channel.getOption(StandardSocketOptions.SO_SNDBUF) < Settings.SEND_BUFFER) {
            channel.setOption(StandardSocketOptions.SO_SNDBUF, Settings.SEND_BUFFER);
        }
    }
}
