package org.pktinfo.netty;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.ChannelException;
import io.netty.util.Version;
import java.io.IOException;
import java.net.ProtocolFamily;
import java.nio.channels.DatagramChannel;
import org.jspecify.annotations.Nullable;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.PktInfoChannel.Family;
import org.pktinfo.common.Exceptions;

/**
 * Opens the channel below Netty's. On failure the exception names the missing part: a socket, Netty 4.2 or the native
 * library.
 */
final class Opening {
    private Opening() {}

    static PktInfoChannel open(@Nullable ProtocolFamily family) {
        return open(family(family));
    }

    private static Family family(@Nullable ProtocolFamily family) {
        return switch (family == null ? "INET6" : family.name()) {
            case "INET" -> Family.IPV4;
            case "INET6" -> Family.DUAL_STACK;
            default -> throw new UnsupportedOperationException("INET and INET6 there are, not " + family);
        };
    }

    static PktInfoChannel open(Family family) {
        checkSupported();
        try {
            return PktInfoChannel.open(family);
        } catch (IOException e) {
            throw new ChannelException("no socket: " + e.getMessage(), e);
        }
    }

    static PktInfoChannel wrap(DatagramChannel channel) {
        checkSupported();
        try {
            return PktInfoChannel.wrap(channel);
        } catch (IOException e) {
            throw new ChannelException("cannot use " + channel + ": " + e, e);
        }
    }

    /**
     * Checks the version of Netty. No public signature here names a class that only Netty 4.2 has; otherwise an older
     * one would fail before it got here.
     */
    private static void checkNetty() {
        try {
            Class.forName("io.netty.channel.IoRegistration", /* initialize= */ false, Bootstrap.class.getClassLoader());
        } catch (ClassNotFoundException e) {
            Version version = Version.identify(Bootstrap.class.getClassLoader()).get("netty-transport");
            throw new UnsupportedOperationException(
                    "PktInfoDatagramChannel needs Netty 4.2; there is "
                            + (version == null ? "an older one" : version.artifactVersion()),
                    e);
        }
    }

    /**
     * Checks that the native library works. A channel on the JDK alone, if pktinfo is set to it, would be no more than
     * a NioDatagramChannel.
     */
    private static void checkSupported() {
        checkNetty();
        Throwable reason = PktInfoChannel.unsupportedReason();
        if (reason != null) {
            String text = "PktInfoDatagramChannel needs the native library (without it, take NioDatagramChannel): "
                    + reason.getMessage();
            throw Exceptions.causedBy(new UnsatisfiedLinkError(text), reason);
        }
    }
}
