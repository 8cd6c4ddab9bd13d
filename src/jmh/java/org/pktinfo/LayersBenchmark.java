package org.pktinfo;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.pktinfo.internal.Arena;
import org.pktinfo.internal.Call;

/**
 * Time that each layer between the kernel and the user takes; in the library's package, as most are package-private.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@State(Scope.Thread)
@Fork(2)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class LayersBenchmark {
    @Param({"127.0.0.5", "::1"})
    private String address;

    private PktInfoChannel channel;
    private PktInfoChannel idle;
    private Arena arena;
    private SlotRecords records;
    private Arena nothing;
    private Endpoint itself;
    private Datagram request;
    private final byte[] payload = new byte[64];

    /** Puts one datagram into the arena, received over loopback. */
    @Setup
    public void open() throws IOException {
        channel = PktInfoChannel.open().bind(new InetSocketAddress(0));
        idle = PktInfoChannel.open().bind(new InetSocketAddress(0));
        itself = new Endpoint(
                IpAddress.of(InetAddress.getByName(address)),
                channel.localAddress().getPort());
        arena = new Arena(1, 2048, channel.socket.options().family());
        nothing = new Arena(1, 2048, channel.socket.options().family());
        channel.send(ByteBuffer.wrap(payload), itself, Source.systemChoice());
        if (!channel.awaitReadable(Duration.ofSeconds(5)) || channel.receiver.take(arena, 1) != 1) {
            throw new IOException("the datagram to itself did not arrive");
        }
        records = new SlotRecords(arena);
        request = record();
    }

    @TearDown
    public void close() throws IOException {
        channel.close();
        idle.close();
    }

    /** Calls C and returns. */
    @Benchmark
    public int nativeCall() {
        return Call.toC();
    }

    /** Receives when nothing has arrived: all layers and one system call. */
    @Benchmark
    public int receiveNothing() throws IOException {
        return idle.receiver.take(nothing, 1);
    }

    @Benchmark
    public Datagram record() {
        return records.datagram(0, 0, arena.length(0), arena.wireLength(0));
    }

    @Benchmark
    public Endpoint peer() {
        return records.peer(0);
    }

    @Benchmark
    public PacketInfo packetInfo() {
        return records.packetInfo(0);
    }

    /** Applies the policy to records. */
    @Benchmark
    public Source select() throws SendException {
        return ReplyRule.select(request.peer(), request.packetInfo());
    }

    /** Applies the policy to a slot, and writes the result for C. */
    @Benchmark
    public void prepareReply() {
        ReplyRule.prepareReply(arena, 0, 64, 0);
    }

    /** Makes the JDK's address object of an endpoint. */
    @Benchmark
    public InetSocketAddress jdkAddress() {
        return request.peer().toSocketAddress();
    }

    /**
     * Receives a datagram that the socket sent to itself, and sends it again: two system calls and one pass through the
     * IP stack.
     */
    @Benchmark
    public void exchange() throws IOException {
        channel.send(ByteBuffer.wrap(payload), itself, Source.systemChoice());
        channel.reply(channel.receive(), payload);
        channel.receive();
    }
}
