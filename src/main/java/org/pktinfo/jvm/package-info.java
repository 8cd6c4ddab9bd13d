/**
 * Switches over the JVM's own datagram sockets as a whole: by a program itself with {@link org.pktinfo.jvm.JvmSockets},
 * or by the agent for programs that cannot be changed.
 *
 * <p>All classes but the one for programs are inside the agent's native library too, which defines them in the JVM that
 * it enters. They use only classes of the module java.base from the start on.
 */
@NullMarked
package org.pktinfo.jvm;

import org.jspecify.annotations.NullMarked;
