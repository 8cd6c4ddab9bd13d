package org.pktinfo.jvm;

import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.pktinfo.internal.HookCalls;
import org.pktinfo.internal.HookSwitch;

/**
 * Switches the JVM's own datagram sockets over and back; the native library is loaded. They have one owner at a time,
 * among all copies of these classes in all class loaders.
 */
final class Installation {
    /** The limit of address space for the memories of all sockets together. */
    private static final long MOST_BYTES = 4L << 30;

    /** In the system properties, because every class loader may have a pktinfo of its own. */
    private static final String OWNER = "pktinfo.jvm.sockets";

    /** Netty reads it once, before it first checks if epoll or io_uring are available. */
    private static final String NETTY_WITHOUT_NATIVES = "io.netty.transport.noNative";

    private static final Path EPHEMERAL = Path.of("/proc/sys/net/ipv4/ip_local_port_range");
    private static final int[] USUAL_EPHEMERAL = {32_768, 60_999};

    private static @Nullable Reporter reporter; // guarded by Installation.class

    private Installation() {}

    /**
     * Switches the sockets over.
     *
     * @param options the ports, the memory and the reports
     * @param owner the name of the component that requests it, for the user
     * @return the name of the owner that has them already, null if there was none and they are switched over
     * @throws IllegalStateException if this JVM is not one whose methods are known; the text is for the user
     */
    static synchronized @Nullable String switchOn(Options options, String owner) {
        Object other = System.getProperties().putIfAbsent(OWNER, owner);
        if (other != null) {
            return other.toString();
        }
        boolean switched = false;
        boolean done = false;
        try {
            ByteBuffer keys = ByteBuffer.wrap(random(2 * Long.BYTES));
            HookCalls.begin(
                    options.ports(),
                    options.allPorts(),
                    ephemeral(),
                    options.transfers(),
                    options.memory(),
                    options.expirySeconds(),
                    MOST_BYTES,
                    options.goneIsException(),
                    keys.getLong(),
                    keys.getLong());
            tick();
            if (options.nettyNio()) {
                System.setProperty(NETTY_WITHOUT_NATIVES, "true");
            }
            HookSwitch.on();
            switched = true;
            FoundSockets.adopt();
            reporter = Reporter.start(options);
            done = true;
            return null;
        } finally {
            if (switched && !done) { // the thread could not be started, or memory was short
                HookSwitch.off();
            }
            if (!done) {
                System.getProperties().remove(OWNER);
            }
        }
    }

    /** Switches the sockets back; returns false if these very classes have not switched them over. */
    static synchronized boolean switchOff() {
        Reporter running = reporter;
        if (running == null) {
            return false;
        }
        HookSwitch.off();
        running.stop();
        reporter = null;
        System.getProperties().remove(OWNER);
        return true;
    }

    static synchronized boolean isOn() {
        return reporter != null;
    }

    /** Returns the owner's name, null if there is none. */
    static @Nullable String owner() {
        return System.getProperty(OWNER);
    }

    /** Passes the time to the native library. */
    static void tick() {
        HookCalls.now((int) TimeUnit.NANOSECONDS.toSeconds(System.nanoTime()));
    }

    /** Returns unpredictable bytes; not by SecureRandom, which takes 15 ms of a starting JVM. */
    private static byte[] random(int bytes) {
        try (InputStream kernel = new FileInputStream("/dev/urandom")) {
            byte[] random = kernel.readNBytes(bytes);
            if (random.length == bytes) {
                return random;
            }
        } catch (IOException | SecurityException e) { // a root without devices
            return new SecureRandom().generateSeed(bytes);
        }
        throw new IllegalStateException("/dev/urandom has no bytes");
    }

    /** Returns the range that the system chooses ports from; the usual one if it cannot be read. */
    private static int[] ephemeral() {
        try {
            String[] ends = Files.readString(EPHEMERAL).trim().split("\t", -1);
            return new int[] {Integer.parseInt(ends[0]), Integer.parseInt(ends[1])};
        } catch (IOException | SecurityException | NumberFormatException | ArrayIndexOutOfBoundsException e) {
            return USUAL_EPHEMERAL; // no proc file system, or one that is hidden
        }
    }
}
