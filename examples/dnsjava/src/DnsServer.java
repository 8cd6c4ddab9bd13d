import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.nio.charset.StandardCharsets;
import org.pktinfo.socket.PktInfoDatagramSocket;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.RRset;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.Section;
import org.xbill.DNS.SetResponse;
import org.xbill.DNS.WireParseException;
import org.xbill.DNS.Zone;

/** Answers for one zone: on the JDK's socket ("stock"), or on a PktInfoDatagramSocket ("pktinfo"). */
public final class DnsServer {
    private static final int PORT = 53;
    private static final String ZONE = """
            @    3600 IN SOA ns hostmaster 1 3600 600 86400 300
            @    3600 IN NS  ns
            ns   3600 IN A   192.0.2.202
            www  3600 IN A   203.0.113.80
            """;

    public static void main(String[] arguments) throws IOException {
        Zone zone = new Zone(
                Name.fromString("example."), new ByteArrayInputStream(ZONE.getBytes(StandardCharsets.US_ASCII)));
        try (DatagramSocket socket = switch (arguments[0]) {
            case "stock" -> new DatagramSocket(PORT);
            case "pktinfo" -> new PktInfoDatagramSocket(PORT);
            default -> throw new IllegalArgumentException(arguments[0] + " is neither stock nor pktinfo");
        }) {
            System.out.println("listening on " + socket.getLocalSocketAddress());
            while (true) {
                DatagramPacket packet = new DatagramPacket(new byte[512], 512);
                socket.receive(packet);
                try {
                    byte[] bytes = new byte[packet.getLength()];
                    System.arraycopy(packet.getData(), 0, bytes, 0, bytes.length);
                    Message query = new Message(bytes);
                    if (query.getQuestion() != null && !query.getHeader().getFlag(Flags.QR)) {
                        packet.setData(answer(query, zone).toWire(512));
                        socket.send(packet);
                    }
                } catch (WireParseException e) {
                    System.err.println(packet.getSocketAddress() + " sent no DNS message: " + e.getMessage());
                }
            }
        }
    }

    private static Message answer(Message query, Zone zone) {
        Record question = query.getQuestion();
        Message answer = new Message(query.getHeader().getID());
        answer.getHeader().setFlag(Flags.QR);
        answer.addRecord(question, Section.QUESTION);
        if (!question.getName().subdomain(zone.getOrigin())) {
            answer.getHeader().setRcode(Rcode.REFUSED);
            return answer;
        }
        answer.getHeader().setFlag(Flags.AA);
        SetResponse found = zone.findRecords(question.getName(), question.getType());
        if (found.isSuccessful()) {
            for (RRset set : found.answers()) {
                set.rrs().forEach(each -> answer.addRecord(each, Section.ANSWER));
            }
        } else {
            answer.getHeader().setRcode(found.isNXDOMAIN() ? Rcode.NXDOMAIN : Rcode.NOERROR);
            answer.addRecord(zone.getSOA(), Section.AUTHORITY);
        }
        return answer;
    }
}
