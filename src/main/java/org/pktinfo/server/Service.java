package org.pktinfo.server;

import org.jspecify.annotations.Nullable;

/** Holds the objects that the workers of a server share. */
record Service(
        DatagramHandler handler, @Nullable RateLimiter rateLimiter, Counters counters, ThrottledLog throttledLog) {
    Service(DatagramHandler handler, @Nullable RateLimit limit) {
        this(handler, limit == null ? null : new RateLimiter(limit), new Counters(), new ThrottledLog());
    }
}
