package org.pktinfo;

import java.net.InetSocketAddress;
import java.util.Objects;

/**
 * An IP address and a UDP port. A value that any thread may use.
 *
 * @param address the address, with its scope if it is an IPv6 link-local one
 * @param port the port, 0 to 65535; a received datagram may have port 0, to which no reply can be sent
 */
public record Endpoint(IpAddress address, int port) {
    /**
     * Checks the port.
     *
     * @param address the address
     * @param port the port
     * @throws IllegalArgumentException if the port is not in 0 to 65535
     */
    public Endpoint {
        Objects.requireNonNull(address, "address");
        if (port < 0 || port > 0xffff) {
            throw new IllegalArgumentException("port " + port + " is not in 0 to 65535");
        }
    }

    /**
     * Converts a socket address of the JDK.
     *
     * @param address a resolved socket address
     * @return the same endpoint
     * @throws IllegalArgumentException if the address is unresolved
     */
    public static Endpoint of(InetSocketAddress address) {
        if (address.isUnresolved()) {
            throw new IllegalArgumentException(address + " is not resolved");
        }
        return new Endpoint(IpAddress.of(address.getAddress()), address.getPort());
    }

    /**
     * Converts this endpoint to a socket address of the JDK; creates new objects with each call.
     *
     * @return the same endpoint, resolved, without any name look-up
     */
    public InetSocketAddress toSocketAddress() {
        return new InetSocketAddress(address.toInetAddress(), port);
    }

    /**
     * Returns the address and the port in their usual form.
     *
     * @return for example {@code 192.0.2.1:8888} or {@code [2001:db8::1]:8888}
     */
    @Override
    public String toString() {
        return address.isIpv4() ? address + ":" + port : "[" + address + "]:" + port;
    }
}
