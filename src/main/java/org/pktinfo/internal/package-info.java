/**
 * The mechanism: what carries datagrams between Java and the kernel, in numbers, buffers and the JDK's sockets. Knows
 * no type of the public packages; exported to nobody.
 */
@NullMarked
package org.pktinfo.internal;

import org.jspecify.annotations.NullMarked;
