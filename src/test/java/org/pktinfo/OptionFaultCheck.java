package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.SocketException;
import java.net.SocketOption;
import java.util.Objects;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pktinfo.Faults.Step;
import org.pktinfo.internal.Errno;

/**
 * Socket options that the kernel lacks or refuses: for a JVM that has the test build of the library which makes system
 * calls fail.
 */
@Timeout(60)
class OptionFaultCheck extends FaultFixture {
    @BeforeEach
    void wrap() throws IOException {
        Environment.assumeIpv6();
        channel = PktInfoChannel.wrap(socket);
    }

    @SuppressWarnings("unchecked") // the value is of the option's type
    private void set(String name, Object value) throws IOException {
        SocketOption<Object> option = (SocketOption<Object>) option(name);
        PktInfoChannel unused = channel.setOption(option, value);
    }

    private static SocketOption<?> option(String name) {
        return PktInfoSocketOptions.all().stream()
                .filter(option -> option.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    private Object sample(SocketOption<?> option) {
        Class<?> type = option.type();
        if (type == Boolean.class) {
            return !option.equals(PktInfoSocketOptions.RECEIVE_ALL_GROUPS); // which old kernels cannot disable
        }
        if (type == Integer.class) {
            return 5000;
        }
        return type == Long.class ? 5000L : type == String.class ? "lo" : Fragmentation.OMIT;
    }

    /** Fails the call for the family that the kernel lacks the option of; that for IPv4 comes first. */
    @ParameterizedTest
    @CsvSource({
        "RECEIVE_TRAFFIC_CLASS, 0, IP_RECVTOS, 2.6.14",
        "RECEIVE_TRAFFIC_CLASS, 1, IPV6_RECVTCLASS, 2.6.14",
        "RECEIVE_HOP_LIMIT, 0, IP_RECVTTL, 2.6.14",
        "RECEIVE_HOP_LIMIT, 1, IPV6_RECVHOPLIMIT, 2.6.14",
        "RECEIVE_TIME, 0, SO_TIMESTAMPNS, 2.6.22",
        "RECEIVE_HARDWARE_TIME, 0, SO_TIMESTAMPING, 2.6.30",
        "TRANSMIT_TIMES, 0, SO_TIMESTAMPING, 2.6.30",
        "RECEIVE_ORIGINAL_PORT, 0, IP_RECVORIGDSTADDR, 2.6.37",
        "RECEIVE_ORIGINAL_PORT, 1, IPV6_RECVORIGDSTADDR, 2.6.37",
        "RECEIVE_MARK, 0, SO_RCVMARK, 5.19",
        "COALESCE_RECEIVED, 0, UDP_GRO, 5.0",
        "RECEIVE_ALL_GROUPS, 1, IPV6_MULTICAST_ALL, 4.20",
        "FRAGMENTATION, 1, IPV6_DONTFRAG, 2.6.35",
        "TRANSPARENT, 0, IP_TRANSPARENT, 2.6.37",
        "TRANSPARENT, 1, IPV6_TRANSPARENT, 2.6.37",
        "MARK, 0, SO_MARK, 2.6.25",
        "BUSY_POLL, 0, SO_BUSY_POLL, 3.11",
        "RECEIVE_BUFFER_FORCE, 0, SO_RCVBUFFORCE, 2.6.14",
        "INCOMING_CPU, 0, SO_INCOMING_CPU, 4.4",
        "FREEBIND, 0, IPV6_FREEBIND, 4.15"
    })
    void anOptionThatTheKernelLacksIsNamedWithItsVersion(String name, int at, String call, String version)
            throws IOException {
        if (name.equals("TRANSPARENT") && at == 1) {
            Requires.root(); // the kernel must accept the first call
        }
        if (name.equals("TRANSMIT_TIMES")) {
            set(name, false); // the first to set it in a JVM asks the kernel's form, with a call of this kind
        }
        Object before = channel.getOption(option(name));
        faults.fail(Step.SETSOCKOPT, Errno.ENOPROTOOPT, at, 1);
        assertThatThrownBy(() -> set(name, sample(option(name))))
                .isInstanceOf(UnsupportedOperationException.class)
                .hasMessage("setsockopt(" + call + "): ENOPROTOOPT, since Linux " + version);
        assertThat(faults.hits(Step.SETSOCKOPT)).isEqualTo(1);
        faults.end(Step.SETSOCKOPT);
        assertThat(channel.getOption(option(name))).as("unchanged").isEqualTo(before);
        askAll();
        replyToAllBySystemCalls();
    }

    private void replyToAllBySystemCalls() throws IOException {
        for (int i = 0; i < DATAGRAMS; i++) {
            Datagram request = Objects.requireNonNull(channel.receive(Loopback.SOON));
            channel.reply(request, request.payload());
        }
        assertAllAnsweredBut(-1);
    }

    /** The kernel has the option itself, but not yet the value. */
    @ParameterizedTest
    @CsvSource({
        "INTERFACE, 0, IPV6_MTU_DISCOVER, 3.14",
        "INTERFACE, 2, IP_MTU_DISCOVER, 3.14",
        "OMIT, 0, IPV6_MTU_DISCOVER, 3.15",
        "OMIT, 2, IP_MTU_DISCOVER, 3.15"
    })
    void aFragmentationThatTheKernelLacksIsNamedWithItsVersion(Fragmentation value, int at, String call, String version)
            throws IOException {
        faults.fail(Step.SETSOCKOPT, Errno.EINVAL, at, 1);
        assertThatThrownBy(() -> set("FRAGMENTATION", value))
                .isInstanceOf(UnsupportedOperationException.class)
                .hasMessage("setsockopt(" + call + ", " + (value == Fragmentation.OMIT ? 5 : 4)
                        + "): EINVAL, since Linux " + version);
        assertThat(channel.getOption(PktInfoSocketOptions.FRAGMENTATION)).isEqualTo(Fragmentation.SYSTEM);
    }

    @ParameterizedTest
    @CsvSource({
        "TRANSPARENT, IP_TRANSPARENT, CAP_NET_ADMIN or CAP_NET_RAW",
        "MARK, SO_MARK, 'CAP_NET_ADMIN, or CAP_NET_RAW since Linux 5.17'",
        "BIND_TO_DEVICE, SO_BINDTODEVICE, 'CAP_NET_RAW, since Linux 5.7 only to change it once it is set'",
        "RECEIVE_BUFFER_FORCE, SO_RCVBUFFORCE, CAP_NET_ADMIN",
        "BUSY_POLL, SO_BUSY_POLL, CAP_NET_ADMIN to exceed net.core.busy_read"
    })
    void aMissingPrivilegeIsNamed(String name, String call, String privilege) {
        faults.fail(Step.SETSOCKOPT, Errno.EPERM, 0, 1);
        assertThatThrownBy(() -> set(name, sample(option(name))))
                .isInstanceOf(SocketException.class)
                .hasMessage("setsockopt(" + call + "): EPERM (1), needs " + privilege);
    }

    /** The file descriptors of a JVM may run out while a source is looked up, or a sandbox refuses netlink. */
    @Test
    void whereNetlinkIsRefusedFreeBindSendsFromAddressesOfInterfacesOnly() throws IOException {
        set("FREEBIND", true);
        faults.fail(Step.NETLINK, Errno.EACCES, 0, Faults.FOR_EVER);
        clients.get(0).send("::1", channel, new byte[] {1});
        Datagram request = Objects.requireNonNull(channel.receive(Loopback.SOON));
        channel.reply(request, request.payload());
        assertThat(clients.get(0).replySource(new byte[] {1})).hasToString("::1");
        assertThatThrownBy(() -> channel.send(
                        java.nio.ByteBuffer.allocate(1), request.peer(), Source.of(Loopback.address("2001:db8::1"))))
                .isInstanceOfSatisfying(
                        SendException.class, e -> assertThat(e.kind()).isEqualTo(SendException.Kind.SOURCE_UNUSABLE));
        assertThat(faults.hits(Step.NETLINK)).isPositive();
    }
}
