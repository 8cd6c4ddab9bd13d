package org.pktinfo.netty;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.bootstrap.Bootstrap;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.DatagramChannel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.pktinfo.Environment;
import org.pktinfo.IpAddress;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.PktInfoSocketOptions;
import org.pktinfo.SendException;
import org.pktinfo.SourceSelection;

/** A socket that has IPV6_FREEBIND when the channel is made, as systemd's {@code FreeBind=} passes it on. */
@Timeout(60)
class FreeBindNettyTest extends NettyTest {
    private final Recorder handler = new Recorder();

    private static SourceSelection from(String address) throws Exception {
        return SourceSelection.fixed(IpAddress.of(InetAddress.getByName(address)));
    }

    @Test
    void aSourceThatIsNotThisHostsFailsItsOwnPromise() throws Exception {
        Environment.assumeIpv6();
        DatagramChannel socket = DatagramChannel.open();
        PktInfoChannel unused = PktInfoChannel.wrap(socket).setOption(PktInfoSocketOptions.FREEBIND, true);
        socket.bind(new InetSocketAddress("::", 0));
        PktInfoDatagramChannel server = opened(new Bootstrap()
                .group(loops)
                .channelFactory(() -> new PktInfoDatagramChannel(socket))
                .handler(handler)
                .register());
        client.send(new java.net.DatagramPacket(
                new byte[1],
                1,
                new InetSocketAddress("::1", server.localAddress().getPort())));
        PktInfoDatagramPacket request = (PktInfoDatagramPacket) handler.next();
        assertThat(server.writeAndFlush(request.reply(text("forged"), from("2001:db8::9")))
                        .await()
                        .cause())
                .isInstanceOfSatisfying(
                        SendException.class, e -> assertThat(e.kind()).isEqualTo(SendException.Kind.SOURCE_UNUSABLE))
                .hasMessageContaining("EADDRNOTAVAIL");
        done(server.writeAndFlush(request.reply(text("own"), from("::1"))));
        assertThat(text(receive())).isEqualTo("own");
    }
}
