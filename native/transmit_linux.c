#define _GNU_SOURCE
#include "transmit.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "arena.h"
#include "control.h"
#include "kernel.h"
#include "linux_errno.h"
#include "linux_times.h"

/* Returns 1 if the kernel refuses to send with a control message. One that does not know the level ignores it. */
static int refuses(int fd, int type, uint32_t value)
{
    const uint8_t loopback[4] = {127, 0, 0, 1}, port[2] = {0, 9}; /* in network byte order; musl's htonl is no macro */
    struct sockaddr_in name = {.sin_family = AF_INET};
    uint8_t control[CMSG_SPACE(sizeof(value))] __attribute__((aligned(8))) = {0};
    struct msghdr message = {
        .msg_name = &name,
        .msg_namelen = sizeof(name),
        .msg_control = control,
        .msg_controllen = sizeof(control),
    };

    memcpy(&name.sin_addr, loopback, sizeof(loopback));
    memcpy(&name.sin_port, port, sizeof(port));
    memcpy(control_begin(control, SOL_SOCKET, type, sizeof(value)), &value, sizeof(value));
    return kernel_check_message(fd, &message) == -LINUX_EINVAL;
}

/* No kernel takes all flags for a datagram; those before 4.6 take none, and ignore them. */
static int form_of(int fd)
{
    if (!refuses(fd, SO_TIMESTAMPING_TYPE, UINT32_MAX)) {
        return TRANSMIT_ALL;
    }
    int result = kernel_set_option(fd, OPTION_TIMESTAMPING, TIMESTAMPING_SOFTWARE | TIMESTAMPING_OPT_ID);
    return result < 0 || refuses(fd, SCM_TS_OPT_ID_TYPE, 1) ? TRANSMIT_REQUESTED : TRANSMIT_NUMBERED;
}

int transmit_form(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd == -1) {
        return -errno;
    }
    int form = form_of(fd);
    kernel_close(fd);
    return form;
}
