/* Writes one byte behind a block: what AddressSanitizer must stop, or the sanitized tests prove nothing. */
#include <stdlib.h>

int main(int count, char **arguments)
{
    volatile char *block = malloc((size_t)count + 15); /* of a size that the compiler cannot know */

    (void)arguments;
    block[count + 15] = 1;
    free((void *)block);
    return 0;
}
