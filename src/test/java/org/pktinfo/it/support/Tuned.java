package org.pktinfo.it.support;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketOption;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.time.Duration;
import java.util.List;
import org.pktinfo.Datagram;
import org.pktinfo.DatagramBatch;
import org.pktinfo.DatagramSlot;
import org.pktinfo.Endpoint;
import org.pktinfo.Fragmentation;
import org.pktinfo.IpAddress;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.PktInfoSocketOptions;
import org.pktinfo.SendException;
import org.pktinfo.Source;
import org.pktinfo.server.DatagramServer;

/** The commands of an {@link Agent} for socket options, and for datagrams where they have an effect. */
public final class Tuned {
    private Tuned() {}

    /** Returns a channel that is bound once the options, such as MARK=7, are set. */
    static PktInfoChannel open(String family, InetSocketAddress local, List<String> options) throws IOException {
        PktInfoChannel channel = PktInfoChannel.open(PktInfoChannel.Family.valueOf(family));
        try {
            for (String option : options) {
                set(channel, option);
            }
            return channel.bind(local);
        } catch (Throwable e) {
            channel.close();
            throw e;
        }
    }

    /** Starts a server on a socket whose options, such as FREEBIND=true, were set before, as systemd does. */
    static DatagramServer serve(InetSocketAddress local, List<String> options) throws IOException {
        DatagramChannel socket = DatagramChannel.open();
        PktInfoChannel channel = PktInfoChannel.wrap(socket);
        for (String option : options) {
            set(channel, option);
        }
        socket.bind(local);
        return DatagramServer.builder().channel(socket).start(slot -> slot.reply(slot.length()));
    }

    private static SocketOption<?> option(String name) {
        return name.equals("SO_RCVBUF")
                ? StandardSocketOptions.SO_RCVBUF
                : PktInfoSocketOptions.all().stream()
                        .filter(option -> option.name().equals(name))
                        .findFirst()
                        .orElseThrow(() -> new IllegalArgumentException("there is no option " + name));
    }

    static String set(PktInfoChannel channel, String nameAndValue) throws IOException {
        String[] parts = nameAndValue.split("=", 2);
        set(channel, option(parts[0]), parts[1]);
        return "set";
    }

    /** Sets an option and returns "set" or the exception. */
    public static String attempt(PktInfoChannel channel, String nameAndValue) {
        try {
            return set(channel, nameAndValue);
        } catch (IOException | RuntimeException e) {
            return e.toString();
        }
    }

    private static <T> void set(PktInfoChannel channel, SocketOption<T> option, String text) throws IOException {
        Class<T> type = option.type();
        Object value;
        if (type == Boolean.class) {
            value = Boolean.valueOf(text);
        } else if (type == Integer.class) {
            value = Integer.valueOf(text);
        } else if (type == Long.class) {
            value = Long.valueOf(text);
        } else {
            value = type == String.class ? text : Fragmentation.valueOf(text);
        }
        PktInfoChannel unused = channel.setOption(option, type.cast(value));
    }

    static String get(PktInfoChannel channel, String name) throws IOException {
        return String.valueOf(channel.getOption(option(name)));
    }

    /** Returns the mark and the original port of a datagram, -1 for one that the kernel did not report. */
    static String facts(Datagram datagram) {
        return "mark " + datagram.facts().mark() + " port " + datagram.facts().originalPort();
    }

    /** Sends a datagram of a length from the system's choice of address. */
    static String emit(PktInfoChannel channel, InetSocketAddress peer, int length) throws IOException {
        channel.send(ByteBuffer.allocate(length), Endpoint.of(peer), Source.systemChoice());
        return "sent";
    }

    /**
     * Answers a request by a batch, from its destination and twice from another source. Returns the outcome of each.
     */
    static String replyTwice(PktInfoChannel channel, Datagram request, IpAddress other) throws IOException {
        DatagramBatch batch = channel.newBatch(4, 100);
        Source[] sources = {Source.of(request.packetInfo().local()), Source.of(other), Source.of(other)};
        DatagramSlot[] slots = new DatagramSlot[sources.length];
        for (int i = 0; i < sources.length; i++) {
            slots[i] = batch.put(ByteBuffer.wrap(new byte[] {1}), request.peer(), sources[i]);
        }
        int sent = batch.send(Duration.ofSeconds(1));
        StringBuilder text = new StringBuilder("sent " + sent);
        for (DatagramSlot slot : slots) {
            SendException failure = slot.failure();
            text.append(", ").append(failure == null ? "sent" : failure.kind() + " " + failure.getMessage());
        }
        return text.toString();
    }
}
