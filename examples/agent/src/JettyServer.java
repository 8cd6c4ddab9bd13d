import java.nio.file.Files;
import java.nio.file.Path;
import org.eclipse.jetty.http3.server.HTTP3ServerConnectionFactory;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.quic.server.QuicServerConnector;
import org.eclipse.jetty.quic.server.ServerQuicConfiguration;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.ssl.SslContextFactory;

/** Answers each request with hello, by HTTP/3 with Jetty. */
public final class JettyServer {
    /** Takes the port, the key store with the certificate, and a folder for Jetty's files. */
    public static void main(String[] arguments) throws Exception {
        SslContextFactory.Server tls = new SslContextFactory.Server();
        tls.setKeyStorePath(arguments[1]);
        tls.setKeyStorePassword("example");
        ServerQuicConfiguration quic = new ServerQuicConfiguration(tls, Files.createDirectories(Path.of(arguments[2])));
        Server server = new Server();
        QuicServerConnector connector = new QuicServerConnector(server, quic, new HTTP3ServerConnectionFactory(quic));
        connector.setPort(Integer.parseInt(arguments[0]));
        server.addConnector(connector);
        server.setHandler(new Handler.Abstract.NonBlocking() {
            @Override
            public boolean handle(Request request, Response response, Callback callback) {
                Content.Sink.write(response, true, "hello", callback);
                return true;
            }
        });
        server.start();
        System.out.println("listening");
    }
}
