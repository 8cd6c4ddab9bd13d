import java.io.IOException;
import java.net.InetSocketAddress;
import org.eclipse.californium.core.CoapResource;
import org.eclipse.californium.core.CoapServer;
import org.eclipse.californium.core.config.CoapConfig;
import org.eclipse.californium.core.network.CoapEndpoint;
import org.eclipse.californium.core.server.resources.CoapExchange;
import org.eclipse.californium.elements.UDPConnector;
import org.eclipse.californium.elements.config.Configuration;
import org.eclipse.californium.elements.config.UdpConfig;
import org.pktinfo.socket.PktInfoDatagramSocket;

/** A CoAP server that says hello: on Californium's own socket ("stock"), or on a PktInfoDatagramSocket ("pktinfo"). */
public final class CoapHello {
    private static final InetSocketAddress ADDRESS = new InetSocketAddress(5683);

    /** Californium's connector for UDP, on another socket. */
    private static final class PktInfoConnector extends UDPConnector {
        PktInfoConnector(Configuration configuration) {
            super(ADDRESS, configuration);
        }

        @Override
        public synchronized void start() throws IOException {
            if (!running) {
                init(new PktInfoDatagramSocket(localAddr));
            }
        }
    }

    public static void main(String[] arguments) throws IOException {
        CoapConfig.register();
        UdpConfig.register();
        Configuration configuration = Configuration.createStandardWithoutFile();
        UDPConnector connector = switch (arguments[0]) {
            case "stock" -> new UDPConnector(ADDRESS, configuration);
            case "pktinfo" -> new PktInfoConnector(configuration);
            default -> throw new IllegalArgumentException(arguments[0] + " is neither stock nor pktinfo");
        };

        CoapServer server = new CoapServer(configuration);
        server.addEndpoint(CoapEndpoint.builder()
                .setConfiguration(configuration)
                .setConnector(connector)
                .build());
        server.add(new CoapResource("hello") {
            @Override
            public void handleGET(CoapExchange exchange) {
                exchange.respond("hello");
            }
        });
        server.start();
        System.out.println("listening on " + connector.getAddress());
    }
}
