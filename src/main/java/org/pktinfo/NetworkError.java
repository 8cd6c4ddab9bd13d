package org.pktinfo;

import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.pktinfo.internal.Errno;
import org.pktinfo.internal.NetworkErrors;

/**
 * An error that the network, or this host, reported about a datagram that a channel had sent (IP_RECVERR in ip(7),
 * IPV6_RECVERR in ipv6(7)).
 *
 * <p><b>Everything in it may be forged.</b> ICMP messages are not authenticated: a sender that guesses addresses and
 * ports can report any error, from any address, with any MTU, about a datagram to any peer. Take a report as a hint: do
 * not give up a peer or lower a size for good because of one (RFC 5927, RFC 8085 5.2, RFC 8899).
 *
 * @param destination the peer that the datagram was for; its port is 0 in reports of {@link Origin#LOCAL} over IPv4,
 *     for which the kernel does not tell it
 * @param reporter the source address of the ICMP message, a router's or the peer's; null if this host itself reports
 * @param origin the kind of report
 * @param type the type of the ICMP or ICMPv6 message, 0 to 255; 0 for {@link Origin#LOCAL}
 * @param code the code of the ICMP or ICMPv6 message, 0 to 255; 0 for {@link Origin#LOCAL}
 * @param errno the kernel's error number for it, positive, such as 111 (ECONNREFUSED)
 * @param mtu the MTU in bytes that a datagram that was too long would have to fit into, headers of IP and UDP included;
 *     0 if none is reported. At most {@link Integer#MAX_VALUE}; a router may report less than the least MTU of its
 *     family, which is 68 for IPv4 (RFC 791) and 1280 for IPv6 (RFC 8200)
 */
@SuppressWarnings("exports") // the annotations are not needed at run time
public record NetworkError(
        Endpoint destination, @Nullable IpAddress reporter, Origin origin, int type, int code, int errno, int mtu) {
    /** The origin of a report. */
    public enum Origin {
        /** This host, when it tried to send. */
        LOCAL,
        /** An ICMP message (RFC 792). */
        ICMP,
        /** An ICMPv6 message (RFC 4443). */
        ICMPV6
    }

    /** The meaning of a report, the same for both families. */
    public enum Kind {
        /** No program has bound the peer's port. */
        PORT_UNREACHABLE,
        /** The peer, or its address on the last link, does not answer. */
        HOST_UNREACHABLE,
        /** A router has no route to the peer. */
        NETWORK_UNREACHABLE,
        /** A firewall or a policy forbids the datagram. */
        PROHIBITED,
        /** The datagram is longer than a link on its path takes, see {@link NetworkError#mtu}. */
        PACKET_TOO_BIG,
        /** The hop limit was used up, or a fragment was missing too long. */
        TIME_EXCEEDED,
        /** Any other report. */
        OTHER
    }

    /**
     * Checks the arguments.
     *
     * @param destination the peer that the datagram was for
     * @param reporter the source address of the ICMP message, or null
     * @param origin the kind of report
     * @param type the type, 0 to 255
     * @param code the code, 0 to 255
     * @param errno the error number, positive
     * @param mtu the MTU, 0 if none is reported
     * @throws IllegalArgumentException if a number is out of range
     */
    public NetworkError {
        Objects.requireNonNull(destination, "destination");
        Objects.requireNonNull(origin, "origin");
        if (type < 0 || type > 0xff || code < 0 || code > 0xff) {
            throw new IllegalArgumentException("type " + type + " and code " + code + " are not both in 0 to 255");
        }
        if (errno <= 0) {
            throw new IllegalArgumentException("errno " + errno + " is not positive");
        }
        if (mtu < 0) {
            throw new IllegalArgumentException("MTU " + mtu + " is negative");
        }
    }

    static @Nullable NetworkError of(NetworkErrors.@Nullable Report report) {
        if (report == null) {
            return null;
        }
        Origin origin = Origin.values()[report.origin() - 1];
        long mtu = report.errno() == Errno.EMSGSIZE ? Integer.toUnsignedLong(report.info()) : 0;
        return new NetworkError(
                new Endpoint(new IpAddress(report.peerHigh(), report.peerLow(), report.peerScope()), report.peerPort()),
                report.hasReporter()
                        ? new IpAddress(report.reporterHigh(), report.reporterLow(), report.reporterScope())
                        : null,
                origin,
                report.type(),
                report.code(),
                report.errno(),
                (int) Math.min(mtu, Integer.MAX_VALUE));
    }

    /**
     * Returns the meaning of the report.
     *
     * @return the kind, by type and code (RFC 792, RFC 1812 5.2.7, RFC 4443), or by error number for {@link
     *     Origin#LOCAL}
     */
    public Kind kind() {
        return switch (origin) {
            case LOCAL -> ofErrno();
            case ICMP -> ofIcmp();
            case ICMPV6 -> ofIcmpv6();
        };
    }

    private Kind ofErrno() {
        return switch (errno) {
            case Errno.ECONNREFUSED -> Kind.PORT_UNREACHABLE;
            case Errno.EHOSTUNREACH, Errno.EHOSTDOWN -> Kind.HOST_UNREACHABLE;
            case Errno.ENETUNREACH -> Kind.NETWORK_UNREACHABLE;
            case Errno.EACCES -> Kind.PROHIBITED;
            case Errno.EMSGSIZE -> Kind.PACKET_TOO_BIG;
            default -> Kind.OTHER;
        };
    }

    private Kind ofIcmp() {
        if (type == 11) {
            return Kind.TIME_EXCEEDED;
        }
        return type != 3
                ? Kind.OTHER
                : switch (code) {
                    case 0, 6, 11 -> Kind.NETWORK_UNREACHABLE;
                    case 1, 7, 8, 12 -> Kind.HOST_UNREACHABLE;
                    case 3 -> Kind.PORT_UNREACHABLE;
                    case 4 -> Kind.PACKET_TOO_BIG;
                    case 9, 10, 13, 14, 15 -> Kind.PROHIBITED;
                    default -> Kind.OTHER;
                };
    }

    private Kind ofIcmpv6() {
        return switch (type) {
            case 1 ->
                switch (code) {
                    case 0, 2 -> Kind.NETWORK_UNREACHABLE;
                    case 1, 5, 6 -> Kind.PROHIBITED;
                    case 3 -> Kind.HOST_UNREACHABLE;
                    case 4 -> Kind.PORT_UNREACHABLE;
                    default -> Kind.OTHER;
                };
            case 2 -> Kind.PACKET_TOO_BIG;
            case 3 -> Kind.TIME_EXCEEDED;
            default -> Kind.OTHER;
        };
    }

    /**
     * Returns the report in words.
     *
     * @return a text for a log, for example {@code PORT_UNREACHABLE: ECONNREFUSED (111), peer 192.0.2.1:4711, ICMP type
     *     3 code 3 from 192.0.2.1}
     */
    @Override
    public String toString() {
        String size = mtu == 0 ? "" : ", MTU " + mtu;
        String by = origin == Origin.LOCAL
                ? ", by this host"
                : ", " + (origin == Origin.ICMP ? "ICMP" : "ICMPv6") + " type " + type + " code " + code + " from "
                        + (reporter == null ? "an unknown address" : reporter);
        return kind() + ": " + Errno.describe(errno) + size + ", peer " + destination + by;
    }
}
