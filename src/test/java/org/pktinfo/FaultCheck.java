package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.pktinfo.Loopback.SOON;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.Faults.Step;
import org.pktinfo.SendException.Kind;
import org.pktinfo.server.DatagramServer;
import org.pktinfo.server.ServerStats;

/** System calls that fail at any datagram of a batch: for a JVM that has the test build of the library which makes them fail. */
@Timeout(60)
class FaultCheck {
    private static final int DATAGRAMS = 5;
    private static final int SILENCE_MILLIS = 20;

    /** What the kernel says, and what becomes of a reply then; null: it is sent all the same. */
    private static final Map<Integer, Kind> ERRORS = new LinkedHashMap<>();

    private static final int EINTR = 4;
    private static final int ENOSYS = 38;

    static {
        ERRORS.put(EINTR, null);
        ERRORS.put(Errno.EAGAIN, null);
        ERRORS.put(Errno.ENOBUFS, Kind.TRANSIENT);
        ERRORS.put(Errno.ENOMEM, Kind.TRANSIENT);
        ERRORS.put(Errno.EPERM, Kind.TRANSIENT);
        ERRORS.put(Errno.ENETUNREACH, Kind.PEER_UNREACHABLE);
        ERRORS.put(Errno.EHOSTUNREACH, Kind.PEER_UNREACHABLE);
        ERRORS.put(Errno.EACCES, Kind.PEER_UNREACHABLE);
        ERRORS.put(Errno.EINVAL, Kind.OTHER);
        ERRORS.put(Errno.ENODEV, Kind.INTERFACE_GONE);
        ERRORS.put(Errno.EMSGSIZE, Kind.MESSAGE_TOO_LONG);
        ERRORS.put(Errno.EIO, Kind.OTHER);
        ERRORS.put(Errno.ECONNREFUSED, Kind.PEER_UNREACHABLE);
        ERRORS.put(Errno.ENETDOWN, Kind.PEER_UNREACHABLE);
        ERRORS.put(ENOSYS, Kind.OTHER);
    }

    private static Faults faults;

    private final List<Loopback> clients = new ArrayList<>();
    private DatagramChannel socket;
    private PktInfoChannel channel;
    private DatagramServer server;

    @BeforeEach
    void open() throws IOException {
        if (faults == null) {
            faults = new Faults();
        }
        faults.clear();
        socket = DatagramChannel.open().bind(new InetSocketAddress(0));
        for (int i = 0; i < DATAGRAMS; i++) {
            clients.add(new Loopback());
        }
    }

    @AfterEach
    void close() throws IOException {
        faults.clear();
        if (server != null) {
            server.close();
        }
        if (channel != null) {
            channel.close();
        }
        socket.close();
        clients.forEach(Loopback::close);
    }

    /** Each client asks another address. */
    private static String asked(int client) {
        return "127.0.0." + (client + 2);
    }

    private void ask(int client) throws IOException {
        byte[] payload = {(byte) client};
        clients.get(client)
                .socket
                .send(new DatagramPacket(
                        payload,
                        1,
                        InetAddress.getByName(asked(client)),
                        socket.socket().getLocalPort()));
    }

    private void askAll() throws IOException {
        for (int i = 0; i < DATAGRAMS; i++) {
            ask(i);
        }
    }

    private void assertAnswered(int client) throws IOException {
        assertThat(clients.get(client).replySource(new byte[] {(byte) client})).hasToString(asked(client));
    }

    private void assertSilence(int client) throws IOException {
        clients.get(client).socket.setSoTimeout(SILENCE_MILLIS);
        assertThatThrownBy(() -> assertAnswered(client)).isInstanceOf(SocketTimeoutException.class);
        clients.get(client).socket.setSoTimeout((int) SOON.toMillis());
    }

    /** All clients are answered but this one, and it is once it asks again. */
    private void assertAllAnsweredBut(int lost) throws IOException {
        for (int i = 0; i < DATAGRAMS; i++) {
            if (i != lost) {
                assertAnswered(i);
            }
        }
        if (lost >= 0) {
            assertSilence(lost);
        }
    }

    /** Every error at the first, a middle and the last datagram, with the calls for many and with those for one. */
    static Stream<Arguments> errors() {
        return ERRORS.keySet().stream()
                .flatMap(errno -> IntStream.of(0, DATAGRAMS / 2, DATAGRAMS - 1)
                        .boxed()
                        .flatMap(at -> Stream.of(true, false).map(many -> Arguments.of(errno, at, many))));
    }

    /** A call for many that the kernel does not know is replaced by that for one, which does not fail any more. */
    private static Kind kind(int errno, int at, boolean many) {
        return errno == ENOSYS && many && at < DATAGRAMS - 1 ? null : ERRORS.get(errno);
    }

    private void startServer() throws IOException {
        server =
                DatagramServer.builder().channel(socket).payloadCapacity(1500).start(slot -> slot.reply(slot.length()));
    }

    private ServerStats awaitStats(Predicate<ServerStats> done) {
        long deadline = System.nanoTime() + SOON.toNanos();
        while (!done.test(server.stats()) && System.nanoTime() < deadline) {
            Thread.onSpinWait();
        }
        assertThat(server.stats()).matches(done);
        return server.stats();
    }

    private static Map<Kind, Long> once(Kind kind) {
        return kind == null ? Map.of() : Map.of(kind, 1L);
    }

    private void assertNextIsAnswered(int client) throws IOException {
        ask(client);
        assertAnswered(client);
    }

    @ParameterizedTest
    @MethodSource("errors")
    void theServerCountsAReplyThatFailsByItsKindAndAnswersTheOthers(int errno, int at, boolean many)
            throws IOException {
        Kind kind = kind(errno, at, many);
        int lost = kind == null ? 0 : 1;
        askAll();
        if (!many) {
            faults.oneByOne();
        }
        faults.fail(Step.SEND, errno, at, 1);
        startServer();
        assertAllAnsweredBut(kind == null ? -1 : at);
        ServerStats stats = awaitStats(each -> each.replied() + each.failed() == DATAGRAMS);
        assertThat(faults.hits(Step.SEND)).isEqualTo(1);
        assertThat(stats.sendErrors()).isEqualTo(once(kind));
        assertThat(stats.replied()).isEqualTo(DATAGRAMS - lost);
        assertThat(stats.receiveErrors() + stats.handlerErrors()).isZero();
        assertNextIsAnswered(at);
    }

    /** The others shall not wait for those whose replies stay in the send buffer. */
    @Test
    void afterAWaitForRoomInVainTheServerDoesNotWaitUntilRepliesLeaveAgain() throws IOException {
        startServer();
        faults.fail(Step.SEND, Errno.EAGAIN, 0, Faults.FOR_EVER);
        for (int i = 1; i <= 10; i++) {
            int failed = i;
            ask(0);
            awaitStats(each -> each.failed() == failed);
        }
        assertThat(server.stats().channels().sendWaits()).isEqualTo(1);
        faults.end(Step.SEND);
        for (int i = 1; i <= 16; i++) {
            int replied = i;
            assertNextIsAnswered(0);
            awaitStats(each -> each.replied() == replied);
        }
        faults.fail(Step.SEND, Errno.EAGAIN, 0, 2);
        assertNextIsAnswered(0);
        assertThat(server.stats().channels().sendWaits()).isEqualTo(2);
    }

    /**
     * What fails behind others that came is told by the next call: recvmmsg(2) keeps it. Without that call nobody does. What a call
     * for many does not know, one for one may.
     */
    private static boolean isTold(int errno, int at, boolean many) {
        return errno != EINTR && errno != Errno.EAGAIN && (many ? errno != ENOSYS : at == 0);
    }

    @ParameterizedTest
    @MethodSource("errors")
    void theServerCountsAFailedReceiveAndAnswersAll(int errno, int at, boolean many) throws IOException {
        askAll();
        if (!many) {
            faults.oneByOne();
        }
        faults.fail(Step.RECEIVE, errno, at, 1);
        startServer();
        assertAllAnsweredBut(-1);
        ServerStats stats = awaitStats(each -> each.replied() == DATAGRAMS);
        assertThat(faults.hits(Step.RECEIVE)).isEqualTo(1);
        assertThat(stats.receiveErrors()).isEqualTo(isTold(errno, at, many) ? 1 : 0);
        assertThat(stats.failed()).isZero();
        assertNextIsAnswered(at);
    }

    private DatagramBatch batch() throws IOException {
        channel = PktInfoChannel.wrap(socket, 1500);
        return channel.newBatch(32, 1500);
    }

    private static void replyToAll(DatagramBatch batch) {
        for (int i = 0; i < batch.size(); i++) {
            batch.slot(i).reply(batch.slot(i).length());
        }
    }

    @ParameterizedTest
    @MethodSource("errors")
    void aBatchMarksTheSlotThatFailsAndSendsTheOthers(int errno, int at, boolean many) throws IOException {
        DatagramBatch batch = batch();
        askAll();
        assertThat(batch.receive(SOON)).isEqualTo(DATAGRAMS);
        replyToAll(batch);
        if (!many) {
            faults.oneByOne();
        }
        faults.fail(Step.SEND, errno, at, 1);
        Kind kind = kind(errno, at, many);
        assertThat(batch.send()).isEqualTo(kind == null ? DATAGRAMS : DATAGRAMS - 1);
        assertThat(faults.hits(Step.SEND)).isEqualTo(1);
        for (int i = 0; i < DATAGRAMS; i++) {
            boolean failed = i == at && kind != null;
            assertThat(batch.slot(i).isSent()).isEqualTo(!failed);
            if (failed) {
                assertThat(batch.slot(i).failure().kind()).isEqualTo(kind);
                assertThat(batch.slot(i).failure().errno()).isEqualTo(errno);
            } else {
                assertThat(batch.slot(i).failure()).isNull();
            }
        }
        assertAllAnsweredBut(kind == null ? -1 : at);
    }

    @ParameterizedTest
    @MethodSource("errors")
    void aBatchThatCannotBeReceivedThrowsAndNothingIsLost(int errno, int at, boolean many) throws IOException {
        DatagramBatch batch = batch();
        askAll();
        if (!many) {
            faults.oneByOne();
        }
        faults.fail(Step.RECEIVE, errno, at, 1);
        int received = 0;
        int failures = 0;
        while (received < DATAGRAMS) {
            try {
                int count = batch.receive(SOON);
                assertThat(count).isPositive();
                received += count;
                replyToAll(batch);
                assertThat(batch.send()).isEqualTo(count);
            } catch (IOException e) {
                failures++;
                assertThat(e).hasMessage("recvmsg: " + Errno.describe(errno));
                assertThat(batch.size()).isZero();
            }
        }
        assertThat(failures).isEqualTo(isTold(errno, at, many) ? 1 : 0);
        assertThat(faults.hits(Step.RECEIVE)).isEqualTo(1);
        assertAllAnsweredBut(-1);
    }

    @ParameterizedTest
    @MethodSource("errors")
    void whatIsTakenAheadWhenReceivingOneByOneIsNotLostEither(int errno, int at, boolean many) throws IOException {
        channel = PktInfoChannel.wrap(socket, 1500);
        int all = Inbox.BUSY + 2 * Inbox.AHEAD;
        for (int i = 0; i < all; i++) {
            ask(i % DATAGRAMS);
        }
        if (!many) {
            faults.oneByOne();
        }
        faults.fail(Step.RECEIVE, errno, Inbox.BUSY + at, 1);
        int failures = 0;
        for (int i = 0; i < all; ) {
            try {
                Datagram request = channel.receive(SOON);
                assertThat(request.payload()).containsExactly(i % DATAGRAMS);
                assertThat(request.packetInfo().local()).hasToString(asked(i % DATAGRAMS));
                i++;
            } catch (IOException e) {
                failures++;
                assertThat(e).hasMessage("recvmsg: " + Errno.describe(errno));
            }
        }
        assertThat(failures).isEqualTo(isTold(errno, at, many) ? 1 : 0);
        assertThat(faults.hits(Step.RECEIVE)).isEqualTo(1);
        assertThat(channel.receive(Duration.ZERO)).isNull();
    }

    /** One datagram at a time: the first, a middle and the last of them. */
    static Stream<Arguments> errorsOfOne() {
        return ERRORS.keySet().stream()
                .flatMap(
                        errno -> IntStream.of(0, DATAGRAMS / 2, DATAGRAMS - 1).mapToObj(at -> Arguments.of(errno, at)));
    }

    @ParameterizedTest
    @MethodSource("errorsOfOne")
    void aReplyThatFailsThrowsItsKindAndTheOthersAreSent(int errno, int at) throws IOException {
        channel = PktInfoChannel.wrap(socket);
        askAll();
        faults.fail(Step.SEND, errno, at, 1);
        Kind kind = ERRORS.get(errno);
        for (int i = 0; i < DATAGRAMS; i++) {
            Datagram request = channel.receive(SOON);
            ByteBuffer payload = ByteBuffer.wrap(request.payload());
            if (i == at && kind != null) {
                assertThatThrownBy(() -> channel.reply(request, payload))
                        .isInstanceOfSatisfying(SendException.class, e -> {
                            assertThat(e.kind()).isEqualTo(kind);
                            assertThat(e.errno()).isEqualTo(errno);
                        })
                        .hasMessageStartingWith(
                                "sendmsg: " + Errno.describe(errno) + ", source " + asked(i) + ", peer 127.0.0.1:");
                assertThat(payload.remaining()).isEqualTo(1);
            } else {
                channel.reply(request, payload);
            }
        }
        assertThat(faults.hits(Step.SEND)).isEqualTo(1);
        assertAllAnsweredBut(kind == null ? -1 : at);
    }

    @ParameterizedTest
    @MethodSource("errorsOfOne")
    void aReceiveThatFailsThrowsAndNothingIsLost(int errno, int at) throws IOException {
        channel = PktInfoChannel.wrap(socket);
        askAll();
        faults.fail(Step.RECEIVE, errno, at, 1);
        for (int i = 0; i < DATAGRAMS; i++) {
            if (i == at && errno != EINTR && errno != Errno.EAGAIN) {
                assertThatThrownBy(() -> channel.receive(SOON))
                        .isInstanceOf(IOException.class)
                        .hasMessage("recvmsg: " + Errno.describe(errno));
            }
            channel.reply(channel.receive(SOON), new byte[] {(byte) i});
        }
        assertThat(faults.hits(Step.RECEIVE)).isEqualTo(1);
        assertAllAnsweredBut(-1);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4})
    void aKernelThatTakesAndGivesFewerAtOnceIsCalledUntilAllIsDone(int most) throws IOException {
        faults.most(Step.SEND, most);
        faults.most(Step.RECEIVE, most);
        for (int round = 0; round < 3; round++) {
            askAll();
            if (round == 0) {
                startServer();
            }
            assertAllAnsweredBut(-1);
        }
        assertThat(awaitStats(each -> each.replied() == 3 * DATAGRAMS).failed()).isZero();
    }

    @ParameterizedTest
    @CsvSource({"0, true", "2, true", "4, true", "0, false", "2, false", "4, false"})
    void inNonBlockingModeAFullSendBufferFailsWhatIsLeft(int at, boolean many) throws IOException {
        DatagramBatch batch = batch();
        socket.configureBlocking(false);
        askAll();
        assertThat(batch.receive(SOON)).isEqualTo(DATAGRAMS);
        replyToAll(batch);
        if (!many) {
            faults.oneByOne();
        }
        faults.fail(Step.SEND, Errno.EAGAIN, at, 1);
        assertThat(batch.send()).isEqualTo(at);
        for (int i = 0; i < DATAGRAMS; i++) {
            assertThat(batch.slot(i).isSent()).isEqualTo(i < at);
            if (i >= at) {
                assertThat(batch.slot(i).failure().kind()).isEqualTo(Kind.TRANSIENT);
            }
        }
        for (int i = 0; i < at; i++) {
            assertAnswered(i);
        }
        assertSilence(at);
        assertThat(batch.send()).as("nothing is sent twice or late").isZero();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2, 4})
    void aSendBufferThatIsFullForAWhileDelaysTheRepliesAndLosesNone(int at) throws IOException {
        askAll();
        faults.fail(Step.SEND, Errno.EAGAIN, at, 50);
        startServer();
        assertAllAnsweredBut(-1);
        assertThat(awaitStats(each -> each.replied() == DATAGRAMS).failed()).isZero();
        assertThat(faults.hits(Step.SEND)).isEqualTo(50);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2, 4})
    void aSendBufferThatStaysFullFailsTheRepliesThatItHasNoRoomForAndTheServerGoesOn(int at) throws IOException {
        askAll();
        faults.fail(Step.SEND, Errno.EAGAIN, at, Faults.FOR_EVER);
        startServer();
        for (int i = 0; i < at; i++) {
            assertAnswered(i);
        }
        ServerStats stats = awaitStats(each -> each.replied() + each.failed() == DATAGRAMS);
        assertThat(stats.sendErrors()).isEqualTo(Map.of(Kind.TRANSIENT, (long) DATAGRAMS - at));
        ask(0);
        awaitStats(each -> each.failed() == DATAGRAMS - at + 1);
        faults.end(Step.SEND);
        for (int i = 0; i < DATAGRAMS; i++) {
            assertNextIsAnswered(i);
        }
    }

    @ParameterizedTest
    @CsvSource({"0, 0", "2, 0", "4, 0", "0, 30", "2, 30", "4, 30"})
    void aBatchWaitsNoLongerThanItIsToldForRoom(int at, int millis) throws IOException {
        DatagramBatch batch = batch();
        askAll();
        assertThat(batch.receive(SOON)).isEqualTo(DATAGRAMS);
        replyToAll(batch);
        faults.fail(Step.SEND, Errno.EAGAIN, at, Faults.FOR_EVER);
        long start = System.nanoTime();
        assertThat(batch.send(Duration.ofMillis(millis))).isEqualTo(at);
        assertThat(System.nanoTime() - start)
                .isGreaterThanOrEqualTo(Duration.ofMillis(millis).toNanos());
        for (int i = at; i < DATAGRAMS; i++) {
            assertThat(batch.slot(i).failure().kind()).isEqualTo(Kind.TRANSIENT);
        }
        faults.end(Step.SEND);
        assertThat(batch.send()).as("nothing is sent twice or late").isZero();
        assertThatThrownBy(() -> batch.send(Duration.ofNanos(-1))).isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2, 4})
    void aSendBufferThatStaysFullDoesNotKeepTheServerFromStopping(int at) throws IOException {
        askAll();
        faults.fail(Step.SEND, Errno.EAGAIN, at, Faults.FOR_EVER);
        startServer();
        for (int i = 0; i < at; i++) {
            assertAnswered(i);
        }
        while (faults.hits(Step.SEND) < 1) {
            Thread.onSpinWait();
        }
        server.stop(Duration.ofMillis(100));
        ServerStats stats = awaitStats(each -> each.replied() + each.failed() == DATAGRAMS);
        assertThat(stats.replied()).isEqualTo(at);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2, 4})
    void aWaitForRoomThatFailsKeepsWhatIsLeftForTheNextCall(int at) throws IOException {
        DatagramBatch batch = batch();
        askAll();
        assertThat(batch.receive(SOON)).isEqualTo(DATAGRAMS);
        replyToAll(batch);
        faults.fail(Step.SEND, Errno.EAGAIN, at, Faults.FOR_EVER);
        faults.fail(Step.POLL, Errno.ENOMEM, 0, 1);
        assertThatThrownBy(batch::send).isInstanceOf(IOException.class).hasMessage("poll: ENOMEM (12)");
        for (int i = 0; i < DATAGRAMS; i++) {
            assertThat(batch.slot(i).isSent()).isEqualTo(i < at);
            assertThat(batch.slot(i).failure()).isNull();
        }
        faults.end(Step.SEND);
        assertThat(batch.send()).isEqualTo(DATAGRAMS - at);
        assertAllAnsweredBut(-1);
    }

    /** What neighbours of one peer are asked and answered with: three for each of three clients, to one address each. */
    private DatagramBatch threeForEachOfThree() throws IOException {
        DatagramBatch batch = batch();
        for (int i = 0; i < 9; i++) {
            ask(i / 3);
        }
        assertThat(batch.receive(SOON)).isEqualTo(9);
        replyToAll(batch);
        return batch;
    }

    private void assertThreeAnswersEach() throws IOException {
        for (int i = 0; i < 9; i++) {
            assertAnswered(i / 3);
        }
        for (int i = 0; i < 3; i++) {
            assertSilence(i);
        }
    }

    @ParameterizedTest
    @CsvSource({"5, 0", "5, 1", "5, 2", "22, 0", "22, 1", "22, 2", "90, 0", "90, 1", "90, 2"})
    void repliesThatTheKernelDoesNotCutLeaveOneByOneAndNoneIsLost(int errno, int at) throws IOException {
        DatagramBatch batch = threeForEachOfThree();
        faults.fail(Step.SEND, errno, at, 1);
        assertThat(batch.send()).isEqualTo(9);
        assertThat(faults.hits(Step.SEND)).isEqualTo(1);
        assertThreeAnswersEach();
    }

    /** The second time it is one of those that leave alone, and its own error. */
    @ParameterizedTest
    @ValueSource(ints = {5, 22, 90})
    void aReplyThatFailsAloneAfterwardsIsTheOnlyOneLost(int errno) throws IOException {
        DatagramBatch batch = threeForEachOfThree();
        faults.fail(Step.SEND, errno, 1, 2);
        assertThat(batch.send()).isEqualTo(8);
        assertThat(batch.slot(3).failure().errno()).isEqualTo(errno);
        for (int i = 0; i < 9; i++) {
            assertThat(batch.slot(i).isSent()).isEqualTo(i != 3);
            if (i != 3) {
                assertAnswered(i / 3);
            }
        }
        assertSilence(1);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void anotherErrorFailsThoseThatLeftTogetherAndNobodyElse(int at) throws IOException {
        DatagramBatch batch = threeForEachOfThree();
        faults.fail(Step.SEND, Errno.EPERM, at, 1);
        assertThat(batch.send()).isEqualTo(6);
        for (int i = 0; i < 9; i++) {
            boolean failed = i / 3 == at;
            assertThat(batch.slot(i).isSent()).isEqualTo(!failed);
            if (!failed) {
                assertAnswered(i / 3);
            }
        }
        assertSilence(at);
    }

    @ParameterizedTest
    @ValueSource(ints = {5, 22, 90})
    void theServerLosesNoneOfThemEither(int errno) throws IOException {
        for (int i = 0; i < 9; i++) {
            ask(i / 3);
        }
        faults.fail(Step.SEND, errno, 1, 1);
        startServer();
        assertThreeAnswersEach();
        assertThat(awaitStats(each -> each.replied() == 9).failed()).isZero();
    }

    @ParameterizedTest
    @CsvSource({"4, true", "12, false", "22, false"})
    void aPollThatFailsIsCountedUnlessItWasOnlyInterrupted(int errno, boolean repeated) throws IOException {
        startServer();
        assertNextIsAnswered(0);
        faults.fail(Step.POLL, errno, 0, 3);
        for (int i = 0; i < DATAGRAMS; i++) {
            assertNextIsAnswered(i);
        }
        awaitStats(each -> faults.hits(Step.POLL) == 3 && each.receiveErrors() == (repeated ? 0 : 3));
        assertNextIsAnswered(0);
    }

    /** What opening a dual-stack channel asks for, in its order; what an old kernel need not know is not among it. */
    @ParameterizedTest
    @CsvSource({
        "FCNTL, 24, 0, fcntl(F_DUPFD_CLOEXEC): EMFILE (24)",
        "EVENTFD, 24, 0, eventfd: EMFILE (24)",
        "EVENTFD, 12, 0, eventfd: ENOMEM (12)",
        "GETSOCKOPT, 12, 0, getsockopt(SO_DOMAIN): ENOMEM (12)",
        "SETSOCKOPT, 12, 0, setsockopt(IP_PKTINFO): ENOMEM (12)",
        "SETSOCKOPT, 1, 1, setsockopt(IPV6_RECVPKTINFO): EPERM (1)",
        "GETSOCKOPT, 12, 1, getsockopt(IPV6_V6ONLY): ENOMEM (12)"
    })
    void whatFailsWhileAChannelIsOpenedIsNamedAndLeavesNothingOpen(Step step, int errno, int at, String message)
            throws IOException {
        PktInfoChannel.open().close();
        long before = OpenDescriptors.count();
        for (int i = 0; i < 100; i++) {
            faults.fail(step, errno, at, 1);
            assertThatThrownBy(PktInfoChannel::open)
                    .isInstanceOf(IOException.class)
                    .hasMessage(message);
            assertThat(faults.hits(step)).isEqualTo(1);
        }
        OpenDescriptors.assertNoMoreThan(before);
        PktInfoChannel.open().close();
    }

    @ParameterizedTest
    @CsvSource({"FCNTL, 0", "EVENTFD, 0", "GETSOCKOPT, 0", "SETSOCKOPT, 0", "SETSOCKOPT, 1"})
    void aChannelThatCannotBeWrappedStaysAsItIs(Step step, int at) throws IOException {
        long before = OpenDescriptors.count();
        for (int i = 0; i < 100; i++) {
            faults.fail(step, Errno.ENOMEM, at, 1);
            assertThatThrownBy(() -> PktInfoChannel.wrap(socket)).isInstanceOf(IOException.class);
        }
        OpenDescriptors.assertNoMoreThan(before);
        assertThat(socket.isOpen()).isTrue();
        askAll();
        startServer();
        assertAllAnsweredBut(-1);
    }

    @ParameterizedTest
    @CsvSource({"FCNTL, 0", "FCNTL, 1", "FCNTL, 3", "EVENTFD, 2", "SETSOCKOPT, 5"})
    void aServerOfWhichOneWorkerCannotBeHasNone(Step step, int at) throws IOException {
        long before = OpenDescriptors.count();
        InetSocketAddress local = (InetSocketAddress) socket.getLocalAddress();
        socket.close();
        for (int i = 0; i < 20; i++) {
            faults.fail(step, Errno.ENOMEM, at, 1);
            DatagramServer.Builder builder =
                    DatagramServer.builder().bind(local).workers(4).payloadCapacity(1500);
            assertThatThrownBy(() -> builder.start(slot -> slot.reply(0))).isInstanceOf(IOException.class);
            assertThat(faults.hits(step)).isEqualTo(1);
        }
        OpenDescriptors.assertNoMoreThan(before);
        socket = DatagramChannel.open().bind(local);
    }

    /** As in a sandbox that allows the families of the internet only; then a socket is bound. */
    @Test
    void whereNetlinkIsRefusedAddressesAreToldByBinding() throws IOException {
        faults.fail(Step.NETLINK, Errno.EACCES, 0, Faults.FOR_EVER);
        assertThat(ask("127.0.0.9")).isEqualTo(HostAddress.Answer.LOCAL);
        assertThat(ask("192.0.2.1")).isEqualTo(HostAddress.Answer.FOREIGN);
        assertThat(HostAddress.way()).contains("binding a socket", "EACCES (13)");
        assertThat(faults.hits(Step.NETLINK)).isPositive();
    }

    private static HostAddress.Answer ask(String address) throws IOException {
        IpAddress asked = Loopback.address(address);
        return HostAddress.ask(asked.high(), asked.low(), 0);
    }
}
