package org.pktinfo;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.net.StandardProtocolFamily;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.pktinfo.Diagnosis.Proof;
import org.pktinfo.PktInfoChannel.Family;
import org.pktinfo.common.Deadline;

/**
 * Proves on loopback, once in a process and network namespace, that the kernel sends from the source that it is told. A kernel that takes
 * packet information and ignores it, without an error, is the one thing that no reply could make up for: gVisor does it. Which kernel
 * it is, and of what version, proves nothing: features are carried over, and left out.
 */
final class SourceProof {
    private static final long PATIENCE = TimeUnit.MILLISECONDS.toNanos(20);
    private static final IpAddress LOOPBACK = IpAddress.ipv4(0x7f00_0001);

    /** An address of every host, but not the one that is chosen for what goes to 127.0.0.1. */
    private static final IpAddress ANOTHER = IpAddress.ipv4(0x7f00_0009);

    private static final IpAddress LOOPBACK6 = new IpAddress(0, 1, 0);

    /** 2001:db8::/64, RFC 3849: of no host. */
    private static final long DOCUMENTATION = 0x2001_0db8_0000_0000L;

    private static final Map<Long, Map<Family, Proof>> KNOWN = new ConcurrentHashMap<>();
    private static boolean warned; // guarded by SourceProof.class

    private SourceProof() {}

    /** Throws an exception that names the kernel if one ignores the source, and the user has not said that it may. */
    static void require(int socketFamily, boolean ipv6Only, long namespace) throws SocketException {
        Map<Family, Proof> proofs = KNOWN.computeIfAbsent(Math.max(0, namespace), any -> tryAll());
        boolean ignored;
        if (socketFamily == Layout.FAMILY_IPV4) {
            ignored = proofs.get(Family.IPV4) == Proof.IGNORED;
        } else {
            ignored = proofs.get(Family.IPV6) == Proof.IGNORED
                    || (!ipv6Only && proofs.get(Family.DUAL_STACK) == Proof.IGNORED);
        }
        if (ignored) {
            refuse();
        }
    }

    private static synchronized void refuse() throws SocketException {
        String text = "this kernel (" + System.getProperty("os.name") + " " + System.getProperty("os.version")
                + ") takes the source of a datagram and ignores it, so that replies leave from another address than the"
                + " one asked; pktinfo-server.jar doctor shows it";
        if (!UnprovenSetting.isGiven()) {
            throw new SocketException(text + "; -D" + UnprovenSetting.PROPERTY + "=allow goes on all the same");
        }
        if (!warned) {
            warned = true;
            System.getLogger("org.pktinfo")
                    .log(
                            System.Logger.Level.WARNING,
                            text + ". Going on because of -D" + UnprovenSetting.PROPERTY + "=allow");
        }
    }

    /** Tries each kind of socket; that of the dual-stack one is about IPv4. Throws nothing: what cannot be tried proves nothing. */
    static Map<Family, Proof> tryAll() {
        Map<Family, Proof> proofs = new EnumMap<>(Family.class);
        proofs.put(Family.IPV4, exchange(Family.IPV4, ANOTHER, LOOPBACK));
        proofs.put(Family.DUAL_STACK, exchange(Family.DUAL_STACK, ANOTHER, LOOPBACK));
        // There is only one of IPv6 on loopback: a kernel that looks at the source refuses one that is not the host's.
        IpAddress foreign =
                new IpAddress(DOCUMENTATION, ThreadLocalRandom.current().nextLong(), 0);
        proofs.put(Family.IPV6, exchange(Family.IPV6, foreign, LOOPBACK6));
        return proofs;
    }

    private static Proof exchange(Family family, IpAddress source, IpAddress to) {
        InetAddress address = to.toInetAddress();
        try (DatagramChannel client =
                        DatagramChannel.open(to.isIpv4() ? StandardProtocolFamily.INET : StandardProtocolFamily.INET6);
                DatagramChannel server = PktInfoChannel.openJdkChannel(family)) {
            int descriptor = PktInfoChannel.descriptor(server);
            int socketFamily = NativeCalls.getOption(descriptor, Layout.OPTION_FAMILY);
            if (family == Family.DUAL_STACK && socketFamily != Layout.FAMILY_IPV6) {
                return Proof.NOT_TESTED;
            }
            client.bind(new InetSocketAddress(address, 0)).configureBlocking(false);
            int port = ((InetSocketAddress) client.getLocalAddress()).getPort();
            return exchange(client, descriptor, socketFamily, source, new Endpoint(to, port));
        } catch (IOException | RuntimeException e) { // no IPv6, no socket, a security manager
            return Proof.NOT_TESTED;
        }
    }

    private static Proof exchange(
            DatagramChannel client, int descriptor, int socketFamily, IpAddress source, Endpoint to)
            throws IOException {
        long number = ThreadLocalRandom.current().nextLong();
        Arena arena = Arena.hidden(1, Long.BYTES, socketFamily);
        try {
            arena.write(0, ByteBuffer.allocate(Long.BYTES).putLong(0, number));
            arena.prepareSend(0, Long.BYTES, to, Source.of(source, 0), 0);
            int result = NativeCalls.send(descriptor, arena.address(), 1);
            int error = result < 0 ? -result : arena.error(0);
            if (error != 0) {
                boolean refused = error == Errno.EINVAL || error == Errno.EADDRNOTAVAIL;
                return refused && !source.isIpv4() ? Proof.HONOURED : Proof.NOT_TESTED;
            }
        } finally {
            arena.free();
        }
        return awaitSource(client, number, source);
    }

    /** On loopback it has arrived when sending returns, unless something keeps it. */
    private static Proof awaitSource(DatagramChannel client, long number, IpAddress source) throws IOException {
        ByteBuffer payload = ByteBuffer.allocate(Long.BYTES + 1);
        long deadline = Deadline.after(PATIENCE);
        do {
            payload.clear();
            InetSocketAddress from = (InetSocketAddress) client.receive(payload);
            if (from != null && payload.position() == Long.BYTES && payload.getLong(0) == number) {
                IpAddress seen = IpAddress.of(from.getAddress());
                return seen.equals(source) ? Proof.HONOURED : Proof.IGNORED;
            }
            Thread.onSpinWait();
        } while (!Deadline.isOver(deadline));
        return Proof.NOT_TESTED;
    }
}
