package org.pktinfo.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.pktinfo.Datagram;
import org.pktinfo.PacketInfo;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.SendException;
import org.pktinfo.Source;
import org.pktinfo.SourceSelection;

/** Receives, prints, replies, until stopped. */
final class Server {
    private final PktInfoChannel channel;
    private final SourceSelection selection;
    private final byte @Nullable [] response; // null: the request's own payload
    private final @Nullable PrintStream report; // null: quiet
    private final PrintStream messages;
    private final CountDownLatch ended = new CountDownLatch(1);

    private volatile long received;
    private volatile long replied;
    private volatile long failed;

    Server(
            PktInfoChannel channel,
            SourceSelection selection,
            byte @Nullable [] response,
            @Nullable PrintStream report,
            PrintStream messages) {
        this.channel = channel;
        this.selection = selection;
        this.response = response;
        this.report = report;
        this.messages = messages;
    }

    /** Returns when the channel is closed. */
    @SuppressWarnings("NonAtomicVolatileUpdate") // written by this thread only
    void run() throws IOException {
        try {
            while (true) {
                Datagram request = channel.receive();
                received++;
                answer(request);
            }
        } catch (ClosedChannelException e) {
            return; // stopped
        } finally {
            ended.countDown();
        }
    }

    /** Nothing that a peer or a route does ends the loop: a reply that cannot be sent is told and counted. */
    @SuppressWarnings("NonAtomicVolatileUpdate") // written by this thread only
    private void answer(Datagram request) throws IOException {
        print("received bytes len: " + request.wireLength());
        printControlMessages(request.packetInfo());
        try {
            Source source = selection.select(request.peer(), request.packetInfo());
            printSource(source);
            byte[] payload = response == null ? request.payload() : response;
            channel.send(ByteBuffer.wrap(payload), request.peer(), source);
            replied++;
        } catch (SendException e) {
            failed++;
            messages.println("not answered: " + e.getMessage());
        }
    }

    private void printControlMessages(PacketInfo info) {
        if (info.in6PktinfoFirst()) {
            print("pktinfo6 True");
        }
        if (info.inPktinfo()) {
            print("pktinfo4 True");
        }
        if (info.in6Pktinfo() && !info.in6PktinfoFirst()) {
            print("pktinfo6 True");
        }
    }

    private void printSource(Source source) {
        switch (source.controlMessage()) {
            case IN_PKTINFO -> print("Using in_pktinfo");
            case IN6_PKTINFO -> print("Using in6_pktinfo");
            case NONE -> {}
        }
    }

    private void print(String line) {
        if (report != null) {
            report.println(line);
            report.flush();
        }
    }

    /** Ends the loop after the datagram it is at; waits for that no longer than half a second. */
    void stop() {
        try {
            channel.close();
            boolean unused = ended.await(500, TimeUnit.MILLISECONDS);
        } catch (IOException e) {
            messages.println("closing failed: " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    String totals() {
        return "received " + received + ", replied " + replied + ", failed " + failed;
    }
}
