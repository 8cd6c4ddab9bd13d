package org.pktinfo.internal;

/** Calls C, from a package that may not. */
public final class Call {
    private Call() {}

    public static int toC() {
        return NativeCalls.glibcVersion();
    }
}
