import java.io.IOException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.EnumSet;
import java.util.Set;
import org.pktinfo.DatagramBatch;
import org.pktinfo.DatagramSlot;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.PktInfoSocketOptions;
import org.pktinfo.SendException;
import org.pktinfo.SendOptions;
import org.pktinfo.TransmitTime;

/**
 * An NTP server (RFC 5905) of the host's clock, on all addresses, for clients of versions 3 and 4. It does not set the
 * clock, and its clients are told what the arguments say of it.
 *
 * <p>The kernel's time of transmission is known only after a reply is sent. The next reply tells it, to a client that
 * asks in interleaved mode (RFC 9769, section 2). In basic mode a reply tells when Java was about to send it.
 *
 * <p>Arguments: {@code kernel} or {@code java}, which takes the times; the stratum, in 1 to 15; the
 * reference ID, up to four letters; root delay and root dispersion in seconds.
 */
public final class NtpServer {
    private static final int PORT = 123;

    /** The length of a packet without extension fields and MAC. What follows in a request is not looked at. */
    private static final int LENGTH = 48;

    private static final int SLOTS = 32;
    private static final int CLIENT = 3;
    private static final int SERVER = 4;

    // The packet, RFC 5905, section 7.3. Its first four bytes are one number here.
    private static final int ROOT_DELAY = 4;
    private static final int ROOT_DISPERSION = 8;
    private static final int REFERENCE_ID = 12;
    private static final int REFERENCE_TIMESTAMP = 16;
    private static final int ORIGIN_TIMESTAMP = 24;
    private static final int RECEIVE_TIMESTAMP = 32;
    private static final int TRANSMIT_TIMESTAMP = 40;

    private static final long NANOS = 1_000_000_000;

    /** The clock as clients are told of it; the root's delay and dispersion are in units of 2^-16 seconds. */
    private record Clock(int stratum, int precision, int rootDelay, int rootDispersion, int referenceId, long setAt) {}

    private final boolean kernelTakesTimes;
    private final Clock clock;
    private final SentReplies sent = new SentReplies();
    private final Set<SendException.Kind> reported = EnumSet.noneOf(SendException.Kind.class);

    private NtpServer(boolean kernelTakesTimes, Clock clock) {
        this.kernelTakesTimes = kernelTakesTimes;
        this.clock = clock;
    }

    public static void main(String[] arguments) throws IOException {
        boolean kernelTakesTimes = switch (arguments[0]) {
            case "kernel" -> true;
            case "java" -> false;
            default -> throw new IllegalArgumentException(arguments[0] + " is neither kernel nor java");
        };
        int stratum = Integer.parseInt(arguments[1]);
        if (stratum < 1 || stratum > 15) {
            throw new IllegalArgumentException("stratum " + stratum + " is not in 1 to 15");
        }
        Clock clock = new Clock(
                stratum,
                precision(),
                shortFormat(arguments[3]),
                shortFormat(arguments[4]),
                referenceId(arguments[2]),
                NtpTimestamp.of(now())); // this program knows of no earlier time at which the clock was right
        new NtpServer(kernelTakesTimes, clock).serve();
    }

    private void serve() throws IOException {
        try (PktInfoChannel channel = PktInfoChannel.open()) {
            if (kernelTakesTimes) {
                channel.setOption(PktInfoSocketOptions.RECEIVE_TIME, true)
                        .setOption(PktInfoSocketOptions.TRANSMIT_TIMES, true);
            }
            channel.bind(new InetSocketAddress(PORT));
            System.out.println("listening on " + channel.localAddress());
            DatagramBatch batch = channel.newBatch(SLOTS, LENGTH);
            while (true) {
                int count = batch.receive();
                long received = now();
                takeTransmitTimes(channel);
                for (int i = 0; i < count; i++) {
                    answer(batch.slot(i), received);
                }
                stampAndSend(batch, count);
            }
        }
    }

    private void takeTransmitTimes(PktInfoChannel channel) throws IOException {
        TransmitTime time;
        while ((time = channel.receiveTransmitTime()) != null) {
            if (time.time() != null) {
                sent.transmitted(NtpTimestamp.of(time.id()), NtpTimestamp.of(time.time()));
            }
        }
    }

    /** Writes the reply over the request. Its transmit timestamp is unknown yet, except in interleaved mode. */
    private void answer(DatagramSlot slot, long received) {
        if (!isRequest(slot)) {
            return;
        }
        ByteBuffer packet = slot.payload();
        int head = packet.getInt(0);
        int version = head >>> 27 & 7;
        int poll = head >>> 8 & 0xff;
        long transmitted = timeOfEarlierReply(packet);
        boolean interleaved = transmitted != SentReplies.UNKNOWN;
        long told = sent.add(kernelTakesTimes ? slot.facts().timeNanos() : received);
        packet.putInt(0, (version << 3 | SERVER) << 24 | clock.stratum << 16 | poll << 8 | clock.precision & 0xff);
        packet.putInt(ROOT_DELAY, clock.rootDelay);
        packet.putInt(ROOT_DISPERSION, clock.rootDispersion);
        packet.putInt(REFERENCE_ID, clock.referenceId);
        packet.putLong(REFERENCE_TIMESTAMP, clock.setAt);
        packet.putLong(ORIGIN_TIMESTAMP, packet.getLong(interleaved ? RECEIVE_TIMESTAMP : TRANSMIT_TIMESTAMP));
        packet.putLong(RECEIVE_TIMESTAMP, NtpTimestamp.of(told));
        packet.putLong(TRANSMIT_TIMESTAMP, interleaved ? sent.toTransmit(transmitted) : SentReplies.UNKNOWN);
        slot.reply(LENGTH);
        if (kernelTakesTimes) {
            slot.sendOptions(SendOptions.NONE.withTransmitTime(told)); // a time is a number like any other
        }
    }

    /** Returns when the reply was sent that a request in interleaved mode refers to; else {@code UNKNOWN}. */
    private long timeOfEarlierReply(ByteBuffer request) {
        boolean isAmbiguous = request.getLong(RECEIVE_TIMESTAMP) == request.getLong(TRANSMIT_TIMESTAMP);
        return isAmbiguous ? SentReplies.UNKNOWN : sent.take(request.getLong(ORIGIN_TIMESTAMP));
    }

    /** Returns true if a client asks. A reply is none, so that two servers do not answer each other. */
    private boolean isRequest(DatagramSlot slot) {
        if (slot.length() < LENGTH
                || !slot.isUnicast()
                || kernelTakesTimes && !slot.facts().hasTime()) {
            return false;
        }
        int first = slot.payload().get(0);
        int version = first >>> 3 & 7;
        return (version == 3 || version == 4) && (first & 7) == CLIENT;
    }

    private void stampAndSend(DatagramBatch batch, int count) throws IOException {
        long timestamp = sent.toTransmit(NtpTimestamp.of(now()));
        for (int i = 0; i < count; i++) {
            if (batch.slot(i).hasReply()) {
                stamp(batch.slot(i).payload(), timestamp);
            }
        }
        batch.send();
        for (int i = 0; i < count; i++) {
            report(batch.slot(i));
        }
    }

    private void stamp(ByteBuffer packet, long timestamp) {
        if (packet.getLong(TRANSMIT_TIMESTAMP) == SentReplies.UNKNOWN) {
            packet.putLong(TRANSMIT_TIMESTAMP, timestamp);
        }
        if (!kernelTakesTimes) {
            sent.transmitted(packet.getLong(RECEIVE_TIMESTAMP), timestamp);
        }
    }

    /** Prints one failure of each kind: a peer with a forged address can cause any number. */
    private void report(DatagramSlot slot) {
        SendException.Kind kind = slot.failureKind();
        if (kind != null && reported.add(kind)) {
            System.err.println(slot.failure() + "; further ones of this kind are not reported");
        }
    }

    private static long now() {
        Instant now = Instant.now();
        return now.getEpochSecond() * NANOS + now.getNano();
    }

    /** Returns a duration in NTP's short format: 16 bits of seconds and 16 of fraction. */
    private static int shortFormat(String seconds) {
        BigDecimal units = new BigDecimal(seconds).multiply(BigDecimal.valueOf(1 << 16));
        if (units.signum() < 0 || units.compareTo(BigDecimal.valueOf(0xffff_ffffL)) > 0) {
            throw new IllegalArgumentException(seconds + " s are not in 0 to 65535");
        }
        return units.setScale(0, RoundingMode.HALF_UP).intValue(); // the lowest 32 bits, which are unsigned
    }

    private static int referenceId(String name) {
        byte[] letters = name.getBytes(StandardCharsets.US_ASCII);
        if (letters.length > Integer.BYTES) {
            throw new IllegalArgumentException("reference ID " + name + " is longer than " + Integer.BYTES);
        }
        return ByteBuffer.allocate(Integer.BYTES).put(letters).getInt(0);
    }

    /** Returns the precision of the clock as it is read here: the shortest time between two readings, as log2 of it. */
    private static int precision() {
        long shortest = NANOS;
        for (int i = 0; i < 100_000; i++) {
            long from = now();
            long difference = now() - from;
            if (difference > 0) {
                shortest = Math.min(shortest, difference);
            }
        }
        return (int) Math.ceil(Math.log((double) shortest / NANOS) / Math.log(2));
    }
}
