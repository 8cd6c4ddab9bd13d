/**
 * The server loop: {@link org.pktinfo.server.DatagramServer} hands every datagram to a {@link
 * org.pktinfo.server.DatagramHandler} and sends its replies from the request destinations. No parameter or result is
 * null unless it is marked {@code @Nullable}; a null argument throws {@link java.lang.NullPointerException}.
 */
@NullMarked
package org.pktinfo.server;

import org.jspecify.annotations.NullMarked;
