/*
 * Reads a socket's error queue (IP_RECVERR in ip(7)): what routers, peers and this host report about datagrams that it
 * has sent. The content is anyone's writing, so nothing here decides; Java does.
 */
#ifndef PKTINFO_ERRORS_H
#define PKTINFO_ERRORS_H

#include <stddef.h>
#include <stdint.h>

#include "org_pktinfo_internal_ErrorLayout.h"

enum { MOST_REPORTS = org_pktinfo_internal_ErrorLayout_MOST_REPORTS };

/*
 * One message of the queue. Addresses are 16 bytes, IPv4 as IPv4-mapped (RFC 4291 2.5.5.2). Numbers are in host byte
 * order. The origin is 0 if the message has no whole report; otherwise it is the kernel's, known or not.
 */
struct error_report {
    uint8_t peer_address[16]; /* the datagram's destination, also that of a datagram which is given back */
    uint32_t peer_scope;
    uint16_t peer_port; /* 0 if the kernel does not tell an address; also for this host's own reports over IPv4 */
    uint8_t has_peer;
    uint8_t has_reporter;
    uint8_t reporter_address[16]; /* the sender of the ICMP message */
    uint32_t reporter_scope;
    uint32_t error; /* ee_errno, as Linux's number */
    uint8_t origin; /* ee_origin: SO_EE_ORIGIN_* of linux/errqueue.h */
    uint8_t type;   /* ee_type and ee_code: those of the ICMP message */
    uint8_t code;
    uint8_t unused1;
    uint32_t info; /* ee_info: for a datagram that is too long, the MTU */
    /* Of a message with a time of transmission, whose origin is 4; the time is 0 if none is told. */
    uint32_t number;  /* ee_data */
    uint32_t length;  /* of the payload; this and the next only if has_peer */
    int64_t time;     /* nanoseconds since 1970, of the system's clock */
    uint64_t digest;  /* of the payload's first DIGEST_OF bytes */
};

/*
 * Takes up to count messages, at most MOST_REPORTS, from the error queue without waiting. Returns their number, 0 if
 * there is none, or minus the error.
 */
int errors_receive(int fd, struct error_report *reports, int count);

#endif
