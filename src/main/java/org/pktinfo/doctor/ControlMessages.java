package org.pktinfo.doctor;

import org.jspecify.annotations.Nullable;
import org.pktinfo.IpAddress;
import org.pktinfo.PacketInfo;
import org.pktinfo.internal.Addresses;
import org.pktinfo.internal.Arena;
import org.pktinfo.internal.Layout;

/**
 * The packet information of one datagram as the kernel gives or takes it, nothing left out and nothing interpreted:
 * {@link PacketInfo} is what this library makes of it. A value that any thread may use. Only the {@link Doctor} makes
 * one: the constructors here check nothing.
 *
 * @param inPktinfo the {@code in_pktinfo} of ip(7), null if there is none
 * @param in6Pktinfo the {@code in6_pktinfo} of RFC 3542, null if there is none
 * @param in6First whether the {@code in6_pktinfo} is there and comes first
 */
@SuppressWarnings("exports") // the annotations are not needed at run time
public record ControlMessages(
        @Nullable InPktinfo inPktinfo, @Nullable In6Pktinfo in6Pktinfo, boolean in6First) {
    /** No packet information at all. */
    static final ControlMessages NONE = new ControlMessages(null, null, false);

    /**
     * An {@code in_pktinfo}, ip(7).
     *
     * @param destination {@code ipi_addr}, the header destination; the kernel does not read it when sending
     * @param local {@code ipi_spec_dst}, the local address
     * @param interfaceIndex {@code ipi_ifindex}
     */
    public record InPktinfo(IpAddress destination, IpAddress local, int interfaceIndex) {}

    /**
     * An {@code in6_pktinfo}, RFC 3542 6.
     *
     * @param address {@code ipi6_addr}, the header destination or the source
     * @param interfaceIndex {@code ipi6_ifindex}
     */
    public record In6Pktinfo(IpAddress address, int interfaceIndex) {}

    /** Returns the address of these four bytes. */
    static IpAddress ipv4(int address) {
        return new IpAddress(0, Addresses.mapped(address), 0);
    }

    static ControlMessages inPktinfo(IpAddress local, int interfaceIndex) {
        return new ControlMessages(new InPktinfo(ipv4(0), local, interfaceIndex), null, false);
    }

    static ControlMessages in6Pktinfo(IpAddress address, int interfaceIndex) {
        return new ControlMessages(null, new In6Pktinfo(address, interfaceIndex), true);
    }

    /** Returns what came with the datagram in a slot. */
    static ControlMessages of(Arena arena, int slot) {
        InPktinfo in = new InPktinfo(ipv4(arena.inAddress(slot)), ipv4(arena.inLocal(slot)), arena.inInterface(slot));
        In6Pktinfo in6 =
                new In6Pktinfo(new IpAddress(arena.in6High(slot), arena.in6Low(slot), 0), arena.in6Interface(slot));
        return new ControlMessages(
                arena.has(slot, Layout.FLAG_IN_PKTINFO) ? in : null,
                arena.has(slot, Layout.FLAG_IN6_PKTINFO) ? in6 : null,
                arena.has(slot, Layout.FLAG_IN6_PKTINFO_FIRST));
    }

    /** Makes a slot ready to answer with these, which take the place of those that were received. */
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

    /** Both, this one's first. */
    ControlMessages then(ControlMessages other) {
        return new ControlMessages(
                inPktinfo != null ? inPktinfo : other.inPktinfo,
                in6Pktinfo != null ? in6Pktinfo : other.in6Pktinfo,
                in6Pktinfo != null);
    }
}
