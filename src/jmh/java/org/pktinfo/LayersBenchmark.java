package org.pktinfo;

import org.pktinfo.internal.Arena;
import org.pktinfo.internal.Call;

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

/**
 * What each layer between the kernel and the user costs; in the library's package, because most of them are its own.
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

    /** The arena holds one datagram that really came over loopback. */
    @Setup
    public void open() throws IOException {
        channel = PktInfoChannel.open().bind(new InetSocketAddress(0));
        idle = PktInfoChannel.open().bind(new InetSocketAddress(0));
        itself = new Endpoint(
                IpAddress.of(InetAddress.getByName(address)), channel.localAddress().getPort());
        arena = new Arena(1, 2048, channel.socket.options().family());
        nothing = new Arena(1, 2048, channel.socket.options().family());
        channel.send(ByteBuffer.wrap(payload), itself, Source.systemChoice());
        if (!channel.awaitReadable(Duration.ofSeconds(5)) || channel.inbox.take(arena, 1) != 1) {
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

    /** Down to C and back. */
    @Benchmark
    public int nativeCall() {
        return Call.toC();
    }

    /** A receive that finds nothing: all layers and one system call. */
    @Benchmark
    public int receiveNothing() throws IOException {
        return idle.inbox.take(nothing, 1);
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

    /** The policy on records. */
    @Benchmark
    public Source select() throws SendException {
        return AddressAsked.select(request.peer(), request.packetInfo());
    }

    /** The policy on a slot, and what is written for C. */
    @Benchmark
    public void prepareReply() {
        AddressAsked.prepareReply(arena, 0, 64, 0);
    }

    /** What a user pays who wants the JDK's objects. */
    @Benchmark
    public InetSocketAddress jdkAddress() {
        return request.peer().toSocketAddress();
    }

    /** A datagram to itself, received and sent again: two system calls and once through the IP stack. */
    @Benchmark
    public void exchange() throws IOException {
        channel.send(ByteBuffer.wrap(payload), itself, Source.systemChoice());
        channel.reply(channel.receive(), payload);
        channel.receive();
    }
}
