package org.pktinfo.internal;

import java.io.IOException;
import java.net.PortUnreachableException;
import java.util.Map;
import org.pktinfo.common.ErrorNumbers;

/** The kernel's error numbers: their names, and the exception for each. */
public final class Errno extends ErrorNumbers {
    private static final Map<Integer, String> NAMES = Map.ofEntries(
            Map.entry(EPERM, "EPERM"),
            Map.entry(4, "EINTR"),
            Map.entry(EIO, "EIO"),
            Map.entry(9, "EBADF"),
            Map.entry(EAGAIN, "EAGAIN"),
            Map.entry(ENOMEM, "ENOMEM"),
            Map.entry(EACCES, "EACCES"),
            Map.entry(14, "EFAULT"),
            Map.entry(ENODEV, "ENODEV"),
            Map.entry(EINVAL, "EINVAL"),
            Map.entry(23, "ENFILE"),
            Map.entry(24, "EMFILE"),
            Map.entry(38, "ENOSYS"),
            Map.entry(ENONET, "ENONET"),
            Map.entry(EPROTO, "EPROTO"),
            Map.entry(88, "ENOTSOCK"),
            Map.entry(89, "EDESTADDRREQ"),
            Map.entry(EMSGSIZE, "EMSGSIZE"),
            Map.entry(ENOPROTOOPT, "ENOPROTOOPT"),
            Map.entry(EOPNOTSUPP, "EOPNOTSUPP"),
            Map.entry(97, "EAFNOSUPPORT"),
            Map.entry(98, "EADDRINUSE"),
            Map.entry(EADDRNOTAVAIL, "EADDRNOTAVAIL"),
            Map.entry(ENETDOWN, "ENETDOWN"),
            Map.entry(ENETUNREACH, "ENETUNREACH"),
            Map.entry(ENOBUFS, "ENOBUFS"),
            Map.entry(106, "EISCONN"),
            Map.entry(ECONNREFUSED, "ECONNREFUSED"),
            Map.entry(EHOSTDOWN, "EHOSTDOWN"),
            Map.entry(EHOSTUNREACH, "EHOSTUNREACH"));

    private Errno() {}

    public static String describe(int errno) {
        String name = NAMES.get(errno);
        return name == null ? "errno " + errno : name + " (" + errno + ")";
    }

    /**
     * Returns the exception for a failed call that concerns the socket itself, of the class that java.nio.channels
     * would throw.
     */
    public static IOException exception(String call, int errno) {
        String text = call + ": " + describe(errno);
        return errno == ECONNREFUSED ? new PortUnreachableException(text) : new IOException(text);
    }

    /** Returns the result of a call, or throws the exception for its error number if it is negative. */
    public static int check(String call, int result) throws IOException {
        return (int) check(call, (long) result);
    }

    /** Returns the result of a call, or throws the exception for its error number if it is negative. */
    static long check(String call, long result) throws IOException {
        if (result < 0) {
            throw exception(call, (int) -result);
        }
        return result;
    }
}
