import java.io.IOException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.pktinfo.DatagramBatch;
import org.pktinfo.DatagramSlot;
import org.pktinfo.Endpoint;
import org.pktinfo.IpAddress;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.PktInfoSocketOptions;
import org.pktinfo.SendException;
import org.pktinfo.SendOptions;
import org.pktinfo.SlotFacts;

/**
 * A STAMP Session-Reflector (RFC 8762) in unauthenticated mode, on all addresses. It needs three things that Java does
 * not have: the request's hop limit, the kernel's time of reception, and a reply's hop limit and DSCP.
 *
 * <p>Arguments: {@code stateless} or {@code stateful}; the port, 862 by default; the greatest error of this host's
 * clock in seconds, if it is synchronized to UTC.
 */
public final class StampReflector {
    private static final int PORT = 862; // assigned by RFC 8762, section 4.1

    /** The length of both test packets in unauthenticated mode, without extensions. */
    private static final int LENGTH = 44;

    // A reflected test packet, RFC 8762, section 4.3.1. That of the Session-Sender begins with the same three fields.
    private static final int SEQUENCE_NUMBER = 0;
    private static final int TIMESTAMP = 4;
    private static final int ERROR_ESTIMATE = 12;
    private static final int RECEIVE_TIMESTAMP = 16;
    private static final int SENDER_SEQUENCE_NUMBER = 24;
    private static final int SENDER_TIMESTAMP = 28;
    private static final int SENDER_ERROR_ESTIMATE = 36;
    private static final int SENDER_TTL = 40;

    private static final int HOP_LIMIT = 255;
    private static final int SLOTS = 16;

    /** Anyone can begin sessions, with forged addresses, so their number is limited: the least recent one ends. */
    private static final int MAX_SESSIONS = 65_536;

    /** The Error Estimate of a clock that is not known to be synchronized: 2^31 seconds. */
    private static final short UNSYNCHRONIZED = 0x3f01;

    private static final int SYNCHRONIZED = 0x8000;

    /** A test session, by RFC 8762, section 4: the port of this end is always the same. */
    private record Session(Endpoint sender, IpAddress reflector) {}

    private final int port;
    private final short errorEstimate;
    private final boolean stateful;
    private final Map<Session, Integer> transmitted = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Session, Integer> eldest) {
            return size() > MAX_SESSIONS;
        }
    };
    private final Set<SendException.Kind> reported = EnumSet.noneOf(SendException.Kind.class);

    private StampReflector(boolean stateful, int port, short errorEstimate) {
        this.stateful = stateful;
        this.port = port;
        this.errorEstimate = errorEstimate;
    }

    public static void main(String[] arguments) throws IOException {
        boolean stateful = switch (arguments[0]) {
            case "stateless" -> false;
            case "stateful" -> true;
            default -> throw new IllegalArgumentException(arguments[0] + " is neither stateless nor stateful");
        };
        new StampReflector(
                        stateful,
                        arguments.length > 1 ? Integer.parseInt(arguments[1]) : PORT,
                        arguments.length > 2 ? errorEstimate(new BigDecimal(arguments[2])) : UNSYNCHRONIZED)
                .serve();
    }

    private void serve() throws IOException {
        try (PktInfoChannel channel = PktInfoChannel.open()) {
            channel.setOption(PktInfoSocketOptions.RECEIVE_HOP_LIMIT, true)
                    .setOption(PktInfoSocketOptions.RECEIVE_TRAFFIC_CLASS, true)
                    .setOption(PktInfoSocketOptions.RECEIVE_TIME, true)
                    .bind(new InetSocketAddress(port));
            System.out.println("listening on " + channel.localAddress());
            DatagramBatch batch = channel.newBatch(SLOTS, PktInfoChannel.MAX_PAYLOAD);
            while (true) {
                int count = batch.receive();
                for (int i = 0; i < count; i++) {
                    reflect(batch.slot(i));
                }
                stampAndSend(batch, count);
            }
        }
    }

    /** Writes the reflected packet over the request, all but its timestamp: what follows the 44 bytes stays. */
    private void reflect(DatagramSlot slot) {
        SlotFacts facts = slot.facts();
        if (!isTestPacket(slot)) {
            return;
        }
        ByteBuffer packet = slot.payload();
        int sequenceNumber = packet.getInt(SEQUENCE_NUMBER);
        packet.putLong(SENDER_TIMESTAMP, packet.getLong(TIMESTAMP));
        packet.putInt(SENDER_ERROR_ESTIMATE, packet.getShort(ERROR_ESTIMATE) << Short.SIZE); // and two zeros
        packet.putInt(SENDER_SEQUENCE_NUMBER, sequenceNumber);
        packet.putInt(SENDER_TTL, facts.hopLimit() << 3 * Byte.SIZE); // and three zeros
        packet.putLong(RECEIVE_TIMESTAMP, NtpTimestamp.of(facts.timeNanos()));
        packet.putInt(ERROR_ESTIMATE, errorEstimate << Short.SIZE); // and two zeros
        packet.putInt(SEQUENCE_NUMBER, stateful ? count(slot) : sequenceNumber);
        slot.reply(slot.length());
        slot.sendOptions(SendOptions.dscpOf(facts).withHopLimit(HOP_LIMIT));
    }

    /**
     * Returns true if the request is to be answered. A shorter one would have an answer longer than itself. Another
     * reflector's packet, which a forged request can make it send, is as good a request as any: without the comparison
     * of the ports the two would answer each other for ever.
     */
    private boolean isTestPacket(DatagramSlot slot) {
        return slot.length() >= LENGTH
                && slot.peerPort() != port
                && slot.isUnicast()
                && slot.facts().hasTime()
                && slot.facts().hopLimit() >= 0;
    }

    /** Returns the number of packets transmitted in the session of a request, and counts one more. */
    private int count(DatagramSlot slot) {
        Session session = new Session(slot.peer(), slot.packetInfo().destination());
        return transmitted.merge(session, 1, Integer::sum) - 1;
    }

    private void stampAndSend(DatagramBatch batch, int count) throws IOException {
        long timestamp = NtpTimestamp.of(Instant.now());
        for (int i = 0; i < count; i++) {
            if (batch.slot(i).hasReply()) {
                batch.slot(i).payload().putLong(TIMESTAMP, timestamp);
            }
        }
        batch.send();
        for (int i = 0; i < count; i++) {
            report(batch.slot(i));
        }
    }

    /** Prints one failure of each kind: a peer with a forged address can cause any number. */
    private void report(DatagramSlot slot) {
        SendException.Kind kind = slot.failureKind();
        if (kind != null && reported.add(kind)) {
            System.err.println(slot.failure() + "; further ones of this kind are not reported");
        }
    }

    /** Returns an Error Estimate (RFC 4656, section 4.1.2): a multiplier of 2^(scale - 32) seconds, rounded up. */
    private static short errorEstimate(BigDecimal seconds) {
        if (seconds.signum() < 0 || seconds.compareTo(BigDecimal.valueOf(Integer.MAX_VALUE)) > 0) {
            throw new IllegalArgumentException(
                    "a clock error of " + seconds + " s is not in 0 to " + Integer.MAX_VALUE);
        }
        long units = seconds.multiply(BigDecimal.valueOf(1L << Integer.SIZE))
                .setScale(0, RoundingMode.CEILING)
                .longValueExact();
        int scale = 0;
        while (units > 0xff) {
            units = (units + 1) >> 1;
            scale++;
        }
        return (short) (SYNCHRONIZED | scale << Byte.SIZE | Math.max(1, units));
    }
}
