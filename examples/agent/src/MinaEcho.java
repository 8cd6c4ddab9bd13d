import java.io.IOException;
import java.net.InetSocketAddress;
import org.apache.mina.core.buffer.IoBuffer;
import org.apache.mina.core.service.IoHandlerAdapter;
import org.apache.mina.core.session.IoSession;
import org.apache.mina.transport.socket.nio.NioDatagramAcceptor;

/** Echoes each datagram with Apache MINA. A session belongs to one peer and outlives a request. */
public final class MinaEcho {
    public static void main(String[] arguments) throws IOException {
        NioDatagramAcceptor acceptor = new NioDatagramAcceptor();
        acceptor.setHandler(new IoHandlerAdapter() {
            @Override
            public void messageReceived(IoSession session, Object request) {
                session.write(IoBuffer.wrap(((IoBuffer) request).buf()));
            }
        });
        acceptor.bind(new InetSocketAddress(Integer.parseInt(arguments[0])));
        System.out.println("listening");
    }
}
