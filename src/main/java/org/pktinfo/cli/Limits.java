package org.pktinfo.cli;

import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.pktinfo.server.DatagramServer;
import org.pktinfo.server.RateLimit;
import picocli.CommandLine.Option;

/** The options of the rate limit. */
final class Limits {
    @Option(
            names = "--rate-limit",
            paramLabel = "N",
            converter = IntRange.Rate.class,
            description = "Replies a second to one prefix of peers, 0 for no limit. Default: ${DEFAULT-VALUE}.")
    private int rate = 1000;

    @Option(
            names = "--rate-burst",
            paramLabel = "N",
            converter = IntRange.Burst.class,
            description = "Replies to one prefix at once after a silence. Default: the value of --rate-limit.")
    private @Nullable Integer burst;

    @Option(
            names = "--rate-ipv4-prefix",
            paramLabel = "BITS",
            converter = IntRange.Ipv4Prefix.class,
            description = "Length of an IPv4 prefix, 1 to 32. Default: 24.")
    private @Nullable Integer ipv4;

    @Option(
            names = "--rate-ipv6-prefix",
            paramLabel = "BITS",
            converter = IntRange.Ipv6Prefix.class,
            description = "Length of an IPv6 prefix, 1 to 64. Default: 56.")
    private @Nullable Integer ipv6;

    @Option(
            names = "--rate-slip",
            paramLabel = "N",
            converter = IntRange.Slip.class,
            description =
                    "Answer about every N-th request over the limit with an empty datagram, which says \"later\": 2 or"
                            + " more, or 0 for none, the default.")
    private @Nullable Integer slip;

    <X extends RuntimeException> void apply(DatagramServer.Builder builder, Function<String, X> error) throws X {
        if (rate == 0) {
            refuse("--rate-burst", burst, error);
            refuse("--rate-ipv4-prefix", ipv4, error);
            refuse("--rate-ipv6-prefix", ipv6, error);
            refuse("--rate-slip", slip, error);
            builder.rateLimit(0);
            return;
        }
        builder.rateLimit(new RateLimit(
                rate,
                or(burst, rate),
                or(ipv4, RateLimit.IPV4_PREFIX_LENGTH),
                or(ipv6, RateLimit.IPV6_PREFIX_LENGTH),
                or(slip, 0)));
    }

    private static int or(@Nullable Integer given, int otherwise) {
        return given == null ? otherwise : given;
    }

    private static <X extends RuntimeException> void refuse(
            String option, @Nullable Integer given, Function<String, X> error) throws X {
        if (given != null) {
            throw error.apply(option + " " + given + " means nothing with --rate-limit 0, which is no limit");
        }
    }
}
