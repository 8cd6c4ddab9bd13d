package org.pktinfo.internal;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.nio.channels.DatagramChannel;

/** The JDK's channels: how to open them, and how to find their descriptors. */
public final class JdkChannels {
    private JdkChannels() {}

    /**
     * Opens a channel for one address family or for both.
     *
     * @throws UnsupportedOperationException if only IPv6 is wanted and there is none; the message says so
     */
    public static DatagramChannel open(boolean ipv4, boolean ipv6) throws IOException {
        try {
            // Without a family the JDK opens AF_INET6 if it is available, otherwise AF_INET.
            return ipv4 && ipv6
                    ? DatagramChannel.open()
                    : DatagramChannel.open(ipv4 ? StandardProtocolFamily.INET : StandardProtocolFamily.INET6);
        } catch (UnsupportedOperationException e) {
            throw new UnsupportedOperationException(
                    "IPv6 is not available: the host has none, or java.net.preferIPv4Stack is set", e);
        }
    }

    /** Returns the channel's descriptor. Throws if the channel is not from the JDK's own provider. */
    static int descriptor(DatagramChannel channel) {
        return NativeCalls.descriptor(channel, wayToDescriptor(channel));
    }

    /** Returns the first of {@link NativeCalls}' access methods that yields the channel's descriptor. */
    private static int wayToDescriptor(DatagramChannel channel) {
        for (int way = NativeCalls.BY_FDVAL_FIELD; way <= NativeCalls.BY_FILE_DESCRIPTOR; way++) {
            if (NativeCalls.descriptor(channel, way) >= 0) {
                return way;
            }
        }
        throw new IllegalArgumentException(
                "no descriptor found in a " + channel.getClass().getName() + ": it is not a channel of the JDK's own");
    }

    /** Returns the name of the field or method that yields descriptors in this JVM. */
    public static String wayToDescriptor() throws IOException {
        try (DatagramChannel channel = DatagramChannel.open()) {
            String type = channel.getClass().getName();
            return switch (wayToDescriptor(channel)) {
                case NativeCalls.BY_FDVAL_FIELD -> type + ".fdVal";
                case NativeCalls.BY_FDVAL_METHOD -> type + ".getFDVal()";
                default -> type + ".fd.fd";
            };
        }
    }
}
