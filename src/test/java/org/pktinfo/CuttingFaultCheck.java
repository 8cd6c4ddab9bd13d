package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.pktinfo.Loopback.SOON;

import java.io.IOException;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.Faults.Step;
import org.pktinfo.internal.Errno;

/**
 * Replies that are sent as one and that the kernel does not segment: for a JVM that has the test build of the library
 * which makes them fail.
 */
@Timeout(60)
class CuttingFaultCheck extends FaultFixture {
    /** Makes runs of replies to one peer: three for each of three clients, to one address each. */
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

    /** The second failure hits one of the replies that are sent separately, and is that reply's own. */
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
}
