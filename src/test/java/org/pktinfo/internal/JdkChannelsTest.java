package org.pktinfo.internal;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.channels.DatagramChannel;
import org.junit.jupiter.api.Test;

/** The descriptors below the JDK's channels. */
class JdkChannelsTest {
    @Test
    void everyWayToTheDescriptorThatThisJdkHasFindsTheSame() throws IOException {
        NativeLibrary.load();
        try (DatagramChannel jdk = DatagramChannel.open()) {
            int[] found = new int[3];
            for (int way = NativeCalls.BY_FDVAL_FIELD; way <= NativeCalls.BY_FILE_DESCRIPTOR; way++) {
                found[way] = NativeCalls.descriptor(jdk, way);
            }
            assertThat(found[0]).as("fdVal").isPositive();
            assertThat(found).containsOnly(found[0]);
        }
    }
}
