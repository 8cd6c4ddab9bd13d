/**
 * For programs that were written for the JDK's sockets: {@link org.pktinfo.socket.PktInfoDatagramSocket} is a
 * {@link java.net.DatagramSocket} whose replies leave from the address that the peer last asked. No parameter or result is null
 * unless it is marked {@code @Nullable}; a null argument throws what the class
 * above documents.
 */
@NullMarked
package org.pktinfo.socket;

import org.jspecify.annotations.NullMarked;
