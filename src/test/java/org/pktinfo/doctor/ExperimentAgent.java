package org.pktinfo.doctor;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import org.pktinfo.IpAddress;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.internal.Errno;
import org.pktinfo.internal.NativeLibrary;
import org.pktinfo.it.support.CommandLoop;

/**
 * A program inside a namespace that executes one command per line and prints one line: as a server the experiments of
 * {@link ExperimentSocket}, as a client the requests to it. Interfaces are named; control messages are written as
 * {@code in 192.0.2.1@eth0} or {@code in6 ::ffff:192.0.2.1}, several divided by {@code " + "}.
 */
public final class ExperimentAgent {
    private static final Duration WAIT = Duration.ofSeconds(5);

    private ExperimentSocket server;
    private DatagramSocket client;

    private ExperimentAgent() {}

    public static void main(String[] arguments) throws IOException {
        ExperimentAgent agent = new ExperimentAgent();
        CommandLoop.run(words -> agent.obey(words[0], Arrays.asList(words)));
    }

    private String obey(String verb, List<String> words) throws IOException {
        return switch (verb) {
            case "open" -> open(words.get(1), words.get(2), Integer.parseInt(words.get(3)));
            case "join" -> join(words.get(1), words.get(2));
            case "receive" -> receive(words.get(1));
            case "reply" -> reply(String.join(" ", words.subList(1, words.size())));
            case "ask" -> ask(words.get(1), Integer.parseInt(words.get(2)), words.get(3));
            case "await" -> await(Integer.parseInt(words.get(1)));
            default -> "unknown: " + verb;
        };
    }

    private String open(String family, String options, int port) throws IOException {
        if (server != null) {
            server.close();
        }
        NativeLibrary.load();
        List<Diagnosis.SocketOption> wanted = options.equals("none")
                ? List.of()
                : Arrays.stream(options.split(",", -1))
                        .map(Diagnosis.SocketOption::valueOf)
                        .toList();
        server = ExperimentSocket.open(PktInfoChannel.Family.valueOf(family), wanted, port);
        return "open";
    }

    private String join(String group, String interfaceName) throws IOException {
        server.channel().join(InetAddress.getByName(group), NetworkInterface.getByName(interfaceName));
        return "joined";
    }

    /** Receives the datagram with this text and returns its control messages. */
    private String receive(String text) throws IOException {
        if (!server.receive(text.getBytes(StandardCharsets.UTF_8), WAIT)) {
            return "nothing";
        }
        ControlMessages received = server.received();
        ControlMessages.InPktinfo in = received.inPktinfo();
        ControlMessages.In6Pktinfo in6 = received.in6Pktinfo();
        String inText = in == null
                ? ""
                : "in " + in.local() + on(in.interfaceIndex())
                        + (in.local().equals(in.destination()) ? "" : " to " + in.destination());
        String in6Text = in6 == null
                ? ""
                : "in6 " + (in6.address().isIpv4() ? "::ffff:" : "") + in6.address() + on(in6.interfaceIndex());
        if (in == null || in6 == null) {
            return in == null && in6 == null ? "none" : inText + in6Text;
        }
        return received.in6First() ? in6Text + " + " + inText : inText + " + " + in6Text;
    }

    private static String on(int interfaceIndex) throws IOException {
        return interfaceIndex == 0
                ? ""
                : "@" + NetworkInterface.getByIndex(interfaceIndex).getName();
    }

    private String reply(String messages) throws IOException {
        int error = server.reply(parse(messages));
        return error == 0 ? "sent" : Errno.describe(error).replaceAll(" .*", "");
    }

    private static ControlMessages parse(String text) throws IOException {
        ControlMessages all = ControlMessages.NONE;
        if (text.equals("nothing")) {
            return all;
        }
        for (String message : text.split(" \\+ ", -1)) {
            String[] parts = message.split("[ @]", -1);
            IpAddress address = IpAddress.of(InetAddress.getByName(parts[1]));
            int interfaceIndex = parts.length < 3 ? 0 : index(parts[2]);
            ControlMessages one = parts[0].equals("in")
                    ? ControlMessages.inPktinfo(address, interfaceIndex)
                    : ControlMessages.in6Pktinfo(address, interfaceIndex);
            all = all.equals(ControlMessages.NONE) ? one : all.then(one);
        }
        return all;
    }

    private static int index(String name) throws IOException {
        return name.matches("\\d+")
                ? Integer.parseInt(name)
                : NetworkInterface.getByName(name).getIndex();
    }

    /** Sends from a socket of its own, so that no late reply to an earlier request is taken for this one's. */
    private String ask(String destination, int port, String text) throws IOException {
        if (client != null) {
            client.close();
        }
        client = new DatagramSocket();
        client.setBroadcast(true);
        byte[] payload = text.getBytes(StandardCharsets.UTF_8);
        client.send(new DatagramPacket(
                payload, payload.length, new InetSocketAddress(InetAddress.getByName(destination), port)));
        return "asked";
    }

    /** Returns the reply's source. */
    private String await(int millis) throws IOException {
        DatagramPacket packet = new DatagramPacket(new byte[100], 100);
        client.setSoTimeout(millis);
        try {
            client.receive(packet);
            return IpAddress.of(packet.getAddress()).toString().replaceAll("%.*", "");
        } catch (SocketTimeoutException e) {
            return "lost";
        }
    }
}
