package org.pktinfo.internal;

import java.lang.annotation.Native;
import java.net.DatagramPacket;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import org.jspecify.annotations.Nullable;

/**
 * The native methods, and nothing else: the only Java that names them. Each returns a result {@code >= 0} or the
 * negated errno, throws nothing where it does not say so, and blocks only in {@link #await}. Callers have checked every
 * argument.
 */
final class NativeCalls {
    /** The ways to a channel's descriptor, in the order in which they are tried; all of them work on JDK 17 and 25. */
    @Native
    static final int BY_FDVAL_FIELD = 0;

    @Native
    static final int BY_FDVAL_METHOD = 1;

    @Native
    static final int BY_FILE_DESCRIPTOR = 2;

    private NativeCalls() {}

    static native int layoutVersion();

    /** 1000 * major + minor of glibc, 0 for another C library. */
    static native int glibcVersion();

    static native int descriptor(DatagramChannel channel, int way);

    /**
     * How many bytes a packet has room for, which is more than its length if something shorter was received into it
     * before.
     */
    static native int packetRoom(DatagramPacket packet);

    /** Sets the length and leaves the room as it is. */
    static native int setPacketLength(DatagramPacket packet, int length);

    static native int duplicate(int fd);

    /** Has a descriptor stand for what another one stands for. */
    static native int replace(int fd, int by);

    static native int close(int fd);

    static native int newEvent();

    static native int signal(int eventFd);

    /** Takes signals back. */
    static native int calm(int eventFd);

    static native int setOption(int fd, int option, int value);

    static native int getOption(int fd, int option);

    /** How many datagrams the socket has lost, modulo 2^32; kernels before 4.12 cannot tell: ENOPROTOOPT. */
    static native long drops(int fd);

    /** The socket's number, which no other socket has or will have; kernels before 4.12 cannot tell: ENOPROTOOPT. */
    static native long cookie(int fd);

    /** The number of the socket's network namespace; kernels before 5.14 cannot tell: ENOPROTOOPT. */
    static native long namespace(int fd);

    /** A socket to ask the routing table by, for one question at a time. */
    static native int newRouteSocket();

    /**
     * The type of the route that leads to an address, by an interface if that is not 0; 0 if there is none. Each
     * question has a number.
     */
    static native int routeType(int fd, int number, int family, long high, long low, int interfaceIndex);

    /**
     * Zeroed bytes that belong to no collector; null if there is no memory. Throws OutOfMemoryError if the heap is
     * full.
     */
    static native @Nullable ByteBuffer allocate(int size);

    /** Frees what {@link #allocate} gave: not to be used any more, nor any view of it. */
    static native void free(ByteBuffer memory);

    /** The address of a direct buffer that holds an arena, 0 if its header does not fit it. */
    static native long arenaAddress(ByteBuffer arena);

    static native int receive(int fd, long arena, int count);

    static native int send(int fd, long arena, int count);

    static native int await(int fd, int eventFd, int events, int timeoutMillis);
}
