package org.pktinfo.agent;

import java.net.URL;
import java.net.URLClassLoader;
import java.security.CodeSource;
import org.jspecify.annotations.Nullable;

/**
 * Where the JVM enters. All the rest runs in a class loader of the agent's own, so that neither the program's libraries
 * nor another version of this one in it are ever mixed with the agent's.
 */
public final class PktInfoAgent {
    private static final int WRONG_USE = 2;
    private static final int FAILED = 1;

    private PktInfoAgent() {}

    /**
     * Called by the JVM before the program's main. Ends the JVM with one line on stderr if the options are wrong (exit code 2) or
     * nothing can be installed (1): a program that answers from the wrong address is what the user wanted to be rid of.
     *
     * @param options what stands behind {@code -javaagent:pktinfo-agent.jar=}, null if nothing does
     */
    public static void premain(@Nullable String options) {
        try {
            install(options == null ? "" : options);
        } catch (IllegalArgumentException e) {
            end(e, WRONG_USE);
        } catch (ReflectiveOperationException | RuntimeException | LinkageError e) {
            end(e, FAILED);
        }
    }

    private static void end(Throwable reason, int exitCode) {
        System.err.println("pktinfo-agent: " + (reason.getMessage() == null ? reason : reason.getMessage()));
        System.exit(exitCode);
    }

    @SuppressWarnings("resource") // open for as long as the program runs
    private static void install(String options) throws ReflectiveOperationException {
        CodeSource jar = PktInfoAgent.class.getProtectionDomain().getCodeSource();
        if (jar == null) {
            throw new IllegalStateException("it is not known which jar the agent comes from");
        }
        ClassLoader own = new URLClassLoader(
                "pktinfo-agent", new URL[] {jar.getLocation()}, ClassLoader.getPlatformClassLoader());
        Object installation = own.loadClass(Installation.class.getName())
                .getConstructor(String.class)
                .newInstance(options);
        ((Runnable) installation).run();
    }
}
