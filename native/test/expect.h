/*
 * Shared by all tests: two checks that print the values they compared, and the number of failures for the exit status.
 */
#ifndef PKTINFO_EXPECT_H
#define PKTINFO_EXPECT_H

#include <stddef.h>

extern int expect_failures;

/* Counts a failed check and prints it. */
void expect_failed(void);

#define EXPECT_EQUAL(expected, actual) \
    expect_equal(__func__, __LINE__, #actual, (long long)(expected), (long long)(actual))
void expect_equal(const char *test, int line, const char *what, long long expected, long long actual);

#define EXPECT_BYTES(expected, actual, length) expect_bytes(__func__, __LINE__, #actual, expected, actual, length)
void expect_bytes(
    const char *test, int line, const char *what, const void *expected, const void *actual, size_t length);

/* Returns 1 and prints a line if PKTINFO_LEFT_OUT names this test, because the environment cannot show it. */
int left_out(const char *name);

#endif
