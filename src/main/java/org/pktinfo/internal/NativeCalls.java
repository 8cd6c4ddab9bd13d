package org.pktinfo.internal;

import java.lang.annotation.Native;
import java.net.DatagramPacket;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import org.jspecify.annotations.Nullable;

/**
 * The native methods of a channel; no other Java code names them. Each returns a result {@code >= 0} or the negated
 * errno, throws nothing unless stated otherwise, and only {@link #await} blocks. The caller must have checked every
 * argument.
 */
final class NativeCalls {
    /**
     * The numbers of the ways to a channel's descriptor, in the order in which they are tried. All of them work on JDK
     * 17 and 25.
     */
    @Native
    static final int BY_FDVAL_FIELD = 0;

    @Native
    static final int BY_FDVAL_METHOD = 1;

    @Native
    static final int BY_FILE_DESCRIPTOR = 2;

    private NativeCalls() {}

    static native int layoutVersion();

    /** Returns 1000 * major + minor of glibc, 0 for another C library. */
    static native int glibcVersion();

    static native int descriptor(DatagramChannel channel, int way);

    /** Returns a packet's room in bytes, which exceeds its length if a shorter datagram was received into it before. */
    static native int packetRoom(DatagramPacket packet);

    /** Sets a packet's length without changing its room. */
    static native int setPacketLength(DatagramPacket packet, int length);

    static native int duplicate(int fd);

    /** Makes {@code fd} refer to the same open file as {@code by}. */
    static native int replace(int fd, int by);

    static native int close(int fd);

    static native int newEvent();

    static native int signal(int eventFd);

    /** Clears the event's signals. */
    static native int calm(int eventFd);

    static native int setOption(int fd, int option, int value);

    /** Returns the value as unsigned: -1 as 4294967295. */
    static native long getOption(int fd, int option);

    /** Returns the number of datagrams that the socket has dropped, modulo 2^32; ENOPROTOOPT before Linux 4.12. */
    static native long drops(int fd);

    /** Returns the socket's cookie, a number that no other socket has or will have; ENOPROTOOPT before Linux 4.12. */
    static native long cookie(int fd);

    /** Returns the number of the socket's network namespace; ENOPROTOOPT before Linux 5.14. */
    static native long namespace(int fd);

    /** Opens a socket for queries of the routing table, one query at a time. */
    static native int newRouteSocket();

    /**
     * Returns the type of the route to an address, by an interface if its index is not 0; 0 if there is no route. Each
     * query needs a number of its own.
     */
    static native int routeType(int fd, int number, int family, long high, long low, int interfaceIndex);

    /**
     * Allocates zeroed bytes that no collector frees; null if there is no memory. Throws OutOfMemoryError if the heap
     * is full.
     */
    static native @Nullable ByteBuffer allocate(int size);

    /** Frees a buffer from {@link #allocate}. Neither it nor a view of it may be used afterwards. */
    static native void free(ByteBuffer memory);

    /**
     * Returns the address of a direct buffer that holds an arena, 0 if the arena's header does not match the buffer's
     * size.
     */
    static native long arenaAddress(ByteBuffer arena);

    static native int receive(int fd, long arena, int count);

    /**
     * Receives up to {@code count} messages of the socket's error queue into a direct buffer of {@link ErrorLayout};
     * returns their number.
     */
    static native int receiveErrors(int fd, ByteBuffer reports, int count);

    /**
     * Returns the path MTU to a peer, from a source address unless that is 0 and by an interface unless its index is 0,
     * which a socket of its own finds out.
     */
    static native int pathMtu(
            long sourceHigh,
            long sourceLow,
            int interfaceIndex,
            long peerHigh,
            long peerLow,
            int peerScope,
            int peerPort);

    /** Returns the kernel's form of requests for times of transmission, of {@link Layout}, or -errno. */
    static native int transmitForm();

    /** The most bytes of an interface's name. */
    static final int INTERFACE_NAME_LENGTH = 15;

    /** Returns the index of an interface, or -errno; java.net.NetworkInterface has only those with an address. */
    static native int interfaceIndex(byte[] name);

    /** Stores the name of an interface. Returns its length, or -errno. */
    static native int interfaceName(int index, byte[] name);

    static native int send(int fd, long arena, int count);

    static native int await(int fd, int eventFd, int events, int timeoutMillis);
}
