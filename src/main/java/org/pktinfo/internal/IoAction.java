package org.pktinfo.internal;

import java.io.IOException;

/** Does something that may fail. */
@FunctionalInterface
public interface IoAction {
    void run() throws IOException;
}
