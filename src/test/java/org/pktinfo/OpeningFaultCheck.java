package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.DatagramChannel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pktinfo.Faults.Step;
import org.pktinfo.internal.Errno;
import org.pktinfo.internal.HostAddress;
import org.pktinfo.server.DatagramServer;

/**
 * System calls that fail while a channel is opened or an address looked up: for a JVM that has the test build of the
 * library which makes them fail.
 */
@Timeout(60)
class OpeningFaultCheck extends FaultFixture {
    /**
     * Fails the system calls of opening a dual-stack channel in their order, without those that an old kernel need not
     * have.
     */
    @ParameterizedTest
    @CsvSource({
        "FCNTL, 24, 0, fcntl(F_DUPFD_CLOEXEC): EMFILE (24)",
        "EVENTFD, 24, 0, eventfd: EMFILE (24)",
        "EVENTFD, 12, 0, eventfd: ENOMEM (12)",
        "GETSOCKOPT, 12, 0, getsockopt(SO_DOMAIN): ENOMEM (12)",
        "SETSOCKOPT, 12, 0, setsockopt(IP_PKTINFO): ENOMEM (12)",
        "SETSOCKOPT, 1, 1, setsockopt(IPV6_RECVPKTINFO): EPERM (1)",
        "GETSOCKOPT, 12, 1, getsockopt(IPV6_V6ONLY): ENOMEM (12)"
    })
    void whatFailsWhileAChannelIsOpenedIsNamedAndLeavesNothingOpen(Step step, int errno, int at, String message)
            throws IOException {
        PktInfoChannel.open().close();
        long before = OpenDescriptors.count();
        for (int i = 0; i < 100; i++) {
            faults.fail(step, errno, at, 1);
            assertThatThrownBy(PktInfoChannel::open)
                    .isInstanceOf(IOException.class)
                    .hasMessage(message);
            assertThat(faults.hits(step)).isEqualTo(1);
        }
        OpenDescriptors.assertNoMoreThan(before);
        PktInfoChannel.open().close();
    }

    @ParameterizedTest
    @CsvSource({"FCNTL, 0", "EVENTFD, 0", "GETSOCKOPT, 0", "SETSOCKOPT, 0", "SETSOCKOPT, 1"})
    void aChannelThatCannotBeWrappedStaysAsItIs(Step step, int at) throws IOException {
        long before = OpenDescriptors.count();
        for (int i = 0; i < 100; i++) {
            faults.fail(step, Errno.ENOMEM, at, 1);
            assertThatThrownBy(() -> PktInfoChannel.wrap(socket)).isInstanceOf(IOException.class);
        }
        OpenDescriptors.assertNoMoreThan(before);
        assertThat(socket.isOpen()).isTrue();
        askAll();
        startServer();
        assertAllAnsweredBut(-1);
    }

    @ParameterizedTest
    @CsvSource({"FCNTL, 0", "FCNTL, 1", "FCNTL, 3", "EVENTFD, 2", "SETSOCKOPT, 5"})
    void aServerOfWhichOneWorkerCannotBeHasNone(Step step, int at) throws IOException {
        long before = OpenDescriptors.count();
        InetSocketAddress local = (InetSocketAddress) socket.getLocalAddress();
        socket.close();
        for (int i = 0; i < 20; i++) {
            faults.fail(step, Errno.ENOMEM, at, 1);
            DatagramServer.Builder builder =
                    DatagramServer.builder().bind(local).workers(4).payloadCapacity(1500);
            assertThatThrownBy(() -> builder.start(slot -> slot.reply(0))).isInstanceOf(IOException.class);
            assertThat(faults.hits(step)).isEqualTo(1);
        }
        OpenDescriptors.assertNoMoreThan(before);
        socket = DatagramChannel.open().bind(local);
    }

    /** Simulates a sandbox that allows the internet's address families only; then binding a socket gives the answer. */
    @Test
    void whereNetlinkIsRefusedAddressesAreToldByBinding() throws IOException {
        faults.fail(Step.NETLINK, Errno.EACCES, 0, Faults.FOR_EVER);
        assertThat(ask("127.0.0.9")).isEqualTo(HostAddress.Answer.LOCAL);
        assertThat(ask("192.0.2.1")).isEqualTo(HostAddress.Answer.FOREIGN);
        assertThat(HostAddress.way()).contains("binding a socket", "EACCES (13)");
        assertThat(faults.hits(Step.NETLINK)).isPositive();
    }

    private static HostAddress.Answer ask(String address) throws IOException {
        IpAddress asked = Loopback.address(address);
        return HostAddress.ask(asked.high(), asked.low(), 0);
    }
}
