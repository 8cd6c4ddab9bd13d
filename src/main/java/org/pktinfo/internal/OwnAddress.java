package org.pktinfo.internal;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.channels.DatagramChannel;
import org.jspecify.annotations.Nullable;

/**
 * Tells which address a channel is bound to or connected from, if it is a certain one: the kernel would let it send
 * from any other of the host's as well, where it does not listen. Nothing tells when the JDK's channel is bound,
 * connected or disconnected, but its local address is a new object then; that costs a few nanoseconds and no system
 * call to see. For any thread.
 */
public final class OwnAddress {
    /** The JDK's object, and the certain address that it names; 0 for a wildcard, a group, or nothing yet. */
    public record Place(@Nullable SocketAddress local, long high, long low, int scopeId) {
        public boolean isOne() {
            return (high | low) != 0;
        }

        private boolean is(long otherHigh, long otherLow, int otherScope) {
            return !isOne() || (otherLow == low && otherHigh == high && otherScope == scopeId);
        }
    }

    private final DatagramChannel channel;
    private volatile Place last = new Place(null, 0, 0, 0);

    OwnAddress(DatagramChannel channel) {
        this.channel = channel;
    }

    /** Returns where the channel was when somebody looked last: always the same object while it is there. */
    public Place last() {
        return last;
    }

    @SuppressWarnings("ReferenceEquality") // an equal address may be that of a socket connected meanwhile
    public Place look() {
        Place known = last;
        try {
            SocketAddress now = channel.getLocalAddress();
            if (now != known.local) {
                known = place(now);
                last = known;
            }
        } catch (IOException e) {
            return known; // closed, as who goes on finds
        }
        return known;
    }

    /** A security manager that does not tell has the JDK make up another one each time. */
    @SuppressWarnings("ReferenceEquality")
    private Place place(@Nullable SocketAddress local) throws IOException {
        if (local instanceof InetSocketAddress inet && channel.getLocalAddress() == local) {
            InetAddress address = inet.getAddress();
            byte[] bytes = address.getAddress();
            long high = Addresses.high(bytes);
            long low = Addresses.low(bytes);
            if (Addresses.isUsableSource(high, low)) {
                return new Place(local, high, low, Addresses.scope(address, high));
            }
        }
        return new Place(local, 0, 0, 0);
    }

    /** Returns true if the address is the channel's, which may have all of them; for the unspecified one too. */
    public boolean is(long high, long low, int scopeId) {
        return Addresses.isUnspecified(high, low) || look().is(high, low, scopeId);
    }
}
