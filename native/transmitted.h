/*
 * Reads a datagram that the kernel gives back with its time of transmission (SOF_TIMESTAMPING_TX_SOFTWARE): the packet
 * as it was handed to the network device, headers included.
 */
#ifndef PKTINFO_TRANSMITTED_H
#define PKTINFO_TRANSMITTED_H

#include "errors.h"

/* Bytes that hold all headers and as much of the payload as the digest is of. */
enum { LONGEST_HEADERS = 128, PACKET_CAPACITY = LONGEST_HEADERS + org_pktinfo_internal_ErrorLayout_DIGEST_OF };

/*
 * Stores destination, payload length and digest of the UDP datagram in a packet, of which the first length bytes are
 * given. Changes nothing if it holds none: a device may have headers unlike Ethernet's.
 */
void transmitted_read(struct error_report *report, const uint8_t *packet, size_t length);

#endif
