package org.pktinfo.internal;

import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicLong;

/** Memory outside the heap that no view of user code refers to. Running it, once, frees it. */
record HiddenMemory(ByteBuffer bytes) implements Runnable {
    private static final AtomicLong TOTAL = new AtomicLong();

    /** Allocates zeroed bytes. Throws OutOfMemoryError if there are none. */
    static HiddenMemory allocate(int size) {
        ByteBuffer bytes = NativeCalls.allocate(size);
        if (bytes == null) {
            throw new OutOfMemoryError("no " + size + " bytes outside the heap");
        }
        TOTAL.addAndGet(size);
        return new HiddenMemory(bytes);
    }

    /** Returns the number of bytes that are allocated and not freed yet. */
    static long total() {
        return TOTAL.get();
    }

    @Override
    public void run() {
        TOTAL.addAndGet(-bytes.capacity());
        NativeCalls.free(bytes);
    }
}
