package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.channels.DatagramChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.pktinfo.Datagram;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.Requires;
import org.pktinfo.SendException;
import org.pktinfo.it.support.Agent;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.Namespaces;

/**
 * A socket that is bound to a device, handed over as systemd does. Kernels as old as RHEL 7's take interface index 0 in
 * a reply for "any device"; the kernel that runs this test does not, so the index is read from the system call.
 */
class BoundDeviceIT {
    /** Answers one request on the socket that is its standard input; prints "sent" or the error. */
    public static final class Program {
        private Program() {}

        public static void main(String[] arguments) throws IOException {
            try (PktInfoChannel server = PktInfoChannel.wrap((DatagramChannel) System.inheritedChannel())) {
                System.out.println("ready");
                Datagram request = server.receive();
                System.out.println(reply(server, request)); // closing an inherited channel closes the outputs too
            }
        }

        private static String reply(PktInfoChannel server, Datagram request) throws IOException {
            try {
                server.reply(request, request.payload());
                return "sent";
            } catch (SendException e) {
                return e.kind().toString();
            }
        }
    }

    /**
     * Hands over a socket that is bound to the device before, or, after a line on the standard input, during its use.
     */
    static final String HAND_OVER = """
            use Socket;
            my ($device, $port, $when, @command) = @ARGV;
            socket(my $server, AF_INET, SOCK_DGRAM, 0) or die "socket: $!";
            sub bind_to_device { setsockopt($server, SOL_SOCKET, 25, $device) or die "SO_BINDTODEVICE: $!" }
            bind_to_device() if $when eq "before";
            bind($server, sockaddr_in($port, INADDR_ANY)) or die "bind: $!";
            if ($when eq "after" && fork) {
                $| = 1;
                <STDIN> and bind_to_device() and print "bound\\n";
                wait;
                exit $? >> 8;
            }
            open(STDIN, "+<&", $server) or die "dup: $!";
            exec @command;
            """;

    @Test
    void aReplyNamesTheDeviceThatTheSocketIsBoundTo(@TempDir Path folder) throws Exception {
        Requires.tool("perl");
        Requires.tool("strace");
        Path trace = folder.resolve("trace");
        try (Namespaces hosts = new Namespaces()) {
            hosts.host("client");
            hosts.host("server");
            hosts.cable("client", "a1", "server", "a0");
            hosts.address("client", "a1", "10.9.0.100/24");
            hosts.address("server", "a0", "10.9.0.1/24", "10.9.0.2/24");
            String index = hosts.in("server", "cat /sys/class/net/a0/ifindex");
            List<String> command = hosts.inside(
                    "server",
                    "perl",
                    "-e",
                    HAND_OVER,
                    "a0",
                    "7000",
                    "before",
                    "strace",
                    "-f",
                    "-qq",
                    "-X",
                    "raw",
                    "-e",
                    "trace=sendmsg",
                    "-o",
                    trace.toString(),
                    ChildProcess.java().toString(),
                    "-cp",
                    System.getProperty("java.class.path"),
                    Program.class.getName());
            try (ChildProcess server = ChildProcess.start(command);
                    Agent client = new Agent(hosts, "client")) {
                server.awaitOut(line -> line.equals("ready"));
                client.say("send 10.9.0.2 7000");
                assertThat(client.say("await")).isEqualTo("10.9.0.2");
                assertThat(server.exitCode()).as("%s", server).isZero();
            }
            assertThat(Files.readString(trace))
                    .containsPattern("ipi_ifindex=(" + index + "|if_nametoindex\\(\"a0\"\\))\\D");
        }
    }

    @Test
    void theSampleServerServesASocketThatIsHandedOver() throws Exception {
        Requires.tool("perl");
        try (Namespaces hosts = new Namespaces()) {
            hosts.host("server");
            List<String> command = hosts.inside(
                    "server",
                    "perl",
                    "-e",
                    HAND_OVER,
                    "lo",
                    "7000",
                    "before",
                    ChildProcess.java().toString(),
                    "-jar",
                    System.getProperty("server.jar"));
            try (ChildProcess server = ChildProcess.start(command);
                    Agent client = new Agent(hosts, "server")) {
                server.awaitErr(line -> line.startsWith("listening on 0.0.0.0:7000"));
                client.say("send 127.0.0.2 7000");
                assertThat(client.say("await")).isEqualTo("127.0.0.2");
                server.terminate();
                assertThat(server.exitCode()).isZero();
            }
        }
    }
}
