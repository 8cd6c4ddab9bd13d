/**
 * For programs on Netty 4.2: {@link org.pktinfo.netty.PktInfoDatagramChannel} takes the place of {@code NioDatagramChannel}, and a
 * reply leaves from the address that the request was sent to. Netty is not part of this library and not loaded unless this package is
 * used. No parameter or result is null unless it is marked {@code @Nullable}.
 */
@NullMarked
package org.pktinfo.netty;

import org.jspecify.annotations.NullMarked;
