/**
 * Support for programs that use the JDK's sockets: {@link org.pktinfo.socket.PktInfoDatagramSocket} is a {@link
 * java.net.DatagramSocket} whose replies leave from the peer's last request destination. No parameter or result is null
 * unless it is marked {@code @Nullable}; a null argument throws the exception that the superclass documents.
 */
@NullMarked
package org.pktinfo.socket;

import org.jspecify.annotations.NullMarked;
