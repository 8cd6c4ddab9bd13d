package org.pktinfo;

import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** The plan of native/test/faults.c: the system calls of the native library that fail, where, how and how often. */
public final class Faults {
    /** The calls that can fail; the numbers are those of native/test/faults.c. */
    public enum Step {
        /** A datagram, whichever call receives it. */
        RECEIVE(0),
        /** A message to send, whichever call sends it. */
        SEND(1),
        /** A call for many at once. */
        MMSG(2),
        SETSOCKOPT(3),
        GETSOCKOPT(4),
        FCNTL(5),
        EVENTFD(6),
        POLL(7),
        /** Can be held, and does not fail. */
        WRITE(8),
        /** A query to the routing table. */
        NETLINK(9),
        /** A message of the error queue. */
        ERROR_QUEUE(10);

        private final int number;

        Step(int number) {
            this.number = number;
        }
    }

    static final int FOR_EVER = -1;

    private static final int SIZE = 28;
    private static final int ENOSYS = 38;

    private final MappedByteBuffer plan;

    public Faults() throws IOException {
        Path file = Path.of(System.getenv("PKTINFO_FAULTS"));
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            plan = channel.map(FileChannel.MapMode.READ_WRITE, 0, (long) SIZE * Step.values().length);
        }
        plan.order(ByteOrder.nativeOrder());
    }

    /** Makes an empty plan for a process that is to be started. */
    public static void create(Path file) throws IOException {
        Files.write(file, new byte[SIZE * Step.values().length]);
    }

    private int field(Step step, int number) {
        return step.number * SIZE + number * Integer.BYTES;
    }

    public void clear() {
        for (int i = 0; i < plan.capacity(); i++) {
            plan.put(i, (byte) 0);
        }
    }

    /** Lets {@code at} calls pass and the next {@code times} fail. */
    public void fail(Step step, int errno, int at, int times) {
        plan.putInt(field(step, 4), 0);
        plan.putInt(field(step, 5), 0);
        plan.putInt(field(step, 1), at);
        plan.putInt(field(step, 2), times);
        plan.putInt(field(step, 0), errno);
    }

    /** Ends the failures; the counts stay. */
    public void end(Step step) {
        plan.putInt(field(step, 0), 0);
    }

    /** Limits a call to {@code count} messages. */
    public void most(Step step, int count) {
        plan.putInt(field(step, 3), count);
    }

    /** Simulates a kernel that has neither recvmmsg(2) nor sendmmsg(2). */
    public void oneByOne() {
        fail(Step.MMSG, ENOSYS, 0, FOR_EVER);
    }

    /** Makes the callers of a step wait until {@link #release}. */
    public void hold(Step step) {
        plan.putInt(field(step, 6), 1);
    }

    public void release(Step step) {
        plan.putInt(field(step, 6), 0);
    }

    /** Returns the number of calls that have failed, or were held. */
    public int hits(Step step) {
        return plan.getInt(field(step, 5));
    }
}
