package org.pktinfo;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.channels.DatagramChannel;
import org.jspecify.annotations.Nullable;

/**
 * Tells which address a channel is bound to or connected from, if it is a certain one: the kernel would let it send from any other of the
 * host's as well, where it does not listen. Nothing tells when the JDK's channel is bound, connected or disconnected, but its local
 * address is a new object then; that costs a few nanoseconds and no system call to see. For any thread.
 */
final class OwnAddress {
    /** The JDK's object, and the certain address that it names; null for a wildcard, a group, or nothing yet. */
    record Place(@Nullable SocketAddress local, @Nullable IpAddress only) {}

    private final DatagramChannel channel;
    private volatile Place last = new Place(null, null);

    OwnAddress(DatagramChannel channel) {
        this.channel = channel;
    }

    /** Returns where the channel was when somebody looked last: always the same object while it is there. */
    Place last() {
        return last;
    }

    @SuppressWarnings("ReferenceEquality") // an equal address may be that of a socket connected meanwhile
    Place look() {
        Place known = last;
        try {
            SocketAddress now = channel.getLocalAddress();
            if (now != known.local) {
                known = new Place(now, only(now));
                last = known;
            }
        } catch (IOException e) {
            return known; // closed, as who goes on finds
        }
        return known;
    }

    /** A security manager that does not tell has the JDK make up another one each time. */
    @SuppressWarnings("ReferenceEquality")
    private @Nullable IpAddress only(@Nullable SocketAddress local) throws IOException {
        if (!(local instanceof InetSocketAddress inet) || channel.getLocalAddress() != local) {
            return null;
        }
        IpAddress address = IpAddress.of(inet.getAddress());
        return IpAddress.isUsableSource(address.high(), address.low()) ? address : null;
    }

    boolean is(IpAddress address) {
        if (address.isUnspecified()) {
            return true;
        }
        IpAddress only = look().only;
        return only == null || only.equals(address);
    }

    /** Returns true if what was asked there is this channel's to answer: by its own address, or to a broadcast address that it is bound to. */
    boolean answers(PacketInfo asked) {
        return is(asked.local()) || is(asked.destination());
    }
}
