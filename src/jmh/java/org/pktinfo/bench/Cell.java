package org.pktinfo.bench;

import java.util.ArrayList;
import java.util.List;

/**
 * One row of conditions under which variants are compared.
 *
 * @param name for the tables
 * @param wire whether the load comes over a veth pair from another namespace, else over loopback
 * @param address the first of the request destinations
 * @param addresses the number of consecutive request destinations
 * @param size of a request, in bytes
 * @param peers the number of sockets that send requests
 * @param run the number of consecutive requests that a peer sends to one address
 * @param variants the servers, ours first: all are compared with each of ours
 */
record Cell(
        String name, boolean wire, String address, int addresses, int size, int peers, int run, List<String> variants) {
    private static final List<String> OURS =
            List.of("records", "pktinfo-socket", "batch-alone", "batch", "server", "netty-pktinfo");
    private static final List<String> OTHERS = List.of(
            "c-single", "c-batch", "c-plain", "channel", "socket", "netty-nio", "netty-epoll", "netty-io_uring");

    /** The addresses that every private namespace of the benchmark has. */
    static final String IPV4_LOOPBACK = "127.0.0.5";

    static final String IPV6_LOOPBACK = "fd00:b::1";
    static final String IPV4_WIRE = "10.60.0.1";
    static final String IPV6_WIRE = "fd00:c::1";

    private static List<String> join(List<String> some, List<String> more) {
        List<String> all = new ArrayList<>(some);
        all.addAll(more);
        return all;
    }

    static List<Cell> all() {
        List<Cell> cells = new ArrayList<>();
        List<String> everyone = join(OURS, OTHERS);
        for (String family : List.of("IPv4", "IPv6")) {
            for (int size : new int[] {64, 512, 1200}) {
                String address = family.equals("IPv4") ? IPV4_LOOPBACK : IPV6_LOOPBACK;
                // Whole runs come from one peer, so that each has its best case; but only "batch" and "server"
                // coalesce replies.
                cells.add(new Cell(size + " B " + family, false, address, 1, size, 1, 64, everyone));
            }
        }
        cells.add(new Cell("64 B IPv4, 64 peers, each alone", false, IPV4_LOOPBACK, 1, 64, 64, 1, everyone));
        cells.add(new Cell("64 B IPv4, 64 peers, runs of 4", false, IPV4_LOOPBACK, 1, 64, 64, 4, everyone));
        cells.add(new Cell("64 B IPv4, 16 peers, runs of 16", false, IPV4_LOOPBACK, 1, 64, 16, 16, everyone));
        // All at once in one run: our part is what batch-facts adds beyond what the kernel adds to the C server.
        cells.add(new Cell(
                "64 B IPv4, all facts",
                false,
                IPV4_LOOPBACK,
                1,
                64,
                1,
                64,
                List.of("batch-facts", "batch-alone", "c-batch-facts", "c-batch")));
        cells.add(new Cell("64 B IPv4, veth", true, IPV4_WIRE, 1, 64, 1, 64, everyone));
        cells.add(new Cell("64 B IPv6, veth", true, IPV6_WIRE, 1, 64, 1, 64, everyone));
        cells.add(new Cell(
                "1200 B IPv4, a stream", false, IPV4_LOOPBACK, 1, 1200, 1, 54, List.of("segments", "channel")));
        cells.add(new Cell("64 B IPv4, a stream", false, IPV4_LOOPBACK, 1, 64, 1, 64, List.of("segments", "channel")));
        for (int addresses : new int[] {1, 100, 1000, 10_000}) {
            cells.add(new Cell(
                    addresses + " IPv4 addresses",
                    false,
                    IPV4_LOOPBACK,
                    addresses,
                    64,
                    1,
                    1,
                    List.of("batch-alone", "server", "channel", "channels")));
        }
        for (int addresses : new int[] {1, 100, 1000, 10_000}) {
            cells.add(new Cell(
                    addresses + " IPv6 addresses",
                    false,
                    IPV6_LOOPBACK,
                    addresses,
                    64,
                    1,
                    1,
                    List.of("batch-alone", "server", "channel", "channels")));
        }
        for (int addresses : new int[] {1, 100, 1000}) {
            cells.add(new Cell(
                    addresses + " IPv6 addresses, veth",
                    true,
                    IPV6_WIRE,
                    addresses,
                    64,
                    1,
                    1,
                    List.of("batch-alone", "server", "channel", "channels")));
        }
        return cells;
    }

    boolean ipv6() {
        return address.contains(":");
    }
}
