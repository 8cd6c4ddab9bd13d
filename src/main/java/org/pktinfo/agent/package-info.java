/**
 * For programs that cannot be changed: {@code java -javaagent:pktinfo-agent.jar} puts a {@link
 * org.pktinfo.socket.PktInfoDatagramSocket} under every {@link java.net.DatagramSocket} and {@link java.net.MulticastSocket} that
 * the program makes.
 */
@NullMarked
package org.pktinfo.agent;

import org.jspecify.annotations.NullMarked;
