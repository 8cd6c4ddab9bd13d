package org.pktinfo.internal;

/**
 * The check of IPv6 sources in place of the kernel's, which IPV6_FREEBIND disables: with it the kernel sends from any
 * address. The routing table decides, which also has the routes of type local that the kernel's check ignores.
 */
final class OwnSources {
    private OwnSources() {}

    /**
     * Finishes the pending slots whose IPv6 source is not an address of this host with EADDRNOTAVAIL. Asks once for
     * neighbours with one source.
     *
     * @return the number of those slots
     */
    static int refuseOthers(Arena arena, int count) {
        int refused = 0;
        int asked = -1; // the last slot whose source the routing table was asked about
        boolean own = false;
        for (int i = 0; i < count; i++) {
            if (arena.sendState(i) != Layout.STATE_PENDING || !hasIpv6Source(arena, i)) {
                continue;
            }
            if (asked < 0 || !haveSameSource(arena, asked, i)) {
                own = isOwn(arena, i);
            }
            asked = i;
            if (!own) {
                arena.finish(i, Errno.EADDRNOTAVAIL);
                refused++;
            }
        }
        return refused;
    }

    /** Returns false also for the unspecified address: the kernel chooses one of the host's then. */
    private static boolean hasIpv6Source(Arena arena, int slot) {
        long high = arena.sourceHigh(slot);
        long low = arena.sourceLow(slot);
        return arena.sourceForm(slot) == Layout.FORM_IN6_PKTINFO
                && !Addresses.isIpv4(high, low)
                && !Addresses.isUnspecified(high, low);
    }

    private static boolean haveSameSource(Arena arena, int one, int other) {
        return arena.sourceLow(one) == arena.sourceLow(other)
                && arena.sourceHigh(one) == arena.sourceHigh(other)
                && arena.sourceInterface(one) == arena.sourceInterface(other);
    }

    /** Returns false also if it cannot be determined: a source is never guessed. */
    private static boolean isOwn(Arena arena, int slot) {
        return HostAddress.ask(arena.sourceHigh(slot), arena.sourceLow(slot), arena.sourceInterface(slot))
                == HostAddress.Answer.LOCAL;
    }
}
