package org.pktinfo.cli;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HexFormat;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.pktinfo.Endpoint;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.cli.HealthCheck.Outcome;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * {@code probe}: sends requests to a server, once or for ever, and checks the source of the reply; needs no native
 * library.
 */
@Command(
        name = "probe",
        description =
                "Sends one datagram and checks that the answer comes from the address and port it was sent to. With"
                        + " --every it does so until it is stopped, and runs a command when the server goes up or"
                        + " down.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:answered from HOST and PORT; with --every: stopped by SIGTERM, SIGINT or SIGHUP",
            "1:answered from elsewhere, or not in time; with --every: stopped, but --on-down failed",
            "2:wrong usage"
        })
final class ProbeCommand implements Callable<Integer> {
    private static final double DEFAULT_TIMEOUT = 2;
    private static final String LIMITED_BROADCAST = "255.255.255.255";

    @Parameters(index = "0", paramLabel = "HOST", description = "Server: an IPv4 or IPv6 address, or a name.")
    private String host = "";

    @Parameters(
            index = "1",
            paramLabel = "PORT",
            converter = IntRange.PeerPort.class,
            description = "UDP port, 1 to 65535.")
    private int port;

    @Option(
            names = "--from",
            paramLabel = "ADDRESS",
            description = "Source address of the request. Default: the system's choice.")
    private @Nullable String from;

    @Option(
            names = "--timeout",
            paramLabel = "SECONDS",
            converter = Seconds.Timeout.class,
            description =
                    "Longest wait for the answer, 0.001 to 3600. Default: 2, but with --every at most its period.")
    private @Nullable Double timeout;

    @Option(
            names = "--every",
            paramLabel = "SECONDS",
            converter = Seconds.Period.class,
            description =
                    "Send a request at this period, 0.01 to 3600. A line is printed when the server goes up or down.")
    private @Nullable Double every;

    @Option(
            names = "--rise",
            paramLabel = "N",
            converter = IntRange.InARow.class,
            description = "Consecutive correct answers that mean up, 1 to 1000. Default: ${DEFAULT-VALUE}.")
    private int rise = 3;

    @Option(
            names = "--fall",
            paramLabel = "N",
            converter = IntRange.InARow.class,
            description = "Consecutive wrong or missing answers that mean down, 1 to 1000. Default: ${DEFAULT-VALUE}.")
    private int fall = 3;

    @Option(
            names = "--on-up",
            paramLabel = "COMMAND",
            description =
                    "Shell command when the server goes up. Killed after 5 seconds; run again next time if it fails.")
    private @Nullable String onUp;

    @Option(
            names = "--on-down",
            paramLabel = "COMMAND",
            description = "The same when the server goes down or was never up, and when the probe is stopped.")
    private @Nullable String onDown;

    @ArgGroup
    private Payload payload = new Payload();

    @Spec
    private @Nullable CommandSpec spec;

    private static final class Payload {
        @Option(names = "--message", paramLabel = "TEXT", description = "Request in UTF-8. Default: \"pktinfo probe\".")
        private String message = "pktinfo probe";

        @Option(names = "--hex", paramLabel = "HEX", description = "Request in hexadecimal, for a protocol's own.")
        private @Nullable String hex;
    }

    @Override
    public Integer call() throws IOException {
        byte[] request = request();
        checkRepetition();
        InetSocketAddress destination = new InetSocketAddress(resolve(), port);
        InetAddress source = source(destination.getAddress());
        if (every != null) {
            return new HealthCheck(rise, fall, hook("--on-up", onUp), hook("--on-down", onDown))
                    .run(
                            Duration.ofNanos((long) (every * 1e9)),
                            () -> askWhateverHappens(source, destination, request));
        }
        Outcome outcome = ask(source, destination, request);
        (outcome.good() ? System.out : System.err).println(outcome.text());
        return outcome.good() ? 0 : 1;
    }

    private void checkRepetition() {
        if (every == null && (onUp != null || onDown != null)) {
            throw usage((onUp != null ? "--on-up \"" + onUp : "--on-down \"" + onDown) + "\" needs --every");
        }
    }

    private double patience() {
        if (timeout != null) {
            return timeout;
        }
        return every == null ? DEFAULT_TIMEOUT : Math.min(DEFAULT_TIMEOUT, every);
    }

    private static @Nullable Hook hook(String option, @Nullable String command) {
        return command == null ? null : new Hook(option, command);
    }

    /**
     * Sends a request; a passing state of the network, such as an address that was removed, is an outcome like any
     * other.
     */
    private Outcome askWhateverHappens(@Nullable InetAddress source, InetSocketAddress destination, byte[] request) {
        try {
            return ask(source, destination, request);
        } catch (IOException | ParameterException e) {
            return new Outcome(false, String.valueOf(e.getMessage()));
        }
    }

    /** Sends a request on a socket of its own: a reply that arrives too late is not taken for the next one. */
    private Outcome ask(@Nullable InetAddress source, InetSocketAddress destination, byte[] request)
            throws IOException {
        byte[] buffer = new byte[PktInfoChannel.MAX_PAYLOAD];
        DatagramPacket answer = new DatagramPacket(buffer, buffer.length);
        try (DatagramSocket socket = socket(source)) {
            socket.setSoTimeout((int) Math.ceil(patience() * 1000));
            socket.setBroadcast(false);
            long start = System.nanoTime();
            try {
                socket.send(new DatagramPacket(request, request.length, destination));
            } catch (IOException e) {
                throw new IOException("cannot ask " + Endpoint.of(destination) + ": " + e.getMessage(), e);
            }
            try {
                socket.receive(answer);
            } catch (SocketTimeoutException e) {
                return new Outcome(false, Endpoint.of(destination) + " did not answer within " + patience() + " s");
            }
            return outcome(destination, answer, TimeUnit.NANOSECONDS.toMicros(System.nanoTime() - start));
        }
    }

    private static Outcome outcome(InetSocketAddress destination, DatagramPacket answer, long micros) {
        InetSocketAddress source = (InetSocketAddress) answer.getSocketAddress();
        if (!source.equals(destination)) {
            return new Outcome(false, Endpoint.of(destination) + " WRONG: answered from " + Endpoint.of(source));
        }
        return new Outcome(
                true,
                Endpoint.of(destination) + " answered from there, " + answer.getLength() + " bytes, " + micros / 1000
                        + "." + micros / 100 % 10 + " ms");
    }

    private byte[] request() {
        String hex = payload.hex;
        byte[] request;
        try {
            request = hex == null
                    ? payload.message.getBytes(StandardCharsets.UTF_8)
                    : HexFormat.of().parseHex(hex);
        } catch (IllegalArgumentException e) {
            throw usage("--hex wants pairs of hexadecimal digits, not \"" + hex + "\"");
        }
        if (request.length > PktInfoChannel.MAX_PAYLOAD) {
            throw usage((hex == null ? "--message" : "--hex") + " is " + request.length + " bytes long, at most "
                    + PktInfoChannel.MAX_PAYLOAD + " fit");
        }
        return request;
    }

    private InetAddress resolve() throws IOException {
        if (host.isBlank()) { // the JDK takes it for this host
            throw usage("HOST must be an address or a name, not \"" + host + "\"");
        }
        InetAddress address;
        try {
            address = InetAddress.getByName(host);
        } catch (UnknownHostException e) {
            throw new IOException("cannot find out the address of \"" + host + "\"", e);
        }
        if (address.isMulticastAddress() || address.isAnyLocalAddress() || LIMITED_BROADCAST.equals(host)) {
            throw usage("HOST must be a unicast address, not " + host + ": nothing can answer from there");
        }
        return address;
    }

    private @Nullable InetAddress source(InetAddress destination) {
        if (from == null) {
            return null;
        }
        InetAddress address = Literals.address("--from", from, this::usage);
        if (address.getAddress().length != destination.getAddress().length) {
            throw usage("--from " + from + " and HOST " + host + " are not of the same address family");
        }
        return address;
    }

    private DatagramSocket socket(@Nullable InetAddress source) throws SocketException {
        if (source == null) {
            return new DatagramSocket();
        }
        try {
            return new DatagramSocket(new InetSocketAddress(source, 0));
        } catch (SocketException e) {
            throw usage("--from must be an address of this host, not " + from + ": " + e.getMessage());
        }
    }

    private ParameterException usage(String message) {
        if (spec == null) {
            throw new IllegalStateException(message);
        }
        return new ParameterException(spec.commandLine(), message);
    }
}
