/**
 * The mechanism, which carries datagrams between Java and the kernel as numbers and buffers, over the JDK's sockets. It
 * uses no type of the public packages, and is not exported.
 */
@NullMarked
package org.pktinfo.internal;

import org.jspecify.annotations.NullMarked;
