package org.pktinfo.it.support;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Method;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.MulticastSocket;
import java.net.SocketAddress;
import java.net.SocketTimeoutException;
import java.net.StandardProtocolFamily;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;

/** Common echo servers, with the JDK's classes alone, of the kind and on the port given. */
public final class EchoServers {
    private static final int ROOM = 2000;

    private EchoServers() {}

    public static void main(String[] arguments) throws Exception {
        String kind = arguments[0];
        InetSocketAddress any = new InetSocketAddress(Integer.parseInt(arguments[1]));
        if (kind.startsWith("virtual ")) {
            Method start = Thread.class.getMethod("startVirtualThread", Runnable.class);
            Thread thread =
                    (Thread) start.invoke(null, (Runnable) () -> serve(kind.substring("virtual ".length()), any));
            thread.join();
        } else {
            serve(kind, any);
        }
    }

    private static void serve(String kind, InetSocketAddress any) {
        try {
            switch (kind) {
                case "datagram" -> serve(ready(new DatagramSocket(any)), 0);
                case "multicast" -> serve(ready(new MulticastSocket(any)), 0);
                case "timed" -> serve(ready(new DatagramSocket(any)), 100);
                case "channel" -> serve(ready(DatagramChannel.open().bind(any)));
                case "inet channel" ->
                    serve(ready(
                            DatagramChannel.open(StandardProtocolFamily.INET).bind(any)));
                case "reconnected" -> serve(ready(reconnected(any)));
                case "new socket", "new connected socket" ->
                    transfer(ready(new DatagramSocket(any)), kind.contains("connected"));
                case "new channel", "new connected channel" ->
                    transfer(ready(DatagramChannel.open().bind(any)), kind.contains("connected"));
                case "selector" -> select(ready(DatagramChannel.open().bind(any)));
                default -> throw new IllegalArgumentException(kind);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static <T> T ready(T socket) {
        System.out.println("ready");
        return socket;
    }

    /** Returns a channel whose first use by the JDK is while it is connected. */
    private static DatagramChannel reconnected(InetSocketAddress any) throws IOException {
        DatagramChannel channel = DatagramChannel.open().bind(any);
        channel.connect(new InetSocketAddress("::1", 9));
        return channel.disconnect();
    }

    /** Answers each request from a socket of its own, as TFTP servers do. */
    private static void transfer(DatagramSocket listener, boolean connected) throws IOException {
        DatagramPacket packet = new DatagramPacket(new byte[ROOM], ROOM);
        while (true) {
            packet.setLength(ROOM);
            listener.receive(packet);
            try (DatagramSocket fresh = new DatagramSocket()) {
                if (connected) {
                    fresh.connect(packet.getSocketAddress());
                }
                fresh.send(packet);
            }
        }
    }

    private static void transfer(DatagramChannel listener, boolean connected) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(ROOM);
        while (true) {
            SocketAddress peer = listener.receive(buffer.clear());
            try (DatagramChannel fresh = DatagramChannel.open()) {
                if (connected) {
                    fresh.connect(peer).write(buffer.flip());
                } else {
                    fresh.send(buffer.flip(), peer);
                }
            }
        }
    }

    /** Echoes for ever, with a timeout in milliseconds, 0: none. */
    public static void serve(DatagramSocket socket, int timeout) throws IOException {
        socket.setSoTimeout(timeout);
        DatagramPacket packet = new DatagramPacket(new byte[ROOM], ROOM);
        while (true) {
            try {
                packet.setLength(ROOM);
                socket.receive(packet);
                socket.send(packet);
            } catch (SocketTimeoutException e) {
                System.out.println("waiting");
            }
        }
    }

    /** Echoes for ever, blocking. */
    public static void serve(DatagramChannel channel) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(ROOM); // one on the heap, the selector's is direct
        while (true) {
            SocketAddress peer = channel.receive(buffer.clear());
            channel.send(buffer.flip(), peer);
        }
    }

    /** Echoes for ever, with a selector. */
    public static void select(DatagramChannel channel) throws IOException {
        Selector selector = Selector.open();
        channel.configureBlocking(false).register(selector, SelectionKey.OP_READ);
        ByteBuffer buffer = ByteBuffer.allocateDirect(ROOM);
        while (true) {
            selector.select();
            selector.selectedKeys().clear();
            for (SocketAddress peer = channel.receive(buffer.clear()); peer != null; ) {
                channel.send(buffer.flip(), peer);
                peer = channel.receive(buffer.clear());
            }
        }
    }
}
