/** The sample server's command line. */
@NullMarked
package org.pktinfo.cli;

import org.jspecify.annotations.NullMarked;
