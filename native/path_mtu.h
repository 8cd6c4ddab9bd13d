/* The path MTU, which the kernel tells of a connected socket only (IP_MTU in ip(7), IPV6_MTU in ipv6(7)). */
#ifndef PKTINFO_PATH_MTU_H
#define PKTINFO_PATH_MTU_H

#include "arena.h"

/*
 * Returns the path MTU to a slot's peer from its source, which it has unless its source form is none, by its source
 * interface unless that is 0; or minus the error. It opens a socket, binds and connects it, and closes it: nothing is
 * sent.
 */
int path_mtu(const struct slot *way);

#endif
