package org.pktinfo.server;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.SocketOption;
import java.nio.channels.DatagramChannel;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.pktinfo.DatagramBatch;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.PktInfoChannel.Family;
import org.pktinfo.PktInfoSocketOptions;

/** The settings of a server, checked for {@link DatagramServer.Builder}. Not safe for use by several threads. */
final class Settings {
    /** The size in bytes, see {@link DatagramServer#SEND_BUFFER}. */
    static final int SEND_BUFFER = 4 << 20;

    private static final Duration LONGEST_SPIN = Duration.ofSeconds(1);

    SocketAddress local = new InetSocketAddress(0);
    Family family = Family.DUAL_STACK;
    int workers = 1;
    int batchSize = 32;
    int payloadCapacity = PktInfoChannel.MAX_PAYLOAD;
    boolean coalesceReplies = true;
    Duration spin = Duration.ZERO;

    @Nullable
    RateLimit rateLimit;

    @Nullable
    DatagramChannel existing;

    /** The options of the sockets, in the order in which they were set first. */
    private final Map<SocketOption<?>, Object> options = new LinkedHashMap<>();

    void workers(int count) {
        if (count < 1) {
            throw new IllegalArgumentException(count + " workers: at least 1");
        }
        workers = count;
    }

    void batchSize(int count) {
        if (count < 1 || count > DatagramBatch.MAX_SLOTS) {
            throw new IllegalArgumentException(
                    "a batch of " + count + " slots is not in 1 to " + DatagramBatch.MAX_SLOTS);
        }
        batchSize = count;
    }

    void payloadCapacity(int bytes) {
        if (bytes < 1 || bytes > PktInfoChannel.MAX_PAYLOAD) {
            throw new IllegalArgumentException(
                    "payload capacity " + bytes + " is not in 1 to " + PktInfoChannel.MAX_PAYLOAD + " bytes");
        }
        payloadCapacity = bytes;
    }

    void spin(Duration time) {
        if (time.isNegative() || time.compareTo(LONGEST_SPIN) > 0) {
            throw new IllegalArgumentException("spin " + time + " is not in zero to " + LONGEST_SPIN);
        }
        spin = time;
    }

    /** Keeps an option; handlers, rate limit and counters take a slot for one datagram. */
    <T> void option(SocketOption<T> option, T value) {
        Objects.requireNonNull(option, "option");
        Objects.requireNonNull(value, option.name());
        if (option.equals(PktInfoSocketOptions.COALESCE_RECEIVED) && value.equals(true)) {
            throw new IllegalArgumentException(
                    "COALESCE_RECEIVED is not for a DatagramServer: its handler takes one datagram at a time");
        }
        options.put(option, value);
    }

    /** Forgets an option, so that the sockets keep its default. */
    void forget(SocketOption<?> option) {
        options.remove(option);
    }

    boolean has(SocketOption<?> option) {
        return options.containsKey(option);
    }

    /** Sets the options of a socket. */
    void applyTo(PktInfoChannel channel) throws IOException {
        for (Map.Entry<SocketOption<?>, Object> entry : options.entrySet()) {
            set(channel, entry.getKey(), entry.getValue());
        }
    }

    @SuppressWarnings("unchecked") // option and value came together
    private static <T> void set(PktInfoChannel channel, SocketOption<T> option, Object value) throws IOException {
        PktInfoChannel unused = channel.setOption(option, (T) value);
    }
}
