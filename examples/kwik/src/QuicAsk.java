import java.io.IOException;
import java.io.OutputStream;
import java.net.ConnectException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArraySet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import tech.kwik.core.QuicClientConnection;
import tech.kwik.core.QuicConnection.QuicVersion;
import tech.kwik.core.QuicStream;
import tech.kwik.core.log.NullLogger;
import tech.kwik.core.packet.QuicPacket;
import tech.kwik.core.packet.RetryPacket;
import tech.kwik.core.packet.VersionNegotiationPacket;

/** Connects to the server at several addresses at once, with both versions of QUIC, and prints each outcome. */
public final class QuicAsk {
    /** Records packets that a server sends before there is a connection, which kwik only reports to its log. */
    private static final class Early extends NullLogger {
        private final Set<String> seen = new CopyOnWriteArraySet<>();

        @Override
        public void received(Instant time, int datagram, QuicPacket packet) {
            if (packet instanceof VersionNegotiationPacket) {
                seen.add("Version Negotiation");
            } else if (packet instanceof RetryPacket) {
                seen.add("Retry");
            }
        }
    }

    /** Takes the number of seconds to wait, and the addresses. */
    public static void main(String[] arguments) throws InterruptedException, ExecutionException {
        Duration patience = Duration.ofSeconds(Long.parseLong(arguments[0]));
        ExecutorService threads = Executors.newCachedThreadPool();
        List<Future<String>> answers = new ArrayList<>();
        for (String address : List.of(arguments).subList(1, arguments.length)) {
            answers.add(threads.submit(() -> address + " " + ask(address, QuicVersion.V2, patience) + "; "
                    + ask(address, QuicVersion.V1, patience)));
        }
        for (Future<String> answer : answers) {
            System.out.println(answer.get());
        }
        threads.shutdown();
    }

    private static String ask(String address, QuicVersion version, Duration patience) throws IOException {
        Early early = new Early();
        QuicClientConnection connection = QuicClientConnection.newBuilder()
                .uri(URI.create("quic://" + (address.contains(":") ? "[" + address + "]" : address) + ":4433"))
                .applicationProtocol("echo")
                .version(version)
                .noServerCertificateCheck()
                .connectTimeout(patience)
                .initialRtt(3000) // milliseconds: a server's JVM that has just started is slow, which is no loss
                .logger(early)
                .build();
        early.seen.add(answer(connection));
        return version + ": " + String.join(", ", early.seen);
    }

    private static String answer(QuicClientConnection connection) throws IOException {
        try {
            connection.connect();
        } catch (ConnectException e) {
            return e.getMessage().contains("VersionNegotiationFailure") ? "no connection" : e.getMessage();
        }
        QuicStream stream = connection.createStream(true);
        try (OutputStream out = stream.getOutputStream()) {
            out.write("hello".getBytes(StandardCharsets.US_ASCII));
        }
        String answer = new String(stream.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
        connection.close();
        return answer;
    }
}
