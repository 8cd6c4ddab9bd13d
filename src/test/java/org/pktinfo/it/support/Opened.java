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

    /** Adds a resource to be closed, and returns it. */
    public <T extends AutoCloseable> T add(T resource) {
        resources.push(resource);
        return resource;
    }

    /** Records that the field exists before the first test; JUnit does not call this for other fields. */
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

    /** Closes all resources, even if closing one of them fails. */
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
