package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.pktinfo.Loopback.SOON;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.Faults.Step;
import org.pktinfo.SendException.Kind;
import org.pktinfo.internal.Errno;
import org.pktinfo.server.ServerStats;

/**
 * A send buffer without room, temporarily or permanently: for a JVM that has the test build of the library which makes
 * sends fail.
 */
@Timeout(60)
class SendBufferFaultCheck extends FaultFixture {
    /** Other clients must not wait for those whose replies stay in the send buffer. */
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

    /** Sent in parts, with a wait between them, and again after a wait in vain. */
    @Test
    void aReplyThatWaitsForRoomOrIsSentAgainKeepsItsFields() throws IOException {
        SendOptions options = SendOptions.NONE.withEcn(1).withHopLimit(9);
        try (PktInfoChannel asker = Loopback.open(PktInfoChannel.Family.DUAL_STACK)) {
            FactsTest.receiveAll(asker);
            DatagramBatch batch = batch();
            Endpoint to = new Endpoint(
                    Loopback.address("127.0.0.2"), channel.localAddress().getPort());
            asker.send(ByteBuffer.allocate(1), to, Source.systemChoice());
            assertThat(batch.receive(SOON)).isOne();
            batch.slot(0).reply(1);
            batch.slot(0).sendOptions(options);
            faults.fail(Step.SEND, Errno.EAGAIN, 0, 2);
            assertThat(batch.send()).isOne();
            faults.fail(Step.SEND, Errno.EAGAIN, 0, Faults.FOR_EVER);
            batch.slot(0).reply(1);
            batch.slot(0).sendOptions(options);
            assertThat(batch.send(Duration.ZERO)).isZero();
            assertThat(batch.slot(0).wouldBlock()).isTrue();
            faults.end(Step.SEND);
            batch.slot(0).reply(1);
            batch.slot(0).sendOptions(options);
            assertThat(batch.send()).isOne();
            for (int i = 0; i < 2; i++) {
                ReceivedFacts facts = asker.receive(SOON).facts();
                assertThat(facts.trafficClass()).isEqualTo(1);
                assertThat(facts.hopLimit()).isEqualTo(9);
            }
        }
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
}
