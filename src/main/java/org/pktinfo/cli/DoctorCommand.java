package org.pktinfo.cli;

import java.io.IOException;
import java.net.StandardSocketOptions;
import java.nio.channels.DatagramChannel;
import java.util.concurrent.Callable;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.doctor.Diagnosis;
import org.pktinfo.doctor.Doctor;
import org.pktinfo.server.DatagramServer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code doctor}: examines this kernel, and checks that pktinfo is correct on it. */
@Command(
        name = "doctor",
        description =
                "Tests this host's kernel for its treatment of packet information, and checks that replies leave from"
                        + " the request destination. Needs no privileges; no datagram leaves the host.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:replies leave from the address asked, wherever this host could be asked",
            "1:they do not, or the library does not work here",
            "2:wrong usage"
        })
final class DoctorCommand implements Callable<Integer> {
    @Option(names = "--json", description = "Print one JSON object and nothing else.")
    private boolean json;

    @Option(
            names = "--all",
            description =
                    "Try every combination of socket options, every form of reply and every local address. Default: the"
                            + " options that pktinfo uses, and at most eight further addresses of each family.")
    private boolean all;

    @Override
    public Integer call() throws IOException {
        Throwable unsupported = PktInfoChannel.unsupportedReason();
        Diagnosis diagnosis = null;
        if (unsupported == null) {
            diagnosis = all ? Doctor.examineEverything() : Doctor.examine();
        }
        System.out.print(json ? DiagnosisJson.of(diagnosis) : DiagnosisText.of(diagnosis, sendBuffer()));
        System.out.flush();
        return diagnosis != null && diagnosis.isRight() ? 0 : 1;
    }

    private static String sendBuffer() throws IOException {
        try (DatagramChannel channel = DatagramChannel.open()) {
            channel.setOption(StandardSocketOptions.SO_SNDBUF, DatagramServer.SEND_BUFFER);
            int given = channel.getOption(StandardSocketOptions.SO_SNDBUF);
            return "send buffer " + (given >> 10) + " KiB of the " + (DatagramServer.SEND_BUFFER >> 10)
                    + " that a server asks for"
                    + (given < DatagramServer.SEND_BUFFER ? ": net.core.wmem_max allows no more" : "");
        }
    }
}
