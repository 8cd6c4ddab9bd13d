package org.pktinfo.netty;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledHeapByteBuf;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.channel.socket.DatagramPacket;
import io.netty.channel.unix.SegmentedDatagramPacket;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.SendException;

/** Several datagrams that a channel reads and writes at once: their buffers, their order, the segments of one. */
@Timeout(60)
class NettyBatchTest extends NettyTest {
    /** Netty's NIO and epoll channels report them as written and do not send them. */
    @Test
    void emptyDatagramsAreSent() throws Exception {
        PktInfoDatagramChannel server = bind(new Recorder());
        done(server.writeAndFlush(new DatagramPacket(Unpooled.EMPTY_BUFFER, clientAddress())));
        assertThat(receive().getLength()).isZero();
        done(server.connect(clientAddress()));
        ChannelFuture first = server.write(Unpooled.EMPTY_BUFFER);
        ChannelFuture between = server.write(text("between"));
        done(server.writeAndFlush(Unpooled.EMPTY_BUFFER));
        done(first);
        done(between);
        assertThat(List.of(
                        receive().getLength(), receive().getLength(), receive().getLength()))
                .containsExactly(0, 7, 0);
    }

    /** Reads several by one call, an empty and a truncated one among them. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatIsReadAtOnceSharesABufferIfThatIsWanted(boolean shared) throws Exception {
        List<ByteBuf> contents = new ArrayList<>();
        Recorder handler = new Recorder() {
            @Override
            void received(ChannelHandlerContext context, DatagramPacket packet) {
                contents.add(packet.content().retain());
            }
        };
        PktInfoDatagramChannel server = bind(bootstrap(handler)
                .option(PktInfoChannelOption.SHARE_READ_BUFFER, shared)
                .option(ChannelOption.RECVBUF_ALLOCATOR, new FixedRecvByteBufAllocator(6).maxMessagesPerRead(10))
                .option(ChannelOption.AUTO_READ, false));
        for (String text : List.of("first", "", "second", "the third", "4")) {
            send("127.0.0.2", server, text);
        }
        server.config().setAutoRead(true);
        for (int i = 0; i < 5; i++) {
            handler.next();
        }
        done(server.eventLoop().submit(() -> {})); // the last one is released
        contents.remove(0).release(); // the content of the others is unaffected
        assertThat(contents)
                .extracting(content -> content.toString(StandardCharsets.UTF_8))
                .containsExactly("", "second", "the th", "4");
        assertThat(contents).allSatisfy(content -> {
            assertThat(content.isWritable()).isEqualTo(!shared && content.readableBytes() < 6);
            assertThat(content.refCnt()).isEqualTo(shared ? 4 : 1);
        });
        assertThat(buffers.metric().usedDirectMemory()).isEqualTo(shared ? 5 + 6 + 6 + 1 : 4 * 6);
        contents.forEach(ByteBuf::release);
        assertThat(buffers.metric().usedDirectMemory()).isZero();
    }

    private List<Integer> lengths(int count) throws IOException {
        List<Integer> lengths = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            lengths.add(receive().getLength());
        }
        return lengths;
    }

    @Test
    void aSegmentedPacketLeavesAsSeveralDatagrams() throws Exception {
        PktInfoDatagramChannel server = bind(bootstrap(new Recorder()).option(PktInfoChannelOption.BATCH_SIZE, 4));
        InetSocketAddress source = new InetSocketAddress("127.0.0.6", 0);
        done(server.writeAndFlush(
                new SegmentedDatagramPacket(buffers.buffer().writeZero(2500), 1000, clientAddress(), source)));
        assertThat(lengths(3)).containsExactly(1000, 1000, 500);

        ChannelFuture before = server.write(new DatagramPacket(text("before"), clientAddress()));
        ByteBuf parts = buffers.compositeBuffer()
                .addComponent(true, buffers.buffer().writeZero(30))
                .addComponent(true, buffers.buffer().writeZero(75));
        ChannelFuture moreThanSlots = server.write(new SegmentedDatagramPacket(parts, 10, clientAddress(), source));
        ChannelFuture longOnes = server.write(
                new SegmentedDatagramPacket(buffers.buffer().writeZero(12_000), 5000, clientAddress(), source));
        ChannelFuture bad = server.write(new SegmentedDatagramPacket(
                buffers.buffer().writeZero(100), 10, clientAddress(), new InetSocketAddress("192.0.2.7", 0)));
        ChannelFuture after = server.writeAndFlush(new DatagramPacket(text("after"), clientAddress()));
        done(before);
        done(moreThanSlots);
        done(longOnes);
        done(after);
        assertThat(bad.cause()).isInstanceOf(SendException.class);
        List<Integer> expected = new ArrayList<>(List.of(6));
        IntStream.range(0, 10).forEach(i -> expected.add(10));
        expected.addAll(List.of(5, 5000, 5000, 2000, 5));
        assertThat(lengths(expected.size())).isEqualTo(expected);
    }

    /** Like a packet released in the meantime: its slot contains the bytes of another packet. */
    @Test
    void whatCannotBeReadIsNotSentAndItsNeighboursAre() throws Exception {
        PktInfoDatagramChannel server = bind(new Recorder());
        IllegalStateException failure = new IllegalStateException("cannot be read");
        ByteBuf unreadable = new UnpooledHeapByteBuf(buffers, 8, 8) {
            @Override
            public ByteBuf getBytes(int index, ByteBuffer into) {
                throw failure;
            }
        };
        ChannelFuture before = server.write(new DatagramPacket(text("before"), clientAddress()));
        ChannelFuture failed = server.write(new DatagramPacket(unreadable.writeZero(8), clientAddress()));
        ChannelFuture after = server.writeAndFlush(new DatagramPacket(text("after"), clientAddress()));
        done(before);
        done(after);
        assertThat(failed.cause()).isSameAs(failure);
        assertThat(text(receive())).isEqualTo("before");
        assertThat(text(receive())).isEqualTo("after");
    }

    @Test
    void aSegmentedPacketLeavesFromTheSourceChosen() throws Exception {
        PktInfoDatagramChannel server = bind(new Recorder());
        done(server.writeAndFlush(new SegmentedDatagramPacket(
                buffers.buffer().writeZero(20), 10, clientAddress(), new InetSocketAddress("127.0.0.6", 0))));
        assertThat(receive().getAddress()).isEqualTo(address("127.0.0.6"));
        assertThat(receive().getAddress()).isEqualTo(address("127.0.0.6"));
    }

    /** Longer than a slot of the usual batch: each is still sent in its turn. */
    @Test
    void longOnesAndShortOnesKeepTheirOrder() throws Exception {
        PktInfoDatagramChannel server = bind(new Recorder());
        List<ChannelFuture> futures = new ArrayList<>();
        List<Integer> lengths = List.of(10, 60_000, 20, 30, 3000, 2048, 2049, 1);
        for (int length : lengths) {
            futures.add(server.write(new DatagramPacket(buffers.buffer().writeZero(length), clientAddress())));
        }
        server.flush();
        for (ChannelFuture future : futures) {
            done(future);
        }
        assertThat(lengths(lengths.size())).isEqualTo(lengths);
    }
}
