package org.pktinfo;

/**
 * The handling of datagrams longer than the path MTU, see {@link PktInfoSocketOptions#FRAGMENTATION}: IP_MTU_DISCOVER
 * in ip(7), IPV6_MTU_DISCOVER in ipv6(7). The kernel learns the path MTU from routers' reports (RFC 1191, RFC 8201),
 * which anybody can forge who guesses a datagram. The interface's MTU is the administrator's. IPv6 routers never
 * fragment (RFC 8200 5): 1232 bytes pass all links.
 */
public enum Fragmentation {
    /** The system's setting: {@link #WANT}; for IPv4 {@link #DONT} with net.ipv4.ip_no_pmtu_disc. */
    SYSTEM(-1),

    /**
     * Sets the don't-fragment bit on IPv4 datagrams that fit the path MTU. This host fragments longer ones. Until the
     * path MTU is known, those that are too long for the path are lost.
     */
    WANT(1),

    /** Sets the don't-fragment bit. A longer datagram fails with {@link SendException.Kind#MESSAGE_TOO_LONG}. */
    DO(2),

    /**
     * Sets the don't-fragment bit, ignores the path MTU, and refuses datagrams longer than the interface's MTU: for a
     * program that discovers the path MTU itself (RFC 8899), as QUIC does.
     */
    PROBE(3),

    /**
     * Ignores the path MTU, clears the don't-fragment bit, and refuses datagrams longer than the interface's MTU. Over
     * IPv6, those that are too long for the path are lost. Linux 3.14.
     */
    INTERFACE(4),

    /**
     * Ignores the path MTU, clears the don't-fragment bit, and lets this host fragment datagrams longer than the
     * interface's MTU: forged reports have no effect, and an anycast address does not need reports that may reach
     * another host. Over IPv6, datagrams and fragments that are too long for the path are lost. Linux 3.15.
     */
    OMIT(5),

    /**
     * Clears the don't-fragment bit, so that routers fragment IPv4 datagrams; this host fragments by the path MTU. Over
     * IPv6 it is {@link #WANT}.
     */
    DONT(0);

    private final int value;

    Fragmentation(int value) {
        this.value = value;
    }

    /** Returns the kernel's number, -1 for the system's setting. */
    int value() {
        return value;
    }

    /** Returns the constant with one of the kernel's numbers. */
    static Fragmentation of(int value) {
        for (Fragmentation fragmentation : values()) {
            if (fragmentation.value == value) {
                return fragmentation;
            }
        }
        throw new IllegalStateException("the kernel has a fragmentation " + value + " that is not known here");
    }
}
