package org.pktinfo;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.nio.channels.DatagramChannel;

/** The abilities of this JVM on this host. */
public final class Environment {
    private Environment() {}

    public static boolean hasIpv6() {
        try (DatagramChannel probe = DatagramChannel.open(StandardProtocolFamily.INET6)) {
            probe.bind(new InetSocketAddress(Loopback.address("::1").toInetAddress(), 0));
            return true;
        } catch (IOException | UnsupportedOperationException e) {
            return false;
        }
    }

    public static void assumeIpv6() {
        if (!Boolean.getBoolean("java.net.preferIPv4Stack")) {
            Requires.that(hasIpv6(), "IPv6 on loopback");
        } else {
            org.junit.jupiter.api.Assumptions.abort("this JVM was told to do without IPv6");
        }
    }
}
