package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.SocketTimeoutException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.server.DatagramServer;

/** A server whose program has no memory left for a while, in its handler, in its log and everywhere else. */
@Timeout(120)
class FullHeapIT {
    /** Serves with two workers; on command it fills its heap and then frees it again. */
    static final class Program {
        private static final byte[] FULL = {'f', 'u', 'l', 'l', '\n'};
        private static List<byte[]> hog = new ArrayList<>(1 << 20);

        public static void main(String[] arguments) throws Exception {
            DatagramServer server = DatagramServer.builder()
                    .workers(2)
                    .batchSize(4)
                    .payloadCapacity(1500)
                    .start(request -> {
                        byte[] copy = new byte[request.length() * 1000];
                        copy[0] = 1;
                        request.reply(copy[0]);
                    });
            System.out.println("port " + server.localAddress().getPort());
            int told = System.in.read();
            fill();
            System.out.write(FULL, 0, FULL.length);
            System.out.flush();
            told += System.in.read();
            hog = List.of(); // needs no memory
            System.out.println("free " + told);
        }

        private static void fill() {
            for (int size = 1 << 16; size > 0; size /= 2) {
                try {
                    while (true) {
                        hog.add(new byte[size]);
                    }
                } catch (OutOfMemoryError e) {
                    // the heap is full, as intended
                }
            }
        }
    }

    private static void send(DatagramSocket client, int port) throws IOException {
        client.send(new DatagramPacket(new byte[8], 8, InetAddress.getByName("127.0.0.2"), port));
    }

    private static boolean isAnswered(int port) throws IOException {
        try (DatagramSocket client = new DatagramSocket()) { // each time another flow, for either worker
            client.setSoTimeout(500);
            send(client, port);
            client.receive(new DatagramPacket(new byte[8], 8));
            return true;
        } catch (SocketTimeoutException e) {
            return false;
        }
    }

    private static void assertBothWorkersAnswer(int port) throws IOException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        int inARow = 0;
        while (inARow < 40) { // 40 flows never all go to one of two workers
            inARow = isAnswered(port) ? inARow + 1 : 0;
            assertThat(System.nanoTime()).as("%d answered in a row", inARow).isLessThan(deadline);
        }
    }

    private static void tell(ChildProcess child) throws IOException {
        OutputStream in = child.process().getOutputStream();
        in.write('x');
        in.flush();
    }

    @Test
    void whenThereIsMemoryAgainEveryWorkerAnswersAgain() throws Exception {
        List<String> command = new ArrayList<>(List.of(ChildProcess.java().toString()));
        command.addAll(Arrays.asList("-Xmx24m", "-XX:+UseSerialGC", "-cp", System.getProperty("java.class.path")));
        command.add(Program.class.getName());
        try (ChildProcess child = ChildProcess.start(command)) {
            int port = Integer.parseInt(
                    child.awaitOut(line -> line.startsWith("port ")).substring(5));
            assertBothWorkersAnswer(port);
            tell(child);
            child.awaitOut(line -> line.equals("full"));
            for (int i = 0; i < 200; i++) {
                try (DatagramSocket client = new DatagramSocket()) {
                    send(client, port);
                }
            }
            tell(child);
            child.awaitOut(line -> line.startsWith("free"));
            assertBothWorkersAnswer(port);
        }
    }
}
