package org.pktinfo.cli;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.pktinfo.IpAddress;
import org.pktinfo.PktInfoChannel.Family;
import org.pktinfo.doctor.ControlMessages;
import org.pktinfo.doctor.Diagnosis;
import org.pktinfo.doctor.Diagnosis.Exchange;
import org.pktinfo.doctor.Diagnosis.Experiment;
import org.pktinfo.doctor.Diagnosis.Form;
import org.pktinfo.doctor.Diagnosis.Proof;
import org.pktinfo.doctor.Diagnosis.Reply;
import org.pktinfo.doctor.Diagnosis.SocketOption;

/** A diagnosis for people: the conclusion, then one table for each kind of socket and set of options. */
final class DiagnosisText {
    private static final Map<Form, String> FORMS = new EnumMap<>(Map.of(
            Form.NONE, "nothing",
            Form.IN_PKTINFO, "in_pktinfo",
            Form.IN6_PKTINFO, "in6_pktinfo",
            Form.BOTH, "in6 + in",
            Form.BOTH_IN_PKTINFO_FIRST, "in + in6"));
    private static final String WRONG = " !";

    private final StringBuilder text = new StringBuilder();
    private final Diagnosis diagnosis;

    private DiagnosisText(Diagnosis diagnosis) {
        this.diagnosis = diagnosis;
    }

    static String of(@Nullable Diagnosis diagnosis, String sendBuffer) {
        String environment = String.join("\n", Version.lines()) + "\n" + sendBuffer + "\n";
        return diagnosis == null
                ? environment + "\npktinfo does not work here: see \"native library\" above.\n"
                : environment + new DiagnosisText(diagnosis).write();
    }

    private String write() {
        line("descriptor " + diagnosis.descriptorFoundBy());
        line("addresses of this host are told by " + diagnosis.hostAddressesFrom());
        line("socket options: " + options());
        line("the source of what is sent: " + proof("IPv4 socket", Family.IPV4) + ", "
                + proof("IPv6 socket", Family.IPV6) + ", "
                + proof("IPv4 on a dual-stack socket", Family.DUAL_STACK));
        if (diagnosis.proofs().containsValue(Proof.IGNORED)) {
            line("so no channel is opened here without -Dpktinfo.unproven=allow");
        }
        line("");
        line("This kernel: " + diagnosis.behaviour().description() + ".");
        verdict();
        line("");
        line("The tables say what arrived with a request, and where the replies to it came from, by the control"
                + " messages that");
        line("they were sent with; the last column is pktinfo's own reply. \"!\" is not the address expected.");
        String title = "";
        List<List<String>> rows = new ArrayList<>();
        for (Experiment experiment : diagnosis.experiments()) {
            if (!title.equals(title(experiment))) {
                table(rows);
                title = title(experiment);
                line("");
                line(title);
                rows = new ArrayList<>(List.of(header(experiment)));
            }
            rows.add(row(experiment));
        }
        table(rows);
        if (diagnosis.omittedAddresses() > 0) {
            line("");
            line(diagnosis.omittedAddresses()
                    + " further local addresses are not in the tables (--all shows them); pktinfo was asked at each.");
        }
        return text.toString();
    }

    /** Returns the number of options that the kernel has, and the names of those that it lacks. */
    private String options() {
        int all = diagnosis.socketOptions().size();
        List<String> missing = diagnosis.socketOptions().entrySet().stream()
                .filter(option -> !option.getValue())
                .map(Map.Entry::getKey)
                .toList();
        return missing.isEmpty()
                ? "all " + all
                : (all - missing.size()) + " of " + all + ", not " + String.join(", ", missing);
    }

    private String proof(String label, Family family) {
        Proof proof = diagnosis.proofs().getOrDefault(family, Proof.NOT_TESTED);
        return label + " "
                + switch (proof) {
                    case HONOURED -> "honoured";
                    case IGNORED -> "IGNORED";
                    case NOT_TESTED -> "not tested";
                };
    }

    private void line(String line) {
        text.append(line).append('\n');
    }

    private void verdict() {
        List<Exchange> tried =
                diagnosis.exchanges().stream().filter(Exchange::available).toList();
        List<Exchange> wrong =
                tried.stream().filter(exchange -> !exchange.isRight()).toList();
        if (tried.isEmpty()) {
            line("pktinfo: nothing could be asked here.");
        } else if (wrong.isEmpty()) {
            line("pktinfo: right, " + tried.size() + " of " + tried.size() + " replies left from the address asked.");
        } else {
            line("pktinfo: WRONG, " + wrong.size() + " of " + tried.size()
                    + " replies did not leave from the address asked:");
        }
        for (Exchange exchange : wrong) {
            line("  " + name(exchange.socket()) + " socket, asked at " + exchange.destination() + ": "
                    + outcome(exchange));
        }
    }

    private static String outcome(Exchange exchange) {
        return exchange.source() == null ? String.valueOf(exchange.problem()) : "answered from " + exchange.source();
    }

    private static String name(Family socket) {
        return switch (socket) {
            case DUAL_STACK -> "dual-stack";
            case IPV4 -> "IPv4";
            case IPV6 -> "IPv6-only";
        };
    }

    private static String title(Experiment experiment) {
        Set<SocketOption> options = experiment.options();
        return name(experiment.socket()) + " socket, "
                + (options.isEmpty()
                        ? "no option"
                        : options.stream().map(Enum::name).collect(Collectors.joining(" and ")));
    }

    private static List<String> header(Experiment experiment) {
        List<String> header = new ArrayList<>();
        if (experiment.notAvailable() == null || !experiment.destination().isUnspecified()) {
            header.addAll(List.of("asked", "in_pktinfo came", "in6_pktinfo came"));
            experiment.replies().forEach(reply -> header.add(FORMS.get(reply.form())));
            header.add("pktinfo");
        }
        return header;
    }

    private List<String> row(Experiment experiment) {
        if (experiment.notAvailable() != null) {
            String reason = "not available: " + experiment.notAvailable();
            return experiment.destination().isUnspecified()
                    ? List.of(reason)
                    : List.of(experiment.destination().toString(), reason);
        }
        Exchange exchange = exchange(experiment);
        ControlMessages received = experiment.received();
        List<String> row = new ArrayList<>(List.of(
                experiment.destination().toString(),
                in(received, experiment.destination()),
                in6(received, experiment.destination())));
        for (Reply reply : experiment.replies()) {
            row.add(cell(reply.source(), reply.error(), experiment.destination(), exchange));
        }
        row.add(exchange == null ? "-" : cell(exchange.source(), exchange.problem(), exchange.destination(), exchange));
        return row;
    }

    private @Nullable Exchange exchange(Experiment experiment) {
        return diagnosis.exchanges().stream()
                .filter(exchange -> exchange.socket() == experiment.socket()
                        && exchange.destination().equals(experiment.destination()))
                .findFirst()
                .orElse(null);
    }

    private static String in(@Nullable ControlMessages received, IpAddress destination) {
        ControlMessages.InPktinfo in = received == null ? null : received.inPktinfo();
        if (in == null) {
            return "-";
        }
        String local = in.local().equals(in.destination()) ? "" : ", local " + in.local();
        return address(in.destination(), destination) + local + ", if " + in.interfaceIndex();
    }

    private static String in6(@Nullable ControlMessages received, IpAddress destination) {
        ControlMessages.In6Pktinfo in6 = received == null ? null : received.in6Pktinfo();
        return in6 == null ? "-" : address(in6.address(), destination) + ", if " + in6.interfaceIndex();
    }

    /** Ignores the scope, which an in6_pktinfo has in its interface index. */
    private static String address(IpAddress address, IpAddress destination) {
        return address.high() == destination.high() && address.low() == destination.low() ? "=" : address.toString();
    }

    private static String cell(
            @Nullable IpAddress source, @Nullable String problem, IpAddress destination, @Nullable Exchange exchange) {
        if (source == null) {
            return problem == null ? "lost" : problem;
        }
        boolean wrong = exchange != null && exchange.expected() != null && !source.equals(exchange.expected());
        return address(source, destination) + (wrong ? WRONG : "");
    }

    /** Prints columns as wide as their widest cell; the last cell of a row may be longer. */
    private void table(List<List<String>> rows) {
        int columns = rows.stream().mapToInt(List::size).max().orElse(0);
        int[] widths = new int[columns];
        for (List<String> row : rows) {
            for (int i = 0; i < row.size() - 1; i++) {
                widths[i] = Math.max(widths[i], row.get(i).length());
            }
        }
        for (List<String> row : rows) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < row.size(); i++) {
                String cell = row.get(i);
                line.append("  ").append(cell);
                if (i < row.size() - 1) {
                    line.append(" ".repeat(widths[i] - cell.length()));
                }
            }
            if (!row.isEmpty()) {
                line(line.toString());
            }
        }
    }
}
