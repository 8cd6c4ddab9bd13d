package org.pktinfo.netty;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.channel.DefaultSelectStrategyFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SelectStrategy;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.DatagramPacket;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.channels.DatagramChannel;
import java.nio.channels.spi.SelectorProvider;
import java.time.Instant;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.pktinfo.NetworkError;
import org.pktinfo.PktInfoSocketOptions;
import org.pktinfo.SendOptions;
import org.pktinfo.TransmitTime;
import org.pktinfo.internal.Doors;

/** The network's errors in Netty: user events that neither fail a write nor keep the event loop busy. */
@Timeout(60)
class ErrorEventTest extends NettyTest {
    private final BlockingQueue<NetworkError> errors = new LinkedBlockingQueue<>();

    private final Recorder handler = new Recorder() {
        @Override
        void received(ChannelHandlerContext context, DatagramPacket packet) {
            ChannelFuture unused =
                    context.writeAndFlush(new DatagramPacket(packet.content().retainedDuplicate(), packet.sender()));
        }

        @Override
        public void userEventTriggered(ChannelHandlerContext context, Object event) {
            assertThat(context.channel().eventLoop().inEventLoop()).isTrue();
            if (event instanceof NetworkError error) {
                errors.add(error);
            }
        }
    };

    private static PktInfoDatagramChannel reporting() {
        try {
            DatagramChannel socket = DatagramChannel.open();
            Doors.reportErrors(socket);
            return new PktInfoDatagramChannel(socket);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Bootstrap reporting(Recorder recorder) {
        return bootstrap(recorder, ErrorEventTest::reporting);
    }

    private static InetSocketAddress closed() throws IOException {
        try (DatagramSocket socket = new DatagramSocket(new InetSocketAddress("127.0.0.1", 0))) {
            return (InetSocketAddress) socket.getLocalSocketAddress();
        }
    }

    private void assertReported(InetSocketAddress peer) throws Exception {
        assertThat(errors.poll(5, TimeUnit.SECONDS))
                .isNotNull()
                .matches(error -> error.kind() == NetworkError.Kind.PORT_UNREACHABLE)
                .matches(error -> error.destination().toSocketAddress().equals(peer));
    }

    @Test
    void anErrorIsAUserEventAndWritesToOtherPeersSucceed() throws Exception {
        PktInfoDatagramChannel channel = bind(reporting(handler));
        for (int i = 0; i < 20; i++) {
            InetSocketAddress peer = closed();
            done(channel.writeAndFlush(new DatagramPacket(text("x"), peer)));
            assertAnswered("127.0.0.2", channel);
            assertReported(peer);
        }
        assertThat(channel.isActive()).isTrue();
    }

    @Test
    void moreErrorsThanOneTurnFiresAreAllFired() throws Exception {
        PktInfoDatagramChannel channel = bind(reporting(handler)
                .option(PktInfoChannelOption.COALESCE_WRITES, false)); // what is sent as one is reported as one
        InetSocketAddress peer = closed();
        for (int i = 0; i < 50; i++) {
            ChannelFuture unused = channel.write(new DatagramPacket(text("x"), peer));
        }
        channel.flush();
        for (int i = 0; i < 50; i++) {
            assertReported(peer);
        }
        assertAnswered("127.0.0.2", channel);
    }

    /** Without autoRead nothing reads, so that the write itself has to find the error. */
    @Test
    void aChannelThatOnlyWritesReportsToo() throws Exception {
        PktInfoDatagramChannel channel = bind(reporting(handler).option(ChannelOption.AUTO_READ, false));
        InetSocketAddress peer = closed();
        done(channel.writeAndFlush(new DatagramPacket(text("x"), peer)));
        assertReported(peer);
    }

    @Test
    void anEventThatClosesTheChannelEndsTheEvents() throws Exception {
        PktInfoDatagramChannel channel = bind(reporting(new Recorder() {
            @Override
            public void userEventTriggered(ChannelHandlerContext context, Object event) {
                if (event instanceof NetworkError error) {
                    errors.add(error);
                    ChannelFuture unused = context.close();
                }
            }
        }));
        InetSocketAddress peer = closed();
        for (int i = 0; i < 5; i++) {
            ChannelFuture unused = channel.write(new DatagramPacket(text("x"), peer));
        }
        channel.flush();
        assertReported(peer);
        done(channel.closeFuture());
        done(channel.eventLoop().submit(() -> {}));
        assertThat(errors).isEmpty();
    }

    /** An event loop that an error woke again and again would make thousands of turns in this time. */
    @Test
    void theEventLoopSleepsAfterAnError() throws Exception {
        AtomicInteger turns = new AtomicInteger();
        MultiThreadIoEventLoopGroup counted =
                new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory(SelectorProvider.provider(), () -> {
                    SelectStrategy usual = DefaultSelectStrategyFactory.INSTANCE.newSelectStrategy();
                    return (supplier, hasTasks) -> {
                        turns.incrementAndGet();
                        return usual.calculateStrategy(supplier, hasTasks);
                    };
                }));
        try {
            ChannelFuture bound = new Bootstrap()
                    .group(counted)
                    .channelFactory(ErrorEventTest::reporting)
                    .option(ChannelOption.ALLOCATOR, buffers)
                    .handler(handler)
                    .bind(0);
            done(bound);
            Channel channel = bound.channel();
            InetSocketAddress peer = closed();
            done(channel.writeAndFlush(new DatagramPacket(text("x"), peer)));
            assertReported(peer);
            int before = turns.get();
            done(channel.eventLoop().schedule(() -> {}, 500, TimeUnit.MILLISECONDS));
            assertThat(turns.get() - before).isLessThan(50);
            done(channel.close());
        } finally {
            counted.shutdownGracefully(0, 0, TimeUnit.SECONDS).syncUninterruptibly();
        }
    }

    @Test
    void aTimeOfTransmissionIsAUserEvent() throws Exception {
        BlockingQueue<TransmitTime> times = new LinkedBlockingQueue<>();
        PktInfoDatagramChannel channel = bind(bootstrap(new Recorder() {
                    @Override
                    public void userEventTriggered(ChannelHandlerContext context, Object event) {
                        if (event instanceof TransmitTime time) {
                            times.add(time);
                        }
                    }
                })
                .option(PktInfoChannelOption.of(PktInfoSocketOptions.TRANSMIT_TIMES), true));
        for (int id = 0; id < 40; id++) {
            ChannelFuture unused = channel.write(
                    OptionsPacket.of(new DatagramPacket(text("x"), closed()), SendOptions.NONE.withTransmitTime(id)));
        }
        Instant before = Instant.now();
        channel.flush();
        for (int id = 0; id < 40; id++) {
            TransmitTime time = times.poll(5, TimeUnit.SECONDS);
            assertThat(time).isNotNull();
            assertThat(time.id()).isEqualTo(id);
            assertThat(time.time()).isBetween(before, Instant.now());
        }
    }
}
