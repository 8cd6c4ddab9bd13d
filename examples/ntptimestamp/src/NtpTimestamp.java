import java.time.Instant;

/** Times in NTP's timestamp format (RFC 5905, section 6): 32 bits of seconds since 1900 and 32 of fraction. */
public final class NtpTimestamp {
    private static final long SECONDS_1900_TO_1970 = 2_208_988_800L;
    private static final long NANOS = 1_000_000_000;

    private NtpTimestamp() {}

    /** Returns the timestamp of nanoseconds since 1970. Different ones have different timestamps. */
    public static long of(long nanos) {
        return of(Math.floorDiv(nanos, NANOS), Math.floorMod(nanos, NANOS));
    }

    public static long of(Instant time) {
        return of(time.getEpochSecond(), time.getNano());
    }

    private static long of(long seconds, long nanos) {
        return seconds + SECONDS_1900_TO_1970 << Integer.SIZE | (nanos << Integer.SIZE) / NANOS;
    }
}
