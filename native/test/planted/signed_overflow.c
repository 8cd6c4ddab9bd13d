/* Overflows an int: what UndefinedBehaviorSanitizer must stop, or the sanitized tests prove nothing. */
#include <limits.h>

int main(int count, char **arguments)
{
    volatile int sum = INT_MAX;

    (void)arguments;
    sum = sum + count;
    return 0;
}
