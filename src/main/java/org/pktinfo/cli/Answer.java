package org.pktinfo.cli;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;
import org.pktinfo.DatagramSlot;
import org.pktinfo.PacketInfo;
import org.pktinfo.Source;
import org.pktinfo.SourceSelection;
import org.pktinfo.server.DatagramHandler;

/** The handler of the sample server: prints the article's lines, and replies. */
final class Answer implements DatagramHandler {
    private final SourceSelection selection;
    private final @Nullable ByteBuffer response; // null: the request's own payload
    private final @Nullable Printer report; // null: quiet

    Answer(SourceSelection selection, byte @Nullable [] response, @Nullable Printer report) {
        this.selection = selection;
        this.response = response == null ? null : ByteBuffer.wrap(response);
        this.report = report;
    }

    @Override
    public void handle(DatagramSlot request) {
        if (report == null) {
            reply(request, selection);
            return;
        }
        StringBuilder lines = new StringBuilder("received bytes len: ").append(request.wireLength());
        controlMessages(request.packetInfo(), lines);
        reply(request, (peer, info) -> {
            Source source = selection.select(peer, info);
            using(source, lines);
            return source;
        });
        report.print(lines.toString());
    }

    /**
     * Replies with an empty datagram. It is shorter than any request, and shows an ordinary client that the server is
     * running.
     */
    @Override
    public void handleOverLimit(DatagramSlot request) {
        if (request.length() > 0) {
            request.reply(0, selection);
        }
    }

    /** Sends the reply. A datagram that equals the response is not answered: two such servers would never stop. */
    private void reply(DatagramSlot request, SourceSelection choice) {
        if (response == null) {
            request.reply(request.length(), choice);
        } else if (!response.equals(request.payload())) {
            request.reply(response.duplicate(), choice);
        }
    }

    private static void controlMessages(PacketInfo info, StringBuilder lines) {
        if (info.in6PktinfoFirst()) {
            lines.append("\npktinfo6 True");
        }
        if (info.inPktinfo()) {
            lines.append("\npktinfo4 True");
        }
        if (info.in6Pktinfo() && !info.in6PktinfoFirst()) {
            lines.append("\npktinfo6 True");
        }
    }

    private static void using(Source source, StringBuilder lines) {
        switch (source.controlMessage()) {
            case IN_PKTINFO -> lines.append("\nUsing in_pktinfo");
            case IN6_PKTINFO -> lines.append("\nUsing in6_pktinfo");
            case NONE -> {}
        }
    }
}
