package org.pktinfo;

import java.io.IOException;
import java.io.Serial;
import java.util.Objects;
import org.pktinfo.internal.Errno;
import org.pktinfo.internal.HostAddress;

/**
 * A datagram was not sent. The channel is as good as before; the text names the source, the peer and what the kernel
 * said, for example {@code sendmsg: ENETUNREACH (101), source 192.0.2.9, peer 192.0.2.1:4711}.
 */
public final class SendException extends IOException {
    @Serial
    private static final long serialVersionUID = 1;

    /** What a caller can make of it. */
    public enum Kind {
        /**
         * The source is not an address of this host (any more), not yet usable (IPv6 duplicate address detection), or
         * not of the peer's family.
         */
        SOURCE_UNUSABLE,
        /**
         * The request does not say which address it was sent to, it was broken off, or the channel is bound to another
         * address than that: nothing is guessed.
         */
        NO_SOURCE,
        /** The interface is gone: ENODEV. */
        INTERFACE_GONE,
        /** May work later: a full send buffer or queue (EAGAIN, ENOBUFS, ENOMEM) or a firewall (EPERM). */
        TRANSIENT,
        /** Longer than a datagram, the send buffer or the path allows: EMSGSIZE. */
        MESSAGE_TOO_LONG,
        /**
         * The host has no route to the peer, or one that forbids it: ENETUNREACH, EHOSTUNREACH, EACCES, ENETDOWN and
         * the like.
         */
        PEER_UNREACHABLE,
        /** The peer has port 0, to which nothing can be sent. */
        PEER_PORT_ZERO,
        /**
         * The request came from no address that a reply can be sent to: 0.0.0.0 (a DHCP client), ::, a multicast group
         * or 255.255.255.255.
         */
        PEER_UNANSWERABLE,
        /** Anything else; {@link #errno} says what. */
        OTHER
    }

    /** What a caller can make of it. */
    private final Kind kind;

    /** The kernel's error number, 0 if the kernel was not asked. */
    private final int errno;

    private SendException(Kind kind, int errno, String message) {
        super(message);
        this.kind = kind;
        this.errno = errno;
    }

    /**
     * For a {@link SourceSelection} that finds no source for a reply.
     *
     * @param peer who is not answered
     * @param reason why not, in words
     * @return an exception of kind {@link Kind#NO_SOURCE}
     */
    public static SendException noSource(Endpoint peer, String reason) {
        Objects.requireNonNull(peer, "peer");
        return refused(Kind.NO_SOURCE, "no source: " + Objects.requireNonNull(reason, "reason"), peer);
    }

    /** A datagram that is refused before any system call. */
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

    /** A datagram that the kernel refused. */
    static SendException failed(int errno, Source source, Endpoint peer) {
        return failed(kind(errno, source), errno, source, peer);
    }

    /** The same of a kind that was found out already. */
    static SendException failed(Kind kind, int errno, Source source, Endpoint peer) {
        String text = "sendmsg: " + Errno.describe(errno) + ", source " + source + ", peer " + peer;
        return new SendException(kind, errno, text);
    }

    /**
     * What a caller can make of it.
     *
     * @return the kind
     */
    public Kind kind() {
        return kind;
    }

    /**
     * The kernel's error number.
     *
     * @return the number, 0 if the kernel was not asked
     */
    public int errno() {
        return errno;
    }

    /**
     * What a caller can make of what the kernel said; may ask it whether the source is still an address of this host.
     */
    static Kind kind(int errno, Source source) {
        return switch (errno) {
            case Errno.ENETUNREACH, Errno.EADDRNOTAVAIL, Errno.EINVAL ->
                unusableOr(errno == Errno.EINVAL ? Kind.OTHER : Kind.PEER_UNREACHABLE, source);
            case Errno.ENODEV -> Kind.INTERFACE_GONE;
            case Errno.EAGAIN, Errno.ENOBUFS, Errno.ENOMEM, Errno.EPERM -> Kind.TRANSIENT;
            case Errno.EMSGSIZE -> Kind.MESSAGE_TOO_LONG;
            case Errno.EHOSTUNREACH, Errno.EACCES, Errno.ENETDOWN, Errno.EHOSTDOWN, Errno.ECONNREFUSED ->
                Kind.PEER_UNREACHABLE;
            default -> Kind.OTHER;
        };
    }

    /**
     * The kernel gives one number for a source that is gone and for a route that is missing: ENETUNREACH over IPv4
     * today, EINVAL over IPv6 and on kernels of RHEL 7. Which it was, the routing table tells, whatever the number.
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
