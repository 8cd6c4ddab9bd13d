package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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
    void theLastRequestDestinationIsTheOne() {
        PeerMemory memory = new PeerMemory();
        assertThat(memory.lastDestination(peer(1))).isNull();
        assertThat(memory.source(peer(1))).isEqualTo(Source.systemChoice());
        memory.remember(peer(1), asked(7));
        memory.remember(peer(2), asked(8));
        assertThat(memory.lastDestination(peer(1))).isEqualTo(asked(7));
        assertThat(memory.source(peer(1))).isEqualTo(Source.of(asked(7).local(), 0));
        memory.remember(peer(1), asked(9));
        assertThat(memory.lastDestination(peer(1))).isEqualTo(asked(9));
        assertThat(memory.lastDestination(peer(2))).isEqualTo(asked(8));
        assertThat(memory.lastDestination(new Endpoint(peer(1).address(), 9))).isNull();
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
        assertThat(memory.lastDestination(peer(1), 19 * SECOND)).isEqualTo(asked(7));
        assertThat(memory.lastDestination(peer(1), 19 * SECOND + 1)).isNull();
        memory.remember(peer(1), asked(7), 30 * SECOND);
        assertThat(memory.lastDestination(peer(1), 30 * SECOND)).isEqualTo(asked(7));
    }

    @Test
    void whoHasBeenSilentForLongestGivesWay() {
        PeerMemory memory = new PeerMemory(8, Duration.ofHours(1));
        IntStream.range(0, 16).forEach(i -> memory.remember(peer(i), asked(i), i * SECOND));
        memory.remember(peer(0), asked(0), 20 * SECOND);
        memory.remember(peer(16), asked(16), 21 * SECOND);
        assertThat(memory.lastDestination(peer(1), 22 * SECOND)).isNull();
        assertThat(IntStream.rangeClosed(0, 16).filter(i -> i != 1))
                .allMatch(i -> asked(i).equals(memory.lastDestination(peer(i), 22 * SECOND)));
    }

    /** The entry that has expired is not the oldest of all. */
    @Test
    void nobodyGivesWayWhileAnotherHasExpired() {
        PeerMemory memory = new PeerMemory(8, Duration.ofSeconds(10));
        IntStream.range(0, 16).forEach(i -> memory.remember(peer(i), asked(i), (i == 7 ? 0 : 9) * SECOND));
        memory.remember(peer(16), asked(16), 11 * SECOND);
        assertThat(IntStream.rangeClosed(0, 16).filter(i -> i != 7))
                .allMatch(i -> asked(i).equals(memory.lastDestination(peer(i), 11 * SECOND)));
    }

    private static long known(PeerMemory memory, int peers, long now) {
        return IntStream.range(0, peers)
                .filter(i -> asked(i & 0xff).equals(memory.lastDestination(peer(i), now)))
                .count();
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 16, 64, 1 << 10, 1 << 14, 1 << 17})
    void allPeersThatThereIsRoomForAreRemembered(int capacity) {
        PeerMemory memory = new PeerMemory(capacity, Duration.ofHours(1));
        IntStream.range(0, capacity).forEach(i -> memory.remember(peer(i), asked(i & 0xff), i));
        assertThat(capacity - known(memory, capacity, capacity)).isLessThan(1 + capacity / 1000);
    }

    /**
     * An overfull memory does not forget the same peers each time: an attacker cannot compute which peer to
     * impersonate.
     */
    @Test
    void nobodyKnowsBeforehandWhoGivesWayToWhom() {
        List<List<Integer>> forgotten = IntStream.range(0, 2)
                .mapToObj(each -> {
                    PeerMemory memory = new PeerMemory(1 << 10, Duration.ofHours(1));
                    IntStream.range(0, 1 << 11).forEach(i -> memory.remember(peer(i), asked(i & 0xff), i));
                    return IntStream.range(0, 1 << 11)
                            .filter(i -> memory.lastDestination(peer(i), 1 << 11) == null)
                            .boxed()
                            .toList();
                })
                .toList();
        assertThat(forgotten.get(0)).hasSizeGreaterThan(100).isNotEqualTo(forgotten.get(1));
    }

    private static PacketInfo askedGroup(int last) {
        return new PacketInfo(
                IpAddress.ipv4(0xef000001), IpAddress.ipv4(0xc0000200 + last), 1, true, false, false, false);
    }

    @Test
    void aGroupOrABroadcastDoesNotReplaceWhatWasAskedByUnicastUntilThatHasExpired() {
        PacketInfo nothing =
                new PacketInfo(IpAddress.UNSPECIFIED, IpAddress.UNSPECIFIED, 0, false, false, false, false);
        PeerMemory memory = new PeerMemory(8, Duration.ofSeconds(10));
        memory.remember(peer(1), askedGroup(1), 0);
        assertThat(memory.lastDestination(peer(1), 0)).isEqualTo(askedGroup(1));
        memory.remember(peer(1), asked(7), 1);
        for (PacketInfo weaker : List.of(askedGroup(1), nothing)) {
            memory.remember(peer(1), weaker, 2);
            assertThat(memory.lastDestination(peer(1), 2)).isEqualTo(asked(7));
        }
        memory.remember(peer(1), asked(8), 3);
        assertThat(memory.lastDestination(peer(1), 3)).isEqualTo(asked(8));
        memory.remember(peer(1), askedGroup(1), 9 * SECOND); // which the peer sent, so it is not silent
        assertThat(memory.lastDestination(peer(1), 19 * SECOND)).isEqualTo(asked(8));
        memory.remember(peer(1), askedGroup(2), 19 * SECOND + 1);
        assertThat(memory.lastDestination(peer(1), 19 * SECOND + 1)).isEqualTo(askedGroup(2));
    }

    @Test
    void aPeerWithANeedlessScopeIsTheSame() throws IOException {
        InetAddress plain = InetAddress.getByName("2001:db8::1");
        InetAddress scoped = Inet6Address.getByAddress(null, plain.getAddress(), 7);
        PeerMemory memory = new PeerMemory();
        memory.remember(Endpoint.of(new InetSocketAddress(plain, 9)), asked(7));
        assertThat(memory.lastDestination(Endpoint.of(new InetSocketAddress(scoped, 9))))
                .isEqualTo(asked(7));
    }

    @Test
    void whoIsNotKnownIsCountedOnceSomebodyIs() {
        PeerMemory memory = new PeerMemory(8, Duration.ofSeconds(1));
        assertThat(memory.source(peer(1))).isEqualTo(Source.systemChoice());
        assertThat(memory.unknownPeers()).isZero();
        memory.remember(peer(1), asked(7));
        assertThat(memory.source(peer(1))).isNotEqualTo(Source.systemChoice());
        assertThat(memory.lastDestination(peer(2))).isNull();
        assertThat(memory.unknownPeers()).isZero();
        assertThat(memory.source(peer(2))).isEqualTo(Source.systemChoice());
        assertThat(memory.unknownPeers()).isEqualTo(1);
        memory.remember(
                peer(3), new PacketInfo(IpAddress.UNSPECIFIED, IpAddress.UNSPECIFIED, 0, false, false, false, false));
        assertThat(memory.source(peer(3))).isEqualTo(Source.systemChoice());
        memory.forget(peer(1));
        assertThat(memory.source(peer(1))).isEqualTo(Source.systemChoice());
        assertThat(memory.unknownPeers()).isEqualTo(3);
    }

    @Test
    void whoIsForgottenIsAnsweredByTheSystemsChoiceUntilItAsksAgain() {
        PeerMemory memory = new PeerMemory();
        memory.forget(peer(1));
        memory.remember(peer(1), asked(7));
        memory.remember(peer(2), asked(8));
        memory.forget(peer(1));
        assertThat(memory.source(peer(1))).isEqualTo(Source.systemChoice());
        assertThat(memory.lastDestination(peer(2))).isEqualTo(asked(8));
        memory.remember(peer(1), asked(9));
        assertThat(memory.lastDestination(peer(1))).isEqualTo(asked(9));
    }

    /**
     * Threads that compete for the places of a full memory: a peer may be forgotten, but never be taken for another.
     */
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
                            PacketInfo seen = memory.lastDestination(peer((number * 3) % 200));
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
