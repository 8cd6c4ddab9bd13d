package org.pktinfo.it.support;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.LongAdder;

/**
 * Echoes for {@link Asker} with the JDK's classes alone, each in a thread that continues after any exception of a send.
 * One of them answers late, on command.
 */
final class PlainServers {
    private static final int ROOM = 1500;

    private final Map<String, LongAdder> counts = new ConcurrentSkipListMap<>(); // by the outcome of a send

    private final Queue<DatagramPacket> kept = new ConcurrentLinkedQueue<>(); // of the late server
    private DatagramSocket late;

    private interface Loop {
        void run() throws IOException;
    }

    private interface Sending {
        void send() throws IOException;
    }

    /** Starts a server; it is bound when this returns. */
    void serve(String kind, int port) throws IOException {
        InetSocketAddress any = new InetSocketAddress(port);
        switch (kind) {
            case "datagram" -> {
                DatagramSocket socket = new DatagramSocket(any);
                start(() -> echo(socket));
            }
            case "channel" -> {
                DatagramChannel channel = DatagramChannel.open().bind(any);
                start(() -> echo(channel));
            }
            case "selector" -> {
                DatagramChannel channel = DatagramChannel.open().bind(any);
                channel.configureBlocking(false);
                start(() -> select(channel));
            }
            case "late" -> {
                late = new DatagramSocket(any);
                DatagramSocket socket = late;
                start(() -> keep(socket));
            }
            default -> throw new IllegalArgumentException(kind);
        }
    }

    private void start(Loop loop) {
        Thread thread = new Thread(
                () -> {
                    try {
                        loop.run();
                    } catch (IOException e) {
                        count("ended by " + e);
                    }
                },
                "plain");
        thread.setDaemon(true);
        thread.start();
    }

    private void count(String what) {
        counts.computeIfAbsent(what, name -> new LongAdder()).increment();
    }

    private void send(Sending sending) {
        try {
            sending.send();
            count("replied");
        } catch (IOException e) {
            count(e.getClass().getSimpleName() + " " + e.getMessage());
        }
    }

    private void echo(DatagramSocket socket) throws IOException {
        DatagramPacket packet = new DatagramPacket(new byte[ROOM], ROOM);
        while (true) {
            packet.setLength(ROOM);
            socket.receive(packet);
            send(() -> socket.send(packet));
        }
    }

    private void echo(DatagramChannel channel) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(ROOM);
        while (true) {
            SocketAddress peer = channel.receive(buffer.clear());
            send(() -> channel.send(buffer.flip(), peer));
        }
    }

    private void select(DatagramChannel channel) throws IOException {
        Selector selector = Selector.open();
        channel.register(selector, SelectionKey.OP_READ);
        ByteBuffer buffer = ByteBuffer.allocateDirect(ROOM);
        while (true) {
            selector.select();
            selector.selectedKeys().clear();
            SocketAddress peer = channel.receive(buffer.clear());
            while (peer != null) {
                SocketAddress to = peer;
                send(() -> channel.send(buffer.flip(), to));
                peer = channel.receive(buffer.clear());
            }
        }
    }

    private void keep(DatagramSocket socket) throws IOException {
        while (true) {
            DatagramPacket packet = new DatagramPacket(new byte[4], 4);
            socket.receive(packet);
            kept.add(packet);
        }
    }

    /** Returns the number of requests that the late server has received and not answered. */
    int waiting() {
        return kept.size();
    }

    /** Has the late server answer the oldest {@code count} of them. */
    void answer(int count) {
        for (int i = 0; i < count; i++) {
            DatagramPacket packet = kept.remove();
            send(() -> late.send(packet));
        }
    }

    /** Returns the number of sends by outcome. */
    String counts() {
        return counts.toString();
    }
}
