#define _GNU_SOURCE
#include "interfaces.h"

#include <errno.h>
#include <string.h>

#include "linux_errno.h"

int interface_index(const char *name, size_t length)
{
    char text[IF_NAMESIZE] = {0};

    if (length >= sizeof(text) || memchr(name, '\0', length) != NULL) { /* no interface has such a name */
        return -LINUX_ENODEV;
    }
    memcpy(text, name, length);
    unsigned index = if_nametoindex(text);
    return index == 0 ? -errno : (int)index;
}

int interface_name(int index, char name[IF_NAMESIZE])
{
    return if_indextoname((unsigned)index, name) == NULL ? -errno : (int)strlen(name);
}
