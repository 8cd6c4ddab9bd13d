import io.netty.channel.socket.DatagramPacket;
import reactor.netty.Connection;
import reactor.netty.udp.UdpServer;

/** Sends each datagram back, with Reactor Netty. Compiled with 1.2, run with 1.3. */
public final class ReactorEcho {
    public static void main(String[] arguments) {
        Connection bound = UdpServer.create()
                .host("::")
                .port(Integer.parseInt(arguments[0]))
                .handle((in, out) -> out.sendObject(in.receiveObject()
                        .cast(DatagramPacket.class)
                        .map(request -> new DatagramPacket(request.content().retain(), request.sender()))))
                .bindNow();
        System.out.println("listening");
        bound.onDispose().block(); // Reactor Netty's own threads do not keep a program alive
    }
}
