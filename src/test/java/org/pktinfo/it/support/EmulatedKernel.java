package org.pktinfo.it.support;

import java.util.List;
import java.util.Locale;

/**
 * The kernels whose rules the test build of the native library can enforce on this kernel, which must be 3.15 or newer.
 * native/test/emulator.c describes the rules.
 */
public enum EmulatedKernel {
    LEGACY,
    LEGACY_WITHOUT_MMSG,
    HALF,
    HALF_WITHOUT_MMSG,
    MODERN,
    MODERN_WITHOUT_MMSG;

    /** Returns the command that starts a JVM in which the library's sockets, and no others, are on such a kernel. */
    public List<String> java() {
        return java(toString());
    }

    public static List<String> java(String name) {
        return List.of(
                "env",
                "PKTINFO_EMULATE=" + name,
                ChildProcess.java().toString(),
                "-Dpktinfo.library.path=" + System.getProperty("emulated.library"));
    }

    public boolean isLegacy() {
        return this == LEGACY || this == LEGACY_WITHOUT_MMSG;
    }

    public boolean isHalf() {
        return this == HALF || this == HALF_WITHOUT_MMSG;
    }

    public boolean isModern() {
        return this == MODERN || this == MODERN_WITHOUT_MMSG;
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
