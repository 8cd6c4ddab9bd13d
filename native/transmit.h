/* The way in which a kernel is asked for times of transmission. */
#ifndef PKTINFO_TRANSMIT_H
#define PKTINFO_TRANSMIT_H

/*
 * Returns TRANSMIT_* for the kernel, which it finds out with a socket of its own: nothing is sent. Every kernel has the
 * first, as all datagrams of a socket have their times with it. Returns -errno of Linux if there is no socket for it.
 */
int transmit_form(void);

#endif
