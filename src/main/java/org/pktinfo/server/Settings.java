package org.pktinfo.server;

import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.channels.DatagramChannel;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.PktInfoChannel.Family;

/** The settings of a server, checked by {@link DatagramServer.Builder}. Not safe for use by several threads. */
final class Settings {
    /** The size in bytes, see {@link DatagramServer#SEND_BUFFER}. */
    static final int SEND_BUFFER = 4 << 20;

    SocketAddress local = new InetSocketAddress(0);
    Family family = Family.DUAL_STACK;
    int workers = 1;
    int batchSize = 32;
    int payloadCapacity = PktInfoChannel.MAX_PAYLOAD;
    boolean coalesceReplies = true;
    boolean pathMtuDiscovery = true;
    boolean allGroups;
    Duration spin = Duration.ZERO;

    @Nullable
    RateLimit rateLimit;

    @Nullable
    DatagramChannel existing;
}
