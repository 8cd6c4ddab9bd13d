/* System calls that a signal interrupts before they do anything; linked with --wrap for each. */
#ifndef PKTINFO_INTERRUPTIONS_H
#define PKTINFO_INTERRUPTIONS_H

/* The number of following calls that fail with EINTR. */
extern int interruptions;

#endif
