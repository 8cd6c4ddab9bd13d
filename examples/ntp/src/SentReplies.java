import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The replies that a client may refer to in NTP's interleaved mode, by the receive timestamp that each told (RFC 9769,
 * section 2). Anyone can cause replies, with forged addresses, so their number is limited: the oldest is forgotten.
 */
final class SentReplies {
    /** The transmit timestamp that is not known, or not yet: NTP's own value for it. */
    static final long UNKNOWN = 0;

    private static final int MAX_REPLIES = 1024;

    /** The transmit timestamps by receive timestamps. */
    private final Map<Long, Long> transmitTimestamps = new LinkedHashMap<>() {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Long, Long> eldest) {
            return size() > MAX_REPLIES;
        }
    };

    /**
     * Adds a reply to a request that was received at a time in nanoseconds since 1970. Returns the time that the reply
     * has to tell: the next one which no other reply has told, because a client refers to its reply by that alone.
     */
    long add(long received) {
        long told = received;
        while (transmitTimestamps.putIfAbsent(NtpTimestamp.of(told), UNKNOWN) != null) {
            told++;
        }
        return told;
    }

    /** Notes the transmit timestamp of a reply, unless the reply is forgotten. */
    void transmitted(long receiveTimestamp, long transmitTimestamp) {
        transmitTimestamps.replace(receiveTimestamp, transmitTimestamp);
    }

    /** Forgets a reply and returns its transmit timestamp: each may be referred to once. */
    long take(long receiveTimestamp) {
        Long timestamp = transmitTimestamps.remove(receiveTimestamp);
        return timestamp == null ? UNKNOWN : timestamp;
    }

    /**
     * Returns the first timestamp, from one on, that is no reply's receive timestamp: a request in basic mode, which
     * refers to it, must not look like one in interleaved mode. The step is a quarter of a nanosecond.
     */
    long toTransmit(long timestamp) {
        long told = timestamp;
        while (transmitTimestamps.containsKey(told)) {
            told++;
        }
        return told;
    }
}
