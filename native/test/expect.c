#include "expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int expect_failures;

/* A check that fails in a loop fails often: twenty lines are enough. */
void expect_failed(void)
{
    if (++expect_failures == 20) {
        exit(1);
    }
}

void expect_equal(const char *test, int line, const char *what, long long expected, long long actual)
{
    if (actual != expected) {
        fprintf(stderr, "%s, line %d: %s is %lld, not %lld\n", test, line, what, actual, expected);
        expect_failed();
    }
}

void expect_bytes(
    const char *test, int line, const char *what, const void *expected, const void *actual, size_t length)
{
    const unsigned char *is = actual, *should = expected;
    size_t i = 0;
    for (; i < length && is[i] == should[i]; i++);
    if (i < length) {
        fprintf(stderr, "%s, line %d: byte %zu of %s is 0x%02x, not 0x%02x\n", test, line, i, what, is[i], should[i]);
        expect_failed();
    }
}

int left_out(const char *name)
{
    const char *names = getenv("PKTINFO_LEFT_OUT");
    size_t length = strlen(name);

    for (const char *at = names == NULL ? "" : names; (at = strstr(at, name)) != NULL; at += length) {
        if ((at == names || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0')) {
            printf("left out: %s\n", name);
            return 1;
        }
    }
    return 0;
}
