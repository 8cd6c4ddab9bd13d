package org.pktinfo.socket;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.MulticastSocket;
import java.net.PortUnreachableException;
import java.net.SocketAddress;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;

/** The base of a socket's cases. */
abstract class SocketCase {
    static final int SOON = 20_000; // milliseconds; long, for a busy machine: nothing waits for its end
    static final InetSocketAddress ANY = new InetSocketAddress(0);

    /** Makes the one kind of socket or the other. */
    interface Maker {
        DatagramSocket make(SocketAddress address) throws IOException;
    }

    /** One case: uses a new socket, which the test closes, and returns its observations. */
    interface Case {
        Object run(DatagramSocket socket, Maker maker) throws Exception;
    }

    /** A case for methods that only a {@link MulticastSocket} has. */
    interface MulticastCase {
        Object run(MulticastSocket socket) throws Exception;
    }

    static InetAddress loopback() throws IOException {
        return InetAddress.getByName("127.0.0.1");
    }

    static DatagramPacket packet(String text, SocketAddress to) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return new DatagramPacket(bytes, bytes.length, to);
    }

    static InetSocketAddress at(DatagramSocket socket) throws IOException {
        return new InetSocketAddress(loopback(), socket.getLocalPort());
    }

    static String text(DatagramPacket packet) {
        return new String(packet.getData(), packet.getOffset(), packet.getLength(), StandardCharsets.UTF_8);
    }

    /** Returns the call's value, or the exception's type instead of it. */
    static Object outcome(Callable<?> call) {
        try {
            return call.call();
        } catch (UncheckedIOException e) {
            return "unchecked " + kind(e.getCause());
        } catch (Exception e) {
            return kind(e);
        }
    }

    /** Returns the type that the documentation names; a subclass of it is as good. */
    static String kind(Throwable e) {
        return Stream.of(
                        SocketTimeoutException.class,
                        PortUnreachableException.class,
                        BindException.class,
                        SocketException.class,
                        IOException.class,
                        IllegalArgumentException.class,
                        NullPointerException.class,
                        UnsupportedOperationException.class,
                        TimeoutException.class)
                .filter(type -> type.isInstance(e))
                .map(Class::getSimpleName)
                .findFirst()
                .orElse(e.toString());
    }

    static Object outcome(Action action) {
        return outcome(() -> {
            action.run();
            return "done";
        });
    }

    interface Action {
        void run() throws Exception;
    }
}
