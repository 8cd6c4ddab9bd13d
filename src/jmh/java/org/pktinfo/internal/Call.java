package org.pktinfo.internal;

/** Calls C for code in packages that have no access to it. */
public final class Call {
    private Call() {}

    public static int toC() {
        return NativeCalls.glibcVersion();
    }
}
