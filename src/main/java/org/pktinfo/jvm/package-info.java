/**
 * The JVM's own datagram sockets, switched over as a whole: by a program itself with {@link
 * org.pktinfo.jvm.JvmSockets}, or by the agent for programs that cannot be changed.
 *
 * <p>All of it but the class for programs is inside the agent's native library too, which defines it in the JVM that it
 * enters: only classes of the module java.base are used from the start on.
 */
@NullMarked
package org.pktinfo.jvm;

import org.jspecify.annotations.NullMarked;
