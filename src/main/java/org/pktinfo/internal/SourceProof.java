package org.pktinfo.internal;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.pktinfo.common.Deadline;

/**
 * The proof on loopback, once per process and network namespace, that the kernel honours the source address of a
 * control message. A kernel that accepts packet information and ignores it, as gVisor does, reports no error, and no
 * reply could make up for it. The kernel's name and version prove nothing, as features are backported and left out.
 */
public final class SourceProof {
    private static final long PATIENCE = TimeUnit.MILLISECONDS.toNanos(20);
    private static final long LOOPBACK = Addresses.mapped(0x7f00_0001);

    /** An address of every host, other than the one the kernel selects for 127.0.0.1. */
    private static final long ANOTHER = Addresses.mapped(0x7f00_0009);

    private static final long LOOPBACK6 = 1;

    /** The documentation prefix 2001:db8::/64 (RFC 3849), of which no host has an address. */
    private static final long DOCUMENTATION = 0x2001_0db8_0000_0000L;

    /** The outcomes of a test. */
    public enum Result {
        HONOURED,
        IGNORED,
        NOT_TESTED
    }

    /**
     * The outcome for each kind of socket.
     *
     * @param ipv4 for IPv4 on an AF_INET socket
     * @param dualStack for IPv4 on an AF_INET6 socket
     * @param ipv6 for IPv6 on an AF_INET6 socket, with or without IPV6_V6ONLY
     */
    public record Results(Result ipv4, Result dualStack, Result ipv6) {}

    /** A function that opens a channel or a socket. */
    public interface Opening<T> {
        T open() throws IOException;
    }

    private static final ThreadLocal<Boolean> EXAMINING = new ThreadLocal<>();

    private static final Map<Long, Results> KNOWN = new ConcurrentHashMap<>();
    private static boolean warned; // guarded by SourceProof.class

    private SourceProof() {}

    /** Lets this thread open channels even if the source is not honoured, in order to find out whether it is. */
    public static <T> T withoutProof(Opening<T> opening) throws IOException {
        EXAMINING.set(true);
        try {
            return opening.open();
        } finally {
            EXAMINING.remove();
        }
    }

    /** Throws an exception that names the kernel if it ignores the source, unless the user has permitted that. */
    static void require(int socketFamily, boolean ipv6Only, long namespace) throws SocketException {
        if (EXAMINING.get() != null) {
            return;
        }
        Results proofs = proofs(Math.max(0, namespace));
        boolean ignored;
        if (socketFamily == Layout.FAMILY_IPV4) {
            ignored = proofs.ipv4 == Result.IGNORED;
        } else {
            ignored = proofs.ipv6 == Result.IGNORED || (!ipv6Only && proofs.dualStack == Result.IGNORED);
        }
        if (ignored) {
            refuse();
        }
    }

    private static Results proofs(Long namespace) {
        Results cached = KNOWN.get(namespace);
        return cached == null ? tryOnce(namespace) : cached;
    }

    private static synchronized Results tryOnce(Long namespace) {
        Results cached = KNOWN.get(namespace);
        if (cached == null) {
            cached = tryAll();
            KNOWN.put(namespace, cached);
        }
        return cached;
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

    /** Tests each kind of socket. Throws nothing: a failed attempt proves nothing. */
    public static Results tryAll() {
        // Loopback has only one IPv6 address. A kernel that honours the source refuses an address that is not the
        // host's.
        long foreign = ThreadLocalRandom.current().nextLong();
        return new Results(
                exchange(/* ipv6= */ false, 0, ANOTHER, LOOPBACK),
                exchange(/* ipv6= */ true, 0, ANOTHER, LOOPBACK),
                exchange(/* ipv6= */ true, DOCUMENTATION, foreign, LOOPBACK6));
    }

    /** Sends from a given source address to one of loopback, and returns the outcome. */
    private static Result exchange(boolean ipv6, long sourceHigh, long sourceLow, long to) {
        boolean ipv4Peer = Addresses.isIpv4(0, to);
        InetAddress address = Addresses.toInetAddress(0, to, 0);
        try (DatagramChannel client = JdkChannels.open(ipv4Peer, !ipv4Peer);
                DatagramChannel server = JdkChannels.open(!ipv6 || ipv4Peer, ipv6)) {
            int descriptor = JdkChannels.descriptor(server);
            int socketFamily = (int) NativeCalls.getOption(descriptor, Layout.OPTION_FAMILY);
            if (ipv6 && socketFamily != Layout.FAMILY_IPV6) {
                return Result.NOT_TESTED;
            }
            client.bind(new InetSocketAddress(address, 0));
            int port = ((InetSocketAddress) client.getLocalAddress()).getPort();
            Arena arena = Arena.hidden(1, Long.BYTES, socketFamily);
            try {
                arena.putPeer(0, 0, to, 0, port);
                return send(JdkChannels.descriptor(client), descriptor, arena, sourceHigh, sourceLow);
            } finally {
                arena.free();
            }
        } catch (IOException | RuntimeException e) { // no IPv6, no socket, a security manager
            return Result.NOT_TESTED;
        }
    }

    private static Result send(int client, int server, Arena arena, long high, long low) {
        boolean ipv4 = Addresses.isIpv4(high, low);
        byte[] number = new byte[Long.BYTES];
        ThreadLocalRandom.current().nextBytes(number);
        arena.write(0, ByteBuffer.wrap(number));
        arena.prepareSend(
                0,
                Long.BYTES,
                ipv4 ? Layout.FORM_IN_PKTINFO : Layout.FORM_IN6_PKTINFO,
                high,
                low,
                /* interfaceIndex= */ 0);
        int result = NativeCalls.send(server, arena.address(), 1);
        int error = result < 0 ? -result : arena.error(0);
        if (error != 0) {
            boolean refused = error == Errno.EINVAL || error == Errno.EADDRNOTAVAIL;
            return refused && !ipv4 ? Result.HONOURED : Result.NOT_TESTED;
        }
        return awaitSource(client, arena, number, high, low);
    }

    /**
     * Receives the datagram and compares its source. On loopback it is queued when sending returns, unless it is
     * delayed.
     */
    private static Result awaitSource(int client, Arena arena, byte[] number, long high, long low) {
        byte[] payload = new byte[Long.BYTES];
        long deadline = Deadline.after(PATIENCE);
        do {
            if (NativeCalls.receive(client, arena.address(), 1) == 1 && arena.wireLength(0) == Long.BYTES) {
                arena.read(0, 0, payload);
                if (Arrays.equals(payload, number)) {
                    boolean honoured = arena.peerHigh(0) == high && arena.peerLow(0) == low;
                    return honoured ? Result.HONOURED : Result.IGNORED;
                }
            }
            Thread.onSpinWait();
        } while (!Deadline.isOver(deadline));
        return Result.NOT_TESTED;
    }
}
