package org.pktinfo.jvm;

/** The reasons for a socket's state, in the order of the native library. */
enum Verdict {
    NONE("not bound"),
    CHOOSES("replies leave from the address asked"),
    EPHEMERAL("left alone, the system has chosen the port (ports=all includes it, and ports= with its number)"),
    PORT("left alone, not one of the ports (ports= includes it)"),
    ONE("left alone, bound or connected to one address"),
    REFUSED("left alone, the kernel gives no packet information or no memory is left"),
    FOREIGN("out of reach, not a socket of the JDK's (Netty's epoll and io_uring have such; netty=nio at the start of"
            + " the program keeps Netty from them)");

    /** The words shown to the user. */
    final String text;

    Verdict(String text) {
        this.text = text;
    }

    /** Returns the verdict of a number of the native library. */
    static Verdict of(int number) {
        return values()[number];
    }
}
