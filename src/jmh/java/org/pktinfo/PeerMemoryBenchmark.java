package org.pktinfo;

import java.util.concurrent.ThreadLocalRandom;
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
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;

/** Time that the memory of peers takes for each datagram received and sent: one peer, many, and more than fit. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@State(Scope.Benchmark)
@Fork(2)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class PeerMemoryBenchmark {
    @Param({"1", "10000", "100000"})
    private int peers;

    private final PeerMemory memory = new PeerMemory();
    private Endpoint[] endpoints;
    private PacketInfo[] infos;

    /** Has each peer send to one of two addresses, always the same. */
    @Setup
    public void meetAll() {
        endpoints = new Endpoint[peers];
        infos = new PacketInfo[peers];
        for (int i = 0; i < peers; i++) {
            endpoints[i] = new Endpoint(IpAddress.ipv4(0x0a000000 + i / 60_000), 1000 + i % 60_000);
            IpAddress asked = IpAddress.ipv4(0xc0000201 + i % 2);
            infos[i] = new PacketInfo(asked, asked, 1, true, false, false, false);
            memory.remember(endpoints[i], infos[i]);
        }
    }

    private int any() {
        return ThreadLocalRandom.current().nextInt(peers);
    }

    /** Measures the part of the other benchmarks that is not the memory. */
    @Benchmark
    public Endpoint choosingAPeer() {
        return endpoints[any()];
    }

    @Benchmark
    public void remember() {
        int peer = any();
        memory.remember(endpoints[peer], infos[peer]);
    }

    @Benchmark
    public Source source() {
        return memory.source(endpoints[any()]);
    }

    /** Does both, as a server does for each request, from two threads at once. */
    @Benchmark
    @Threads(2)
    public Source rememberAndSourceByTwoThreads() {
        int peer = any();
        memory.remember(endpoints[peer], infos[peer]);
        return memory.source(endpoints[peer]);
    }
}
