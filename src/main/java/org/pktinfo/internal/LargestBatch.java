package org.pktinfo.internal;

/** The largest number of datagrams that may share a system call. */
public final class LargestBatch {
    /** The limit of sendmmsg(2) and recvmmsg(2) (UIO_MAXIOV). */
    public static final int SLOTS = 1024;

    private LargestBatch() {}
}
