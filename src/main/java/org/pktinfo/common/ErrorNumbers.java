package org.pktinfo.common;

/** The kernel's errors that somebody here looks for: numbers as on all our platforms. */
public abstract class ErrorNumbers {
    /** EPERM. */
    public static final int EPERM = 1;

    /** EIO. */
    public static final int EIO = 5;

    /** EAGAIN. */
    public static final int EAGAIN = 11;

    /** ENOMEM. */
    public static final int ENOMEM = 12;

    /** EACCES. */
    public static final int EACCES = 13;

    /** ENODEV. */
    public static final int ENODEV = 19;

    /** EINVAL. */
    public static final int EINVAL = 22;

    /** EMSGSIZE. */
    public static final int EMSGSIZE = 90;

    /** ENOPROTOOPT. */
    public static final int ENOPROTOOPT = 92;

    /** EOPNOTSUPP. */
    public static final int EOPNOTSUPP = 95;

    /** EADDRNOTAVAIL. */
    public static final int EADDRNOTAVAIL = 99;

    /** ENETDOWN. */
    public static final int ENETDOWN = 100;

    /** ENETUNREACH. */
    public static final int ENETUNREACH = 101;

    /** ENOBUFS. */
    public static final int ENOBUFS = 105;

    /** ECONNREFUSED. */
    public static final int ECONNREFUSED = 111;

    /** EHOSTDOWN. */
    public static final int EHOSTDOWN = 112;

    /** EHOSTUNREACH. */
    public static final int EHOSTUNREACH = 113;

    /** For who adds to the numbers what they mean. */
    protected ErrorNumbers() {}
}
