package org.pktinfo;

import java.io.IOException;
import java.io.Serial;
import java.util.Objects;
import org.pktinfo.internal.Errno;
import org.pktinfo.internal.HostAddress;

/**
 * Thrown when a datagram was not sent. The channel remains usable. The message names the source, the peer and the
 * kernel's error, for example {@code sendmsg: ENETUNREACH (101), source 192.0.2.9, peer 192.0.2.1:4711}.
 */
public final class SendException extends IOException {
    @Serial
    private static final long serialVersionUID = 1;

    /** The kind of failure, by which a caller can decide how to react. */
    public enum Kind {
        /**
         * The source is not or no longer an address of this host, not yet usable (IPv6 duplicate address detection), or
         * not of the peer's family.
         */
        SOURCE_UNUSABLE,
        /**
         * The request does not say which address it was sent to, its packet information was truncated, or the channel
         * is bound to another address: the source is never guessed.
         */
        NO_SOURCE,
        /** The interface no longer exists: ENODEV. */
        INTERFACE_GONE,
        /** A failure that may pass: a full send buffer or queue (EAGAIN, ENOBUFS, ENOMEM) or a firewall (EPERM). */
        TRANSIENT,
        /** The datagram is longer than the protocol, the send buffer or the path allows: EMSGSIZE. */
        MESSAGE_TOO_LONG,
        /**
         * The host has no route to the peer, or one that forbids it: ENETUNREACH, EHOSTUNREACH, EACCES, ENETDOWN and
         * the like.
         */
        PEER_UNREACHABLE,
        /** The peer has port 0, to which nothing can be sent. */
        PEER_PORT_ZERO,
        /**
         * The request's source address cannot receive a reply: 0.0.0.0 (a DHCP client), ::, a multicast group or
         * 255.255.255.255.
         */
        PEER_UNANSWERABLE,
        /**
         * Any other failure; see {@link #errno}. EINVAL for a datagram to an IPv4 peer with {@link SendOptions}: Linux
         * before 3.13 refuses them.
         */
        OTHER
    }

    /** The kind of failure, by which a caller can decide how to react. */
    private final Kind kind;

    /** The kernel's error number, 0 if the datagram was refused before any system call. */
    private final int errno;

    private SendException(Kind kind, int errno, String message) {
        super(message);
        this.kind = kind;
        this.errno = errno;
    }

    /**
     * Creates an exception for a {@link SourceSelection} that finds no source for a reply.
     *
     * @param peer the peer that gets no reply
     * @param reason the reason, in words
     * @return an exception of kind {@link Kind#NO_SOURCE}
     */
    public static SendException noSource(Endpoint peer, String reason) {
        Objects.requireNonNull(peer, "peer");
        return refused(Kind.NO_SOURCE, "no source: " + Objects.requireNonNull(reason, "reason"), peer);
    }

    /** Creates an exception for a datagram that is refused before any system call. */
    static SendException refused(Kind kind, String reason, Endpoint peer) {
        return new SendException(kind, 0, reason + ", peer " + peer);
    }

    static SendException portZero(Endpoint peer) {
        return refused(Kind.PEER_PORT_ZERO, "nothing can be sent to port 0", peer);
    }

    static SendException unanswerable(Endpoint peer) {
        return refused(
                Kind.PEER_UNANSWERABLE, "no reply can be sent to an unspecified, multicast or broadcast address", peer);
    }

    static SendException wrongFamily(Source source, Endpoint peer) {
        return refused(Kind.SOURCE_UNUSABLE, "source " + source + " is not of the peer's family", peer);
    }

    /** Creates an exception for a datagram that the kernel refused. */
    static SendException failed(int errno, Source source, Endpoint peer, boolean ownFields) {
        return failed(kind(errno, source), errno, source, peer, ownFields);
    }

    /**
     * Creates an exception for a datagram that the kernel refused, with a kind that is already determined.
     *
     * @param ownFields true if the datagram had {@link SendOptions}
     */
    static SendException failed(Kind kind, int errno, Source source, Endpoint peer, boolean ownFields) {
        String text = "sendmsg: " + Errno.describe(errno) + ", source " + source + ", peer " + peer;
        boolean fieldsRefused = ownFields
                && kind == Kind.OTHER
                && errno == Errno.EINVAL
                && peer.address().isIpv4();
        return new SendException(
                kind, errno, fieldsRefused ? text + "; Linux before 3.13 refuses SendOptions to an IPv4 peer" : text);
    }

    /**
     * Returns the kind of failure, by which a caller can decide how to react.
     *
     * @return the kind
     */
    public Kind kind() {
        return kind;
    }

    /**
     * Returns the kernel's error number.
     *
     * @return the number, 0 if the datagram was refused before any system call
     */
    public int errno() {
        return errno;
    }

    /**
     * Returns the kind for an error number; may query the kernel for whether the source is still an address of this
     * host.
     */
    static Kind kind(int errno, Source source) {
        return switch (errno) {
            case Errno.ENETUNREACH, Errno.EINVAL ->
                unusableOr(errno == Errno.EINVAL ? Kind.OTHER : Kind.PEER_UNREACHABLE, source);
            case Errno.EADDRNOTAVAIL -> // without a source: the host has no IPv6 address to send from
                source.address().isUnspecified() ? Kind.PEER_UNREACHABLE : Kind.SOURCE_UNUSABLE;
            case Errno.ENODEV -> Kind.INTERFACE_GONE;
            case Errno.EAGAIN, Errno.ENOBUFS, Errno.ENOMEM, Errno.EPERM -> Kind.TRANSIENT;
            case Errno.EMSGSIZE -> Kind.MESSAGE_TOO_LONG;
            case Errno.EHOSTUNREACH, Errno.EACCES, Errno.ENETDOWN, Errno.EHOSTDOWN, Errno.ECONNREFUSED ->
                Kind.PEER_UNREACHABLE;
            default -> Kind.OTHER;
        };
    }

    /**
     * The kernel returns one number both for a source that no longer exists and for a missing route: ENETUNREACH over
     * IPv4 today, EINVAL over IPv6 and on kernels of RHEL 7. The routing table decides between the two, whatever the
     * number.
     */
    private static Kind unusableOr(Kind otherwise, Source source) {
        if (source.address().isUnspecified()) {
            return otherwise;
        }
        return switch (HostAddress.ask(source.address().high(), source.address().low(), source.interfaceIndex())) {
            case LOCAL, UNKNOWN -> otherwise;
            case BROADCAST, FOREIGN -> Kind.SOURCE_UNUSABLE;
        };
    }
}
