import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.DatagramSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import org.pktinfo.socket.PktInfoDatagramSocket;
import tech.kwik.core.QuicConnection;
import tech.kwik.core.QuicStream;
import tech.kwik.core.log.SysOutLogger;
import tech.kwik.core.server.ApplicationProtocolConnection;
import tech.kwik.core.server.ApplicationProtocolConnectionFactory;
import tech.kwik.core.server.ServerConnectionConfig;
import tech.kwik.core.server.ServerConnector;

/**
 * Echoes each stream of a QUIC connection: on the JDK's socket ("stock"), or on a PktInfoDatagramSocket ("pktinfo").
 * The first reply to every client is a Retry, or a Version Negotiation for another version than 1: both are sent before
 * there is a connection.
 */
public final class QuicEcho {
    private static final int PORT = 4433;
    private static final char[] PASSWORD = "example".toCharArray();

    private static final class Echo implements ApplicationProtocolConnectionFactory {
        @Override
        public ApplicationProtocolConnection createConnection(String protocol, QuicConnection connection) {
            return new ApplicationProtocolConnection() {
                @Override
                public void acceptPeerInitiatedStream(QuicStream stream) {
                    new Thread(() -> echo(stream)).start();
                }
            };
        }

        @Override
        public int maxConcurrentPeerInitiatedBidirectionalStreams() {
            return 1;
        }

        private static void echo(QuicStream stream) {
            try (OutputStream out = stream.getOutputStream()) {
                stream.getInputStream().transferTo(out);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    /** Takes the kind of socket, and the key store with the server's certificate. */
    public static void main(String[] arguments) throws IOException, GeneralSecurityException {
        KeyStore keys = KeyStore.getInstance("PKCS12");
        try (InputStream file = Files.newInputStream(Path.of(arguments[1]))) {
            keys.load(file, PASSWORD);
        }
        DatagramSocket socket = switch (arguments[0]) {
            case "stock" -> new DatagramSocket(PORT);
            case "pktinfo" -> new PktInfoDatagramSocket(PORT);
            default -> throw new IllegalArgumentException(arguments[0] + " is neither stock nor pktinfo");
        };
        ServerConnector connector = ServerConnector.builder()
                .withSocket(socket)
                .withKeyStore(keys, "server", PASSWORD)
                .withConfiguration(ServerConnectionConfig.builder()
                        .retryRequired(true)
                        .maxOpenPeerInitiatedBidirectionalStreams(1)
                        .build())
                .withLogger(new SysOutLogger())
                .build();
        connector.registerApplicationProtocol("echo", new Echo());
        connector.start();
        System.out.println("listening on " + socket.getLocalSocketAddress());
    }
}
