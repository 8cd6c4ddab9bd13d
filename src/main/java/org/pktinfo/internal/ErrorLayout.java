package org.pktinfo.internal;

import java.lang.annotation.Native;

/**
 * The layout of the memory into which C reads a socket's error queue, one report after another; {@code
 * native/errors_linux.c} does not compile if its structure differs. Addresses are in network order, IPv4 as IPv4-mapped
 * IPv6 addresses; numbers are in native order, of 4 bytes except port (2), flags, origin, type and code (1 each),
 * time and digest (8 each). A change raises {@link Layout#VERSION}.
 */
final class ErrorLayout {
    /** The limit of the messages that one call takes from the queue. */
    @Native
    static final int MOST_REPORTS = 16;

    @Native
    static final int REPORT_SIZE = 80;

    @Native
    static final int PEER_ADDRESS = 0;

    @Native
    static final int PEER_SCOPE = 16;

    @Native
    static final int PEER_PORT = 20;

    @Native
    static final int HAS_PEER = 22;

    @Native
    static final int HAS_REPORTER = 23;

    @Native
    static final int REPORTER_ADDRESS = 24;

    @Native
    static final int REPORTER_SCOPE = 40;

    @Native
    static final int ERROR = 44;

    @Native
    static final int ORIGIN = 48;

    @Native
    static final int TYPE = 49;

    @Native
    static final int CODE = 50;

    @Native
    static final int INFO = 52;

    @Native
    static final int NUMBER = 56;

    @Native
    static final int PAYLOAD_LENGTH = 60;

    @Native
    static final int TIME = 64;

    @Native
    static final int DIGEST = 72;

    /** The number of bytes at a payload's beginning that the digest is of. */
    @Native
    static final int DIGEST_OF = 512;

    /** The origin of a report by this host itself (SO_EE_ORIGIN_LOCAL). */
    static final int ORIGIN_LOCAL = 1;

    static final int ORIGIN_ICMP = 2;

    static final int ORIGIN_ICMPV6 = 3;

    /** The origin of a message with a time of transmission (SO_EE_ORIGIN_TIMESTAMPING). */
    @Native
    static final int ORIGIN_TRANSMITTED = 4;

    private ErrorLayout() {}
}
