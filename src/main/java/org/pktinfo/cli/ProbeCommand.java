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
import java.util.HexFormat;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.pktinfo.Endpoint;
import org.pktinfo.PktInfoChannel;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code probe}: asks a server once and looks where the answer comes from; needs no native library. */
@Command(
        name = "probe",
        description = "Sends one datagram and checks that the answer comes from the address and port it was sent to.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:answered from HOST and PORT", "1:answered from elsewhere, or not in time", "2:wrong usage"})
final class ProbeCommand implements Callable<Integer> {
    private static final int MAX_TIMEOUT = 3600;
    private static final String LIMITED_BROADCAST = "255.255.255.255";

    @Parameters(index = "0", paramLabel = "HOST", description = "Whom to ask: an IPv4 or IPv6 address, or a name.")
    private String host = "";

    @Parameters(index = "1", paramLabel = "PORT", description = "UDP port, 1 to 65535.")
    private int port;

    @Option(
            names = "--from",
            paramLabel = "ADDRESS",
            description = "Ask from this address. Default: the system's choice.")
    private @Nullable String from;

    @Option(
            names = "--timeout",
            paramLabel = "SECONDS",
            description = "How long to wait for the answer, 0.001 to 3600. Default: ${DEFAULT-VALUE}.")
    private double timeout = 2;

    @ArgGroup
    private Payload payload = new Payload();

    @Spec
    private @Nullable CommandSpec spec;

    private static final class Payload {
        @Option(
                names = "--message",
                paramLabel = "TEXT",
                description = "What to send, in UTF-8. Default: \"pktinfo probe\".")
        private String message = "pktinfo probe";

        @Option(names = "--hex", paramLabel = "HEX", description = "What to send, in hexadecimal: for a real request.")
        private @Nullable String hex;
    }

    @Override
    public Integer call() throws IOException {
        byte[] request = request();
        if (port < 1 || port > 0xffff) {
            throw usage("PORT must be in 1 to 65535, not " + port);
        }
        if (!(timeout >= 0.001 && timeout <= MAX_TIMEOUT)) {
            throw usage("--timeout must be in 0.001 to " + MAX_TIMEOUT + " seconds, not " + timeout);
        }
        InetSocketAddress asked = new InetSocketAddress(resolve(), port);
        try (DatagramSocket socket = socket(asked.getAddress())) {
            return ask(socket, asked, request);
        }
    }

    private int ask(DatagramSocket socket, InetSocketAddress asked, byte[] request) throws IOException {
        byte[] buffer = new byte[PktInfoChannel.MAX_PAYLOAD];
        DatagramPacket answer = new DatagramPacket(buffer, buffer.length);
        socket.setSoTimeout((int) Math.ceil(timeout * 1000));
        socket.setBroadcast(false);
        long start = System.nanoTime();
        try {
            socket.send(new DatagramPacket(request, request.length, asked));
        } catch (IOException e) {
            throw new IOException("cannot ask " + Endpoint.of(asked) + ": " + e.getMessage(), e);
        }
        try {
            socket.receive(answer);
        } catch (SocketTimeoutException e) {
            System.err.println(Endpoint.of(asked) + " did not answer within " + timeout + " s");
            return 1;
        }
        long micros = TimeUnit.NANOSECONDS.toMicros(System.nanoTime() - start);
        InetSocketAddress source = (InetSocketAddress) answer.getSocketAddress();
        if (!source.equals(asked)) {
            System.err.println(Endpoint.of(asked) + " WRONG: answered from " + Endpoint.of(source));
            return 1;
        }
        System.out.println(Endpoint.of(asked) + " answered from there, " + answer.getLength() + " bytes, "
                + micros / 1000 + "." + micros / 100 % 10 + " ms");
        return 0;
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
            throw usage(
                    "the request is " + request.length + " bytes long, at most " + PktInfoChannel.MAX_PAYLOAD + " fit");
        }
        return request;
    }

    private InetAddress resolve() throws IOException {
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

    private DatagramSocket socket(InetAddress asked) throws SocketException {
        if (from == null) {
            return new DatagramSocket();
        }
        InetAddress address = Literals.address("--from", from, this::usage);
        if (address.getAddress().length != asked.getAddress().length) {
            throw usage("--from " + from + " and HOST " + host + " are not of the same address family");
        }
        try {
            return new DatagramSocket(new InetSocketAddress(address, 0));
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
