/**
 * UDP in which a reply leaves from the very address that the request was sent to.
 *
 * <p>A {@link org.pktinfo.PktInfoChannel} receives and sends; a {@link org.pktinfo.Datagram} reports which of the
 * host's addresses it was sent to; a {@link org.pktinfo.SourceSelection} decides which {@link org.pktinfo.Source} the
 * reply is sent from. No parameter or result is null unless it is marked {@code @Nullable}; a null argument throws
 * {@link java.lang.NullPointerException}.
 */
@NullMarked
package org.pktinfo;

import org.jspecify.annotations.NullMarked;
