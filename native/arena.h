/*
 * The memory that Java and C share: one header, then the slots, then the payloads, then what only C uses.
 * Java writes the layout down (org.pktinfo.internal.Layout), javac hands it over as a header, and the assertions below
 * refuse to compile if the two ever differ.
 */
#ifndef PKTINFO_ARENA_H
#define PKTINFO_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "org_pktinfo_internal_Layout.h"

/* The shared numbers under the names that the C code uses. */
enum {
    FAMILY_IPV4 = org_pktinfo_internal_Layout_FAMILY_IPV4,
    FAMILY_IPV6 = org_pktinfo_internal_Layout_FAMILY_IPV6,
    HEADER_SIZE = org_pktinfo_internal_Layout_HEADER_SIZE,
    SLOT_SIZE = org_pktinfo_internal_Layout_SLOT_SIZE,
    SCRATCH_SIZE = org_pktinfo_internal_Layout_SCRATCH_SIZE,
    MAX_SLOTS = org_pktinfo_internal_Layout_MAX_SLOTS,
    MAX_STRIDE = org_pktinfo_internal_Layout_MAX_STRIDE,
};

/* struct slot: flags */
enum {
    FLAG_IN_PKTINFO = org_pktinfo_internal_Layout_FLAG_IN_PKTINFO,
    FLAG_IN6_PKTINFO = org_pktinfo_internal_Layout_FLAG_IN6_PKTINFO,
    FLAG_IN6_PKTINFO_FIRST = org_pktinfo_internal_Layout_FLAG_IN6_PKTINFO_FIRST,
    FLAG_TRUNCATED = org_pktinfo_internal_Layout_FLAG_TRUNCATED,
    FLAG_CONTROL_TRUNCATED = org_pktinfo_internal_Layout_FLAG_CONTROL_TRUNCATED,
    FLAG_DROP_COUNT = org_pktinfo_internal_Layout_FLAG_DROP_COUNT,
    FLAG_RECEIVE_TIME = org_pktinfo_internal_Layout_FLAG_RECEIVE_TIME,
    FLAG_SEGMENT_SIZE = org_pktinfo_internal_Layout_FLAG_SEGMENT_SIZE,
    FLAG_TRAFFIC_CLASS = org_pktinfo_internal_Layout_FLAG_TRAFFIC_CLASS,
    FLAG_HOP_LIMIT = org_pktinfo_internal_Layout_FLAG_HOP_LIMIT,
};

/* struct slot: source_form, send_state and send_flags */
enum {
    FORM_NONE = org_pktinfo_internal_Layout_FORM_NONE,
    FORM_IN_PKTINFO = org_pktinfo_internal_Layout_FORM_IN_PKTINFO,
    FORM_IN6_PKTINFO = org_pktinfo_internal_Layout_FORM_IN6_PKTINFO,
    FORM_AS_RECEIVED = org_pktinfo_internal_Layout_FORM_AS_RECEIVED,
    STATE_PENDING = org_pktinfo_internal_Layout_STATE_PENDING,
    STATE_DONE = org_pktinfo_internal_Layout_STATE_DONE,
    SEND_ALONE = org_pktinfo_internal_Layout_SEND_ALONE,
    SEND_REFUSED = org_pktinfo_internal_Layout_SEND_REFUSED,
    SEND_TOGETHER = org_pktinfo_internal_Layout_SEND_TOGETHER,
};

struct arena_header {
    int32_t slot_count;
    int32_t payload_capacity; /* bytes a datagram may have in its slot */
    int32_t payload_stride;   /* bytes from one payload to the next */
    int32_t socket_family;    /* FAMILY_* */
    int32_t longest_coalesced; /* bytes a datagram may have that leaves together with others, 0: each leaves alone */
};

/* One datagram. Addresses are 16 bytes, IPv4 as IPv4-mapped (RFC 4291 2.5.5.2); numbers are in host order. */
struct slot {
    /* Who: the sender of what was received, the receiver of what is to be sent. */
    uint8_t peer_address[16];
    uint32_t peer_scope; /* sin6_scope_id */
    uint16_t peer_port;
    uint16_t unused1;
    /* Received: which facts came (FLAG_*), and the payload's length in this slot; the latter also when sending. */
    uint32_t flags;
    uint32_t length;
    uint8_t in6_address[16]; /* in6_pktinfo */
    uint32_t in6_interface;
    uint8_t in_address[4]; /* in_pktinfo: the header destination */
    uint8_t in_local[4];   /* in_pktinfo: the local address, RFC 1122's specific destination */
    uint32_t in_interface;
    uint32_t wire_length; /* what the peer sent, more than length if it did not fit and the kernel tells it */
    uint32_t drop_count;  /* datagrams this socket has lost, modulo 2^32 */
    /* To send: the control message and what it says. */
    uint8_t source_address[16];
    uint32_t source_interface;
    uint32_t source_form; /* FORM_* */
    uint32_t send_state;  /* STATE_*: Java writes PENDING, C writes DONE */
    uint32_t error;       /* Linux's number of what the sending of this slot failed with, 0 if it did not */
    /* Received, when the socket's owner asked for it. */
    int64_t receive_time;  /* nanoseconds since 1970 */
    uint32_t segment_size; /* the payload holds datagrams of this size */
    uint8_t traffic_class; /* the TOS or traffic class byte, the ECN bits lowest */
    uint8_t hop_limit;     /* TTL or hop limit */
    uint16_t sent_length;  /* of a payload to be cut: what is sent already */
    /* To send. */
    uint32_t send_segment_size; /* the payload is cut into datagrams of this size, 0: it is one */
    uint32_t send_flags;        /* SEND_*: Java writes ALONE, C all */
};

#define ASSERT_PLACE(structure, field, constant) \
    _Static_assert(offsetof(structure, field) == org_pktinfo_internal_Layout_##constant, #field)

_Static_assert(sizeof(struct arena_header) <= org_pktinfo_internal_Layout_HEADER_SIZE, "header");
ASSERT_PLACE(struct arena_header, slot_count, SLOT_COUNT);
ASSERT_PLACE(struct arena_header, payload_capacity, PAYLOAD_CAPACITY);
ASSERT_PLACE(struct arena_header, payload_stride, PAYLOAD_STRIDE);
ASSERT_PLACE(struct arena_header, socket_family, SOCKET_FAMILY);
ASSERT_PLACE(struct arena_header, longest_coalesced, LONGEST_COALESCED);
_Static_assert(sizeof(struct slot) == org_pktinfo_internal_Layout_SLOT_SIZE, "slot");
ASSERT_PLACE(struct slot, peer_address, PEER_ADDRESS);
ASSERT_PLACE(struct slot, peer_scope, PEER_SCOPE);
ASSERT_PLACE(struct slot, peer_port, PEER_PORT);
ASSERT_PLACE(struct slot, flags, FLAGS);
ASSERT_PLACE(struct slot, length, LENGTH);
ASSERT_PLACE(struct slot, in6_address, IN6_ADDRESS);
ASSERT_PLACE(struct slot, in6_interface, IN6_INTERFACE);
ASSERT_PLACE(struct slot, in_address, IN_ADDRESS);
ASSERT_PLACE(struct slot, in_local, IN_LOCAL);
ASSERT_PLACE(struct slot, in_interface, IN_INTERFACE);
ASSERT_PLACE(struct slot, wire_length, WIRE_LENGTH);
ASSERT_PLACE(struct slot, drop_count, DROP_COUNT);
ASSERT_PLACE(struct slot, source_address, SOURCE_ADDRESS);
ASSERT_PLACE(struct slot, source_interface, SOURCE_INTERFACE);
ASSERT_PLACE(struct slot, source_form, SOURCE_FORM);
ASSERT_PLACE(struct slot, send_state, SEND_STATE);
ASSERT_PLACE(struct slot, error, ERROR);
ASSERT_PLACE(struct slot, receive_time, RECEIVE_TIME);
ASSERT_PLACE(struct slot, segment_size, SEGMENT_SIZE);
ASSERT_PLACE(struct slot, traffic_class, TRAFFIC_CLASS);
ASSERT_PLACE(struct slot, hop_limit, HOP_LIMIT);
ASSERT_PLACE(struct slot, sent_length, SENT_LENGTH);
ASSERT_PLACE(struct slot, send_segment_size, SEND_SEGMENT_SIZE);
ASSERT_PLACE(struct slot, send_flags, SEND_FLAGS);

#undef ASSERT_PLACE

#endif
