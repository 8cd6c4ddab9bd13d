package org.pktinfo.doctor;

import org.jspecify.annotations.Nullable;
import org.pktinfo.IpAddress;
import org.pktinfo.PacketInfo;
import org.pktinfo.internal.Addresses;
import org.pktinfo.internal.Arena;
import org.pktinfo.internal.Layout;

/**
 * The packet information of one datagram as the kernel reports or accepts it, complete and without interpretation;
 * {@link PacketInfo} is this library's interpretation. Immutable, and safe for use by any thread. Only the {@link
 * Doctor} creates instances: the constructors do not check their arguments.
 *
 * @param inPktinfo the {@code in_pktinfo} of ip(7), null if there is none
 * @param in6Pktinfo the {@code in6_pktinfo} of RFC 3542, null if there is none
 * @param in6First true if the {@code in6_pktinfo} is present and comes first
 */
@SuppressWarnings("exports") // the annotations are not needed at run time
public record ControlMessages(
        @Nullable InPktinfo inPktinfo, @Nullable In6Pktinfo in6Pktinfo, boolean in6First) {
    /** No packet information at all. */
    static final ControlMessages NONE = new ControlMessages(null, null, false);

    /**
     * An {@code in_pktinfo}, see ip(7).
     *
     * @param destination {@code ipi_addr}, the header destination; the kernel does not read it when sending
     * @param local {@code ipi_spec_dst}, the local address
     * @param interfaceIndex {@code ipi_ifindex}, the interface
     */
    public record InPktinfo(IpAddress destination, IpAddress local, int interfaceIndex) {}

    /**
     * An {@code in6_pktinfo}, see RFC 3542 6.
     *
     * @param address {@code ipi6_addr}, the header destination when received, the source when sent
     * @param interfaceIndex {@code ipi6_ifindex}, the interface
     */
    public record In6Pktinfo(IpAddress address, int interfaceIndex) {}

    /** Returns the IPv4 address of these four bytes. */
    static IpAddress ipv4(int address) {
        return new IpAddress(0, Addresses.mapped(address), 0);
    }

    static ControlMessages inPktinfo(IpAddress local, int interfaceIndex) {
        return new ControlMessages(new InPktinfo(ipv4(0), local, interfaceIndex), null, false);
    }

    static ControlMessages in6Pktinfo(IpAddress address, int interfaceIndex) {
        return new ControlMessages(null, new In6Pktinfo(address, interfaceIndex), true);
    }

    /** Returns the packet information of the datagram in a slot. */
    static ControlMessages of(Arena arena, int slot) {
        InPktinfo in = new InPktinfo(ipv4(arena.inAddress(slot)), ipv4(arena.inLocal(slot)), arena.inInterface(slot));
        In6Pktinfo in6 =
                new In6Pktinfo(new IpAddress(arena.in6High(slot), arena.in6Low(slot), 0), arena.in6Interface(slot));
        return new ControlMessages(
                arena.has(slot, Layout.FLAG_IN_PKTINFO) ? in : null,
                arena.has(slot, Layout.FLAG_IN6_PKTINFO) ? in6 : null,
                arena.has(slot, Layout.FLAG_IN6_PKTINFO_FIRST));
    }

    /** Prepares a slot for a reply with these control messages, which replace those received. */
    void prepareReply(Arena arena, int slot) {
        InPktinfo in = inPktinfo;
        In6Pktinfo in6 = in6Pktinfo;
        int flags = (in == null ? 0 : Layout.FLAG_IN_PKTINFO)
                | (in6 == null ? 0 : Layout.FLAG_IN6_PKTINFO)
                | (in6First ? Layout.FLAG_IN6_PKTINFO_FIRST : 0);
        arena.putPktinfo(
                slot,
                flags,
                in == null ? 0 : (int) in.local().low(),
                in == null ? 0 : in.interfaceIndex(),
                in6 == null ? 0 : in6.address().high(),
                in6 == null ? 0 : in6.address().low(),
                in6 == null ? 0 : in6.interfaceIndex());
        arena.prepareSend(slot, arena.length(slot), Layout.FORM_AS_RECEIVED, 0, 0, 0);
    }

    /** Returns both, this one's first. */
    ControlMessages then(ControlMessages other) {
        return new ControlMessages(
                inPktinfo != null ? inPktinfo : other.inPktinfo,
                in6Pktinfo != null ? in6Pktinfo : other.in6Pktinfo,
                in6Pktinfo != null);
    }
}
