import io.vertx.core.Vertx;
import io.vertx.core.datagram.DatagramSocket;
import io.vertx.core.datagram.DatagramSocketOptions;

/** Sends each datagram back, with Vert.x. Compiled with 4.5, run with 4.5 and 5. */
public final class VertxEcho {
    public static void main(String[] arguments) {
        // IPv6 opens a channel for both families: without it Vert.x opens one for IPv4 alone.
        DatagramSocket socket = Vertx.vertx().createDatagramSocket(new DatagramSocketOptions().setIpV6(true));
        socket.handler(request -> socket.send(
                request.data(), request.sender().port(), request.sender().host()));
        socket.listen(Integer.parseInt(arguments[0]), "::")
                .onSuccess(bound -> System.out.println("listening"))
                .onFailure(Throwable::printStackTrace);
    }
}
