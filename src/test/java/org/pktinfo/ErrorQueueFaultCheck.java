package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.pktinfo.Loopback.SOON;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.Faults.Step;
import org.pktinfo.internal.Errno;
import org.pktinfo.server.DatagramServer;

/**
 * An error queue that cannot be read, as in a sandbox that refuses the call: for a JVM that has the test build of the
 * library which makes system calls fail.
 */
@Timeout(60)
class ErrorQueueFaultCheck extends FaultFixture {
    private static final String CALL = "recvmsg(MSG_ERRQUEUE): ";

    private void wrap() throws IOException {
        channel = PktInfoChannel.wrap(socket)
                .setOption(PktInfoSocketOptions.RECEIVE_ERRORS, true)
                .setOption(PktInfoSocketOptions.TRANSMIT_TIMES, true);
    }

    /** Sends to a port that nobody has: the kernel reports it before sending returns. */
    private Endpoint sendToNobody() throws IOException {
        Loopback gone = new Loopback();
        Endpoint nobody = endpoint(gone);
        gone.close();
        channel.send(ByteBuffer.allocate(1), nobody, Source.systemChoice());
        return nobody;
    }

    private static Endpoint endpoint(Loopback client) throws IOException {
        return new Endpoint(IpAddress.of(InetAddress.getByName("127.0.0.1")), client.socket.getLocalPort());
    }

    @ParameterizedTest
    @ValueSource(ints = {Errno.EPERM, Errno.ENOMEM, Errno.EIO, Errno.EACCES, ENOSYS})
    void theFailureIsTheCallersAndTheReportComesLater(int errno) throws IOException {
        wrap();
        Endpoint nobody = sendToNobody();
        faults.fail(Step.ERROR_QUEUE, errno, 0, Faults.FOR_EVER);
        assertThatThrownBy(() -> channel.receiveError())
                .isInstanceOf(IOException.class)
                .hasMessage(CALL + Errno.describe(errno));
        assertThatThrownBy(() -> channel.receive(Duration.ZERO))
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith(CALL);
        faults.end(Step.ERROR_QUEUE);
        assertThat(Objects.requireNonNull(channel.receiveError()).destination()).isEqualTo(nobody);
        assertThat(channel.receive(Duration.ZERO)).isNull();
    }

    @Test
    void anInterruptedCallIsMadeAgain() throws IOException {
        wrap();
        Endpoint nobody = sendToNobody();
        faults.fail(Step.ERROR_QUEUE, EINTR, 0, 3);
        assertThat(Objects.requireNonNull(channel.receiveError()).destination()).isEqualTo(nobody);
        assertThat(faults.hits(Step.ERROR_QUEUE)).isEqualTo(3);
    }

    @Test
    void aDatagramThatHasLeftIsSentThoughItsTimeCannotBeRead() throws IOException {
        wrap();
        faults.fail(Step.ERROR_QUEUE, Errno.ENOMEM, 0, Faults.FOR_EVER);
        channel.send(
                ByteBuffer.wrap(new byte[] {7}),
                endpoint(clients.get(0)),
                Source.systemChoice(),
                SendOptions.NONE.withTransmitTime(3));
        assertThat(faults.hits(Step.ERROR_QUEUE)).isPositive();
        assertThat(clients.get(0).replySource(new byte[] {7})).hasToString("127.0.0.1");
        assertThatThrownBy(() -> channel.receiveTransmitTime())
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith(CALL);
        faults.end(Step.ERROR_QUEUE);
        TransmitTime time = Objects.requireNonNull(channel.receiveTransmitTime());
        assertThat(time.id()).isEqualTo(3);
        assertThat(time.time()).isNotNull();
    }

    /** A pending error of another datagram cannot be told from the datagram's own, so it is tried once more. */
    @Test
    void anHonestPeerIsAnsweredThoughTheErrorOfAnotherCannotBeRead() throws IOException {
        wrap();
        ask(0);
        Datagram request = Objects.requireNonNull(channel.receive(SOON));
        sendToNobody();
        faults.fail(Step.ERROR_QUEUE, Errno.ENOMEM, 0, Faults.FOR_EVER);
        channel.reply(request, request.payload());
        assertAnswered(0);
    }

    @Test
    void aServerGoesOnWhenTheQueueCanBeReadAgain() throws IOException {
        server = DatagramServer.builder()
                .channel(socket)
                .payloadCapacity(1500)
                .option(PktInfoSocketOptions.RECEIVE_ERRORS, true)
                .start(slot -> slot.reply(slot.length()));
        assertNextIsAnswered(0);
        faults.fail(Step.ERROR_QUEUE, Errno.ENOMEM, 0, Faults.FOR_EVER);
        ask(1);
        awaitStats(stats -> stats.receiveErrors() > 0);
        faults.end(Step.ERROR_QUEUE);
        assertAnswered(1);
        assertNextIsAnswered(2);
    }
}
