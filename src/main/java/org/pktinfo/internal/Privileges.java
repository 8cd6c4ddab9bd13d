package org.pktinfo.internal;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The privileges that the kernel demands, see capabilities(7). This library needs one only to bind to a low port. */
final class Privileges {
    private static final int NET_BIND_SERVICE = 10;

    private Privileges() {}

    /** Returns the privilege missing to bind an address, as a suffix for a message; empty if none is missing. */
    static String missing(@Nullable SocketAddress address) {
        if (!(address instanceof InetSocketAddress internet)) {
            return "";
        }
        int port = internet.getPort();
        return port == 0 || port >= firstUnprivileged() || has(NET_BIND_SERVICE)
                ? ""
                : " (port " + port + " needs CAP_NET_BIND_SERVICE, as every port below " + firstUnprivileged()
                        + " does here: net.ipv4.ip_unprivileged_port_start)";
    }

    /**
     * Returns the first unprivileged port: a setting since Linux 4.11, 1024 before. The file is read with one call, as
     * a second read of it returns nothing.
     */
    private static int firstUnprivileged() {
        try (BufferedReader reader =
                Files.newBufferedReader(Path.of("/proc/sys/net/ipv4/ip_unprivileged_port_start"))) {
            return Integer.parseInt(String.valueOf(reader.readLine()));
        } catch (IOException | NumberFormatException e) {
            return 1024;
        }
    }

    /** Returns true if this process has an effective capability, or if that cannot be found out. */
    private static boolean has(int capability) {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/status"))) {
            return lines.filter(line -> line.startsWith("CapEff:"))
                    .map(line -> Long.parseUnsignedLong(line.substring(7).strip(), 16))
                    .allMatch(effective -> (effective >>> capability & 1) != 0);
        } catch (IOException e) {
            return true;
        }
    }
}
