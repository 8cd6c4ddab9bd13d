package org.pktinfo.internal;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.channels.DatagramChannel;
import org.jspecify.annotations.Nullable;

/**
 * The address that a channel is bound to or connected from, if it is a specific one: the kernel would let the channel
 * send from the host's other addresses too, on which it does not receive. There is no notification when the JDK's
 * channel is bound, connected or disconnected, but its local address is a new object then; comparing it costs a few
 * nanoseconds and no system call. Thread-safe.
 */
public final class OwnAddress {
    /** The JDK's object, and the specific address that it names; 0 for a wildcard, a group, or an unbound channel. */
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

    /** Returns the result of the last check: the same object as long as the address is unchanged. */
    public Place last() {
        return last;
    }

    @SuppressWarnings("ReferenceEquality") // an equal address may be another connection's
    public Place look() {
        Place cached = last;
        try {
            SocketAddress now = channel.getLocalAddress();
            if (now != cached.local) {
                cached = place(now);
                last = cached;
            }
        } catch (IOException e) {
            return cached; // closed; the caller finds that out
        }
        return cached;
    }

    /**
     * Returns the place of an address. A security manager that hides the address makes the JDK return a new one each
     * time.
     */
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

    /**
     * Returns true if the address is unspecified, or the channel may use it: its own one, or any if it is bound to
     * none.
     */
    public boolean is(long high, long low, int scopeId) {
        return Addresses.isUnspecified(high, low) || look().is(high, low, scopeId);
    }
}
