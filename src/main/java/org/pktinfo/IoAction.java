package org.pktinfo;

import java.io.IOException;

/** Does something that may fail. */
@FunctionalInterface
interface IoAction {
    void run() throws IOException;
}
