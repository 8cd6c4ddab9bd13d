import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.charset.StandardCharsets;

/** Answers every datagram with the JDK alone, from the source address that the routing table prefers. */
class PlainServer {
    public static void main(String[] arguments) throws Exception {
        byte[] name = arguments[1].getBytes(StandardCharsets.UTF_8);
        try (DatagramChannel channel = DatagramChannel.open()) {
            channel.bind(new InetSocketAddress(Integer.parseInt(arguments[0])));
            System.err.println("listening on " + channel.getLocalAddress());
            ByteBuffer request = ByteBuffer.allocate(65_535);
            while (true) {
                SocketAddress peer = channel.receive(request.clear());
                channel.send(ByteBuffer.wrap(name), peer);
            }
        }
    }
}
