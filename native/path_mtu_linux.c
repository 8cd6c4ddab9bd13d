#define _GNU_SOURCE
#include "path_mtu.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "kernel.h"
#include "pktinfo.h"

static int family_of(const struct slot *way)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    return memcmp(way->peer_address, mapped, sizeof(mapped)) == 0 ? FAMILY_IPV4 : FAMILY_IPV6;
}

static int bind_to_source(int fd, const struct slot *way, int family)
{
    struct sockaddr_storage name = {0};
    struct slot source = {.peer_scope = way->source_interface};

    memcpy(source.peer_address, way->source_address, sizeof(source.peer_address));
    return kernel_bind(fd, &name, (socklen_t)slot_write_name(&source, family, &name));
}

static int connect_and_ask(int fd, const struct slot *way, int family)
{
    struct sockaddr_storage name = {0};
    int result = way->source_interface == 0
        ? 0
        : kernel_set_option(fd, OPTION_BOUND_INTERFACE, (int)way->source_interface);

    if (result == 0 && way->source_form != FORM_NONE) {
        result = bind_to_source(fd, way, family);
    }
    if (result == 0) {
        result = kernel_connect(fd, &name, (socklen_t)slot_write_name(way, family, &name));
    }
    return result < 0 ? result : (int)kernel_get_option(fd, family == FAMILY_IPV4 ? OPTION_IP_MTU : OPTION_IPV6_MTU);
}

int path_mtu(const struct slot *way)
{
    int family = family_of(way);
    int fd = socket(family == FAMILY_IPV4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd == -1) {
        return -errno;
    }
    int result = connect_and_ask(fd, way, family);
    kernel_close(fd);
    return result;
}
