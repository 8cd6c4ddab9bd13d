package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/**
 * A plain client that is not connected, so that it receives replies from any address, and its requests for the tests.
 */
public final class Loopback implements AutoCloseable {
    static final Duration SOON = Duration.ofSeconds(5);

    /** More datagrams than {@link #shrinkQueue} leaves room for. */
    static final int FLOOD = 500;

    /** Opens a channel at a port on every address of the host; the test closes the channel. */
    public static PktInfoChannel open(PktInfoChannel.Family family) throws IOException {
        return PktInfoChannel.open(family).bind(new InetSocketAddress(0));
    }

    final DatagramSocket socket;

    public Loopback() throws IOException {
        socket = new DatagramSocket();
        socket.setSoTimeout((int) SOON.toMillis());
        socket.setBroadcast(true);
    }

    public void send(String destination, PktInfoChannel server, byte[] payload) throws IOException {
        InetSocketAddress to = new InetSocketAddress(
                InetAddress.getByName(destination), server.localAddress().getPort());
        socket.send(new DatagramPacket(payload, payload.length, to));
    }

    public static InetSocketAddress to(String address, int port) throws IOException {
        return new InetSocketAddress(InetAddress.getByName(address), port);
    }

    public static void shrinkQueue(PktInfoChannel server) throws IOException {
        server.jdkChannel().setOption(StandardSocketOptions.SO_RCVBUF, 4096);
    }

    public void flood(PktInfoChannel server) throws IOException {
        for (int i = 0; i < FLOOD; i++) {
            send("127.0.0.2", server, new byte[100]);
        }
    }

    /** Sends a request, lets the server receive it and checks the facts that do not depend on the destination. */
    public Datagram ask(String destination, PktInfoChannel server, byte[] payload) throws IOException {
        send(destination, server, payload);
        Datagram request = server.receive(SOON);
        assertThat(request).as("request to " + destination).isNotNull();
        assertThat(request.payload()).as("payload of %s", request).isEqualTo(payload);
        assertThat(request.wireLength()).isEqualTo(payload.length);
        assertThat(request.isTruncated()).as("truncated: %s", request).isFalse();
        assertThat(request.packetInfo().truncated())
                .as("control data truncated: %s", request)
                .isFalse();
        assertThat(request.peer().port()).isEqualTo(socket.getLocalPort());
        assertThat(request.packetInfo().destination())
                .as("header destination of %s", request)
                .isEqualTo(address(destination));
        return request;
    }

    public Datagram ask(String destination, PktInfoChannel server) throws IOException {
        return ask(destination, server, "request".getBytes(StandardCharsets.UTF_8));
    }

    /** Returns the reply's source address, as this client sees it; the text must be the expected one. */
    public IpAddress replySource(byte[] expected) throws IOException {
        DatagramPacket packet = new DatagramPacket(new byte[70_000], 70_000);
        socket.receive(packet);
        assertThat(ByteBuffer.wrap(packet.getData(), 0, packet.getLength()))
                .as("reply from %s", packet.getSocketAddress())
                .isEqualTo(ByteBuffer.wrap(expected));
        return IpAddress.of(packet.getAddress());
    }

    /** Sends a request, answers it with the selection, and returns the source address that this client sees. */
    public IpAddress exchange(String destination, PktInfoChannel server, SourceSelection selection) throws IOException {
        Datagram request = ask(destination, server);
        byte[] reply = ("reply to " + destination).getBytes(StandardCharsets.UTF_8);
        server.reply(request, ByteBuffer.wrap(reply), selection);
        return replySource(reply);
    }

    public static IpAddress address(String literal) throws IOException {
        return IpAddress.of(InetAddress.getByName(literal));
    }

    @Override
    public void close() {
        socket.close();
    }
}
