package org.pktinfo.server;

import java.io.IOException;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.DatagramChannel;
import org.pktinfo.PktInfoChannel;

/** Opens a server's sockets with the options that its builder and every server need. */
final class Sockets {
    private Sockets() {}

    /** Opens and binds a socket, or wraps the existing one. */
    static PktInfoChannel open(Settings settings, SocketAddress local) throws IOException {
        PktInfoChannel channel = settings.existing == null
                ? PktInfoChannel.open(settings.family, settings.payloadCapacity)
                : PktInfoChannel.wrap(settings.existing, settings.payloadCapacity);
        try {
            if (settings.existing == null) {
                bind(channel, local, settings.workers > 1);
            }
            channel.ignoreInterrupts(); // of threads that handle or reply: all of them share the socket
            raiseSendBuffer(channel.jdkChannel());
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
            channel.jdkChannel().setOption(StandardSocketOptions.SO_REUSEPORT, true);
        }
        PktInfoChannel unused = channel.bind(local);
    }

    /** Raises the buffer to at most net.core.wmem_max. The kernel allocates memory only for its content. */
    private static void raiseSendBuffer(DatagramChannel channel) throws IOException {
        if (channel.getOption(StandardSocketOptions.SO_SNDBUF) < Settings.SEND_BUFFER) {
            channel.setOption(StandardSocketOptions.SO_SNDBUF, Settings.SEND_BUFFER);
        }
    }
}
