import io.aeron.Aeron;
import io.aeron.driver.MediaDriver;
import io.aeron.driver.ThreadingMode;
import java.util.concurrent.CountDownLatch;

/**
 * Subscribes with Aeron, for IPv4 on the port given and for IPv6 on the next. A publisher is connected once it has
 * received a status message from the address that it publishes to.
 */
public final class AeronServer {
    static final int STREAM = 1;

    /** Takes the first port, and the folder for Aeron's files. */
    public static void main(String[] arguments) throws InterruptedException {
        int port = Integer.parseInt(arguments[0]);
        MediaDriver driver = driver(arguments[1]);
        Aeron aeron = Aeron.connect(new Aeron.Context().aeronDirectoryName(driver.aeronDirectoryName()));
        aeron.addSubscription("aeron:udp?endpoint=0.0.0.0:" + port, STREAM);
        aeron.addSubscription("aeron:udp?endpoint=[::]:" + (port + 1), STREAM);
        System.out.println("listening");
        new CountDownLatch(1).await(); // runs until a signal ends it
    }

    /** Starts a driver of one thread with small buffers: the machine runs two drivers, both with little to do. */
    static MediaDriver driver(String folder) {
        return MediaDriver.launchEmbedded(new MediaDriver.Context()
                .aeronDirectoryName(folder)
                .threadingMode(ThreadingMode.SHARED)
                .publicationTermBufferLength(1 << 16)
                .ipcTermBufferLength(1 << 16)
                .dirDeleteOnStart(true)
                .dirDeleteOnShutdown(true));
    }
}
