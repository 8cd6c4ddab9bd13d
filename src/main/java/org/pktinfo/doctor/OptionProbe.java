package org.pktinfo.doctor;

import java.io.IOException;
import java.net.SocketException;
import java.net.SocketOption;
import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;
import org.pktinfo.Fragmentation;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.PktInfoChannel.Family;
import org.pktinfo.PktInfoSocketOptions;
import org.pktinfo.internal.SourceProof;

/** Finds out which of the options that Java lacks the kernel has, by setting each on an unbound socket of its own. */
final class OptionProbe {
    private OptionProbe() {}

    /** Returns the names of all options, and if the kernel has each. */
    static SortedMap<String, Boolean> all() throws IOException {
        SortedMap<String, Boolean> found = new TreeMap<>();
        try (PktInfoChannel channel = open()) {
            for (SocketOption<?> option : PktInfoSocketOptions.all()) {
                found.put(option.name(), has(channel, option));
            }
        }
        return Collections.unmodifiableSortedMap(found);
    }

    /** Opens a channel for IPv6 if possible, because not every kernel that has an option for IPv4 has it for IPv6. */
    private static PktInfoChannel open() throws IOException {
        try {
            return SourceProof.withoutProof(() -> PktInfoChannel.open(Family.DUAL_STACK));
        } catch (UnsupportedOperationException e) {
            return SourceProof.withoutProof(() -> PktInfoChannel.open(Family.IPV4));
        }
    }

    private static <T> boolean has(PktInfoChannel channel, SocketOption<T> option) throws IOException {
        try {
            PktInfoChannel unused = channel.setOption(option, sample(option));
            return true;
        } catch (SocketException e) { // a privilege is missing, which the kernel checks once it knows the option
            return true;
        } catch (UnsupportedOperationException | IOException e) { // gVisor has error numbers of its own
            return false;
        }
    }

    /** Returns the value that only kernels with the whole option take: OMIT is the newest, and groups off. */
    private static <T> T sample(SocketOption<T> option) {
        Class<T> type = option.type();
        if (option.equals(PktInfoSocketOptions.RECEIVE_ALL_GROUPS)) {
            return type.cast(false);
        }
        if (type == Boolean.class) {
            return type.cast(true);
        }
        if (type == Long.class) {
            return type.cast(0L);
        }
        if (type == Integer.class) {
            return type.cast(1);
        }
        return type == String.class ? type.cast("") : type.cast(Fragmentation.OMIT);
    }
}
