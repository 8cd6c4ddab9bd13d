package org.pktinfo.internal;

import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The JVM's own datagram sockets, of the whole process: {@code DatagramChannel}, and what stands on it since JDK 15,
 * {@code DatagramSocket} and {@code MulticastSocket}. Switched on, those that are bound to all addresses reply from the
 * address that the peer has asked. No class of the JDK is changed: five of its native methods are registered anew.
 */
public final class JvmSockets {
    /** Of address space, for the memories of all sockets together. */
    private static final long MOST_BYTES = 4L << 30;

    /** In the system properties, because every class loader may have a pktinfo of its own. */
    private static final String OWNER = "pktinfo.jvm.sockets";

    private static final int COUNTERS = 5;

    private JvmSockets() {}

    /** Ports from the one to the other, both included. */
    public record Ports(int first, int last) {
        @Override
        public String toString() {
            return first == last ? String.valueOf(first) : first + "-" + last;
        }
    }

    /**
     * The settings.
     *
     * @param ports at most 64; none: the ports that the program has chosen itself, or all
     * @param all also the ports that the system has chosen
     * @param memory how many peers each socket remembers
     * @param expirySeconds how long a silent peer is remembered, 0: for ever
     * @param goneIsException true to throw the JDK's exception if the address asked has left the host, false to drop
     */
    public record Settings(List<Ports> ports, boolean all, int memory, int expirySeconds, boolean goneIsException) {}

    /**
     * The counters since it was switched on.
     *
     * @param sockets that reply from the address asked
     * @param peers that are known now
     * @param pinned datagrams that left from the address asked
     * @param unknownPeers datagrams to peers that had not asked
     * @param sourcesGone datagrams that did not leave, because the address asked has left the host
     */
    public record Counters(long sockets, long peers, long pinned, long unknownPeers, long sourcesGone) {}

    /** The reasons why a socket is as it is; the order is that of the native library. */
    public enum Verdict {
        /** It is not bound. */
        NONE,
        /** Its replies leave from the address asked. */
        CHOOSES,
        /** The system has chosen its port. */
        EPHEMERAL,
        /** Its port is not one of the ports. */
        PORT,
        /** It is bound or connected to one address. */
        ONE,
        /** The kernel gives no packet information, or there is no memory. */
        REFUSED
    }

    /** Hears of the sockets of a port. */
    public interface News {
        void tell(int port, Verdict verdict);
    }

    /**
     * Switches it on for an owner; the library is loaded. Returns who has done so before, if somebody has: then nothing
     * is done.
     *
     * @throws IllegalStateException if this JVM is not one whose methods are known; the text is for the user
     */
    public static synchronized @Nullable String switchOn(Settings settings, String owner) {
        Object other = System.getProperties().putIfAbsent(OWNER, owner);
        if (other != null) {
            return other.toString();
        }
        boolean done = false;
        try {
            SplittableRandom random = new SplittableRandom();
            NativeCalls.hookBegin(
                    settings.ports.stream()
                            .flatMapToInt(range -> IntStream.of(range.first, range.last))
                            .toArray(),
                    settings.all,
                    settings.memory,
                    settings.expirySeconds,
                    MOST_BYTES,
                    settings.goneIsException,
                    random.nextLong(),
                    random.nextLong());
            tick();
            Class.forName("sun.nio.ch.DatagramChannelImpl"); // which loads libnio
            Path libraries = Path.of(System.getProperty("sun.boot.library.path", ""));
            run(new HookSwitch(
                    libraries.resolve(System.mapLibraryName("nio")).toString(),
                    libraries.resolve(System.mapLibraryName("java")).toString()));
            done = true;
            return null;
        } catch (ClassNotFoundException e) {
            throw new IllegalStateException(unknown("sun.nio.ch.DatagramChannelImpl"), e);
        } finally {
            if (!done) {
                System.getProperties().remove(OWNER);
            }
        }
    }

    /** Switches it off: the JDK's own methods are back, and sockets keep the options that they have. */
    public static synchronized void switchOff() {
        run(new HookSwitch(null, null));
        System.getProperties().remove(OWNER);
    }

    /** In a call by java.lang.Thread, see the native method. */
    private static void run(HookSwitch change) {
        Runnable caller = new Thread(null, change, "pktinfo-switch", 0, false);
        caller.run(); // in this thread, which is never started
        if (change.failure != null) {
            throw new IllegalStateException(unknown(change.failure));
        }
    }

    private static String unknown(String missing) {
        return "this JVM's sockets cannot be reached: " + System.getProperty("java.vm.name") + " "
                + System.getProperty("java.vm.version") + " has not what is looked for, " + missing
                + " (known are those of OpenJDK 17 to 28 on HotSpot)";
    }

    /** Tells the native library the time; to be called once a second. */
    public static void tick() {
        NativeCalls.hookNow((int) TimeUnit.NANOSECONDS.toSeconds(System.nanoTime()));
    }

    /** Tells of sockets that were not told of yet. */
    public static void tellNews(News news) {
        int[] portAndVerdict = new int[2];
        for (int next = 0; next >= 0; ) {
            int descriptor = NativeCalls.hookTell(next, portAndVerdict);
            if (descriptor >= 0) {
                news.tell(portAndVerdict[0], Verdict.values()[portAndVerdict[1]]);
            }
            next = descriptor < 0 ? -1 : descriptor + 1;
        }
    }

    /** Counts the peers that are known only if that is wanted: it takes some microseconds for each socket. */
    public static Counters counters(boolean withPeers) {
        long[] numbers = new long[COUNTERS];
        NativeCalls.hookCount(numbers, withPeers);
        return new Counters(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]);
    }
}
