package org.pktinfo.internal;

import java.nio.ByteBuffer;

/**
 * The slots of an arena whose sending failed with an error that the network may have reported about a datagram sent
 * before, so that they have to be sent again. A slot is settled once its failure is known to be its own.
 */
final class SlotFailures {
    private SlotFailures() {}

    /** Returns true for the errors that the kernel makes of ICMP messages (icmp_err_convert, icmpv6_err_convert). */
    static boolean isReported(int errno) {
        return switch (errno) {
            case Errno.EACCES,
                    Errno.ENONET,
                    Errno.EPROTO,
                    Errno.EMSGSIZE,
                    Errno.ENOPROTOOPT,
                    Errno.EOPNOTSUPP,
                    Errno.ENETUNREACH,
                    Errno.ECONNREFUSED,
                    Errno.EHOSTDOWN,
                    Errno.EHOSTUNREACH -> true;
            default -> false;
        };
    }

    /** Returns true if there is one among the first slots that is not settled. */
    static boolean existIn(Arena arena, int count) {
        for (int i = 0; i < count; i++) {
            if (isOpen(arena, i)) {
                return true;
            }
        }
        return false;
    }

    private static boolean isOpen(Arena arena, int slot) {
        return isReported(arena.error(slot))
                && arena.sendState(slot) == Layout.STATE_DONE
                && (arena.memory().getShort(at(slot) + Layout.SEND_FLAGS) & Layout.SEND_SETTLED) == 0;
    }

    private static int at(int slot) {
        return Layout.HEADER_SIZE + slot * Layout.SLOT_SIZE;
    }

    /** Lets all failures among the first slots be. */
    static void settle(Arena arena, int count) {
        ByteBuffer memory = arena.memory();
        for (int i = 0; i < count; i++) {
            if (isOpen(arena, i)) {
                int flags = at(i) + Layout.SEND_FLAGS;
                memory.putShort(flags, (short) (memory.getShort(flags) | Layout.SEND_SETTLED));
            }
        }
    }

    /** Makes the slots pending again, and returns their number; a payload in segments continues behind those sent. */
    static int reopen(Arena arena, int count) {
        int reopened = 0;
        for (int i = 0; i < count; i++) {
            if (isOpen(arena, i)) {
                arena.finish(i, 0);
                arena.memory().put(at(i) + Layout.SEND_STATE, (byte) Layout.STATE_PENDING);
                reopened++;
            }
        }
        return reopened;
    }
}
