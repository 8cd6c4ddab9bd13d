package org.pktinfo.it.support;

import java.util.List;
import java.util.Locale;

/**
 * The kernels whose rules the test build of the native library can keep on top of this one, which must be 3.15 or
 * newer. What they are is in native/test/emulator.c.
 */
public enum EmulatedKernel {
    LEGACY,
    LEGACY_WITHOUT_MMSG,
    HALF,
    HALF_WITHOUT_MMSG,
    MODERN,
    MODERN_WITHOUT_MMSG;

    /** The command that starts a JVM in which all sockets of the library are on such a kernel, and no others. */
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
