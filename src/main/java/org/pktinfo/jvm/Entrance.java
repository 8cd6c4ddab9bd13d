package org.pktinfo.jvm;

/** The methods that the agent's native library calls. They throw nothing; the only result is the exit code. */
final class Entrance {
    /** The system property in which {@link #attach} leaves its report for the attacher: the exit code, then lines. */
    private static final String REPORT = "pktinfo.agent.report";

    private static final String REFUSED = "nothing is done: ";

    private static final int DONE = 0;
    private static final int FAILED = 1;
    private static final int WRONG_USE = 2;

    private Entrance() {}

    /**
     * Switches the sockets over before the program's main. Ends the JVM with one line on stderr if the options are
     * wrong (exit code 2) or it cannot be done (1), because the user does not want replies from the wrong address.
     */
    static void start(String options, String name) {
        try {
            Options parsed = Options.parse(options);
            String other = Installation.switchOn(parsed, name);
            parsed.say(Options.Log.START, other == null ? installed(parsed, name) : refused(other));
        } catch (IllegalArgumentException e) {
            end(e, WRONG_USE);
        } catch (RuntimeException | LinkageError e) {
            end(e, FAILED);
        }
    }

    private static void end(Throwable reason, int exitCode) {
        System.err.println("pktinfo-agent: " + message(reason));
        System.exit(exitCode);
    }

    /** Does what the attacher requests in a running JVM, and reports it. */
    static void attach(String options, String name) {
        int exitCode = DONE;
        String report;
        try {
            report = attached(options, name);
        } catch (IllegalArgumentException e) {
            exitCode = WRONG_USE;
            report = message(e);
        } catch (Throwable e) { // the JVM may be a production server: it goes on, and the attacher gets the message
            exitCode = FAILED;
            report = message(e);
        }
        if (report.startsWith(REFUSED)) {
            exitCode = FAILED;
        }
        System.setProperty(REPORT, exitCode + "\n" + report);
    }

    private static String attached(String options, String name) {
        if (options.equals("off")) {
            String owner = Installation.owner();
            return Installation.switchOff()
                    ? "switched off, sockets reply as the JDK has them"
                    : REFUSED + (owner == null ? "it is not switched on" : owner + " has switched it on");
        }
        if (options.startsWith(BlockedThreads.OPTION)) {
            return BlockedThreads.wake(options);
        }
        Options parsed = Options.parse(options);
        if (parsed.nettyNio()) {
            throw new IllegalArgumentException("netty=nio counts at the start of a program only, by -javaagent: or"
                    + " -agentpath:, before Netty has chosen");
        }
        String other = Installation.switchOn(parsed, name);
        if (other != null) {
            return refused(other);
        }
        parsed.say(Options.Log.START, installed(parsed, name));
        return parsed.inWords() + "\n" + FoundSockets.list();
    }

    private static String refused(String other) {
        return REFUSED + other + " has switched this JVM's sockets over already, with its own options";
    }

    private static String installed(Options options, String name) {
        return name + " is installed, " + options.inWords();
    }

    private static String message(Throwable reason) {
        String message = reason.getMessage();
        return message == null ? reason.toString() : message;
    }
}
