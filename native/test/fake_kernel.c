#define _GNU_SOURCE
#include "fake_kernel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "kernel.h"

struct fake_kernel fake;

void fake_reset(void)
{
    memset(&fake, 0, sizeof(fake));
    fake.receive_error = EAGAIN;
    fake.room = FAKE_DATAGRAMS;
    fake.most_segments = 64;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int receive_one(struct msghdr *message)
{
    if (fake.arrived == fake.arriving_count) {
        return -fake.receive_error;
    }
    const struct fake_datagram *datagram = &fake.arriving[fake.arrived];
    fake.offered[fake.arrived++] = *message;
    memcpy(message->msg_name, datagram->name, smaller(message->msg_namelen, datagram->name_length));
    memcpy(message->msg_control, datagram->control, smaller(message->msg_controllen, datagram->control_length));
    memcpy(message->msg_iov->iov_base, datagram->payload, smaller(message->msg_iov->iov_len, datagram->length));
    message->msg_namelen =
        (socklen_t)(datagram->claimed_name_length > 0 ? datagram->claimed_name_length : datagram->name_length);
    message->msg_controllen = (socklen_t)(datagram->claimed_control_length > 0
        ? datagram->claimed_control_length
        : smaller(message->msg_controllen, datagram->control_length));
    message->msg_flags = datagram->flags;
    return (int)datagram->length;
}

/* Copies all of a message's payload into one buffer; returns its length, -1 if it exceeds the capacity. */
static ssize_t gather(const struct msghdr *message, uint8_t *payload, size_t size)
{
    size_t length = 0;

    for (size_t i = 0; i < (size_t)message->msg_iovlen; i++) {
        if (message->msg_iov[i].iov_len > size - length) {
            return -1;
        }
        memcpy(payload + length, message->msg_iov[i].iov_base, message->msg_iov[i].iov_len);
        length += message->msg_iov[i].iov_len;
    }
    return (ssize_t)length;
}

/*
 * The UDP_SEGMENT message, if there is one, is the last and is consumed here; returns the length of the other control
 * data without the padding behind it.
 */
static size_t take_segment_size(const struct msghdr *message, uint16_t *size)
{
    size_t length = message->msg_controllen;
    size_t end = 0;
    struct cmsghdr header;

    *size = 0;
    for (size_t at = 0; at + sizeof(header) <= length; at += CMSG_SPACE(header.cmsg_len - CMSG_LEN(0))) {
        memcpy(&header, (uint8_t *)message->msg_control + at, sizeof(header));
        if (header.cmsg_len < CMSG_LEN(0) || header.cmsg_len > length - at) {
            abort(); /* the shim wrote no message here */
        }
        if (header.cmsg_len == CMSG_LEN(sizeof(*size)) && header.cmsg_level == 17 && header.cmsg_type == 103) {
            memcpy(size, (uint8_t *)message->msg_control + at + CMSG_LEN(0), sizeof(*size));
            return end;
        }
        end = at + header.cmsg_len;
    }
    return length;
}

static void note(const struct msghdr *message, size_t control_length, const uint8_t *payload, size_t length)
{
    struct fake_datagram *datagram = &fake.sent[fake.sent_count++];

    datagram->flags = message->msg_flags;
    datagram->name_length = message->msg_namelen;
    datagram->control_length = control_length;
    datagram->length = length;
    memcpy(datagram->name, message->msg_name, message->msg_namelen);
    memcpy(datagram->payload, payload, length);
    if (control_length > 0) {
        memcpy(datagram->control, message->msg_control, control_length);
    }
}

static int send_one(const struct msghdr *message)
{
    static uint8_t payload[1 << 17];
    const uint8_t *name = message->msg_name;
    int port = name[2] << 8 | name[3];
    ssize_t length = gather(message, payload, sizeof(payload));
    uint16_t segment;
    size_t control_length = take_segment_size(message, &segment);

    if ((message->msg_control == NULL) != (message->msg_controllen == 0)) {
        return -EFAULT; /* stricter than Linux: other systems refuse an empty buffer that is not NULL */
    }
    if (fake.room == 0) {
        return -EAGAIN;
    }
    if (port < FAKE_PORTS && fake.port_error[port] != 0) {
        return -fake.port_error[port];
    }
    if (length < 0 || length > 65507 || (segment == 0 && (length > FAKE_BYTES || message->msg_iovlen != 1))) {
        return -EMSGSIZE;
    }
    if (segment > 0 && (fake.segment_error > 0 || length > (ssize_t)segment * fake.most_segments)) {
        return fake.segment_error > 0 ? -fake.segment_error : -EINVAL;
    }
    fake.room--;
    fake.messages++;
    size_t step = segment > 0 ? segment : (size_t)length;
    for (size_t at = 0; at < (size_t)length || at == 0; at += step > 0 ? step : 1) {
        note(message, control_length, payload + at, smaller(step, (size_t)length - at));
    }
    return (int)length;
}

int kernel_receive(int fd, struct msghdr *message)
{
    (void)fd;
    fake.single_calls++;
    return receive_one(message);
}

int kernel_send(int fd, const struct msghdr *message)
{
    (void)fd;
    fake.single_calls++;
    return send_one(message);
}

/*
 * Both stop at the first failure and report it only if nothing was transferred before, as recvmmsg(2) and sendmmsg(2)
 * do.
 */
static int many(struct message *messages, unsigned count, int sending)
{
    unsigned most = fake.most_at_once > 0 ? (unsigned)fake.most_at_once : count;
    int done = 0;

    fake.many_calls++;
    if (fake.without_many) {
        return -ENOSYS;
    }
    for (; (unsigned)done < count && (unsigned)done < most; done++) {
        struct msghdr *message = &messages[done].header;
        int result = sending ? send_one(message) : receive_one(message);
        if (result < 0) {
            return done > 0 ? done : result;
        }
        messages[done].length = (unsigned)result;
    }
    return done;
}

int kernel_receive_many(int fd, struct message *messages, unsigned count)
{
    (void)fd;
    return many(messages, count, 0);
}

int kernel_send_many(int fd, struct message *messages, unsigned count)
{
    (void)fd;
    if (fake.lost_count) {
        fake.many_calls++;
        return 0;
    }
    return many(messages, count, 1);
}
