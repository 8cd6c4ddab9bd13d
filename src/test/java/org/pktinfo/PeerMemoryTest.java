package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PeerMemoryTest {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    private static Endpoint peer(int number) {
        return new Endpoint(IpAddress.ipv4(0x0a000000 + number / 1000), 1000 + number % 1000);
    }

    private static PacketInfo asked(int last) {
        IpAddress address = IpAddress.ipv4(0xc0000200 + last);
        return new PacketInfo(address, address, 1, true, false, false, false);
    }

    @Test
    void theAddressAskedLastIsTheOne() {
        PeerMemory memory = new PeerMemory();
        assertThat(memory.lastAsked(peer(1))).isNull();
        assertThat(memory.source(peer(1))).isEqualTo(Source.systemChoice());
        memory.remember(peer(1), asked(7));
        memory.remember(peer(2), asked(8));
        assertThat(memory.lastAsked(peer(1))).isEqualTo(asked(7));
        assertThat(memory.source(peer(1))).isEqualTo(Source.of(asked(7).local(), 0));
        memory.remember(peer(1), asked(9));
        assertThat(memory.lastAsked(peer(1))).isEqualTo(asked(9));
        assertThat(memory.lastAsked(peer(2))).isEqualTo(asked(8));
        assertThat(memory.lastAsked(new Endpoint(peer(1).address(), 9))).isNull();
    }

    @Test
    void whoSaidNotWhereIsAnsweredByTheSystemsChoice() {
        PeerMemory memory = new PeerMemory();
        PacketInfo nothing =
                new PacketInfo(IpAddress.UNSPECIFIED, IpAddress.UNSPECIFIED, 0, false, false, false, false);
        memory.remember(peer(1), nothing);
        assertThat(memory.source(peer(1))).isEqualTo(Source.systemChoice());
    }

    @Test
    void whoIsSilentForTooLongIsForgotten() {
        PeerMemory memory = new PeerMemory(8, Duration.ofSeconds(10));
        memory.remember(peer(1), asked(7), 0);
        memory.remember(peer(1), asked(7), 9 * SECOND);
        assertThat(memory.lastAsked(peer(1), 19 * SECOND)).isEqualTo(asked(7));
        assertThat(memory.lastAsked(peer(1), 19 * SECOND + 1)).isNull();
        memory.remember(peer(1), asked(7), 30 * SECOND);
        assertThat(memory.lastAsked(peer(1), 30 * SECOND)).isEqualTo(asked(7));
    }

    @Test
    void whoHasBeenSilentForLongestGivesWay() {
        PeerMemory memory = new PeerMemory(8, Duration.ofHours(1));
        IntStream.range(0, 8).forEach(i -> memory.remember(peer(i), asked(i), i * SECOND));
        memory.remember(peer(0), asked(0), 20 * SECOND);
        memory.remember(peer(8), asked(8), 21 * SECOND);
        assertThat(memory.lastAsked(peer(1), 22 * SECOND)).isNull();
        assertThat(IntStream.of(0, 2, 3, 4, 5, 6, 7, 8))
                .allMatch(i -> asked(i).equals(memory.lastAsked(peer(i), 22 * SECOND)));
    }

    /** A full memory keeps about as many as there is room for, whoever they are. */
    @Test
    void nearlyAllPeersThatThereIsRoomForAreRemembered() {
        PeerMemory memory = new PeerMemory(1 << 14, Duration.ofHours(1));
        IntStream.range(0, 1 << 13).forEach(i -> memory.remember(peer(i), asked(i & 0xff)));
        assertThat(IntStream.range(0, 1 << 13)
                        .filter(i -> asked(i & 0xff).equals(memory.lastAsked(peer(i))))
                        .count())
                .isGreaterThan((1 << 13) * 95L / 100);
    }

    @Test
    void whoIsForgottenIsAnsweredByTheSystemsChoiceUntilItAsksAgain() {
        PeerMemory memory = new PeerMemory();
        memory.forget(peer(1));
        memory.remember(peer(1), asked(7));
        memory.remember(peer(2), asked(8));
        memory.forget(peer(1));
        assertThat(memory.source(peer(1))).isEqualTo(Source.systemChoice());
        assertThat(memory.lastAsked(peer(2))).isEqualTo(asked(8));
        memory.remember(peer(1), asked(9));
        assertThat(memory.lastAsked(peer(1))).isEqualTo(asked(9));
    }

    /** Threads that fight for the places of a full memory: a peer may be forgotten, but never be taken for another. */
    @Test
    void noThreadEverSeesWhatAnotherPeerAsked() {
        PeerMemory memory = new PeerMemory(64, Duration.ofHours(1));
        List<String> mistaken = IntStream.range(0, 4)
                .parallel()
                .boxed()
                .flatMap(thread -> IntStream.range(0, 50_000)
                        .map(i -> (i * 7 + thread * 31) % 200)
                        .mapToObj(number -> {
                            memory.remember(peer(number), asked(number));
                            PacketInfo seen = memory.lastAsked(peer((number * 3) % 200));
                            return seen == null || seen.equals(asked((number * 3) % 200)) ? "" : number + ": " + seen;
                        }))
                .filter(text -> !text.isEmpty())
                .toList();
        assertThat(mistaken).isEmpty();
    }

    @Test
    void capacityAndExpiryHaveBounds() {
        assertThat(new PeerMemory(8, Duration.ofSeconds(1)).capacity()).isEqualTo(8);
        assertThat(new PeerMemory(9, Duration.ofDays(1_000_000)).capacity()).isEqualTo(16);
        assertThat(new PeerMemory().capacity()).isEqualTo(PeerMemory.DEFAULT_CAPACITY);
        for (int wrong : new int[] {Integer.MIN_VALUE, -1, 0, 7, (1 << 24) + 1}) {
            assertThatThrownBy(() -> new PeerMemory(wrong, Duration.ofMinutes(1)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(String.valueOf(wrong));
        }
        assertThatThrownBy(() -> new PeerMemory(8, Duration.ofMillis(999)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("PT0.999S");
    }
}
