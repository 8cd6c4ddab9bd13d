/**
 * For programs that cannot be changed: {@code java -javaagent:pktinfo-agent.jar} has the JVM's own datagram sockets,
 * {@link java.nio.channels.DatagramChannel} and what stands on it, reply from the address asked.
 */
@NullMarked
package org.pktinfo.agent;

import org.jspecify.annotations.NullMarked;
