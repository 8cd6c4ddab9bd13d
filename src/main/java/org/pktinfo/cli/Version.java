package org.pktinfo.cli;

import org.jspecify.annotations.Nullable;
import org.pktinfo.PktInfoChannel;
import picocli.CommandLine.IVersionProvider;

/** What a bug report needs: the versions of everything between the program and the wire. */
final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
        String version = PktInfoServer.class.getPackage().getImplementationVersion();
        Throwable reason = PktInfoChannel.unsupportedReason();
        return new String[] {
            "pktinfo " + (version == null ? "(not from its jar)" : version),
            "JDK " + property("java.runtime.version") + ", " + property("java.vendor"),
            "kernel " + property("os.name") + " " + property("os.version"),
            "architecture " + property("os.arch"),
            "libc " + (reason == null ? PktInfoChannel.libcVersion() : "unknown"),
            "native library " + (reason == null ? PktInfoChannel.libraryOrigin() : reason.getMessage())
        };
    }

    private static @Nullable String property(String name) {
        return System.getProperty(name);
    }
}
