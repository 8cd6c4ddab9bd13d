package org.pktinfo.internal;

import java.lang.annotation.Native;

/**
 * The layout of the memory that Java and C share, and the numbers that both use; written down here only. {@code javac
 * -h} turns it into a C header, and {@code native/arena.h} does not compile if its structures differ.
 *
 * <pre>
 *   0            header: slot count, payload capacity, payload stride, socket family, longest coalesced,
 *              form and first number of requests for times of transmission
 *   64           slot 0, slot 1, ...           128 bytes each, two cache lines: read on receive | written on send
 *   + 128 n      payload 0, payload 1, ...     one stride each
 *   + stride n   scratch                       576 bytes a slot, only C knows what is in it
 *
 *   slot   0  peer address (16)                        32  in6_pktinfo address (16)
 *         16  peer scope                               48  in6_pktinfo interface index
 *         20  peer port (2)                            52  in_pktinfo header destination
 *         22  original port (2)                        56  in_pktinfo local address
 *         24  flags                                    60  in_pktinfo interface index
 *         28  payload length
 *         64  length on the wire                       72  source address (16)
 *         68  drop count                               88  source interface index
 *         92  mark                                    112  error (2)
 *         96  receive time (8)                        118  length sent (2)
 *        104  hardware receive time (8)               120  segment size to send (2)
 *        114  segment size (2)                        122  send flags (2)
 *        116  traffic class (1), hop limit (1)        124  source form (1), send state (1)
 *                                                     126  traffic class (1), hop limit (1) to send
 * </pre>
 *
 * Addresses are in network order, IPv4 as IPv4-mapped IPv6 addresses except inside in_pktinfo; numbers are 4 bytes in
 * native order unless a size is given.
 */
public final class Layout {
    /**
     * The version of the layout. It is raised with every change of this class, of {@link NativeCalls} or of {@link
     * HookCalls}, so that a library of another version is refused.
     */
    @Native
    public static final int VERSION = 13;

    @Native
    public static final int HEADER_SIZE = 64;

    @Native
    public static final int SLOT_COUNT = 0;

    @Native
    public static final int PAYLOAD_CAPACITY = 4;

    @Native
    public static final int PAYLOAD_STRIDE = 8;

    @Native
    public static final int SOCKET_FAMILY = 12;

    @Native
    public static final int LONGEST_COALESCED = 16;

    @Native
    public static final int TRANSMIT_FORM = 20;

    @Native
    public static final int TRANSMIT_NUMBER = 24;

    @Native
    public static final int SLOT_SIZE = 128;

    @Native
    public static final int PEER_ADDRESS = 0;

    @Native
    public static final int PEER_SCOPE = 16;

    @Native
    public static final int PEER_PORT = 20;

    @Native
    public static final int ORIGINAL_PORT = 22;

    @Native
    public static final int FLAGS = 24;

    @Native
    public static final int LENGTH = 28;

    @Native
    public static final int IN6_ADDRESS = 32;

    @Native
    public static final int IN6_INTERFACE = 48;

    @Native
    public static final int IN_ADDRESS = 52;

    @Native
    public static final int IN_LOCAL = 56;

    @Native
    public static final int IN_INTERFACE = 60;

    @Native
    public static final int WIRE_LENGTH = 64;

    @Native
    public static final int DROP_COUNT = 68;

    @Native
    public static final int SOURCE_ADDRESS = 72;

    @Native
    public static final int SOURCE_INTERFACE = 88;

    @Native
    public static final int MARK = 92;

    @Native
    public static final int RECEIVE_TIME = 96;

    @Native
    public static final int HARDWARE_TIME = 104;

    @Native
    public static final int ERROR = 112;

    @Native
    public static final int SEGMENT_SIZE = 114;

    @Native
    public static final int TRAFFIC_CLASS = 116;

    @Native
    public static final int HOP_LIMIT = 117;

    @Native
    public static final int SENT_LENGTH = 118;

    @Native
    public static final int SEND_SEGMENT_SIZE = 120;

    @Native
    public static final int SEND_FLAGS = 122;

    @Native
    public static final int SOURCE_FORM = 124;

    @Native
    public static final int SEND_STATE = 125;

    @Native
    public static final int SEND_TRAFFIC_CLASS = 126;

    @Native
    public static final int SEND_HOP_LIMIT = 127;

    @Native
    public static final int SCRATCH_SIZE = 576;

    /** The limit of sendmmsg(2) and recvmmsg(2) (UIO_MAXIOV). */
    @Native
    public static final int MAX_SLOTS = 1024;

    @Native
    public static final int MAX_STRIDE = 1 << 16;

    @Native
    public static final int FAMILY_IPV4 = 4;

    @Native
    public static final int FAMILY_IPV6 = 6;

    @Native
    public static final int FLAG_IN_PKTINFO = 1;

    @Native
    public static final int FLAG_IN6_PKTINFO = 1 << 1;

    @Native
    public static final int FLAG_IN6_PKTINFO_FIRST = 1 << 2;

    @Native
    public static final int FLAG_TRUNCATED = 1 << 3;

    @Native
    public static final int FLAG_CONTROL_TRUNCATED = 1 << 4;

    @Native
    public static final int FLAG_DROP_COUNT = 1 << 5;

    @Native
    public static final int FLAG_RECEIVE_TIME = 1 << 6;

    @Native
    public static final int FLAG_SEGMENT_SIZE = 1 << 7;

    @Native
    public static final int FLAG_TRAFFIC_CLASS = 1 << 8;

    @Native
    public static final int FLAG_HOP_LIMIT = 1 << 9;

    @Native
    public static final int FLAG_ORIGINAL_PORT = 1 << 10;

    @Native
    public static final int FLAG_MARK = 1 << 11;

    @Native
    public static final int FLAG_HARDWARE_TIME = 1 << 12;

    @Native
    public static final int FORM_NONE = 0;

    @Native
    public static final int FORM_IN_PKTINFO = 1;

    @Native
    public static final int FORM_IN6_PKTINFO = 2;

    /** The form for experiments: all received packet information messages, in their order. */
    @Native
    public static final int FORM_AS_RECEIVED = 3;

    @Native
    public static final int STATE_PENDING = 1;

    @Native
    public static final int STATE_DONE = 2;

    /** The flag for a slot that must not be coalesced with others: the kernel has refused that for its destination. */
    @Native
    public static final int SEND_SEPARATELY = 1;

    /** The flag for a slot that the kernel refused to segment, so that its datagrams were sent one by one. */
    @Native
    public static final int SEND_SEGMENTATION_REFUSED = 1 << 1;

    /** The flag for a slot that was sent coalesced with others. */
    @Native
    public static final int SEND_COALESCED = 1 << 2;

    /** The flag for a slot that is sent with its own traffic class. */
    @Native
    public static final int SEND_WITH_TRAFFIC_CLASS = 1 << 3;

    /** The flag for a slot that is sent with its own hop limit. */
    @Native
    public static final int SEND_WITH_HOP_LIMIT = 1 << 4;

    /** The flag for a slot whose DSCP is the socket's. Only Java uses it. */
    public static final int SEND_WITH_DSCP_OF_SOCKET = 1 << 5;

    /** The flag for a slot whose ECN is the socket's. Only Java uses it. */
    public static final int SEND_WITH_ECN_OF_SOCKET = 1 << 6;

    /** The flag for a slot whose failure was not that of another datagram; only Java uses it. */
    public static final int SEND_SETTLED = 1 << 7;

    /** Send flag of a slot whose time of transmission is requested; it is sent separately. */
    @Native
    public static final int SEND_WITH_TRANSMIT_TIME = 1 << 8;

    /** Form of requests for times of transmission: by the socket's option, for every datagram that it sends. */
    @Native
    public static final int TRANSMIT_ALL = 0;

    /** Form of requests: by a control message. */
    @Native
    public static final int TRANSMIT_REQUESTED = 1;

    /** Form of requests: by a control message, with a number that comes back with the time. */
    @Native
    public static final int TRANSMIT_NUMBERED = 2;

    /** The flags of a slot with header fields of its own. Only Java uses them. */
    public static final int SEND_WITH_ANY = SEND_WITH_TRAFFIC_CLASS
            | SEND_WITH_HOP_LIMIT
            | SEND_WITH_DSCP_OF_SOCKET
            | SEND_WITH_ECN_OF_SOCKET
            | SEND_WITH_TRANSMIT_TIME;

    @Native
    public static final int WAIT_READABLE = 1;

    @Native
    public static final int WAIT_WRITABLE = 2;

    /** The bit in the result of a wait for a socket with an error pending or in its error queue. */
    @Native
    public static final int WAIT_ERROR = 4;

    @Native
    public static final int OPTION_IP_PKTINFO = 1;

    @Native
    public static final int OPTION_IPV6_RECVPKTINFO = 2;

    @Native
    public static final int OPTION_IPV6_V6ONLY = 3;

    @Native
    public static final int OPTION_FAMILY = 4;

    @Native
    public static final int OPTION_BOUND_INTERFACE = 5;

    @Native
    public static final int OPTION_UDP_SEGMENT = 6;

    @Native
    public static final int OPTION_UDP_GRO = 7;

    @Native
    public static final int OPTION_RXQ_OVFL = 8;

    @Native
    public static final int OPTION_IP_MTU_DISCOVER = 9;

    @Native
    public static final int OPTION_IP_MULTICAST_ALL = 10;

    @Native
    public static final int OPTION_IPV6_MULTICAST_ALL = 11;

    @Native
    public static final int OPTION_IP_RECVTOS = 12;

    @Native
    public static final int OPTION_IPV6_RECVTCLASS = 13;

    @Native
    public static final int OPTION_IP_RECVTTL = 14;

    @Native
    public static final int OPTION_IPV6_RECVHOPLIMIT = 15;

    @Native
    public static final int OPTION_TIMESTAMPNS = 16;

    @Native
    public static final int OPTION_TIMESTAMPING = 17;

    @Native
    public static final int OPTION_IP_RECVORIGDSTADDR = 18;

    @Native
    public static final int OPTION_IPV6_RECVORIGDSTADDR = 19;

    @Native
    public static final int OPTION_RCVMARK = 20;

    @Native
    public static final int OPTION_IP_TOS = 21;

    @Native
    public static final int OPTION_IPV6_TCLASS = 22;

    @Native
    public static final int OPTION_IPV6_MTU_DISCOVER = 23;

    @Native
    public static final int OPTION_IPV6_DONTFRAG = 24;

    @Native
    public static final int OPTION_IP_TRANSPARENT = 25;

    @Native
    public static final int OPTION_IPV6_TRANSPARENT = 26;

    @Native
    public static final int OPTION_MARK = 27;

    @Native
    public static final int OPTION_RCVBUF = 28;

    @Native
    public static final int OPTION_RCVBUFFORCE = 29;

    @Native
    public static final int OPTION_BUSY_POLL = 30;

    @Native
    public static final int OPTION_INCOMING_CPU = 31;

    @Native
    public static final int OPTION_IPV6_FREEBIND = 32;

    @Native
    public static final int OPTION_IP_RECVERR = 40;

    @Native
    public static final int OPTION_IPV6_RECVERR = 41;

    /** The path MTU of a connected socket; can only be read. */
    @Native
    public static final int OPTION_IP_MTU = 42;

    @Native
    public static final int OPTION_IPV6_MTU = 43;

    /** The pending error (SO_ERROR); reading it clears it. */
    @Native
    public static final int OPTION_ERROR = 44;

    private Layout() {}
}
