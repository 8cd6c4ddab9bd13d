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
            channel.ignoreInterrupts(); // of threads that handle or reply: all of them share the socket
            if (!settings.has(StandardSocketOptions.SO_SNDBUF)) {
                raiseSendBuffer(channel.jdkChannel());
            }
            if (settings.existing == null && settings.workers > 1) {
                channel.jdkChannel().setOption(StandardSocketOptions.SO_REUSEPORT, true);
            }
            settings.applyTo(channel); // some have an effect before the socket is bound only
            return settings.existing == null ? channel.bind(local) : channel;
        } catch (Throwable e) {
            channel.close();
            throw e;
        }
    }

    /** Raises the buffer to at most net.core.wmem_max. The kernel allocates memory only for its content. */
    private static void raiseSendBuffer(DatagramChannel channel) throws IOException {
        if (channel.getOption(StandardSocketOptions.SO_SNDBUF) < Settings.SEND_BUFFER) {
            channel.setOption(StandardSocketOptions.SO_SNDBUF, Settings.SEND_BUFFER);
        }
    }
}
