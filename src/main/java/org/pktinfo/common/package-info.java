/** Small utilities that every package may use and that depend on none of them. The package is not exported. */
@NullMarked
package org.pktinfo.common;

import org.jspecify.annotations.NullMarked;
