package org.pktinfo.internal;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.channels.DatagramChannel;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.pktinfo.Faults;

/** Needs the library of native/test/faults.c; FaultIT runs it. */
@Timeout(60)
class CloseCheck {
    private final Faults faults;

    CloseCheck() throws Exception {
        NativeLibrary.load();
        faults = new Faults();
        faults.clear();
    }

    @Test
    void whoeverOpensAFileWhileAnotherThreadClosesFindsNothingInIt(@TempDir Path folder) throws Exception {
        List<FileChannel> files = new ArrayList<>();
        try (DatagramChannel jdk = DatagramChannel.open()) {
            NativeTransport descriptors = new NativeTransport(JdkChannels.descriptor(jdk));
            assertThat(descriptors.enter()).isTrue();
            faults.hold(Faults.Step.WRITE);
            CompletableFuture<Void> closer = CompletableFuture.runAsync(descriptors::close);
            while (faults.hits(Faults.Step.WRITE) == 0) {
                assertThat(closer).isNotDone();
                Thread.onSpinWait();
            }
            descriptors.leave();
            for (int i = 0; i < 64; i++) { // numbers that are free are given away again
                files.add(FileChannel.open(
                        folder.resolve("file" + i), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE));
            }
            faults.release(Faults.Step.WRITE);
            closer.get();
            assertThat(descriptors.enter()).isFalse();
        }
        for (FileChannel file : files) {
            assertThat(file.size()).isZero();
            file.close();
        }
    }
}
