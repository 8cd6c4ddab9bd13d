package org.pktinfo.jvm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class FoundSocketsTest {
    private static final String LEVEL =
            "tfd:       66 events:       19 data:     7f2200000042  pos:0 ino:3d3cfb sdev:9";
    private static final String EDGE = "tfd:       64 events: 80000019 data:               40  pos:0 ino:40f sdev:10";

    @Test
    void whatWaitsForOneDescriptorByEdgesIsNotTheJdksWithAllThatItWaitsFor() {
        assertThat(FoundSockets.waitedForByEdges(List.of("pos:\t0", "flags:\t02000002", LEVEL, EDGE)).stream())
                .containsExactly(64, 66);
    }

    @Test
    void whatWaitsByLevelsMayBeTheJdks() {
        assertThat(FoundSockets.waitedForByEdges(List.of("pos:\t0", "mnt_id:\t15", LEVEL))
                        .isEmpty())
                .isTrue();
        assertThat(FoundSockets.waitedForByEdges(List.of()).isEmpty()).isTrue();
    }
}
