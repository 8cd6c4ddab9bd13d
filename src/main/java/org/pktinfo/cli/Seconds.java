package org.pktinfo.cli;

import java.math.BigDecimal;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Converts seconds, from a minimum to an hour; the error message names the value and the range. */
abstract class Seconds implements ITypeConverter<Double> {
    private static final BigDecimal HOUR = BigDecimal.valueOf(3600);

    private final BigDecimal min;

    private Seconds(String min) {
        this.min = new BigDecimal(min);
    }

    @Override
    public Double convert(String text) {
        // Double.valueOf alone would also accept "NaN", "1d" and "0x1p3".
        BigDecimal seconds = text.matches("[0-9]{1,9}(\\.[0-9]{1,9})?") ? new BigDecimal(text) : HOUR.add(HOUR);
        if (seconds.compareTo(min) < 0 || seconds.compareTo(HOUR) > 0) {
            throw new TypeConversionException("must be in " + min + " to " + HOUR + " seconds, not \"" + text + "\"");
        }
        return seconds.doubleValue();
    }

    static final class Timeout extends Seconds {
        Timeout() {
            super("0.001");
        }
    }

    static final class Period extends Seconds {
        Period() {
            super("0.01");
        }
    }

    static final class Drain extends Seconds {
        Drain() {
            super("0");
        }
    }
}
