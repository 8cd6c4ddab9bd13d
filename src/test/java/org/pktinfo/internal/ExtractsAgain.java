package org.pktinfo.internal;

import java.io.IOException;
import java.nio.file.Path;

/** Extracts and loads the library again and again, so that another process can interfere. */
public final class ExtractsAgain {
    private ExtractsAgain() {}

    public static void main(String[] arguments) throws IOException {
        int count = Integer.parseInt(arguments[1]);
        for (int i = 0; i < count; i++) {
            NativeLibrary.loadFromJar(Path.of(arguments[0]));
        }
        System.out.println("loaded " + count + " times, layout " + NativeCalls.layoutVersion());
    }
}
