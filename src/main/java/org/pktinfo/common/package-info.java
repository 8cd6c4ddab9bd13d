/** Small things without state of this library, for every package of it; exported to nobody. */
@NullMarked
package org.pktinfo.common;

import org.jspecify.annotations.NullMarked;
