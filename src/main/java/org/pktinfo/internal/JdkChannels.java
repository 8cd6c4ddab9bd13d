package org.pktinfo.internal;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.nio.channels.DatagramChannel;

/** Opens the JDK's channels, and finds the descriptors below them. */
public final class JdkChannels {
    private JdkChannels() {}

    /**
     * Opens a channel for one family or both.
     *
     * @throws UnsupportedOperationException if only IPv6 is wanted and there is none; the text says so
     */
    public static DatagramChannel open(boolean ipv4, boolean ipv6) throws IOException {
        try {
            // Without a family the JDK takes AF_INET6 where it can and AF_INET where it must.
            return ipv4 && ipv6
                    ? DatagramChannel.open()
                    : DatagramChannel.open(ipv4 ? StandardProtocolFamily.INET : StandardProtocolFamily.INET6);
        } catch (UnsupportedOperationException e) {
            throw new UnsupportedOperationException(
                    "IPv6 is not available: the host has none, or java.net.preferIPv4Stack is set", e);
        }
    }

    /** Throws an exception if the channel is not of the JDK's own provider. */
    static int descriptor(DatagramChannel channel) {
        return NativeCalls.descriptor(channel, wayToDescriptor(channel));
    }

    /** Returns the first of {@link NativeCalls}' ways that leads to the channel's descriptor. */
    private static int wayToDescriptor(DatagramChannel channel) {
        for (int way = NativeCalls.BY_FDVAL_FIELD; way <= NativeCalls.BY_FILE_DESCRIPTOR; way++) {
            if (NativeCalls.descriptor(channel, way) >= 0) {
                return way;
            }
        }
        throw new IllegalArgumentException(
                "no descriptor found in a " + channel.getClass().getName() + ": it is not a channel of the JDK's own");
    }

    /** Names the field or the method by which descriptors are found in this JVM. */
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
