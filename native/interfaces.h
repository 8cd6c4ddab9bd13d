/* Names and numbers of network interfaces, by RFC 3493. */
#ifndef PKTINFO_INTERFACES_H
#define PKTINFO_INTERFACES_H

#include <net/if.h>
#include <stddef.h>

/* Returns the index of the interface whose name has length bytes, or -errno of Linux: ENODEV if there is none. */
int interface_index(const char *name, size_t length);

/* Stores the interface's name. Returns its length, or -errno of Linux. */
int interface_name(int index, char name[IF_NAMESIZE]);

#endif
