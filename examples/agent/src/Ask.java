import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;

/**
 * Sends a request to each address in a line of the input, first from one socket for each address, then to all of them
 * in turn from a single socket, which the server sees as one peer. Prints each request destination and the source
 * address of its echo, and an empty line after each line of the input. The sockets are not connected, because a
 * connected socket does not receive datagrams from other addresses.
 */
public final class Ask {
    private static final long PATIENCE = TimeUnit.SECONDS.toNanos(10);

    private static int asked;

    /** Takes the port of all servers. */
    public static void main(String[] arguments) throws IOException {
        int port = Integer.parseInt(arguments[0]);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            askEach(line.split(" ", -1), port);
            System.out.println();
        }
    }

    private static void askEach(String[] addresses, int port) throws IOException {
        for (String address : addresses) {
            try (DatagramChannel channel = DatagramChannel.open()) {
                ask(channel, address, port);
            }
        }
        try (DatagramChannel channel = DatagramChannel.open()) {
            for (String address : addresses) {
                ask(channel, address, port);
            }
        }
    }

    private static void ask(DatagramChannel channel, String address, int port) throws IOException {
        ByteBuffer request = StandardCharsets.US_ASCII.encode("request " + ++asked);
        InetSocketAddress server = new InetSocketAddress(address, port);
        channel.send(request.duplicate(), server);
        InetSocketAddress from = source(channel, request, port);
        // The source is printed in the notation of the argument, so that the two can be compared as text.
        String source = from == null
                ? "nothing"
                : server.equals(from) ? address : from.getAddress().getHostAddress();
        System.out.println(address + " " + source);
    }

    /**
     * Returns the source address of the echo, or null if the datagram has another content or comes from another port.
     */
    private static InetSocketAddress source(DatagramChannel channel, ByteBuffer request, int port) throws IOException {
        channel.configureBlocking(false);
        try (Selector selector = Selector.open()) {
            channel.register(selector, SelectionKey.OP_READ);
            long end = System.nanoTime() + PATIENCE;
            for (long left = PATIENCE; left > 0; left = end - System.nanoTime()) {
                ByteBuffer reply = ByteBuffer.allocate(100);
                SocketAddress from = channel.receive(reply);
                if (from instanceof InetSocketAddress peer && peer.getPort() == port && request.equals(reply.flip())) {
                    return peer;
                }
                selector.select(Math.max(1, TimeUnit.NANOSECONDS.toMillis(left)));
            }
            return null;
        }
    }
}
