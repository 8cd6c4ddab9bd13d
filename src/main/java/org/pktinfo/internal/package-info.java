/** The mechanism below the library's other packages. Not API: exported to nobody, and it may change at any time. */
@NullMarked
package org.pktinfo.internal;

import org.jspecify.annotations.NullMarked;
