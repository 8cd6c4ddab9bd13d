package org.pktinfo.internal;

/** The names of the system properties that say where the native library is, and what to do without. */
final class LibraryProperties {
    static final String PATH = "pktinfo.library.path";
    static final String MODE = "pktinfo.library.mode";
    static final String FOLDER = "pktinfo.tmpdir";
    static final String FALLBACK = "pktinfo.fallback";

    private LibraryProperties() {}
}
