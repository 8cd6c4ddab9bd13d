package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.channel.ChannelException;
import java.io.IOException;
import java.lang.reflect.Executable;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.InetSocketAddress;
import java.nio.channels.ClosedChannelException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;
import org.pktinfo.PktInfoChannel.Family;
import org.pktinfo.netty.PktInfoDatagramChannel;
import org.pktinfo.server.DatagramServer;

/**
 * Every public method of every public class with null, on closed objects, and on the wrong thread: the documented
 * exception is thrown, before any native call, and nothing is lost. The methods are found by reflection.
 */
@Timeout(60)
class PublicApiTest {
    private PublicApi api;

    @BeforeEach
    void open() throws IOException {
        api = new PublicApi();
    }

    @AfterEach
    void close() throws Exception {
        api.close();
    }

    @TestFactory
    Stream<DynamicTest> nullIsRefusedUnlessItIsSaidToBeTaken() throws Exception {
        List<DynamicTest> tests = new ArrayList<>();
        for (Executable executable : PublicApi.executables()) {
            for (int i = 0; i < executable.getParameterCount(); i++) {
                int at = i;
                if (!executable.getParameterTypes()[i].isPrimitive()) {
                    String name = PublicApi.name(executable) + " null at " + i;
                    tests.add(PublicApi.test(name, api -> assertNullIsRefused(api, executable, at)));
                }
            }
        }
        assertThat(tests).hasSizeGreaterThan(70);
        return tests.stream();
    }

    private static void assertNullIsRefused(PublicApi api, Executable executable, int at) throws Exception {
        Object[] arguments = api.arguments(executable);
        arguments[at] = null;
        for (Throwable thrown : api.call(executable, arguments)) {
            if (executable.getAnnotatedParameterTypes()[at].isAnnotationPresent(Nullable.class)) {
                assertThat(thrown instanceof NullPointerException).isFalse();
            } else if (PublicApi.isTheJdks(executable)) {
                assertThat(thrown).hasSameClassAs(PublicApi.jdkThrows((Method) executable, arguments));
            } else {
                assertThat(thrown).isInstanceOf(NullPointerException.class);
                PublicApi.assertNotNative(thrown);
            }
        }
    }

    @Test
    void theLongestTimesThereAreAreTaken() throws IOException {
        Duration endless = Duration.ofSeconds(Long.MAX_VALUE, 999_999_999);
        api.server.stop(endless);
        assertThat(new PeerMemory(8, endless).capacity()).isEqualTo(8);
        api.askAgain();
        assertThat(api.batch.receive(Duration.ZERO)).isZero();
    }

    private static final List<String> NEED_NO_SOCKET = List.of(
            "DatagramBatch.capacity()",
            "DatagramBatch.clear()",
            "DatagramBatch.coalesceReplies(boolean)",
            "DatagramBatch.payloadCapacity()",
            "DatagramBatch.put(ByteBuffer,Endpoint,Source)",
            "DatagramBatch.put(int,Endpoint,Source)",
            "DatagramBatch.size()",
            "DatagramBatch.slot(int)",
            "DatagramServer.channelStats()",
            "DatagramServer.close()",
            "DatagramServer.finish(Duration)",
            "DatagramServer.stats()",
            "DatagramServer.stop(Duration)",
            "DatagramServer.toString()",
            "PktInfoChannel.choosesSource()",
            "PktInfoChannel.close()",
            "PktInfoChannel.closeOnInterrupt(boolean)",
            "PktInfoChannel.ignoreInterrupts()",
            "PktInfoChannel.isBoundTo(IpAddress)",
            "PktInfoChannel.isOpen()",
            "PktInfoChannel.jdkChannel()",
            "PktInfoChannel.newBatch(int,int)",
            "PktInfoChannel.reconnect(Reconnection)",
            "PktInfoChannel.stats()",
            "PktInfoChannel.supportedOptions()",
            "PktInfoChannel.toString()",
            "PktInfoDatagramChannel.block(InetAddress,NetworkInterface,InetAddress)",
            "PktInfoDatagramChannel.block(InetAddress,NetworkInterface,InetAddress,ChannelPromise)",
            "PktInfoDatagramChannel.config()",
            "PktInfoDatagramChannel.isActive()",
            "PktInfoDatagramChannel.isConnected()",
            "PktInfoDatagramChannel.leaveGroup(InetAddress,NetworkInterface,InetAddress)",
            "PktInfoDatagramChannel.leaveGroup(InetAddress,NetworkInterface,InetAddress,ChannelPromise)",
            "PktInfoDatagramChannel.leaveGroup(InetSocketAddress,NetworkInterface)",
            "PktInfoDatagramChannel.leaveGroup(InetSocketAddress,NetworkInterface,ChannelPromise)",
            "PktInfoDatagramChannel.localAddress()",
            "PktInfoDatagramChannel.metadata()",
            "PktInfoDatagramChannel.remoteAddress()");

    /**
     * Returns the cause if Netty's configuration wraps it, because it declares no exception; any other exception as it
     * is.
     */
    private static @Nullable Throwable unwrapped(@Nullable Throwable thrown) {
        return thrown instanceof ChannelException ? thrown.getCause() : thrown;
    }

    private static final List<Class<?>> CLOSED =
            List.of(PktInfoChannel.class, PktInfoDatagramChannel.class, DatagramBatch.class, DatagramServer.class);

    /** Calls the methods of a closed channel, batch or server: those that do not throw then need no socket. */
    @Test
    void whatNeedsASocketSaysThatItIsClosed() throws Exception {
        TreeSet<String> silent = new TreeSet<>();
        for (Executable executable : PublicApi.executables()) {
            if (!CLOSED.contains(executable.getDeclaringClass())
                    || !(executable instanceof Method)
                    || Modifier.isStatic(executable.getModifiers())) {
                continue;
            }
            try (PublicApi closed = new PublicApi()) {
                Object[] arguments = closed.arguments(executable);
                closed.batch.slot(0).reply(1);
                closed.channel.close();
                closed.server.close();
                closed.netty.channel().close().syncUninterruptibly();
                Throwable thrown = unwrapped(closed.call(executable, arguments).get(0));
                if (thrown == null) {
                    silent.add(PublicApi.name(executable));
                } else {
                    assertThat(thrown)
                            .as(PublicApi.name(executable))
                            .isInstanceOf(
                                    executable.getName().equals("registerBean")
                                            ? IllegalStateException.class
                                            : ClosedChannelException.class);
                    assertThat(closed.payload.position())
                            .as(PublicApi.name(executable))
                            .isZero();
                    PublicApi.assertNotNative(thrown);
                }
            }
        }
        assertThat(silent).containsExactlyElementsOf(NEED_NO_SOCKET);
    }

    /** A batch and its slots belong to one thread; the methods of a slot without a datagram throw. */
    @Test
    void aBatchAndItsSlotsAreForOneThreadAndAnEmptySlotIsForNobody() throws Exception {
        TreeSet<String> anybody = new TreeSet<>();
        for (Executable executable : PublicApi.executables()) {
            Class<?> type = executable.getDeclaringClass();
            if (type != DatagramBatch.class && type != DatagramSlot.class) {
                continue;
            }
            api.askAgain();
            DatagramSlot slot = api.batch.slot(0);
            Object target = type == DatagramSlot.class ? slot : api.batch;
            Object[] arguments = api.arguments(executable);
            Throwable elsewhere = CompletableFuture.supplyAsync(() -> {
                        try {
                            return String.valueOf(api.callOn(target, executable, arguments));
                        } catch (ReflectiveOperationException e) {
                            throw new LinkageError(e.getMessage(), e);
                        }
                    })
                    .thenApply(text -> text.startsWith("java.lang.IllegalStateException: this batch belongs to")
                            ? new IllegalStateException(text)
                            : null)
                    .get();
            if (elsewhere == null) {
                anybody.add(PublicApi.name(executable));
            }
            if (type == DatagramSlot.class) {
                api.batch.clear();
                assertThat(api.callOn(slot, executable, arguments))
                        .as(PublicApi.name(executable))
                        .isInstanceOf(IndexOutOfBoundsException.class);
            }
            assertThat(api.payload.position()).as(PublicApi.name(executable)).isZero();
        }
        assertThat(anybody)
                .containsExactly(
                        "DatagramBatch.capacity()",
                        "DatagramBatch.coalesceReplies(boolean)",
                        "DatagramBatch.payloadCapacity()",
                        "DatagramBatch.size()");
    }

    @Test
    void anAddressOfTheWrongFamilyOrWithoutANumberIsRefused() throws Exception {
        Environment.assumeIpv6();
        try (PktInfoChannel ipv4 = PktInfoChannel.open(Family.IPV4);
                PktInfoChannel ipv6 = PktInfoChannel.open(Family.IPV6)) {
            Endpoint four = new Endpoint(Loopback.address("127.0.0.1"), 5);
            Endpoint six = new Endpoint(Loopback.address("::1"), 5);
            List<ThrowingCallable> calls = List.of(
                    () -> ipv4.bind(six.toSocketAddress()),
                    () -> ipv6.bind(four.toSocketAddress()),
                    () -> ipv4.bind(PublicApi.unresolved()),
                    () -> ipv4.send(api.payload, six, Source.systemChoice()),
                    () -> ipv6.send(api.payload, four, Source.systemChoice()),
                    () -> ipv4.newBatch(1, 10).put(api.payload, six, Source.systemChoice()),
                    () -> ipv6.newBatch(1, 10).put(api.payload, four, Source.systemChoice()),
                    () -> Endpoint.of(new InetSocketAddress("nowhere.invalid", 1)),
                    () -> DatagramServer.builder()
                            .family(Family.IPV4)
                            .bind(six.toSocketAddress())
                            .start(request -> {}));
            for (ThrowingCallable call : calls) {
                assertThatThrownBy(call).isInstanceOf(IllegalArgumentException.class);
            }
            assertThat(api.payload.position()).isZero();
            assertThat(ipv4.localAddress()).isNull();
            assertThat(ipv4.bind(null).localAddress())
                    .as("bound after all that")
                    .isNotNull();
        }
    }
}
