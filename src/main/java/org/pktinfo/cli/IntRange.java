package org.pktinfo.cli;

import org.pktinfo.DatagramBatch;
import org.pktinfo.server.RateLimit;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Converts integers in a range; the error message names the value and the range. */
abstract class IntRange implements ITypeConverter<Integer> {
    private final int min;
    private final int max;
    private final String unit;

    private IntRange(int min, int max, String unit) {
        this.min = min;
        this.max = max;
        this.unit = unit;
    }

    @Override
    public Integer convert(String text) {
        // Short enough for a long; Integer.valueOf alone would also accept a plus sign and the digits of other scripts.
        long number = text.matches("-?[0-9]{1,18}") ? Long.parseLong(text) : Long.MIN_VALUE;
        if (number >= min && number <= max) {
            return (int) number;
        }
        throw new TypeConversionException("must be in " + min + " to " + max + unit + ", not \"" + text + "\"");
    }

    static final class Port extends IntRange {
        Port() {
            super(0, 0xffff, "");
        }
    }

    static final class PeerPort extends IntRange {
        PeerPort() {
            super(1, 0xffff, "");
        }
    }

    static final class Workers extends IntRange {
        Workers() {
            super(1, 1024, "");
        }
    }

    static final class BatchSize extends IntRange {
        BatchSize() {
            super(1, DatagramBatch.MAX_SLOTS, "");
        }
    }

    static final class Interval extends IntRange {
        Interval() {
            super(0, 86_400, " seconds");
        }
    }

    static final class Spin extends IntRange {
        Spin() {
            super(0, 1_000_000, " microseconds");
        }
    }

    static final class Rate extends IntRange {
        Rate() {
            super(0, RateLimit.MAX, "");
        }
    }

    static final class Burst extends IntRange {
        Burst() {
            super(1, RateLimit.MAX, "");
        }
    }

    static final class Ipv4Prefix extends IntRange {
        Ipv4Prefix() {
            super(1, 32, " bits");
        }
    }

    static final class Ipv6Prefix extends IntRange {
        Ipv6Prefix() {
            super(1, 64, " bits");
        }
    }

    static final class InARow extends IntRange {
        InARow() {
            super(1, 1000, "");
        }
    }

    /** A separate type because 1 is excluded: it would be no limit. */
    static final class Slip implements ITypeConverter<Integer> {
        private static final class FromTwo extends IntRange {
            FromTwo() {
                super(2, RateLimit.MAX, ", or be 0");
            }
        }

        @Override
        public Integer convert(String text) {
            return text.equals("0") ? 0 : new FromTwo().convert(text);
        }
    }
}
