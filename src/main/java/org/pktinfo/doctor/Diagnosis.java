package org.pktinfo.doctor;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.pktinfo.IpAddress;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.SourceSelection;
import org.pktinfo.internal.Layout;

/**
 * What {@link Doctor} has found out about this host. A value that any thread may use. Only the doctor makes one: the
 * constructors here check nothing.
 *
 * @param behaviour what the kernel does with packet information
 * @param proofs whether the kernel sends from the source that it is told, by the exchange on loopback that the first
 *     channel of a process makes: on an IPv4 socket, on an IPv6 socket, and for IPv4 on a dual-stack socket
 * @param descriptorFoundBy the field or method of the JDK's channel through which its descriptor was found
 * @param hostAddressesToldBy how it is found out whether an address is this host's, in words
 * @param exchanges one request and its reply by the default policy, for each kind of socket and each address
 * @param experiments what arrives and what each form of reply does, for each kind of socket, set of options and address
 * @param addressesLeftOut how many local addresses of this host the experiments left out; the exchanges never do
 */
@SuppressWarnings("exports") // the annotations are not needed at run time
public record Diagnosis(
        Behaviour behaviour,
        Map<PktInfoChannel.Family, Proof> proofs,
        String descriptorFoundBy,
        String hostAddressesToldBy,
        List<Exchange> exchanges,
        List<Experiment> experiments,
        int addressesLeftOut) {
    /** What a kernel does with the packet information of IPv4 datagrams on a dual-stack socket: three generations. */
    public enum Behaviour {
        /** To RHEL 7.3 and Linux 3.13: an {@code in6_pktinfo} neither arrives nor is honoured. */
        ONLY_IN_PKTINFO("only in_pktinfo arrives, as on kernels to RHEL 7.3 and Linux 3.13"),
        /**
         * RHEL 7.4 and 7.5, Linux 3.14; also Linux 3.15 to 3.17 with IPv6 as a module: an {@code in6_pktinfo} arrives,
         * but one that is sent is ignored without an error, so that the reply may leave from another address.
         */
        IN6_PKTINFO_IGNORED(
                "in_pktinfo and in6_pktinfo arrive, in6_pktinfo is ignored on sending, as on RHEL 7.4 and 7.5 and Linux 3.14"),
        /** Since RHEL 7.7 and Linux 3.15: an {@code in6_pktinfo} arrives and is honoured. */
        BOTH_HONOURED("in_pktinfo and in6_pktinfo arrive and are honoured, as on RHEL 7.7, Linux 3.15 and later"),
        /** There is no dual-stack socket here: the host has no IPv6, or java.net.preferIPv4Stack is set. */
        NO_DUAL_STACK("there is no dual-stack socket here, so that only in_pktinfo counts for IPv4"),
        /** None of these, or nothing could be tried. */
        UNKNOWN("unlike any kernel known");

        private final String description;

        Behaviour(String description) {
            this.description = description;
        }

        /**
         * The behaviour in words.
         *
         * @return a phrase for a report
         */
        public String description() {
            return description;
        }
    }

    /** Tells whether the kernel sends from the source that it is told. */
    public enum Proof {
        /** The datagram came from there, or a source that is not the host's was refused. */
        HONOURED,
        /**
         * It came from another address, without an error: channels are not opened unless {@code pktinfo.unproven} is
         * {@code allow}.
         */
        IGNORED,
        /** There is no such socket, loopback is down, a firewall keeps the datagram: channels are opened. */
        NOT_TESTED
    }

    /** The socket options that ask for packet information. */
    public enum SocketOption {
        /** ip(7). */
        IP_PKTINFO(Layout.OPTION_IP_PKTINFO),
        /** RFC 3542 4. */
        IPV6_RECVPKTINFO(Layout.OPTION_IPV6_RECVPKTINFO);

        final int number;

        SocketOption(int number) {
            this.number = number;
        }
    }

    /** The control messages that a reply is sent with. */
    public enum Form {
        /** None: the kernel chooses. */
        NONE,
        /**
         * An {@code in_pktinfo} with the address asked, or for a group or broadcast with the local address that
         * arrived.
         */
        IN_PKTINFO,
        /** An {@code in6_pktinfo} with the address asked, IPv4-mapped where that is IPv4. */
        IN6_PKTINFO,
        /** The {@code in6_pktinfo} and then the {@code in_pktinfo}, as they arrive. */
        BOTH,
        /** The {@code in_pktinfo} and then the {@code in6_pktinfo}: the last one counts. */
        BOTH_IN_PKTINFO_FIRST
    }

    /**
     * One request, and its reply as {@link SourceSelection#addressAsked} has it.
     *
     * @param socket the kind of socket that answered
     * @param asked the address that was asked
     * @param expected the source that is right, null if the request did not arrive
     * @param source the source that the client saw, null if it saw none
     * @param problem why there is no source, null if there is one
     * @param available false if this address cannot be asked here, which is nobody's failure; the problem says why
     */
    public record Exchange(
            PktInfoChannel.Family socket,
            IpAddress asked,
            @Nullable IpAddress expected,
            @Nullable IpAddress source,
            @Nullable String problem,
            boolean available) {
        /**
         * Whether the reply came from the right address.
         *
         * @return true if the client saw the source that was expected
         */
        public boolean isRight() {
            return source != null && source.equals(expected);
        }
    }

    /**
     * One socket with certain options, asked at one address, and its replies of every form.
     *
     * @param socket the kind of socket
     * @param options its options
     * @param asked the address that was asked
     * @param received what arrived with the request, null if no request did
     * @param replies one for each form, none if no request arrived
     * @param notAvailable why this cannot be tried here, null if it was
     */
    public record Experiment(
            PktInfoChannel.Family socket,
            Set<SocketOption> options,
            IpAddress asked,
            @Nullable ControlMessages received,
            List<Reply> replies,
            @Nullable String notAvailable) {
        /**
         * Where the reply of one form came from.
         *
         * @param form the form
         * @return the source that the client saw, null if it saw none or this form was not tried
         */
        public @Nullable IpAddress source(Form form) {
            Objects.requireNonNull(form, "form");
            return replies.stream()
                    .filter(reply -> reply.form == form && reply.source != null)
                    .map(Reply::source)
                    .findFirst()
                    .orElse(null);
        }
    }

    /**
     * What has become of a reply.
     *
     * @param form what it was sent with
     * @param source the source that the client saw, null if it saw none
     * @param error what the kernel refused it with, such as {@code EINVAL (22)}; null if it did not. Without an error
     *     and without a source the reply was lost
     */
    public record Reply(
            Form form, @Nullable IpAddress source, @Nullable String error) {}

    /**
     * Whether the default policy is right everywhere.
     *
     * @return true if at least one address could be asked, and each that could was answered from the right address
     */
    public boolean isRight() {
        List<Exchange> tried = exchanges.stream().filter(Exchange::available).toList();
        return !tried.isEmpty() && tried.stream().allMatch(Exchange::isRight);
    }
}
