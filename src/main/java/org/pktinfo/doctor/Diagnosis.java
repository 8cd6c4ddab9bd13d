package org.pktinfo.doctor;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SortedMap;
import org.jspecify.annotations.Nullable;
import org.pktinfo.IpAddress;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.SourceSelection;
import org.pktinfo.internal.Layout;

/**
 * The findings of {@link Doctor} about this host. Immutable, and safe for use by any thread. Only the doctor creates
 * instances: the constructors do not check their arguments.
 *
 * @param behaviour the kernel's treatment of packet information
 * @param proofs the kernel's treatment of the source that a datagram is to be sent from, by the exchange on loopback
 *     that the first channel of a process makes: on an IPv4 socket, on an IPv6 socket, and for IPv4 on a dual-stack
 *     socket
 * @param descriptorFoundBy the field or method of the JDK's channel through which its descriptor was found
 * @param hostAddressesFrom the means of deciding if an address is this host's, in words
 * @param socketOptions the names of the options of {@link org.pktinfo.PktInfoSocketOptions}, sorted, and if the kernel
 *     has each; {@code FRAGMENTATION} with all its values. Without IPv6, those of IPv4
 * @param exchanges one request and its reply by the default policy, for each kind of socket and each address
 * @param experiments the packet information received and the effect of each form of reply, for each kind of socket, set
 *     of options and address
 * @param omittedAddresses the number of local addresses of this host that the experiments omitted; the exchanges omit
 *     none
 */
@SuppressWarnings("exports") // the annotations are not needed at run time
public record Diagnosis(
        Behaviour behaviour,
        Map<PktInfoChannel.Family, Proof> proofs,
        String descriptorFoundBy,
        String hostAddressesFrom,
        SortedMap<String, Boolean> socketOptions,
        List<Exchange> exchanges,
        List<Experiment> experiments,
        int omittedAddresses) {
    /**
     * Returns {@link #hostAddressesFrom}.
     *
     * @return the way in which the host's addresses were found
     * @deprecated renamed to {@link #hostAddressesFrom}
     */
    @Deprecated(since = "0.1.0", forRemoval = true)
    public String hostAddressesToldBy() {
        return hostAddressesFrom;
    }

    /**
     * Returns {@link #omittedAddresses}.
     *
     * @return the number of addresses left out
     * @deprecated renamed to {@link #omittedAddresses}
     */
    @Deprecated(since = "0.1.0", forRemoval = true)
    public int addressesLeftOut() {
        return omittedAddresses;
    }

    /** The kernel's treatment of the packet information of IPv4 datagrams on a dual-stack socket: three generations. */
    public enum Behaviour {
        /** To RHEL 7.3 and Linux 3.13: an {@code in6_pktinfo} is neither received nor honoured. */
        ONLY_IN_PKTINFO("only in_pktinfo arrives, as on kernels to RHEL 7.3 and Linux 3.13"),
        /**
         * RHEL 7.4 and 7.5, Linux 3.14; also Linux 3.15 to 3.17 with IPv6 as a module: an {@code in6_pktinfo} is
         * received, but one that is sent is ignored without an error, so that the reply may leave from another address.
         */
        IN6_PKTINFO_IGNORED(
                "in_pktinfo and in6_pktinfo arrive, in6_pktinfo is ignored on sending, as on RHEL 7.4 and 7.5 and"
                        + " Linux 3.14"),
        /** Since RHEL 7.7 and Linux 3.15: an {@code in6_pktinfo} is received and honoured. */
        BOTH_HONOURED("in_pktinfo and in6_pktinfo arrive and are honoured, as on RHEL 7.7, Linux 3.15 and later"),
        /** There is no dual-stack socket: the host has no IPv6, or java.net.preferIPv4Stack is set. */
        NO_DUAL_STACK("there is no dual-stack socket here, so that only in_pktinfo counts for IPv4"),
        /** None of these, or no experiment was possible. */
        UNKNOWN("unlike any kernel known");

        private final String description;

        Behaviour(String description) {
            this.description = description;
        }

        /**
         * Returns the behaviour in words.
         *
         * @return a phrase for a report
         */
        public String description() {
            return description;
        }
    }

    /** The results of sending from a given source address. */
    public enum Proof {
        /** The datagram came from the given source, or a source that is not the host's was refused. */
        HONOURED,
        /**
         * The datagram came from another address, without an error. Channels are not opened unless {@code
         * pktinfo.unproven} is {@code allow}.
         */
        IGNORED,
        /** There is no such socket, loopback is down, or a firewall drops the datagram. Channels are opened. */
        NOT_TESTED
    }

    /** The socket options that enable packet information. */
    public enum SocketOption {
        /** The option of ip(7). */
        IP_PKTINFO(Layout.OPTION_IP_PKTINFO),
        /** The option of RFC 3542 4. */
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
         * An {@code in_pktinfo} with the request destination, or for a group or broadcast with the local address
         * received.
         */
        IN_PKTINFO,
        /** An {@code in6_pktinfo} with the request destination, IPv4-mapped if that is IPv4. */
        IN6_PKTINFO,
        /** The {@code in6_pktinfo} and then the {@code in_pktinfo}, in the order received. */
        BOTH,
        /** The {@code in_pktinfo} and then the {@code in6_pktinfo}: the last one takes effect. */
        BOTH_IN_PKTINFO_FIRST
    }

    /**
     * One request, and its reply as by {@link SourceSelection#requestDestination}.
     *
     * @param socket the kind of socket that answered
     * @param destination the request destination
     * @param expected the correct source, null if the request did not arrive
     * @param source the source that the client saw, null if it saw none
     * @param problem the reason why there is no source, null if there is one
     * @param available false if no request can be sent to this address here, which is not a failure; the problem says
     *     why
     */
    public record Exchange(
            PktInfoChannel.Family socket,
            IpAddress destination,
            @Nullable IpAddress expected,
            @Nullable IpAddress source,
            @Nullable String problem,
            boolean available) {
        /**
         * Returns {@link #destination}.
         *
         * @return the request destination
         * @deprecated renamed to {@link #destination}
         */
        @Deprecated(since = "0.1.0", forRemoval = true)
        public IpAddress asked() {
            return destination;
        }

        /**
         * Returns true if the reply came from the correct address.
         *
         * @return true if the client saw the source that was expected
         */
        public boolean isRight() {
            return source != null && source.equals(expected);
        }
    }

    /**
     * One socket with certain options, a request to one address, and the replies of every form.
     *
     * @param socket the kind of socket
     * @param options its options
     * @param destination the request destination
     * @param received the packet information received with the request, null if no request arrived
     * @param replies one for each form, none if no request arrived
     * @param notAvailable the reason why this experiment is not possible here, null if it was
     */
    public record Experiment(
            PktInfoChannel.Family socket,
            Set<SocketOption> options,
            IpAddress destination,
            @Nullable ControlMessages received,
            List<Reply> replies,
            @Nullable String notAvailable) {
        /**
         * Returns {@link #destination}.
         *
         * @return the request destination
         * @deprecated renamed to {@link #destination}
         */
        @Deprecated(since = "0.1.0", forRemoval = true)
        public IpAddress asked() {
            return destination;
        }

        /**
         * Returns the source of the reply of one form.
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
     * The outcome of a reply.
     *
     * @param form the control messages that it was sent with
     * @param source the source that the client saw, null if it saw none
     * @param error the error with which the kernel refused it, such as {@code EINVAL (22)}; null if it did not. Without
     *     an error and without a source the reply was lost
     */
    public record Reply(
            Form form, @Nullable IpAddress source, @Nullable String error) {}

    /**
     * Returns true if the default policy is correct everywhere.
     *
     * @return true if a request was possible to at least one address, and each was answered from the correct address
     */
    public boolean isRight() {
        List<Exchange> tried = exchanges.stream().filter(Exchange::available).toList();
        return !tried.isEmpty() && tried.stream().allMatch(Exchange::isRight);
    }
}
