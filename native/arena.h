/*
 * The memory that Java and C share: a header, the slots, the payloads, and C's scratch area. The layout is defined in
 * Java (org.pktinfo.internal.Layout), which javac -h exports as a header. The assertions below fail to compile if the
 * structures differ from it.
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
    FLAG_ORIGINAL_PORT = org_pktinfo_internal_Layout_FLAG_ORIGINAL_PORT,
    FLAG_MARK = org_pktinfo_internal_Layout_FLAG_MARK,
    FLAG_HARDWARE_TIME = org_pktinfo_internal_Layout_FLAG_HARDWARE_TIME,
};

/* struct slot: source_form, send_state and send_flags */
enum {
    FORM_NONE = org_pktinfo_internal_Layout_FORM_NONE,
    FORM_IN_PKTINFO = org_pktinfo_internal_Layout_FORM_IN_PKTINFO,
    FORM_IN6_PKTINFO = org_pktinfo_internal_Layout_FORM_IN6_PKTINFO,
    FORM_AS_RECEIVED = org_pktinfo_internal_Layout_FORM_AS_RECEIVED,
    STATE_PENDING = org_pktinfo_internal_Layout_STATE_PENDING,
    STATE_DONE = org_pktinfo_internal_Layout_STATE_DONE,
    SEND_SEPARATELY = org_pktinfo_internal_Layout_SEND_SEPARATELY,
    SEND_SEGMENTATION_REFUSED = org_pktinfo_internal_Layout_SEND_SEGMENTATION_REFUSED,
    SEND_COALESCED = org_pktinfo_internal_Layout_SEND_COALESCED,
    SEND_WITH_TRAFFIC_CLASS = org_pktinfo_internal_Layout_SEND_WITH_TRAFFIC_CLASS,
    SEND_WITH_HOP_LIMIT = org_pktinfo_internal_Layout_SEND_WITH_HOP_LIMIT,
    SEND_WITH_TRANSMIT_TIME = org_pktinfo_internal_Layout_SEND_WITH_TRANSMIT_TIME,
};

/* The ways in which times of transmission are requested. */
enum {
    TRANSMIT_ALL = org_pktinfo_internal_Layout_TRANSMIT_ALL,             /* by the socket's option, for all datagrams */
    TRANSMIT_REQUESTED = org_pktinfo_internal_Layout_TRANSMIT_REQUESTED, /* by a control message, since Linux 4.6 */
    TRANSMIT_NUMBERED = org_pktinfo_internal_Layout_TRANSMIT_NUMBERED,   /* with a number, since Linux 6.13 */
};

struct arena_header {
    int32_t slot_count;
    int32_t payload_capacity; /* the longest payload in bytes that a slot can hold */
    int32_t payload_stride;   /* bytes from one payload to the next */
    int32_t socket_family;    /* FAMILY_* */
    int32_t longest_coalesced; /* the longest payload that may be coalesced with others; 0: each is sent separately */
    int32_t transmit_form;          /* TRANSMIT_* */
    uint32_t transmit_number;       /* that of the first slot; the next slot's is one more, modulo 2^32 */
};

/* One datagram. Addresses are 16 bytes, IPv4 as IPv4-mapped (RFC 4291 2.5.5.2). Numbers are in host byte order. */
struct slot {
    /* The sender of a received datagram, or the receiver of one to be sent. */
    uint8_t peer_address[16];
    uint32_t peer_scope; /* sin6_scope_id */
    uint16_t peer_port;
    uint16_t original_port; /* received: the port that the datagram was sent to, before any redirection */
    /* Received: the facts that are valid (FLAG_*), and the length of the payload in this slot, which send uses too. */
    uint32_t flags;
    uint32_t length;
    uint8_t in6_address[16]; /* in6_pktinfo */
    uint32_t in6_interface;
    uint8_t in_address[4]; /* in_pktinfo: ipi_addr, the destination in the header */
    uint8_t in_local[4];   /* in_pktinfo: ipi_spec_dst, the local address (RFC 1122: specific destination) */
    uint32_t in_interface;
    uint32_t wire_length; /* the datagram's length; exceeds length if it was truncated and the kernel reports it */
    uint32_t drop_count;  /* datagrams that this socket has dropped, modulo 2^32 */
    /* To send: the source that the control message names. */
    uint8_t source_address[16];
    uint32_t source_interface;
    /* Received, if the owner of the socket has enabled it. */
    uint32_t mark;
    int64_t receive_time;  /* nanoseconds since 1970, of the system's clock */
    int64_t hardware_time; /* nanoseconds of the network device's clock */
    uint16_t error;        /* to send: Linux's error number if sending this slot failed, otherwise 0 */
    uint16_t segment_size; /* the length of the coalesced datagrams in the payload */
    uint8_t traffic_class; /* the TOS or traffic class byte; ECN is its lowest two bits */
    uint8_t hop_limit;     /* TTL or hop limit */
    /* To send. */
    uint16_t sent_length;       /* of a payload being segmented: the bytes sent so far */
    uint16_t send_segment_size; /* the payload is segmented into datagrams of this size; 0: it is one */
    uint16_t send_flags;        /* SEND_*: Java writes SEPARATELY and WITH_*, C writes the others and SEPARATELY */
    uint8_t source_form;        /* FORM_* */
    uint8_t send_state;         /* STATE_*: Java writes PENDING, C writes DONE */
    uint8_t send_traffic_class; /* 0 unless its flag is set, as the next */
    uint8_t send_hop_limit;
};

#define ASSERT_PLACE(structure, field, constant) \
    _Static_assert(offsetof(structure, field) == org_pktinfo_internal_Layout_##constant, #field)

_Static_assert(sizeof(struct arena_header) <= org_pktinfo_internal_Layout_HEADER_SIZE, "header");
ASSERT_PLACE(struct arena_header, slot_count, SLOT_COUNT);
ASSERT_PLACE(struct arena_header, payload_capacity, PAYLOAD_CAPACITY);
ASSERT_PLACE(struct arena_header, payload_stride, PAYLOAD_STRIDE);
ASSERT_PLACE(struct arena_header, socket_family, SOCKET_FAMILY);
ASSERT_PLACE(struct arena_header, longest_coalesced, LONGEST_COALESCED);
ASSERT_PLACE(struct arena_header, transmit_form, TRANSMIT_FORM);
ASSERT_PLACE(struct arena_header, transmit_number, TRANSMIT_NUMBER);
_Static_assert(sizeof(struct slot) == org_pktinfo_internal_Layout_SLOT_SIZE, "slot");
ASSERT_PLACE(struct slot, peer_address, PEER_ADDRESS);
ASSERT_PLACE(struct slot, peer_scope, PEER_SCOPE);
ASSERT_PLACE(struct slot, peer_port, PEER_PORT);
ASSERT_PLACE(struct slot, original_port, ORIGINAL_PORT);
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
ASSERT_PLACE(struct slot, mark, MARK);
ASSERT_PLACE(struct slot, receive_time, RECEIVE_TIME);
ASSERT_PLACE(struct slot, hardware_time, HARDWARE_TIME);
ASSERT_PLACE(struct slot, segment_size, SEGMENT_SIZE);
ASSERT_PLACE(struct slot, traffic_class, TRAFFIC_CLASS);
ASSERT_PLACE(struct slot, hop_limit, HOP_LIMIT);
ASSERT_PLACE(struct slot, sent_length, SENT_LENGTH);
ASSERT_PLACE(struct slot, send_segment_size, SEND_SEGMENT_SIZE);
ASSERT_PLACE(struct slot, send_flags, SEND_FLAGS);
ASSERT_PLACE(struct slot, send_traffic_class, SEND_TRAFFIC_CLASS);
ASSERT_PLACE(struct slot, send_hop_limit, SEND_HOP_LIMIT);

#undef ASSERT_PLACE

#endif
