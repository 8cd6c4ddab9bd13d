package org.pktinfo.cli;

import java.io.IOException;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.util.List;
import java.util.function.Function;
import org.pktinfo.server.DatagramServer;

/** A multicast group to join, GROUP[@INTERFACE]. */
record Groups(InetAddress group, List<NetworkInterface> interfaces) {
    static <X extends RuntimeException> Groups parse(String text, Function<String, X> error) throws X {
        int at = text.indexOf('@');
        InetAddress group = Literals.address(
                at < 0 ? "--join" : "--join " + text + ":", at < 0 ? text : text.substring(0, at), error);
        if (!group.isMulticastAddress()) {
            throw error.apply("--join wants a multicast group such as 239.1.2.3 or ff15::9, not \"" + text + "\"");
        }
        try {
            return new Groups(
                    group, at < 0 ? multicastInterfaces() : List.of(named(text, text.substring(at + 1), error)));
        } catch (SocketException e) {
            throw error.apply("--join " + text + ": " + e.getMessage());
        }
    }

    private static <X extends RuntimeException> NetworkInterface named(
            String text, String name, Function<String, X> error) throws X, SocketException {
        NetworkInterface found = NetworkInterface.getByName(name);
        if (found == null) {
            throw error.apply("--join " + text + ": there is no interface \"" + name + "\"");
        }
        return found;
    }

    private static List<NetworkInterface> multicastInterfaces() throws SocketException {
        return NetworkInterface.networkInterfaces()
                .filter(candidate -> {
                    try {
                        return candidate.isUp() && candidate.supportsMulticast();
                    } catch (SocketException e) {
                        return false; // removed in the meantime
                    }
                })
                .toList();
    }

    /** Joins the group on every interface that allows it; at least one must. */
    void join(DatagramServer server) throws IOException {
        IOException last = null;
        int joined = 0;
        for (NetworkInterface candidate : interfaces) {
            try {
                server.join(group, candidate);
                joined++;
            } catch (IOException e) {
                last = new IOException(
                        "cannot join " + group.getHostAddress() + " on " + candidate.getName() + ": " + e.getMessage(),
                        e);
            }
        }
        if (joined == 0) {
            throw last == null ? new IOException("no interface to join " + group.getHostAddress() + " on") : last;
        }
    }
}
