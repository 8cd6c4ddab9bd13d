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

static int send_one(const struct msghdr *message)
{
    struct fake_datagram *datagram = &fake.sent[fake.sent_count];
    const uint8_t *name = message->msg_name;
    int port = name[2] << 8 | name[3];

    if (fake.room == 0 || fake.sent_count == FAKE_DATAGRAMS) {
        return -EAGAIN;
    }
    if (port < FAKE_PORTS && fake.port_error[port] != 0) {
        return -fake.port_error[port];
    }
    if (message->msg_iov->iov_len > FAKE_BYTES) {
        return -EMSGSIZE;
    }
    fake.room--;
    fake.sent_count++;
    datagram->flags = message->msg_flags;
    datagram->name_length = message->msg_namelen;
    datagram->control_length = message->msg_controllen;
    datagram->length = message->msg_iov->iov_len;
    memcpy(datagram->name, name, message->msg_namelen);
    memcpy(datagram->payload, message->msg_iov->iov_base, datagram->length);
    if (message->msg_control != NULL) {
        memcpy(datagram->control, message->msg_control, datagram->control_length);
    }
    return (int)datagram->length;
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

/* Both stop at the first failure and report it only if nothing came before it, as recvmmsg(2) and sendmmsg(2) do. */
static int many(struct mmsghdr *messages, unsigned count, int sending)
{
    unsigned most = fake.most_at_once > 0 ? (unsigned)fake.most_at_once : count;
    int done = 0;

    fake.many_calls++;
    if (fake.without_many) {
        return -ENOSYS;
    }
    for (; (unsigned)done < count && (unsigned)done < most; done++) {
        struct msghdr *message = &messages[done].msg_hdr;
        int result = sending ? send_one(message) : receive_one(message);
        if (result < 0) {
            return done > 0 ? done : result;
        }
        messages[done].msg_len = (unsigned)result;
    }
    return done;
}

int kernel_receive_many(int fd, struct mmsghdr *messages, unsigned count)
{
    (void)fd;
    return many(messages, count, 0);
}

int kernel_send_many(int fd, struct mmsghdr *messages, unsigned count)
{
    (void)fd;
    if (fake.lost_count) {
        fake.many_calls++;
        return 0;
    }
    return many(messages, count, 1);
}
