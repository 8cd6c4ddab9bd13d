package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.lang.ref.WeakReference;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.Requires;
import org.pktinfo.it.support.ChildProcess;

/** An application whose code opens the first channel of a JVM, and is unloaded while other channels stay open. */
@Timeout(120)
class ClassLoaderIT {
    /** A loader that defines one class itself, as an application server does. */
    static final class Application extends ClassLoader {
        private final String own;

        Application(Class<?> own) {
            super(own.getClassLoader());
            this.own = own.getName();
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (!name.equals(own)) {
                return super.loadClass(name, resolve);
            }
            try (InputStream in = getResourceAsStream(name.replace('.', '/') + ".class")) {
                byte[] code = in.readAllBytes();
                return defineClass(name, code, 0, code.length);
            } catch (IOException e) {
                throw new ClassNotFoundException(name, e);
            }
        }
    }

    /** The application's code: its thread is the one that starts the library's threads. */
    public static final class Opener implements Callable<PktInfoChannel> {
        @Override
        public PktInfoChannel call() throws Exception {
            PktInfoChannel channel = PktInfoChannel.open().bind(new InetSocketAddress(0));
            if (Runtime.version().feature() >= 21) {
                CountDownLatch timedOut = new CountDownLatch(1);
                VirtualThreadsIT.Program.start(() -> VirtualThreadsIT.Program.timeOut(channel, timedOut));
                VirtualThreadsIT.Program.check("a timed wait ends", timedOut.await(5, TimeUnit.SECONDS));
            }
            return channel;
        }
    }

    /** Has an application open the first channel, and waits until its class loader is gone. */
    public static final class Program {
        private static PktInfoChannel stays; // opened while the library's threads run for the first channel

        private Program() {}

        private static WeakReference<ClassLoader> openAndUnload() throws Exception {
            Application loader = new Application(Opener.class);
            Thread.currentThread().setContextClassLoader(loader);
            Callable<?> opener = (Callable<?>) loader.loadClass(Opener.class.getName())
                    .getDeclaredConstructor()
                    .newInstance();
            VirtualThreadsIT.Program.check("loaded apart", opener.getClass() != Opener.class);
            PktInfoChannel first = (PktInfoChannel) opener.call();
            stays = PktInfoChannel.open().bind(new InetSocketAddress(0));
            first.close();
            Thread.currentThread().setContextClassLoader(null);
            return new WeakReference<>(loader);
        }

        public static void main(String[] arguments) throws Exception {
            WeakReference<ClassLoader> loader = openAndUnload();
            long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
            while (loader.get() != null && System.nanoTime() < deadline) {
                System.gc();
            }
            System.out.println("gone " + (loader.get() == null) + ", open " + stays.isOpen());
        }
    }

    private static void assertUnloaded(Path java) throws Exception {
        ChildProcess child = ChildProcess.run(
                List.of(java.toString(), "-cp", System.getProperty("java.class.path"), Program.class.getName()));
        assertThat(child.exitCode()).as("%s", child).isZero();
        assertThat(child.out()).as("%s", child).containsExactly("gone true, open true");
    }

    @Test
    void noThreadOfTheLibraryKeepsTheCodeThatOpenedTheFirstChannel() throws Exception {
        assertUnloaded(ChildProcess.java());
    }

    @Test
    void norOneThatPollsForItsVirtualThreads() throws Exception {
        assertUnloaded(Requires.jdk25());
    }
}
