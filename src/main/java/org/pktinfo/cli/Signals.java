package org.pktinfo.cli;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;

/**
 * Handles signals by {@code sun.misc.Signal} of the module jdk.unsupported, the only class of the JDK that can.
 * Reflection is used because no compiler option suppresses the warning about that name, and because a run-time image
 * may lack it.
 */
final class Signals {
    private Signals() {}

    /**
     * Runs the action, in a thread of its own, whenever one of the signals is received. A signal that this process was
     * started to ignore, such as SIGINT in the background of a script, stays ignored.
     *
     * @throws IllegalArgumentException if {@code -Xrs} leaves signals to the system
     * @throws ClassNotFoundException if the run-time image has no module jdk.unsupported
     */
    static void handle(Runnable action, String... names) throws ClassNotFoundException {
        Class<?> signal = Class.forName("sun.misc.Signal");
        Class<?> handler = Class.forName("sun.misc.SignalHandler");
        Object running =
                Proxy.newProxyInstance(handler.getClassLoader(), new Class<?>[] {handler}, (proxy, method, of) -> {
                    action.run(); // the JDK calls nothing else
                    return null;
                });
        try {
            for (String name : names) {
                Object each = signal.getConstructor(String.class).newInstance(name);
                signal.getMethod("handle", signal, handler).invoke(null, each, running);
            }
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof IllegalArgumentException refused) {
                throw refused;
            }
            throw new IllegalStateException(e);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }
}
