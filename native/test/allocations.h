/* Counts the allocations of this program's own objects; linked with --wrap=malloc,calloc,realloc. */
#ifndef PKTINFO_ALLOCATIONS_H
#define PKTINFO_ALLOCATIONS_H

extern volatile long allocations;

#endif
