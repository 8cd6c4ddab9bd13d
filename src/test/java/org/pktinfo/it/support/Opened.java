package org.pktinfo.it.support;

import java.util.ArrayDeque;
import java.util.Deque;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Hosts and programs of a test, closed when it ends, the last opened first, also if it failed or was never begun. In a
 * static field, or in a class with one instance for all tests, they last until the last test.
 */
public final class Opened implements BeforeAllCallback, AfterEachCallback, AfterAllCallback {
    private final Deque<AutoCloseable> resources = new ArrayDeque<>();
    private boolean ofTheClass;

    /** Adds what is to be closed; the same again. */
    public <T extends AutoCloseable> T add(T resource) {
        resources.push(resource);
        return resource;
    }

    /** Tells that the field is there before the first test; nobody calls this for others. */
    @Override
    public void beforeAll(ExtensionContext context) {
        ofTheClass = true;
    }

    @Override
    public void afterEach(ExtensionContext context) throws Exception {
        if (!ofTheClass) {
            closeAll();
        }
    }

    @Override
    public void afterAll(ExtensionContext context) throws Exception {
        closeAll();
    }

    /** One that cannot be closed keeps no other open. */
    private void closeAll() throws Exception {
        Exception failed = null;
        while (!resources.isEmpty()) {
            try {
                resources.pop().close();
            } catch (Exception e) {
                if (failed == null) {
                    failed = e;
                } else {
                    failed.addSuppressed(e);
                }
            }
        }
        if (failed != null) {
            throw failed;
        }
    }
}
