package org.pktinfo;

import java.util.Arrays;
import org.pktinfo.internal.Arena;
import org.pktinfo.internal.Layout;
import org.pktinfo.internal.SocketOptions;

/**
 * The options of a single datagram to send: header fields in place of the socket's, and the request for its time of
 * transmission. A value that any thread may use.
 *
 * <p>On Linux before 3.13 a datagram to an IPv4 peer cannot have fields of its own: sending fails with EINVAL, a {@link
 * SendException} of kind {@link SendException.Kind#OTHER}.
 *
 * @param dscp the differentiated services code point (RFC 2474), in 0 to 63; -1 for the socket's
 * @param ecn the explicit congestion notification (RFC 3168), in 0 to 3; -1 for the socket's
 * @param hopLimit the TTL of IPv4 or the hop limit of IPv6, in 1 to 255; -1 for the socket's
 * @param transmitTimeId the number under which the time of transmission is requested, 0 or more; -1 for no request
 */
public record SendOptions(int dscp, int ecn, int hopLimit, long transmitTimeId) {
    /** The options of the socket. */
    public static final SendOptions NONE = new SendOptions(-1, -1, -1);

    private static final SendOptions[] OF_DSCP = new SendOptions[64];
    private static final SendOptions[] OF_ECN = new SendOptions[4];

    static {
        Arrays.setAll(OF_DSCP, NONE::withDscp);
        Arrays.setAll(OF_ECN, NONE::withEcn);
    }

    /**
     * Checks the ranges.
     *
     * @param dscp the code point, -1 for the socket's
     * @param ecn the congestion notification, -1 for the socket's
     * @param hopLimit the hop limit, -1 for the socket's
     * @param transmitTimeId the number of the request for the time of transmission, -1 for none
     * @throws IllegalArgumentException if a number is out of its range
     */
    public SendOptions {
        check("DSCP", dscp, 0, 63);
        check("ECN", ecn, 0, 3);
        check("hop limit", hopLimit, 1, 255);
        check("transmit time id", transmitTimeId, 0, Long.MAX_VALUE);
    }

    private static void check(String name, long value, long least, long most) {
        if (value != -1 && (value < least || value > most)) {
            throw new IllegalArgumentException(name + " " + value + " is neither -1 nor in " + least + " to " + most);
        }
    }

    /**
     * Creates options that request no time of transmission.
     *
     * @param dscp the code point, -1 for the socket's
     * @param ecn the congestion notification, -1 for the socket's
     * @param hopLimit the hop limit, -1 for the socket's
     * @throws IllegalArgumentException if a number is out of its range
     */
    public SendOptions(int dscp, int ecn, int hopLimit) {
        this(dscp, ecn, hopLimit, -1);
    }

    /**
     * Returns these options with another code point.
     *
     * @param value the code point, in 0 to 63; -1 for the socket's
     * @return the options
     * @throws IllegalArgumentException if the value is out of range
     */
    public SendOptions withDscp(int value) {
        return new SendOptions(value, ecn, hopLimit, transmitTimeId);
    }

    /**
     * Returns these options with another congestion notification.
     *
     * @param value the congestion notification, in 0 to 3; -1 for the socket's
     * @return the options
     * @throws IllegalArgumentException if the value is out of range
     */
    public SendOptions withEcn(int value) {
        return new SendOptions(dscp, value, hopLimit, transmitTimeId);
    }

    /**
     * Returns these options with the code point and the congestion notification of a traffic class byte.
     *
     * @param value the traffic class, in 0 to 255; -1, as of a request without one, for the socket's
     * @return the options
     * @throws IllegalArgumentException if the value is out of range
     */
    public SendOptions withTrafficClass(int value) {
        check("traffic class", value, 0, 255);
        return new SendOptions(value >> 2, value < 0 ? value : value & 3, hopLimit, transmitTimeId);
    }

    /**
     * Returns these options with another hop limit.
     *
     * @param value the hop limit, in 1 to 255; -1 for the socket's
     * @return the options
     * @throws IllegalArgumentException if the value is out of range
     */
    public SendOptions withHopLimit(int value) {
        return new SendOptions(dscp, ecn, value, transmitTimeId);
    }

    /**
     * Returns these options with a request for the datagram's time of transmission, which needs {@link
     * PktInfoSocketOptions#TRANSMIT_TIMES}. The datagram is not coalesced with others, and must not be segmented.
     *
     * @param id a number of the program's own choice, 0 or more, which {@link TransmitTime} repeats; -1 for no request
     * @return the options
     * @throws IllegalArgumentException if the number is out of range
     */
    public SendOptions withTransmitTime(long id) {
        return new SendOptions(dscp, ecn, hopLimit, id);
    }

    /**
     * Returns the options of a reply with its request's code point.
     *
     * @param request the request
     * @return the options; the socket's code point if the request's is absent
     */
    public static SendOptions dscpOf(Datagram request) {
        return ofDscp(request.facts().dscp());
    }

    /**
     * Returns the options of a reply with its request's code point, without allocating.
     *
     * @param request the facts of the request
     * @return the options; the socket's code point if the request's is absent
     * @throws IllegalStateException if another thread uses the batch
     * @throws IndexOutOfBoundsException if the slot is not filled
     */
    public static SendOptions dscpOf(SlotFacts request) {
        return ofDscp(request.dscp());
    }

    /**
     * Returns the options of a reply with its request's congestion notification.
     *
     * @param request the request
     * @return the options; the socket's congestion notification if the request's is absent
     */
    public static SendOptions ecnOf(Datagram request) {
        return ofEcn(request.facts().ecn());
    }

    /**
     * Returns the options of a reply with its request's congestion notification, without allocating.
     *
     * @param request the facts of the request
     * @return the options; the socket's congestion notification if the request's is absent
     * @throws IllegalStateException if another thread uses the batch
     * @throws IndexOutOfBoundsException if the slot is not filled
     */
    public static SendOptions ecnOf(SlotFacts request) {
        return ofEcn(request.ecn());
    }

    private static SendOptions ofDscp(int dscp) {
        return dscp < 0 ? NONE : OF_DSCP[dscp];
    }

    private static SendOptions ofEcn(int ecn) {
        return ecn < 0 ? NONE : OF_ECN[ecn];
    }

    /**
     * Gives a slot that is ready to be sent these options, in place of any that it was given before.
     *
     * @throws IllegalStateException if the time of transmission is requested and the socket takes none
     * @throws IllegalArgumentException if it is requested for several datagrams
     */
    void applyTo(Arena arena, int index, SocketOptions socket) {
        int flags = hopLimit < 0 ? 0 : Layout.SEND_WITH_HOP_LIMIT;
        if (transmitTimeId >= 0) {
            checkTransmitTime(arena.datagramsToSend(index), socket);
            arena.requestTransmitTime(index, transmitTimeId);
            flags |= Layout.SEND_WITH_TRANSMIT_TIME;
        }
        if (dscp >= 0 || ecn >= 0) {
            flags |= Layout.SEND_WITH_TRAFFIC_CLASS
                    | (dscp < 0 ? Layout.SEND_WITH_DSCP_OF_SOCKET : 0)
                    | (ecn < 0 ? Layout.SEND_WITH_ECN_OF_SOCKET : 0);
        }
        arena.sendWithFields(index, flags, Math.max(0, dscp) << 2 | Math.max(0, ecn), Math.max(0, hopLimit));
    }

    private void checkTransmitTime(int datagrams, SocketOptions socket) {
        if (!socket.takesTransmitTimes()) {
            throw new IllegalStateException(
                    "transmit time " + transmitTimeId + " is requested, but TRANSMIT_TIMES is not enabled");
        }
        if (datagrams > 1) {
            throw new IllegalArgumentException("transmit time " + transmitTimeId
                    + " is requested for a payload in segments: only one datagram has a time");
        }
    }
}
