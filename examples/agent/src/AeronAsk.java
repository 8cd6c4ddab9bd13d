import io.aeron.Aeron;
import io.aeron.Publication;
import io.aeron.driver.MediaDriver;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.agrona.concurrent.UnsafeBuffer;

/** Publishes to several addresses at once with Aeron, and prints those that became connected and took a message. */
public final class AeronAsk {
    private static final long PAUSE = TimeUnit.MILLISECONDS.toNanos(1);

    /** Takes the server's first port, the folder for Aeron's files, the seconds to wait, and the addresses. */
    public static void main(String[] arguments) {
        int port = Integer.parseInt(arguments[0]);
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(Long.parseLong(arguments[2]));
        UnsafeBuffer message = new UnsafeBuffer(new byte[64]);
        try (MediaDriver driver = AeronServer.driver(arguments[1]);
                Aeron aeron = Aeron.connect(new Aeron.Context().aeronDirectoryName(driver.aeronDirectoryName()))) {
            Map<String, Publication> waiting = new LinkedHashMap<>();
            for (String address : List.of(arguments).subList(3, arguments.length)) {
                String endpoint = address.contains(":") ? "[" + address + "]:" + (port + 1) : address + ":" + port;
                waiting.put(address, aeron.addPublication("aeron:udp?endpoint=" + endpoint, AeronServer.STREAM));
            }
            while (!waiting.isEmpty() && System.nanoTime() < end) {
                waiting.entrySet().removeIf(each -> {
                    boolean taken = each.getValue().offer(message) > 0;
                    if (taken) {
                        System.out.println(each.getKey() + " " + each.getKey());
                    }
                    return taken;
                });
                LockSupport.parkNanos(PAUSE);
            }
            waiting.keySet().forEach(address -> System.out.println(address + " nothing"));
        }
    }
}
