package org.pktinfo;

import java.io.IOException;

/**
 * An action that connects or disconnects a JDK channel or its socket, for {@link PktInfoChannel#reconnect}.
 *
 * <p>Disconnecting frees the port for a moment, or replaces the socket. If the JDK's channel is connected or
 * disconnected otherwise, the channel around it follows within half a second. Until then datagrams leave from the old
 * socket, the new one may find its port in use, and sending during the disconnect may move it to another port.
 */
@FunctionalInterface
public interface Reconnection {
    /**
     * Connects or disconnects.
     *
     * @throws IOException if that fails
     */
    void run() throws IOException;
}
