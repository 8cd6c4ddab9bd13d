package org.pktinfo.common;

/** The error numbers of the kernel that the code compares, equal on all supported platforms. */
public abstract class ErrorNumbers {
    /** Operation not permitted. */
    public static final int EPERM = 1;

    /** Input/output error. */
    public static final int EIO = 5;

    /** Resource temporarily unavailable. */
    public static final int EAGAIN = 11;

    /** Cannot allocate memory. */
    public static final int ENOMEM = 12;

    /** Permission denied. */
    public static final int EACCES = 13;

    /** No such device. */
    public static final int ENODEV = 19;

    /** Invalid argument. */
    public static final int EINVAL = 22;

    /** Machine is not on the network. */
    public static final int ENONET = 64;

    /** Protocol error. */
    public static final int EPROTO = 71;

    /** Message too long. */
    public static final int EMSGSIZE = 90;

    /** Protocol option not available. */
    public static final int ENOPROTOOPT = 92;

    /** Operation not supported. */
    public static final int EOPNOTSUPP = 95;

    /** Cannot assign requested address. */
    public static final int EADDRNOTAVAIL = 99;

    /** Network is down. */
    public static final int ENETDOWN = 100;

    /** Network is unreachable. */
    public static final int ENETUNREACH = 101;

    /** No buffer space available. */
    public static final int ENOBUFS = 105;

    /** Connection refused. */
    public static final int ECONNREFUSED = 111;

    /** Host is down. */
    public static final int EHOSTDOWN = 112;

    /** No route to host. */
    public static final int EHOSTUNREACH = 113;

    /** Creates nothing; it is for subclasses that add a meaning to the numbers. */
    protected ErrorNumbers() {}
}
