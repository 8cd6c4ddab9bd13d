package org.pktinfo.bench;

import com.sun.management.ThreadMXBean;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** One variant in a process of its own; replies to each line on its standard input with the bytes allocated so far. */
final class Server {
    private Server() {}

    public static void main(String[] arguments) throws Exception {
        Variants.Place place =
                new Variants.Place(Integer.parseInt(arguments[1]), arguments[2], Integer.parseInt(arguments[3]));
        Thread thread = new Thread(() -> serve(arguments[0], place), "server");
        thread.setDaemon(true);
        thread.start();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        while (in.readLine() != null) {
            System.out.println(allocated());
        }
    }

    private static void serve(String variant, Variants.Place place) {
        try {
            Variants.of(variant).run(place, () -> System.out.println("ready"));
        } catch (Throwable e) {
            e.printStackTrace();
            System.exit(1);
        }
    }

    private static long allocated() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long own = Thread.currentThread().getId();
        long[] others =
                Arrays.stream(threads.getAllThreadIds()).filter(id -> id != own).toArray();
        return Arrays.stream(threads.getThreadAllocatedBytes(others))
                .filter(bytes -> bytes > 0)
                .sum();
    }
}
