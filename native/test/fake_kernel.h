/* A kernel without sockets: delivers the given datagrams, records those that are sent, and fails as instructed. */
#ifndef PKTINFO_FAKE_KERNEL_H
#define PKTINFO_FAKE_KERNEL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { FAKE_DATAGRAMS = 256, FAKE_BYTES = 512, FAKE_PORTS = 64 };

struct fake_datagram {
    uint8_t name[64];
    uint8_t control[FAKE_BYTES];
    uint8_t payload[FAKE_BYTES];
    size_t name_length;
    size_t control_length;
    size_t length;
    int flags;
    /* When not 0, the lengths that the kernel reports, whatever it wrote. */
    size_t claimed_name_length;
    size_t claimed_control_length;
};

struct fake_kernel {
    int without_many;  /* recvmmsg and sendmmsg fail with ENOSYS */
    int most_at_once;  /* of recvmmsg and sendmmsg; 0: no limit */
    int single_calls;
    int many_calls;
    struct fake_datagram arriving[FAKE_DATAGRAMS];
    int arriving_count;
    int arrived;
    int receive_error; /* once no datagram is left */
    struct msghdr offered[FAKE_DATAGRAMS]; /* each header as passed to a receive that got a datagram */
    struct fake_datagram sent[FAKE_DATAGRAMS];
    int sent_count;
    int messages;               /* that they were sent in */
    int segment_error;              /* error of a message that is to be segmented */
    int most_segments;          /* segments allowed in a message; more are EINVAL */
    int room;                   /* messages until the send buffer is full */
    int port_error[FAKE_PORTS]; /* error of sending to this port */
    int lost_count;             /* sendmmsg returns 0: no kernel does, but nothing may hang if one did */
};

extern struct fake_kernel fake;

/* A working kernel with room for everything and nothing to receive. */
void fake_reset(void);

#endif
