/* The ways in which this kernel can be asked for times of transmission, by its version. */
#ifndef PKTINFO_FORMS_H
#define PKTINFO_FORMS_H

#include <stdio.h>
#include <sys/utsname.h>

#include "arena.h"

/* Returns the newest form of this version, TRANSMIT_*; a distribution's kernel may have a newer one. */
static inline int form_of_version(void)
{
    struct utsname system = {0};
    int major = 0;
    int minor = 0;

    if (uname(&system) == -1 || sscanf(system.release, "%d.%d", &major, &minor) != 2) {
        return TRANSMIT_ALL;
    }
    int version = major * 1000 + minor;
    return version >= 6013 ? TRANSMIT_NUMBERED : version >= 4006 ? TRANSMIT_REQUESTED : TRANSMIT_ALL;
}

#endif
