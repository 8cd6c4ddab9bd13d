package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pktinfo.Datagram;
import org.pktinfo.DatagramBatch;
import org.pktinfo.Endpoint;
import org.pktinfo.Environment;
import org.pktinfo.IpAddress;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.PktInfoChannel.Family;
import org.pktinfo.PktInfoSocketOptions;
import org.pktinfo.SendException;
import org.pktinfo.SendOptions;
import org.pktinfo.Source;
import org.pktinfo.SourceSelection;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.EmulatedKernel;

/** Replies with header fields of their own on the emulated kernels, of which the oldest refuse these over IPv4. */
@Timeout(60)
class EmulatedFieldsIT {
    /** Replies in each way from a channel of a family to an address; prints the hop limit received, or the failure. */
    public static final class Program {
        private static final Duration SOON = Duration.ofSeconds(5);
        private static final SendOptions OPTIONS = SendOptions.NONE.withHopLimit(77);

        private Program() {}

        public static void main(String[] arguments) throws IOException {
            InetAddress address = InetAddress.getByName(arguments[1]);
            try (PktInfoChannel server = PktInfoChannel.open(Family.valueOf(arguments[0]));
                    PktInfoChannel client = PktInfoChannel.open(Family.DUAL_STACK)) {
                DatagramBatch batch = server.newBatch(2, 100);
                server.bind(new InetSocketAddress(0));
                client.bind(new InetSocketAddress(0));
                client.setOption(PktInfoSocketOptions.RECEIVE_HOP_LIMIT, true);
                Endpoint to = new Endpoint(
                        IpAddress.of(address), server.localAddress().getPort());
                ask(client, to);
                Datagram request = Objects.requireNonNull(server.receive(SOON), "request");
                System.out.println("record: " + record(server, client, request, OPTIONS));
                System.out.println("foreign source: " + foreign(server, request));
                ask(client, to);
                System.out.println("batch: " + batch(batch, client));
                String without = record(server, client, request, SendOptions.NONE);
                System.out.println("without: " + without.replaceFirst("hop limit (?!77)\\d+", "the socket's"));
            }
        }

        private static void ask(PktInfoChannel client, Endpoint to) throws IOException {
            client.send(ByteBuffer.wrap(new byte[] {1}), to, Source.systemChoice());
        }

        private static String record(
                PktInfoChannel server, PktInfoChannel client, Datagram request, SendOptions options)
                throws IOException {
            try {
                server.reply(request, ByteBuffer.wrap(new byte[] {2}), SourceSelection.requestDestination(), options);
                return received(client);
            } catch (SendException e) {
                return text(e);
            }
        }

        /** A source that is not the host's stays the reason, with options too. */
        private static String foreign(PktInfoChannel server, Datagram request) throws IOException {
            boolean ipv4 = request.peer().address().isIpv4();
            Source source = Source.of(IpAddress.of(InetAddress.getByName(ipv4 ? "192.0.2.7" : "2001:db8::7")));
            try {
                server.send(ByteBuffer.wrap(new byte[] {2}), request.peer(), source, OPTIONS);
                return "sent";
            } catch (SendException e) {
                return e.kind().toString();
            }
        }

        private static String batch(DatagramBatch batch, PktInfoChannel client) throws IOException {
            if (batch.receive(SOON) != 1) {
                throw new IOException("no request in the batch");
            }
            batch.slot(0).reply(1);
            batch.slot(0).sendOptions(OPTIONS);
            batch.send();
            SendException failure = batch.slot(0).failure();
            return failure == null ? received(client) : text(failure);
        }

        private static String text(SendException failure) {
            return failure.kind() + " " + failure.getMessage().replaceFirst("source.*:\\d+", "...");
        }

        private static String received(PktInfoChannel client) throws IOException {
            Datagram reply = Objects.requireNonNull(client.receive(SOON), "reply");
            return "hop limit " + reply.facts().hopLimit();
        }
    }

    private static List<String> run(EmulatedKernel kernel, Family family, String address) throws Exception {
        List<String> command = new ArrayList<>(kernel.java());
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Program.class.getName()));
        command.addAll(List.of(family.name(), address));
        ChildProcess child = ChildProcess.run(command);
        assertThat(child.exitCode()).as("%s", child).isZero();
        return child.out();
    }

    @ParameterizedTest
    @EnumSource
    void aReplyWithFieldsToAnIpv4PeerIsRefusedWithItsReasonBefore313(EmulatedKernel kernel) throws Exception {
        Environment.assumeIpv6();
        String reply = kernel.isLegacy()
                ? "OTHER sendmsg: EINVAL (22), ...; Linux before 3.13 refuses SendOptions to an IPv4 peer"
                : "hop limit 77";
        for (Family family : List.of(Family.DUAL_STACK, Family.IPV4)) {
            assertThat(run(kernel, family, "127.0.0.2"))
                    .containsExactly(
                            "record: " + reply,
                            "foreign source: SOURCE_UNUSABLE",
                            "batch: " + reply,
                            "without: the socket's");
        }
    }

    @ParameterizedTest
    @EnumSource
    void aReplyWithFieldsToAnIpv6PeerLeavesWithThemOnEach(EmulatedKernel kernel) throws Exception {
        Environment.assumeIpv6();
        assertThat(run(kernel, Family.DUAL_STACK, "::1"))
                .containsExactly(
                        "record: hop limit 77",
                        "foreign source: SOURCE_UNUSABLE",
                        "batch: hop limit 77",
                        "without: the socket's");
    }
}
