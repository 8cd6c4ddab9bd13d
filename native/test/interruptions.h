/* System calls that a signal interrupts before they do anything; linked with --wrap of each. */
#ifndef PKTINFO_INTERRUPTIONS_H
#define PKTINFO_INTERRUPTIONS_H

/* So many of the next calls fail with EINTR. */
extern int interruptions;

#endif
