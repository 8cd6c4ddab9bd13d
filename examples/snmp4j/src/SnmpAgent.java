import java.io.IOException;
import java.net.DatagramSocket;
import java.net.SocketException;
import org.pktinfo.socket.PktInfoDatagramSocket;
import org.snmp4j.CommandResponderEvent;
import org.snmp4j.MessageException;
import org.snmp4j.PDU;
import org.snmp4j.Snmp;
import org.snmp4j.mp.StatusInformation;
import org.snmp4j.smi.Address;
import org.snmp4j.smi.Null;
import org.snmp4j.smi.OID;
import org.snmp4j.smi.OctetString;
import org.snmp4j.smi.UdpAddress;
import org.snmp4j.smi.VariableBinding;
import org.snmp4j.transport.DefaultUdpTransportMapping;

/** An agent that has sysName.0: on SNMP4J's own socket ("stock"), or on a PktInfoDatagramSocket ("pktinfo"). */
public final class SnmpAgent {
    private static final OID SYS_NAME = new OID("1.3.6.1.2.1.1.5.0");

    /** SNMP4J's transport over UDP, on another socket. */
    private static final class PktInfoTransport extends DefaultUdpTransportMapping {
        PktInfoTransport(UdpAddress address) throws IOException {
            super(address);
            socket.close();
            socket = open();
        }

        @Override
        protected DatagramSocket renewSocketAfterException(SocketException reason, DatagramSocket failed)
                throws SocketException {
            failed.close();
            return open();
        }

        private DatagramSocket open() throws SocketException {
            return new PktInfoDatagramSocket(udpAddress.getPort(), udpAddress.getInetAddress());
        }
    }

    public static void main(String[] arguments) throws IOException, InterruptedException {
        UdpAddress address = new UdpAddress("0.0.0.0/161");
        Snmp snmp = new Snmp(
                switch (arguments[0]) {
                    case "stock" -> new DefaultUdpTransportMapping(address);
                    case "pktinfo" -> new PktInfoTransport(address);
                    default -> throw new IllegalArgumentException(arguments[0] + " is neither stock nor pktinfo");
                });
        snmp.addCommandResponder(SnmpAgent::answer);
        snmp.listen();
        System.out.println("listening on " + address);
        Thread.currentThread().join(); // SNMP4J's own threads do not keep a program alive
    }

    private static <A extends Address> void answer(CommandResponderEvent<A> request) {
        PDU response = request.getPDU();
        if (response.getType() != PDU.GET) {
            return;
        }
        for (VariableBinding binding : response.getVariableBindings()) {
            binding.setVariable(SYS_NAME.equals(binding.getOid()) ? new OctetString("hello") : Null.noSuchObject);
        }
        response.setType(PDU.RESPONSE);
        try {
            request.getMessageDispatcher()
                    .returnResponsePdu(
                            request.getMessageProcessingModel(),
                            request.getSecurityModel(),
                            request.getSecurityName(),
                            request.getSecurityLevel(),
                            response,
                            request.getMaxSizeResponsePDU(),
                            request.getStateReference(),
                            new StatusInformation());
            request.setProcessed(true);
        } catch (MessageException e) {
            System.err.println("no answer to " + request.getPeerAddress() + ": " + e.getMessage());
        }
    }
}
