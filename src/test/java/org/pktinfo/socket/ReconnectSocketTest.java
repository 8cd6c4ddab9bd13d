package org.pktinfo.socket;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A socket that is connected to one peer after the other, and then disconnected: it behaves as one of the JDK's own.
 */
@Timeout(60)
class ReconnectSocketTest {
    private static final InetAddress LOOPBACK = InetAddress.getLoopbackAddress();

    private DatagramSocket first;
    private DatagramSocket second;

    @BeforeEach
    void open() throws IOException {
        first = new DatagramSocket(0, LOOPBACK);
        second = new DatagramSocket(0, LOOPBACK);
        first.setSoTimeout(5000);
        second.setSoTimeout(5000);
    }

    @AfterEach
    void close() {
        first.close();
        second.close();
    }

    private static int freePort() throws IOException {
        try (DatagramSocket socket = new DatagramSocket()) {
            return socket.getLocalPort();
        }
    }

    private static DatagramSocket open(boolean reuse) throws IOException {
        DatagramSocket socket = new PktInfoDatagramSocket((SocketAddress) null);
        socket.setReuseAddress(reuse);
        socket.bind(new InetSocketAddress(freePort()));
        socket.setSoTimeout(5000);
        return socket;
    }

    private void reconnect(DatagramSocket socket) throws IOException {
        socket.connect(first.getLocalSocketAddress());
        socket.connect(LOOPBACK, second.getLocalPort());
        socket.disconnect();
    }

    private static void send(DatagramSocket from, int port) throws IOException {
        from.send(new DatagramPacket(new byte[3], 3, LOOPBACK, port));
    }

    private static void assertHears(DatagramSocket socket, DatagramSocket peer) throws IOException {
        send(peer, socket.getLocalPort());
        DatagramPacket packet = new DatagramPacket(new byte[10], 10);
        socket.receive(packet);
        assertThat(packet.getSocketAddress()).isEqualTo(peer.getLocalSocketAddress());
        socket.send(packet);
        peer.receive(packet);
        assertThat(packet.getSocketAddress()).isEqualTo(new InetSocketAddress(LOOPBACK, socket.getLocalPort()));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void afterwardsItHearsEverybodyAtItsPort(boolean reuse) throws IOException {
        try (DatagramSocket socket = open(reuse)) {
            int port = socket.getLocalPort();
            reconnect(socket);
            assertThat(socket.getLocalPort()).isEqualTo(port);
            assertThat(socket.isBound()).isTrue();
            assertHears(socket, first);
            assertHears(socket, second);
            reconnect(socket);
            assertHears(socket, first);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aThreadThatReceivesMeanwhileHearsThemToo(boolean reuse) throws Exception {
        try (DatagramSocket socket = open(reuse)) {
            CompletableFuture<SocketAddress> heard = new CompletableFuture<>();
            Thread receiver = new Thread(() -> {
                try {
                    DatagramPacket packet = new DatagramPacket(new byte[10], 10);
                    socket.setSoTimeout(30_000);
                    socket.receive(packet);
                    heard.complete(packet.getSocketAddress());
                } catch (IOException e) {
                    heard.completeExceptionally(e);
                }
            });
            receiver.start();
            reconnect(socket);
            send(first, socket.getLocalPort());
            assertThat(heard.get()).isEqualTo(first.getLocalSocketAddress());
        }
    }
}
