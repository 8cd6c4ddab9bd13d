package org.pktinfo.internal;

/** How many datagrams may share a system call. */
public final class LargestBatch {
    /** What sendmmsg(2) and recvmmsg(2) take at most (UIO_MAXIOV). */
    public static final int SLOTS = 1024;

    private LargestBatch() {}
}
