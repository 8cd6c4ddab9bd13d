package org.pktinfo.bench;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.SocketTimeoutException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Measures the time from the start of a JVM to the first reply of its server, with a request every millisecond. */
final class StartUp {
    private static final int PORT = 9099;

    private StartUp() {}

    static String table(String java, Path library, int rounds) throws Exception {
        Map<String, List<String>> programs = new LinkedHashMap<>();
        programs.put("channel", List.of("channel"));
        programs.put("records, library path given", List.of("records", "-Dpktinfo.library.path=" + library));
        programs.put("records, library out of the jar", List.of("records"));
        Map<String, List<Double>> times = new LinkedHashMap<>();
        programs.keySet().forEach(name -> times.put(name, new ArrayList<>()));
        for (int round = 0; round < rounds; round++) {
            for (Map.Entry<String, List<String>> program : programs.entrySet()) {
                times.get(program.getKey()).add(firstReply(java, program.getValue()));
            }
        }
        StringBuilder text = new StringBuilder("### From the start of the JVM to the first reply\n\n"
                + "| | ms | more than channel, by pairs |\n|---|---|---|\n");
        times.forEach((name, values) -> {
            List<Double> more = new ArrayList<>();
            for (int i = 0; i < rounds; i++) {
                more.add(values.get(i) - times.get("channel").get(i));
            }
            Results.Spread all = Results.Spread.of(values);
            Results.Spread difference = Results.Spread.of(more);
            text.append(String.format(
                    "| %s | %.0f (%.0f-%.0f) | %s |%n",
                    name,
                    all.median(),
                    all.low(),
                    all.high(),
                    name.equals("channel")
                            ? ""
                            : String.format(
                                    "**%.1f** %.1f-%.1f", difference.median(), difference.low(), difference.high())));
        });
        return text.toString();
    }

    private static double firstReply(String java, List<String> program) throws IOException {
        List<String> command = new ArrayList<>(List.of(java));
        command.addAll(program.subList(1, program.size()));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Server.class.getName(), program.get(0)));
        command.addAll(List.of(String.valueOf(PORT), "127.0.0.1", "1"));
        long begin = System.nanoTime();
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (DatagramSocket client = new DatagramSocket(0, InetAddress.getByName("127.0.0.1"))) {
            client.setSoTimeout(1);
            DatagramPacket request = new DatagramPacket(new byte[10], 10, InetAddress.getByName("127.0.0.1"), PORT);
            while (process.isAlive()) {
                client.send(request);
                try {
                    client.receive(new DatagramPacket(new byte[10], 10));
                    return (System.nanoTime() - begin) / 1e6;
                } catch (SocketTimeoutException e) {
                    // no reply yet
                }
            }
            throw new IOException(command + " ended");
        } finally {
            process.destroyForcibly();
            process.onExit().join();
        }
    }
}
