/* A packet that the kernel gives back with its time of transmission, and what is to be read of it. */
#ifndef PKTINFO_ERRORS_PACKET_H
#define PKTINFO_ERRORS_PACKET_H

#include "errors.h"
#include "input.h"

/* Writes as much of a packet as the room holds; returns the length that is there, and stores the datagram's facts. */
size_t take_packet(struct input *input, uint8_t *to, size_t room, struct error_report *expected);

#endif
