package org.pktinfo.cli;

import java.math.BigDecimal;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Seconds, from so many to an hour: anything else is refused in words that name it and what is allowed. */
abstract class Seconds implements ITypeConverter<Double> {
    private static final BigDecimal HOUR = BigDecimal.valueOf(3600);

    private final BigDecimal least;

    private Seconds(String least) {
        this.least = new BigDecimal(least);
    }

    @Override
    public Double convert(String text) {
        // Double.valueOf alone would take "NaN", "1d" and "0x1p3" too.
        BigDecimal seconds = text.matches("[0-9]{1,9}(\\.[0-9]{1,9})?") ? new BigDecimal(text) : HOUR.add(HOUR);
        if (seconds.compareTo(least) < 0 || seconds.compareTo(HOUR) > 0) {
            throw new TypeConversionException("must be in " + least + " to " + HOUR + " seconds, not \"" + text + "\"");
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
