package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.pktinfo.Loopback.SOON;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.pktinfo.Faults.Step;
import org.pktinfo.SendException.Kind;
import org.pktinfo.internal.Errno;
import org.pktinfo.server.ServerStats;

/**
 * System calls that fail at any datagram of a batch: for a JVM that has the test build of the library which makes them
 * fail.
 */
@Timeout(60)
class FaultCheck extends FaultFixture {
    /**
     * Returns the kind of the failure; null if the kernel lacks the call for many datagrams, which is then replaced by
     * the call for one, and that does not fail again.
     */
    private static Kind kind(int errno, int at, boolean many) {
        return errno == ENOSYS && many && at < DATAGRAMS - 1 ? null : ERRORS.get(errno);
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

    /**
     * Returns true if the failure is reported. A failure behind received datagrams is reported by the next call,
     * because recvmmsg(2) keeps it; without that call it is not. If the kernel lacks the call for many datagrams, the
     * call for one may succeed.
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
        int all = Receiver.BUSY + 2 * Receiver.AHEAD;
        for (int i = 0; i < all; i++) {
            ask(i % DATAGRAMS);
        }
        if (!many) {
            faults.oneByOne();
        }
        faults.fail(Step.RECEIVE, errno, Receiver.BUSY + at, 1);
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
}
