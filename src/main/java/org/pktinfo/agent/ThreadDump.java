package org.pktinfo.agent;

import com.sun.tools.attach.VirtualMachine;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A JVM's own dump of its threads, for those that are in a receive of a datagram. */
final class ThreadDump {
    /** A thread's name and its number in the system: hexadecimal before JDK 21. */
    private static final Pattern THREAD = Pattern.compile("^\"(.*)\" .*\\bnid=(0x[0-9a-f]+|[0-9]+)\\b");

    private static final String RECEIVE = "at sun.nio.ch.DatagramChannelImpl.receive0(";

    /** The end of the names of the methods behind DatagramSocket.receive. */
    private static final String OF_SOCKET = "lockingReceive(";

    /**
     * A thread that is in a receive.
     *
     * @param thread its number in the system
     * @param name its name
     * @param ofSocket true if it is in {@code DatagramSocket.receive}, false for {@code DatagramChannel.receive}
     */
    record Reader(int thread, String name, boolean ofSocket) {
        private String option() {
            return (ofSocket ? "s" : "c") + thread;
        }
    }

    private ThreadDump() {}

    static List<Reader> readers(VirtualMachine jvm) throws IOException {
        return readers(text(jvm));
    }

    /**
     * Returns the dump as text. The method called is one of HotSpot's class, whose package the manifest exports to this
     * one.
     */
    private static String text(VirtualMachine jvm) throws IOException {
        try (InputStream dump = (InputStream)
                jvm.getClass().getMethod("remoteDataDump", Object[].class).invoke(jvm, (Object) new Object[0])) {
            return read(dump);
        } catch (InvocationTargetException e) {
            throw new IOException("no thread dump: " + e.getCause(), e);
        } catch (ReflectiveOperationException e) {
            throw new IOException("no thread dump: " + e, e);
        }
    }

    /** Reads always to the beginning of the buffer: with an offset JDK 17's stream writes beyond the end. */
    private static String read(InputStream stream) throws IOException {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        byte[] buffer = new byte[1024];
        for (int read = stream.read(buffer); read > 0; read = stream.read(buffer)) {
            text.write(buffer, 0, read);
        }
        return text.toString(StandardCharsets.UTF_8);
    }

    /** Parses a dump, which has a line for each thread, then one for each frame from the innermost on. */
    static List<Reader> readers(String dump) {
        List<Reader> readers = new ArrayList<>();
        for (String block : dump.split("\n\n", -1)) {
            Matcher thread = THREAD.matcher(block);
            int receive = block.indexOf(RECEIVE);
            if (receive >= 0 && block.indexOf("at ") == receive && thread.find()) {
                readers.add(new Reader(Integer.decode(thread.group(2)), thread.group(1), block.contains(OF_SOCKET)));
            }
        }
        return readers;
    }

    /** Returns the options that ask the agent about all these threads, none longer than the limit. */
    static List<String> options(List<Reader> readers, int longest) {
        List<String> options = new ArrayList<>();
        StringBuilder option = new StringBuilder();
        for (Reader each : readers) {
            if (option.length() + each.option().length() + 1 > longest) {
                options.add(option.toString());
                option.setLength(0);
            }
            option.append(option.length() == 0 ? "threads=" : " ").append(each.option());
        }
        if (option.length() > 0) {
            options.add(option.toString());
        }
        return options;
    }
}
