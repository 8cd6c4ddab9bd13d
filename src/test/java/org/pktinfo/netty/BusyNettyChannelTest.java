package org.pktinfo.netty;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.channel.socket.DatagramPacket;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.logging.Logger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A channel with more datagrams to read than it takes in one turn of its event loop. */
@Timeout(60)
class BusyNettyChannelTest extends NettyTest {
    @ParameterizedTest
    @ValueSource(ints = {1, 3, 64, 1024})
    void moreThanABatchIsReadAndWrittenInItsOrder(int batchSize) throws Exception {
        flood(bootstrap(typical())
                .option(PktInfoChannelOption.BATCH_SIZE, batchSize)
                .option(PktInfoChannelOption.COALESCE_WRITES, batchSize > 3)
                .option(ChannelOption.RECVBUF_ALLOCATOR, new FixedRecvByteBufAllocator(2048).maxMessagesPerRead(1000)));
        assertAllAnswered();
    }

    private static final int FLOOD = 100;

    /** Queues {@code FLOOD} datagrams before the channel begins to read. */
    private PktInfoDatagramChannel flood(Bootstrap bootstrap) throws Exception {
        PktInfoDatagramChannel server = bind(bootstrap.option(ChannelOption.AUTO_READ, false));
        for (int i = 0; i < FLOOD; i++) {
            send("127.0.0.2", server, "number " + i);
        }
        server.config().setAutoRead(true);
        return server;
    }

    /** Reads two at a time, and so is busy until all are read. */
    private PktInfoDatagramChannel flood(Recorder handler) throws Exception {
        return flood(bootstrap(handler)
                .option(ChannelOption.RECVBUF_ALLOCATOR, new FixedRecvByteBufAllocator(64).maxMessagesPerRead(2)));
    }

    /** Does something with the datagram of a number, and answers all. */
    private static Recorder doing(int number, Consumer<Channel> something) {
        return new Recorder() {
            private int received;

            @Override
            void received(ChannelHandlerContext context, DatagramPacket packet) {
                if (received++ == number) {
                    something.accept(context.channel());
                }
                ChannelFuture unused = context.writeAndFlush(
                        new DatagramPacket(packet.content().retainedDuplicate(), packet.sender()));
            }
        };
    }

    private void assertAllAnswered() throws IOException {
        for (int i = 0; i < FLOOD; i++) {
            java.net.DatagramPacket reply = receive();
            assertThat(text(reply)).isEqualTo("number " + i);
            assertThat(reply.getAddress()).isEqualTo(address("127.0.0.2"));
        }
    }

    /** Waits until the event loop has run the tasks of its next turn. */
    private static void turn() throws Exception {
        done(loops.schedule(() -> {}, 1, TimeUnit.MILLISECONDS));
    }

    /** Makes a busy channel end its registration halfway, and asserts that it reads no more than it had begun to. */
    private PktInfoDatagramChannel unregistered(Consumer<Channel> something) throws Exception {
        Recorder handler = doing(FLOOD / 2, something);
        PktInfoDatagramChannel server = flood(handler);
        handler.await("unregistered");
        turn();
        assertThat(handler.packets).hasSize(FLOOD / 2 + 2);
        assertThat(handler.events()).noneMatch(event -> event.startsWith("caught"));
        return server;
    }

    /** Returns true if an epoll instance of this process contains the socket, by proc(5). */
    private static boolean isWatched(Channel channel) {
        String port = ":%04X ".formatted(((InetSocketAddress) channel.localAddress()).getPort());
        try (Stream<String> sockets = Files.lines(Path.of("/proc/self/net/udp6"));
                Stream<Path> descriptors = Files.list(Path.of("/proc/self/fdinfo"))) {
            String line =
                    sockets.filter(each -> each.contains(port)).findFirst().orElseThrow();
            long inode = Long.parseLong(line.strip().split("\\s+", -1)[9]);
            return descriptors.anyMatch(descriptor -> contains(descriptor, "ino:%x ".formatted(inode)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean contains(Path descriptor, String text) {
        try {
            return Files.readString(descriptor).contains(text);
        } catch (IOException e) {
            return false; // closed meanwhile
        }
    }

    @Test
    void whatIsBusyIsNotWatchedUntilAllIsRead() throws Exception {
        List<Boolean> watched = new ArrayList<>();
        PktInfoDatagramChannel server = flood(doing(FLOOD / 2, channel -> watched.add(isWatched(channel))));
        assertAllAnswered();
        assertThat(watched).as("after %d of %d", FLOOD / 2, FLOOD).containsExactly(false);
        assertAnswered("127.0.0.3", server);
        assertAnswered("::1", server);
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
        while (!isWatched(server)) {
            assertThat(System.nanoTime()).as("watched in time").isLessThan(deadline);
        }
        assertAnswered("127.0.0.4", server);
    }

    @Test
    void whatIsBusyDoesNotKeepItsNeighboursWaiting() throws Exception {
        Recorder neighbours = new Recorder();
        PktInfoDatagramChannel neighbour = bind(neighbours);
        List<Integer> heard = new ArrayList<>();
        Recorder busy = new Recorder() {
            @Override
            void received(ChannelHandlerContext context, DatagramPacket packet) throws IOException {
                heard.add(neighbours.packets.size());
                if (heard.size() == FLOOD / 2) {
                    send("127.0.0.1", neighbour, "to the neighbour");
                }
            }
        };
        flood(busy);
        busy.await("read number " + (FLOOD - 1));
        turn();
        assertThat(neighbours.next().content().refCnt()).as("released").isZero();
        assertThat(heard.get(FLOOD - 1))
                .as("heard by the neighbour before the last")
                .isEqualTo(1);
    }

    @Test
    void whatIsBusyStopsReadingWhenToldTo() throws Exception {
        Recorder handler = doing(FLOOD / 2, channel -> channel.config().setAutoRead(false));
        PktInfoDatagramChannel server = flood(handler);
        handler.await("read number " + (FLOOD / 2 + 1)); // those that were read in one call
        turn();
        assertThat(handler.packets).hasSize(FLOOD / 2 + 2);
        Channel unused = server.read();
        handler.await("read number " + (FLOOD / 2 + 2));
        turn();
        assertThat(handler.packets).hasSize(FLOOD / 2 + 3);
        server.config().setAutoRead(true);
        assertAllAnswered();
    }

    @Test
    void whatIsBusyMayChangeItsEventLoop() throws Exception {
        PktInfoDatagramChannel server = unregistered(channel -> {
            ChannelFuture unused = channel.deregister();
        });
        done(loops.register(server));
        assertAllAnswered();
        assertAnswered("127.0.0.3", server);
    }

    @Test
    void whatIsBusyMayBeToldToReadWhileItHasNoEventLoop() throws Exception {
        PktInfoDatagramChannel server = unregistered(channel -> {
            ChannelFuture unused = channel.deregister();
        });
        Channel unused = server.read();
        server.config().setAutoRead(false);
        server.config().setAutoRead(true);
        done(server.eventLoop().submit(() -> {}));
        assertThat(server.isOpen()).isTrue();
        assertThat(server.pipeline().get(Recorder.class).events()).noneMatch(event -> event.startsWith("caught"));
        done(loops.register(server));
        assertAllAnswered();
        assertAnswered("127.0.0.3", server);
    }

    /** No handler is left to receive an exception: the log is checked instead. */
    @Test
    void whatIsBusyCanBeClosed() throws Exception {
        Logger pipeline = Logger.getLogger("io.netty.channel.DefaultChannelPipeline");
        List<String> logged = new CopyOnWriteArrayList<>();
        pipeline.setFilter(line -> logged.add(line.getMessage()));
        try {
            unregistered(channel -> {
                ChannelFuture unused = channel.close();
            });
        } finally {
            pipeline.setFilter(null);
        }
        assertThat(logged).isEmpty();
    }
}
