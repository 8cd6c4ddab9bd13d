import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpURI;
import org.eclipse.jetty.http.HttpVersion;
import org.eclipse.jetty.http.MetaData;
import org.eclipse.jetty.http3.api.Session;
import org.eclipse.jetty.http3.api.Stream;
import org.eclipse.jetty.http3.client.HTTP3Client;
import org.eclipse.jetty.http3.frames.HeadersFrame;
import org.eclipse.jetty.quic.client.ClientQuicConfiguration;
import org.eclipse.jetty.util.ssl.SslContextFactory;

/** Sends HTTP/3 requests to several addresses at once, and prints those that answered with status 200. */
public final class JettyAsk {
    /** Takes the server's port, a folder for Jetty's files, the seconds to wait, and the addresses. */
    public static void main(String[] arguments) throws Exception {
        int port = Integer.parseInt(arguments[0]);
        Duration patience = Duration.ofSeconds(Long.parseLong(arguments[2]));
        List<String> addresses = List.of(arguments).subList(3, arguments.length);
        Path folder = Files.createDirectories(Path.of(arguments[1]));
        HTTP3Client client = new HTTP3Client(new ClientQuicConfiguration(new SslContextFactory.Client(true), folder));
        client.getClientConnector().setConnectTimeout(patience); // Jetty itself gives up after 5 seconds
        client.start();
        long end = System.nanoTime() + patience.toNanos(); // a slow start of the client does not count
        List<CompletableFuture<Integer>> answers = new ArrayList<>();
        for (String address : addresses) {
            answers.add(ask(client, new InetSocketAddress(address, port)));
        }
        for (int i = 0; i < addresses.size(); i++) {
            boolean answered = answered(answers.get(i), end - System.nanoTime());
            System.out.println(addresses.get(i) + " " + (answered ? addresses.get(i) : "nothing"));
        }
        System.exit(0); // Jetty would wait for the connections that were never established
    }

    private static CompletableFuture<Integer> ask(HTTP3Client client, InetSocketAddress server) {
        CompletableFuture<Integer> status = new CompletableFuture<>();
        MetaData.Request request = new MetaData.Request(
                "GET", HttpURI.from("https", "example", server.getPort(), "/"), HttpVersion.HTTP_3, HttpFields.EMPTY);
        Stream.Client.Listener listener = new Stream.Client.Listener() {
            @Override
            public void onResponse(Stream.Client stream, HeadersFrame frame) {
                status.complete(((MetaData.Response) frame.getMetaData()).getStatus());
            }
        };
        client.connect(server, new Session.Client.Listener() {})
                .thenCompose(session -> session.newRequest(new HeadersFrame(request, true), listener))
                .exceptionally(reason -> {
                    status.completeExceptionally(reason);
                    return null;
                });
        return status;
    }

    private static boolean answered(CompletableFuture<Integer> status, long nanoseconds) throws InterruptedException {
        try {
            return status.get(Math.max(0, nanoseconds), TimeUnit.NANOSECONDS) == 200;
        } catch (ExecutionException | TimeoutException e) {
            return false;
        }
    }
}
