/* Declarations that the parts of test-control share, and the parts. */
#ifndef PKTINFO_TEST_CONTROL_H
#define PKTINFO_TEST_CONTROL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

#include "pktinfo.h"

enum { UDP_LEVEL = 17, GRO_TYPE = 104, HEADER_LENGTH = CMSG_LEN(0) };
enum { ORIGINAL_TYPE = 20, ORIGINAL6_TYPE = 74, MARK_TYPE = 36, TIMES_TYPE = 37 };

/* The times of SCM_TIMESTAMPING (struct scm_timestamping of linux/errqueue.h). */
struct times {
    struct timespec system, unused, hardware;
};

extern const uint8_t DESTINATION[4];
extern const uint8_t LOCAL[4];
extern const uint8_t ZERO[4];
extern const uint8_t MAPPED[16];
extern const uint8_t NATIVE[16];

/* Control data as a kernel lays it out. */
struct control {
    uint8_t bytes[1024];
    size_t length;
};

size_t put(struct control *control, int level, int type, const void *data, size_t length);
size_t put_int(struct control *control, int level, int type, int value);
size_t put_in4(struct control *control, const uint8_t *destination, const uint8_t *local, int interface);
size_t put_in6(struct control *control, const uint8_t *destination, unsigned interface);
void set_length(struct control *control, size_t at, size_t length);
struct slot read_bytes(const uint8_t *bytes, size_t length);
struct slot read_control(const struct control *control);
void know_in4(struct slot *slot, const uint8_t *destination, const uint8_t *local, uint32_t interface);
void know_in6(struct slot *slot, const uint8_t *destination, uint32_t interface);

/* One of every message that is understood, one after the other; begins[i] is the offset of message i. */
enum { EVERYTHING = 13 };
void put_everything(struct control *control, size_t *begins);
void know_everything(struct slot *slot, int messages);
uint32_t random_number(uint32_t below);

void malformed_data_does_no_harm(void);
void names_are_read_and_written(void);
void header_fields_are_written(void);
void sources_are_written(void);

#endif
