/**
 * Support for Netty 4.2: {@link org.pktinfo.netty.PktInfoDatagramChannel} replaces {@code NioDatagramChannel}, and a
 * reply leaves from the request destination. Netty is not part of this library, and is loaded only if this package is
 * used. No parameter or result is null unless it is marked {@code @Nullable}.
 */
@NullMarked
package org.pktinfo.netty;

import org.jspecify.annotations.NullMarked;
