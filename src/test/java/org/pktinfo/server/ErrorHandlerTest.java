package org.pktinfo.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.pktinfo.server.DatagramServerTest.await;
import static org.pktinfo.server.DatagramServerTest.client;
import static org.pktinfo.server.DatagramServerTest.send;
import static org.pktinfo.server.DatagramServerTest.source;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.channels.DatagramChannel;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.pktinfo.DatagramSlot;
import org.pktinfo.NetworkError;
import org.pktinfo.internal.Doors;

/** A server whose peers close their ports before they are answered. */
@Timeout(60)
class ErrorHandlerTest {
    private final BlockingQueue<NetworkError> errors = new LinkedBlockingQueue<>();
    private DatagramServer server;

    @AfterEach
    void close() throws IOException {
        server.close();
    }

    /** Starts a server that waits for the peer to be gone if the request is empty. */
    private void start(boolean throwing, BlockingQueue<Boolean> gone) throws IOException {
        DatagramChannel socket = DatagramChannel.open().bind(new InetSocketAddress(0));
        Doors.reportErrors(socket);
        server = DatagramServer.builder().channel(socket).payloadCapacity(1500).start(new DatagramHandler() {
            @Override
            public void handle(DatagramSlot request) throws Exception {
                if (request.length() == 0) {
                    assertThat(gone.poll(5, TimeUnit.SECONDS)).isTrue();
                }
                request.reply(request.length());
            }

            @Override
            public void handleError(NetworkError error) {
                errors.add(error);
                if (throwing) {
                    throw new IllegalStateException("a fault of the handler");
                }
            }
        });
    }

    private InetSocketAddress askAndLeave(BlockingQueue<Boolean> gone) throws IOException {
        InetSocketAddress left;
        try (DatagramSocket client = client()) {
            send(client, "127.0.0.2", server, 0);
            left = new InetSocketAddress("127.0.0.1", client.getLocalPort());
        }
        gone.add(true);
        return left;
    }

    private void assertHandled(boolean throwing, int rounds) throws Exception {
        BlockingQueue<Boolean> gone = new LinkedBlockingQueue<>();
        start(throwing, gone);
        for (int i = 0; i < rounds; i++) {
            InetSocketAddress left = askAndLeave(gone);
            NetworkError error = errors.poll(5, TimeUnit.SECONDS);
            assertThat(error).isNotNull();
            assertThat(error.destination().toSocketAddress()).isEqualTo(left);
            assertThat(error.kind()).isEqualTo(NetworkError.Kind.PORT_UNREACHABLE);
            try (DatagramSocket client = client()) {
                send(client, "127.0.0.3", server, 8);
                assertThat(source(client)).isEqualTo("127.0.0.3");
            }
        }
        await(() -> server.stats().replied(), 2L * rounds);
        assertThat(server.stats().channels().networkErrors()).isEqualTo(rounds);
        assertThat(server.stats().channels().networkErrorsDropped()).isZero();
        assertThat(server.stats().failed()).isZero();
        assertThat(server.stats().receiveErrors()).isEqualTo(throwing ? rounds : 0);
    }

    @Test
    void theHandlerGetsEachErrorAndOtherPeersAreAnswered() throws Exception {
        assertHandled(false, 20);
    }

    @Test
    void aHandlerOfErrorsThatThrowsEndsNothing() throws Exception {
        assertHandled(true, 3);
    }
}
