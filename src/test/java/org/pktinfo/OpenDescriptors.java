package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** The descriptors that this process has open. */
public final class OpenDescriptors {
    private OpenDescriptors() {}

    public static long count() throws IOException {
        try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
            return open.count();
        }
    }

    /** Waits a little, because the JVM briefly opens files of its own to read its memory limit. */
    public static void assertNoMoreThan(long limit) throws IOException {
        long deadline = System.nanoTime() + Loopback.SOON.toNanos();
        long open = count();
        while (open > limit && System.nanoTime() < deadline) {
            Thread.onSpinWait();
            open = count();
        }
        assertThat(open).as("open descriptors").isLessThanOrEqualTo(limit);
    }
}
