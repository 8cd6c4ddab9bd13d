package org.pktinfo.cli;

import org.pktinfo.DatagramBatch;
import org.pktinfo.server.RateLimit;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** A whole number in a range: anything else is refused in words that name it and what is allowed. */
abstract class Whole implements ITypeConverter<Integer> {
    private final int least;
    private final int most;
    private final String unit;

    private Whole(int least, int most, String unit) {
        this.least = least;
        this.most = most;
        this.unit = unit;
    }

    @Override
    public Integer convert(String text) {
        // Short enough for a long; Integer.valueOf alone would take a plus sign and the digits of other scripts too.
        long number = text.matches("-?[0-9]{1,18}") ? Long.parseLong(text) : Long.MIN_VALUE;
        if (number >= least && number <= most) {
            return (int) number;
        }
        throw new TypeConversionException("must be in " + least + " to " + most + unit + ", not \"" + text + "\"");
    }

    static final class Port extends Whole {
        Port() {
            super(0, 0xffff, "");
        }
    }

    static final class PeerPort extends Whole {
        PeerPort() {
            super(1, 0xffff, "");
        }
    }

    static final class Workers extends Whole {
        Workers() {
            super(1, 1024, "");
        }
    }

    static final class BatchSize extends Whole {
        BatchSize() {
            super(1, DatagramBatch.MAX_SLOTS, "");
        }
    }

    static final class Interval extends Whole {
        Interval() {
            super(0, 86_400, " seconds");
        }
    }

    static final class Spin extends Whole {
        Spin() {
            super(0, 1_000_000, " microseconds");
        }
    }

    static final class Rate extends Whole {
        Rate() {
            super(0, RateLimit.MAX, "");
        }
    }

    static final class Burst extends Whole {
        Burst() {
            super(1, RateLimit.MAX, "");
        }
    }

    static final class Ipv4Prefix extends Whole {
        Ipv4Prefix() {
            super(1, 32, " bits");
        }
    }

    static final class Ipv6Prefix extends Whole {
        Ipv6Prefix() {
            super(1, 64, " bits");
        }
    }

    static final class InARow extends Whole {
        InARow() {
            super(1, 1000, "");
        }
    }

    /** Of its own, because 1 is left out: it would be no limit. */
    static final class Slip implements ITypeConverter<Integer> {
        private static final class FromTwo extends Whole {
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
