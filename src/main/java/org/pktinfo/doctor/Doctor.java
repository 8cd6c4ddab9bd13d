package org.pktinfo.doctor;

import java.io.IOException;
import java.net.SocketException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.pktinfo.Datagram;
import org.pktinfo.IpAddress;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.PktInfoChannel.Family;
import org.pktinfo.SendException;
import org.pktinfo.common.Deadline;
import org.pktinfo.doctor.Diagnosis.Behaviour;
import org.pktinfo.doctor.Diagnosis.Exchange;
import org.pktinfo.doctor.Diagnosis.Experiment;
import org.pktinfo.doctor.Diagnosis.Form;
import org.pktinfo.doctor.Diagnosis.Proof;
import org.pktinfo.doctor.Diagnosis.Reply;
import org.pktinfo.doctor.Diagnosis.SocketOption;
import org.pktinfo.internal.Errno;
import org.pktinfo.internal.HostAddress;
import org.pktinfo.internal.JdkChannels;
import org.pktinfo.internal.NativeLibrary;
import org.pktinfo.internal.Segmentation;
import org.pktinfo.internal.SourceProof;

/**
 * Examines the treatment of packet information by this host's kernel, and checks that replies leave from the correct
 * address here. It does so by experiments, not by the kernel's version, because distributions backport features to old
 * versions. Only {@link #segmentation} uses the version. Needs no privileges, and no datagram leaves the host: requests
 * are sent only to the host's own addresses, the multicast datagrams have a hop limit of 0, and the groups are joined
 * without a report.
 */
public final class Doctor {
    /** Enough to see the kernel's behaviour; a host may have thousands of addresses. */
    private static final int FURTHER_ADDRESSES = 8;

    /** The first timeout. On one host a datagram has arrived when sending returns, unless the machine is very busy. */
    private static final Duration LONG = Duration.ofSeconds(2);

    private static final IpAddress LOOPBACK_2 = ControlMessages.ipv4(0x7f00_0002);

    private static final Duration SHORT = Duration.ofMillis(200);

    private final List<ExperimentAddress> addresses;
    private final List<ExperimentAddress> experimental;
    private final Set<Form> forms;
    private final boolean everyOption;

    /** The current timeout. After one loss others are likely, and there may be thousands. */
    private Duration patience = LONG;

    private Doctor(boolean everything) throws SocketException {
        this.addresses = ExperimentAddress.all(Integer.MAX_VALUE);
        this.experimental = everything ? addresses : ExperimentAddress.all(FURTHER_ADDRESSES);
        this.forms =
                everything ? EnumSet.allOf(Form.class) : EnumSet.complementOf(EnumSet.of(Form.BOTH_IN_PKTINFO_FIRST));
        this.everyOption = everything;
    }

    /**
     * Sends a request to every local address with the default policy, and tries each form of reply on sockets with the
     * options that the library uses, at no more than eight addresses of each family besides the well-known ones.
     * Blocks; takes well under a second unless datagrams are lost.
     *
     * @return the findings
     * @throws IOException if no socket can be opened or the interfaces cannot be listed
     * @throws UnsatisfiedLinkError if the native library cannot be loaded; the text lists every attempt
     */
    public static Diagnosis examine() throws IOException {
        NativeLibrary.load();
        return new Doctor(false).run();
    }

    /**
     * Does the same as {@link #examine}, at every local address, with every combination of options and with every form
     * of reply.
     *
     * @return the findings
     * @throws IOException if no socket can be opened or the interfaces cannot be listed
     * @throws UnsatisfiedLinkError if the native library cannot be loaded; the text lists every attempt
     */
    public static Diagnosis examineEverything() throws IOException {
        NativeLibrary.load();
        return new Doctor(true).run();
    }

    /**
     * Reports if datagrams may be sent in segments (UDP_SEGMENT) in this JVM, and the reason. The property {@code
     * pktinfo.segmentation} decides, if it is {@code on} or {@code off}. If it is {@code auto} or not set, the kernel's
     * version does: Linux 7.0 to 7.1.4 may corrupt the segments.
     *
     * @return a text for a log that begins with {@code on} or {@code off}; if the property has another value, it says
     *     that the value is wrong
     */
    public static String segmentation() {
        return Segmentation.current().text();
    }

    private Diagnosis run() throws IOException {
        List<Exchange> exchanges = new ArrayList<>();
        List<Experiment> experiments = new ArrayList<>();
        for (Family family : Family.values()) {
            exchanges(family, exchanges);
            for (Set<SocketOption> options : optionSets(family)) {
                experiments(family, options, experiments);
            }
        }
        return new Diagnosis(
                behaviour(experiments),
                proofs(),
                JdkChannels.wayToDescriptor(),
                HostAddress.way(),
                OptionProbe.all(),
                List.copyOf(exchanges),
                List.copyOf(experiments),
                addresses.size() - experimental.size());
    }

    private static Map<Family, Proof> proofs() {
        SourceProof.Results results = SourceProof.tryAll();
        Map<Family, Proof> proofs = new EnumMap<>(Family.class);
        proofs.put(Family.IPV4, Proof.valueOf(results.ipv4().name()));
        proofs.put(Family.DUAL_STACK, Proof.valueOf(results.dualStack().name()));
        proofs.put(Family.IPV6, Proof.valueOf(results.ipv6().name()));
        return proofs;
    }

    private List<Set<SocketOption>> optionSets(Family family) {
        Set<SocketOption> both = EnumSet.allOf(SocketOption.class);
        Set<SocketOption> in = EnumSet.of(SocketOption.IP_PKTINFO);
        Set<SocketOption> in6 = EnumSet.of(SocketOption.IPV6_RECVPKTINFO);
        if (everyOption) {
            return List.of(EnumSet.noneOf(SocketOption.class), in, in6, both);
        }
        return List.of(
                switch (family) {
                    case DUAL_STACK -> both;
                    case IPV4 -> in;
                    case IPV6 -> in6;
                });
    }

    /** Tests the library itself: the channel's own socket and rule. */
    private void exchanges(Family family, List<Exchange> result) throws IOException {
        try (PktInfoChannel server = open(family).bind(null)) {
            for (ExperimentAddress address : addresses) {
                if (address.isFor(family)) {
                    result.add(exchange(family, server, address));
                }
            }
        } catch (UnsupportedOperationException e) {
            result.add(new Exchange(family, IpAddress.UNSPECIFIED, null, null, reason(e), false));
        }
    }

    /** Opens a channel even if the source is not honoured, because that is to be examined. */
    private static PktInfoChannel open(Family family) throws IOException {
        return SourceProof.withoutProof(() -> PktInfoChannel.open(family));
    }

    private Exchange exchange(Family family, PktInfoChannel server, ExperimentAddress address) throws IOException {
        IpAddress destination = address.address();
        try (ExperimentClient client = address.ask(server.jdkChannel())) {
            Datagram request = receive(server, client.payload());
            if (request == null) {
                return new Exchange(family, destination, null, null, "the request did not arrive", false);
            }
            IpAddress expected =
                    address.isUnicast() ? destination : request.packetInfo().local();
            try {
                server.reply(request, client.payload());
            } catch (SendException e) {
                return new Exchange(family, destination, expected, null, e.getMessage(), true);
            }
            IpAddress source = awaitReply(client);
            // For an IPv6 group the kernel chooses: any address of this host that is not the group's is correct.
            boolean free = expected.isUnspecified() && source != null && source.isLocal();
            return new Exchange(
                    family,
                    destination,
                    free ? source : expected,
                    source,
                    source == null ? "the reply was lost" : null,
                    true);
        } catch (ExperimentAddress.UnreachableException e) {
            return new Exchange(family, destination, null, null, reason(e), false);
        }
    }

    private @Nullable Datagram receive(PktInfoChannel server, byte[] payload) throws IOException {
        long deadline = Deadline.after(patience);
        Datagram datagram;
        do {
            datagram = server.receive(Duration.ofNanos(Deadline.remaining(deadline)));
        } while (datagram != null && !Arrays.equals(datagram.payload(), payload));
        noteLoss(datagram == null);
        return datagram;
    }

    private @Nullable IpAddress awaitReply(ExperimentClient client) throws IOException {
        IpAddress source = client.awaitReply(patience);
        noteLoss(source == null);
        return source;
    }

    private void noteLoss(boolean lost) {
        patience = lost ? SHORT : patience;
    }

    private void experiments(Family family, Set<SocketOption> options, List<Experiment> result) throws IOException {
        try (ExperimentSocket server = ExperimentSocket.open(family, options, 0)) {
            for (ExperimentAddress address : experimental) {
                if (address.isFor(family)) {
                    result.add(experiment(family, options, server, address));
                }
            }
        } catch (UnsupportedOperationException e) {
            result.add(new Experiment(family, options, IpAddress.UNSPECIFIED, null, List.of(), reason(e)));
        }
    }

    private Experiment experiment(
            Family family, Set<SocketOption> options, ExperimentSocket server, ExperimentAddress address)
            throws IOException {
        List<Reply> replies = new ArrayList<>();
        ControlMessages received = null;
        try {
            for (Form form : forms) {
                try (ExperimentClient client = address.ask(server.channel())) {
                    if (!server.receive(client.payload(), patience)) {
                        noteLoss(true);
                        return new Experiment(
                                family, options, address.address(), null, List.of(), "the request did not arrive");
                    }
                    received = server.received();
                    replies.add(reply(server, client, form, messages(form, address, received)));
                }
            }
        } catch (ExperimentAddress.UnreachableException e) {
            return new Experiment(family, options, address.address(), null, List.of(), reason(e));
        }
        return new Experiment(family, options, address.address(), received, List.copyOf(replies), null);
    }

    private Reply reply(ExperimentSocket server, ExperimentClient client, Form form, ControlMessages messages)
            throws IOException {
        int error = server.reply(messages);
        return error == 0 ? new Reply(form, awaitReply(client), null) : new Reply(form, null, Errno.describe(error));
    }

    private static ControlMessages messages(Form form, ExperimentAddress address, ControlMessages received) {
        ControlMessages.InPktinfo arrived = received.inPktinfo();
        IpAddress local = address.isUnicast() || arrived == null ? address.address() : arrived.local();
        // An IPv6 peer has no address that an in_pktinfo could name: any address shows that it is ignored.
        ControlMessages in = ControlMessages.inPktinfo(local.isIpv4() ? local : LOOPBACK_2, 0);
        ControlMessages in6 = ControlMessages.in6Pktinfo(address.address(), 0);
        return switch (form) {
            case NONE -> ControlMessages.NONE;
            case IN_PKTINFO -> in;
            case IN6_PKTINFO -> in6;
            case BOTH -> in6.then(in);
            case BOTH_IN_PKTINFO_FIRST -> in.then(in6);
        };
    }

    /** Decides by an experiment in which the kernel's own choice is wrong and an in_pktinfo corrects it. */
    private static Behaviour behaviour(List<Experiment> experiments) {
        boolean dualStack = false;
        for (Experiment experiment : experiments) {
            boolean both = experiment.options().size() == SocketOption.values().length;
            if (experiment.socket() != Family.DUAL_STACK || !both || experiment.received() == null) {
                continue;
            }
            dualStack = true;
            IpAddress destination = experiment.destination();
            if (destination.isIpv4()
                    && !destination.equals(experiment.source(Form.NONE))
                    && destination.equals(experiment.source(Form.IN_PKTINFO))) {
                return behaviour(experiment.received(), destination.equals(experiment.source(Form.IN6_PKTINFO)));
            }
        }
        return dualStack ? Behaviour.UNKNOWN : Behaviour.NO_DUAL_STACK;
    }

    private static Behaviour behaviour(ControlMessages received, boolean in6Honoured) {
        if (received.inPktinfo() == null) {
            return Behaviour.UNKNOWN;
        }
        if (received.in6Pktinfo() == null) {
            return in6Honoured ? Behaviour.UNKNOWN : Behaviour.ONLY_IN_PKTINFO;
        }
        return in6Honoured ? Behaviour.BOTH_HONOURED : Behaviour.IN6_PKTINFO_IGNORED;
    }

    private static String reason(Exception e) {
        return Objects.requireNonNullElse(e.getMessage(), e.toString());
    }

    /**
     * {@return the place that the native library was loaded from, for a log} Loads it on first use.
     *
     * @throws UnsatisfiedLinkError if it cannot be loaded
     */
    public static String libraryOrigin() {
        return NativeLibrary.load();
    }

    /**
     * {@return the C library, {@code glibc 2.36} or {@code not glibc}, for a log} Loads the native library if needed.
     *
     * @throws UnsatisfiedLinkError if the native library cannot be loaded
     */
    public static String libcVersion() {
        return NativeLibrary.libcVersion();
    }
}
