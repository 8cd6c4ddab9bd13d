package org.pktinfo.it.support;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketOption;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.pktinfo.Datagram;
import org.pktinfo.DatagramBatch;
import org.pktinfo.DatagramSlot;
import org.pktinfo.Endpoint;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.PktInfoSocketOptions;
import org.pktinfo.ReceivedFacts;
import org.pktinfo.SendOptions;
import org.pktinfo.Source;
import org.pktinfo.SourceSelection;
import org.pktinfo.TransmitTime;

/**
 * A program inside a namespace with one {@link PktInfoChannel}, which executes one command a line and answers with one
 * line: it tells the facts of what it receives, and sends and replies with header fields as the command says, as {@code
 * DSCP/ECN/HOP-LIMIT}, each -1 for the socket's.
 */
public final class FactsAgent implements AutoCloseable {
    private static final Duration WAIT = Duration.ofSeconds(5);
    private static final int SLOTS = 64;

    private final ChildProcess child;

    /** Starts the program on a host, in the JVM that the command starts. */
    public FactsAgent(Namespaces namespaces, String host, List<String> java) throws IOException {
        child = namespaces.start(host, java, FactsAgent.class);
    }

    /** Sends a line to the program and waits for the answer. */
    public String say(String line) throws IOException, InterruptedException {
        return child.say(line);
    }

    @Override
    public void close() {
        child.close();
    }

    private PktInfoChannel channel;
    private DatagramBatch batch;
    private Datagram request; // the last received alone

    private FactsAgent() {
        child = null;
    }

    public static void main(String[] arguments) throws IOException {
        FactsAgent agent = new FactsAgent();
        CommandLoop.run(agent::obey);
    }

    private String obey(String[] words) throws Exception {
        return switch (words[0]) {
            case "open" -> open(PktInfoChannel.Family.valueOf(words[1]), Integer.parseInt(words[2]));
            case "on" -> set(words, true);
            case "off" -> set(words, false);
            case "tos" -> tos(Integer.parseInt(words[1]));
            case "send" -> send(words[1], Integer.parseInt(words[2]), fields(words[3]), Integer.parseInt(words[4]));
            case "queued" -> String.valueOf(channel.awaitReadable(WAIT));
            case "receive" -> receive(Integer.parseInt(words[1]));
            case "receive-batch" -> receiveBatch(Integer.parseInt(words[1]));
            case "reply" -> reply(words[1]);
            case "reply-batch" -> replyBatch(words);
            case "transmit" -> transmit(words[1], words[2], Integer.parseInt(words[3]), Integer.parseInt(words[4]));
            case "reply-timed" -> replyTimed(words[1]);
            case "drops" -> drops();
            default -> "unknown: " + words[0];
        };
    }

    private String open(PktInfoChannel.Family family, int port) throws IOException {
        if (channel != null) {
            channel.close();
        }
        batch = null;
        channel = PktInfoChannel.open(family).bind(new InetSocketAddress(port));
        return "open";
    }

    /** Sets options by their names. */
    private String set(String[] words, boolean on) throws IOException {
        Set<String> names = Set.of(words);
        int found = 0;
        for (SocketOption<?> option : PktInfoSocketOptions.all()) {
            if (names.contains(option.name())) {
                channel.setOption(flag(option), on);
                found++;
            }
        }
        return "set " + found;
    }

    @SuppressWarnings("unchecked") // only flags are asked for
    private static SocketOption<Boolean> flag(SocketOption<?> option) {
        return (SocketOption<Boolean>) option;
    }

    private String tos(int value) throws IOException {
        channel.jdkChannel().setOption(StandardSocketOptions.IP_TOS, value);
        return "set";
    }

    private static SendOptions fields(String text) {
        String[] numbers = text.split("/", -1);
        return new SendOptions(
                Integer.parseInt(numbers[0]), Integer.parseInt(numbers[1]), Integer.parseInt(numbers[2]));
    }

    /** Sends a number of datagrams of ten bytes, each of which begins with its number, as one if the kernel can. */
    private String send(String destination, int port, SendOptions options, int count) throws IOException {
        Endpoint peer = Endpoint.of(new InetSocketAddress(InetAddress.getByName(destination), port));
        if (count == 1) {
            channel.send(ByteBuffer.allocate(10), peer, Source.systemChoice(), options);
            return "sent 1";
        }
        DatagramBatch together = channel.newBatch(count, 10);
        for (int i = 0; i < count; i++) {
            together.put(ByteBuffer.allocate(10).put(0, (byte) i), peer, Source.systemChoice())
                    .sendOptions(options);
        }
        return "sent " + together.send();
    }

    private String receive(int count) throws IOException {
        List<String> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            request = channel.receive(WAIT);
            all.add(request == null ? "nothing" : told(request));
        }
        return String.join("; ", all);
    }

    private static String told(Datagram datagram) {
        return datagram.payload()[0] + " " + datagram.peer().address() + told(datagram.facts())
                + (datagram.packetInfo().truncated() ? " TRUNCATED" : "");
    }

    /** Returns traffic class, hop limit, time in nanoseconds, that of the device, port and mark. */
    private static String told(ReceivedFacts facts) {
        return " " + facts.trafficClass() + " " + facts.hopLimit() + " " + nanos(facts.time()) + " "
                + nanos(facts.hardwareTime()) + " " + facts.originalPort() + " " + facts.mark();
    }

    private static String nanos(Instant time) {
        return time == null ? "-" : String.valueOf(time.getEpochSecond() * 1_000_000_000 + time.getNano());
    }

    /** Receives a number of datagrams into a batch, at once; each of those that came as one is told. */
    private String receiveBatch(int expected) throws IOException {
        batch = batch == null ? channel.newBatch(SLOTS, PktInfoChannel.MAX_PAYLOAD) : batch;
        batch.receive(WAIT);
        List<String> all = new ArrayList<>();
        for (int i = 0; i < batch.size(); i++) {
            DatagramSlot slot = batch.slot(i);
            String facts = told(slot.facts().toRecord());
            if (!facts.equals(toldByView(slot))) {
                return "the view says" + toldByView(slot) + ", the record" + facts;
            }
            for (Datagram datagram : slot.toDatagrams()) {
                all.add(told(datagram));
            }
        }
        return all.size() == expected ? String.join("; ", all) : all.size() + " datagrams";
    }

    private static String toldByView(DatagramSlot slot) {
        return " " + slot.facts().trafficClass() + " " + slot.facts().hopLimit() + " "
                + (slot.facts().hasTime() ? String.valueOf(slot.facts().timeNanos()) : "-") + " "
                + (slot.facts().hasHardwareTime() ? String.valueOf(slot.facts().hardwareTimeNanos()) : "-") + " "
                + slot.facts().originalPort() + " " + slot.facts().mark();
    }

    /** Replies to the last datagram received alone, with given fields, or those "ecn" or "dscp" of the request. */
    private String reply(String how) throws IOException {
        SendOptions options = switch (how) {
            case "ecn" -> SendOptions.ecnOf(request);
            case "dscp" -> SendOptions.dscpOf(request);
            default -> fields(how);
        };
        channel.reply(request, ByteBuffer.allocate(10), SourceSelection.requestDestination(), options);
        return "sent 1";
    }

    /** Replies to the slots of the batch, each in its own way. */
    private String replyBatch(String[] words) throws IOException {
        long before = channel.stats().coalesced();
        for (int i = 0; i < batch.size(); i++) {
            DatagramSlot slot = batch.slot(i);
            slot.reply(slot.length());
            String how = words[Math.min(i + 1, words.length - 1)];
            slot.sendOptions(
                    switch (how) {
                        case "ecn" -> SendOptions.ecnOf(slot.facts());
                        case "dscp" -> SendOptions.dscpOf(slot.facts());
                        default -> fields(how);
                    });
        }
        return "sent " + batch.send() + " coalesced " + (channel.stats().coalesced() - before);
    }

    private String drops() {
        return channel.stats().kernelDrops() + " dropped, control data truncated "
                + channel.stats().controlTruncated();
    }

    /** Sends datagrams that request their times, under the ids 0, 1 and so on, one by one or in a batch. */
    private String transmit(String how, String destination, int port, int count) throws IOException {
        Endpoint peer = Endpoint.of(new InetSocketAddress(InetAddress.getByName(destination), port));
        DatagramBatch together = channel.newBatch(count, 3000);
        for (int i = 0; i < count; i++) {
            ByteBuffer payload =
                    ByteBuffer.allocate(i % 2 == 0 ? 10 : 3000).put(0, (byte) i); // with and without fragments
            SendOptions timed = SendOptions.NONE.withTransmitTime(i);
            if (how.equals("batch")) {
                together.put(payload, peer, Source.systemChoice()).sendOptions(timed);
            } else {
                channel.send(payload, peer, Source.systemChoice(), timed);
            }
        }
        int unused = how.equals("batch") ? together.send() : count;
        return times(count);
    }

    /** Replies to the last datagram, or to every other of the batch, with a request for the time. */
    private String replyTimed(String how) throws IOException {
        if (how.equals("record")) {
            SendOptions timed = SendOptions.NONE.withTransmitTime(0);
            channel.reply(request, ByteBuffer.allocate(10), SourceSelection.requestDestination(), timed);
            return times(1);
        }
        for (int i = 0; i < batch.size(); i++) {
            batch.slot(i).reply(batch.slot(i).length());
            batch.slot(i).sendOptions(i % 2 == 0 ? SendOptions.NONE.withTransmitTime(i) : SendOptions.NONE);
        }
        batch.send();
        return times((batch.size() + 1) / 2);
    }

    /** Waits for times of transmission, whether known or given up. */
    private String times(int count) throws IOException {
        List<String> all = new ArrayList<>();
        long deadline = System.nanoTime() + WAIT.toNanos();
        while (all.size() < count && System.nanoTime() < deadline) {
            TransmitTime time = channel.receiveTransmitTime();
            if (time != null) {
                all.add(time.id() + " " + nanos(time.time()));
            } else {
                channel.awaitReadable(Duration.ofMillis(100));
            }
        }
        TransmitTime more = channel.receiveTransmitTime();
        return String.join("; ", all) + (more == null ? "" : ", and " + more);
    }
}
