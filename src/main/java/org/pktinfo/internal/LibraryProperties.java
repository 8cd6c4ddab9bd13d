package org.pktinfo.internal;

/** The names of the system properties that locate the native library or permit to run without it. */
final class LibraryProperties {
    static final String PATH = "pktinfo.library.path";
    static final String MODE = "pktinfo.library.mode";
    static final String FOLDER = "pktinfo.tmpdir";
    static final String FALLBACK = "pktinfo.fallback";

    private LibraryProperties() {}
}
