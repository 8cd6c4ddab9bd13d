/* Shared by the tests on real sockets: their timeouts, and their preconditions. */
#ifndef PKTINFO_SOCKETS_H
#define PKTINFO_SOCKETS_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { PATIENCE_MILLIS = 5000, SKIPPED = 77 };

static inline void must(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "cannot test: %s: %s\n", what, strerror(errno));
        exit(1);
    }
}

static inline void set(int fd, int level, int name, int value)
{
    must(setsockopt(fd, level, name, &value, sizeof(value)) == 0, "setsockopt");
}

#endif
