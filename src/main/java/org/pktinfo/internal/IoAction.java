package org.pktinfo.internal;

import java.io.IOException;

/** An action that may throw an IOException. */
@FunctionalInterface
public interface IoAction {
    void run() throws IOException;
}
