package org.pktinfo;

import java.io.IOException;
import java.net.SocketOption;
import org.pktinfo.internal.SocketOptions;

/** An option of {@link PktInfoSocketOptions}, with the way to set and to read it. */
record PktInfoSocketOption<T>(String name, Class<T> type, Setter<T> setter, Getter<T> getter)
        implements SocketOption<T> {
    /** Sets the option. */
    interface Setter<T> {
        void set(SocketOptions options, T value) throws IOException;
    }

    /** Reads the option. */
    interface Getter<T> {
        T get(SocketOptions options) throws IOException;
    }

    /** Refuses a value of another type, null, and coalescing for a payload capacity that is too small. */
    void check(Object value, int payloadCapacity) {
        if (!type.isInstance(value)) {
            throw new IllegalArgumentException(name + " is a " + type.getSimpleName() + ", not " + value);
        }
        if (equals(PktInfoSocketOptions.COALESCE_RECEIVED) && (Boolean) value) {
            Receiver.checkHolds(payloadCapacity);
        }
    }

    void set(SocketOptions options, T value) throws IOException {
        setter.set(options, value);
    }

    T get(SocketOptions options) throws IOException {
        return getter.get(options);
    }

    @Override
    public String toString() {
        return name;
    }
}
