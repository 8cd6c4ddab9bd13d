package org.pktinfo.socket;

import java.io.IOException;
import java.net.BindException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NoRouteToHostException;
import java.net.PortUnreachableException;
import java.net.SocketAddress;
import java.net.SocketException;
import org.pktinfo.Endpoint;
import org.pktinfo.IpAddress;
import org.pktinfo.SendException;
import org.pktinfo.common.ErrorNumbers;
import org.pktinfo.common.Exceptions;

/** The rules of the JDK's sockets for the peer of a packet that is sent, and for exceptions. */
final class JdkRules {
    private JdkRules() {}

    static Endpoint endpoint(InetAddress address, int port) {
        return new Endpoint(IpAddress.of(address), port);
    }

    /** Returns the peer of a packet, and completes one that has no address if the socket is connected. */
    static Endpoint peer(DatagramSocket socket, DatagramPacket packet) throws SocketException {
        InetAddress address = packet.getAddress();
        SocketAddress connected = socket.getRemoteSocketAddress();
        if (connected instanceof InetSocketAddress only) {
            if (address == null) {
                packet.setAddress(only.getAddress());
                packet.setPort(only.getPort());
                return Endpoint.of(only);
            }
            if (!address.equals(only.getAddress()) || packet.getPort() != only.getPort()) {
                throw new IllegalArgumentException(
                        "the packet is for " + packet.getSocketAddress() + ", the socket is connected to " + only);
            }
        }
        if (address == null) {
            throw new IllegalArgumentException("the packet has no address");
        }
        if (packet.getPort() == 0) {
            throw new SocketException("nothing can be sent to port 0");
        }
        return endpoint(address, packet.getPort());
    }

    static SocketException because(String text, IOException reason) {
        return Exceptions.causedBy(new SocketException(text), reason);
    }

    /** Returns an exception of the JDK's types, which programs distinguish. */
    static SocketException exception(SendException e) {
        SocketException exception = switch (e.errno()) {
            case ErrorNumbers.ECONNREFUSED -> new PortUnreachableException(e.getMessage());
            case ErrorNumbers.EACCES -> new BindException(e.getMessage());
            case ErrorNumbers.EHOSTUNREACH -> new NoRouteToHostException(e.getMessage());
            default -> new SocketException(e.getMessage());
        };
        return Exceptions.causedBy(exception, e);
    }
}
