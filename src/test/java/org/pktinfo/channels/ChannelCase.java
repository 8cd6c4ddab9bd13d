package org.pktinfo.channels;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;

/** The base class of a channel's cases, with the methods that they share. */
abstract class ChannelCase {
    static final int SOON = 20_000; // milliseconds; long, for a busy machine: no case waits for it to elapse

    /** One case: uses channels and returns the outcome without ports, times or anything else that varies by chance. */
    interface Case {
        Object run(Channels channels) throws Exception;
    }

    interface Action {
        void run() throws Exception;
    }

    static InetAddress address(String text) throws IOException {
        return InetAddress.getByName(text);
    }

    static int port(DatagramChannel channel) throws IOException {
        return ((InetSocketAddress) channel.getLocalAddress()).getPort();
    }

    static InetSocketAddress at(DatagramChannel channel) throws IOException {
        return new InetSocketAddress(address("127.0.0.1"), port(channel));
    }

    static NetworkInterface loopback() throws IOException {
        return NetworkInterface.getByInetAddress(address("127.0.0.1"));
    }

    static ByteBuffer bytes(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    }

    /** Returns the text before the buffer's position. */
    static String text(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.position()];
        buffer.duplicate().flip().get(bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    /** Waits until a datagram has arrived, and leaves it there; the channel does not block. */
    static void awaitReadable(DatagramChannel channel) throws IOException {
        try (Selector selector = Selector.open()) {
            channel.register(selector, SelectionKey.OP_READ);
            if (selector.select(SOON) != 1) {
                throw new IOException("nothing came");
            }
        }
    }

    /** Returns the next datagram that arrives at a channel, blocking or not. */
    static String next(DatagramChannel channel) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(70_000);
        if (!channel.isBlocking()) {
            awaitReadable(channel);
        }
        return channel.receive(buffer) == null ? "nothing" : text(buffer);
    }

    /** Returns whether an address is the channel's, seen from this host. */
    static boolean isOf(SocketAddress address, DatagramChannel channel) throws IOException {
        return at(channel).equals(address);
    }

    static List<Integer> state(ByteBuffer buffer) {
        return List.of(buffer.position(), buffer.limit());
    }

    /** Returns the call's value, or its exception. */
    static Object outcome(Callable<?> call) {
        try {
            return String.valueOf(call.call());
        } catch (IOException e) {
            return e.getClass().getSimpleName() + (e.getMessage() == null ? "" : " (" + e.getMessage() + ")");
        } catch (Exception e) {
            return e.getClass().getSimpleName();
        }
    }

    static Object outcome(Action action) {
        return outcome(() -> {
            action.run();
            return "done";
        });
    }

    static List<Object> outcomes(Action... actions) {
        return Arrays.stream(actions).map(ChannelCase::outcome).toList();
    }
}
