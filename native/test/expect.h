/* What every test needs: two checks that print what they saw, and how many failed, for the exit status. */
#ifndef PKTINFO_EXPECT_H
#define PKTINFO_EXPECT_H

#include <stddef.h>

extern int expect_failures;

/* A check has failed, and it is said which. */
void expect_failed(void);

#define EXPECT_EQUAL(expected, actual) \
    expect_equal(__func__, __LINE__, #actual, (long long)(expected), (long long)(actual))
void expect_equal(const char *test, int line, const char *what, long long expected, long long actual);

#define EXPECT_BYTES(expected, actual, length) expect_bytes(__func__, __LINE__, #actual, expected, actual, length)
void expect_bytes(
    const char *test, int line, const char *what, const void *expected, const void *actual, size_t length);

/* Whether PKTINFO_LEFT_OUT names this test, for surroundings that cannot show it; says so if it does. */
int left_out(const char *name);

#endif
