#define _GNU_SOURCE
#include "hook.h"

#include <stdatomic.h>
#include <string.h>

#include "reply_rule.h"
#include "hook_sockets.h"
#include "kernel.h"
#include "kernel_linux.h"
#include "linux_errno.h"
#include "peers.h"
#include "pktinfo.h"

enum { ROUTE_LOCAL = 2 }; /* RTN_LOCAL of rtnetlink(7) */

static void count(_Atomic uint64_t *counter)
{
    /* The JDK lets one thread at a time receive on a socket, and one send, so an atomic addition is not needed. */
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1, memory_order_relaxed);
}

static void remember(struct place *place, uint64_t state, const struct msghdr *message)
{
    struct slot slot;
    struct reply_source source;

    slot.flags = 0; /* fields whose flag stays clear are not read */
    slot.peer_port = 0;
    slot_read_name(&slot, message->msg_name, message->msg_namelen);
    slot_read_control(&slot, message->msg_control, message->msg_controllen);
    if (slot.peer_port == 0 || (message->msg_flags & MSG_CTRUNC) || !reply_source_read(&slot, &source)) {
        return;
    }
    struct peer peer = request_peer(&slot);
    struct peers *peers = atomic_load_explicit(&place->peers, memory_order_acquire);
    if (peers != NULL) {
        if (!atomic_load_explicit(&place->remembers, memory_order_relaxed)) {
            atomic_store(&place->remembers, 1);
        }
        peers_remember(peers, state >> COUNT_SHIFT, &peer, &source, hook_seconds(), hook_expiry());
    }
}

int hook_receive(int fd, void *buffer, size_t length, void *name, socklen_t *name_length)
{
    struct place *place = hook_place(fd);
    uint64_t state = place == NULL ? MODE_LEAVE : hook_look(fd, place);
    _Alignas(struct cmsghdr) uint8_t control[CONTROL_CAPACITY];
    struct iovec vector = {buffer, length};
    struct msghdr message = {
        .msg_name = name,
        .msg_namelen = *name_length,
        .msg_iov = &vector,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = sizeof(control),
    };

    if ((state & MODE_BITS) == MODE_FRESH) {
        state = hook_decide(fd, place, state);
    }
    if ((state & MODE_BITS) != MODE_CHOOSE) {
        return HOOK_NOT_MINE;
    }
    int result = kernel_receive_as_socket(fd, &message);
    if (result >= 0) {
        *name_length = message.msg_namelen;
        remember(place, state, &message);
    }
    return result;
}

/*
 * Returns 1 if sending failed because the source has left the host. The kernel has no error of its own for that:
 * ENETUNREACH over IPv4 today, EINVAL over IPv6 and on old kernels, also mean other mistakes or a missing route. The
 * routing table decides.
 */
static int is_gone(int error, const struct reply_source *source)
{
    uint8_t address[16];

    if (error == LINUX_ENODEV) {
        return 1; /* the interface is gone, and its addresses with it */
    }
    memcpy(address, &source->high, 8);
    memcpy(address + 8, &source->low, 8);
    if ((error != LINUX_EINVAL && error != LINUX_EADDRNOTAVAIL && error != LINUX_ENETUNREACH)
        || address_is_unspecified(address)) {
        return 0;
    }
    int fd = kernel_new_route_socket();
    int type = fd;
    if (fd >= 0) {
        int family = source->form == FORM_IN_PKTINFO ? FAMILY_IPV4 : FAMILY_IPV6;
        type = kernel_route_type(fd, 1, family, address, address_is_link_local(address) ? (int)source->interface : 0);
        kernel_close(fd);
    }
    return type < 0 ? error != LINUX_ENETUNREACH : type != ROUTE_LOCAL;
}

/* Writes the control message that names the source. Returns its length. */
static size_t write_source(const struct reply_source *source, void *control)
{
    struct slot slot;

    slot.source_form = (uint8_t)source->form;
    slot.send_flags = 0;
    slot.source_interface = source->interface;
    memcpy(slot.source_address, &source->high, 8);
    memcpy(slot.source_address + 8, &source->low, 8);
    return slot_write_control(&slot, control);
}

/* Decides on a fresh socket at its first send: it serves a transfer if the peer has requested one. */
static uint64_t take_if_requested(int fd, struct place *place, uint64_t state, const void *name, socklen_t name_length)
{
    struct peer peer;
    struct reply_source source;

    if (!peer_read(&peer, name, name_length) || !transfer_find(&peer, &source)) {
        return hook_decide(fd, place, state);
    }
    state = hook_take(fd, place, state);
    struct peers *peers = atomic_load_explicit(&place->peers, memory_order_acquire);
    if ((state & MODE_BITS) == MODE_CHOOSE && peers != NULL) {
        atomic_store(&place->remembers, 1);
        peers_remember(peers, state >> COUNT_SHIFT, &peer, &source, hook_seconds(), hook_expiry());
    }
    return state;
}

int hook_send(int fd, const void *buffer, size_t length, const void *name, socklen_t name_length, int *error)
{
    struct place *place = hook_place(fd);
    uint64_t state = place == NULL ? MODE_LEAVE : hook_look(fd, place);
    _Alignas(struct cmsghdr) uint8_t control[CONTROL_CAPACITY];
    struct iovec vector = {(void *)(uintptr_t)buffer, length};
    struct msghdr message = {
        .msg_name = (void *)(uintptr_t)name,
        .msg_namelen = name_length,
        .msg_iov = &vector,
        .msg_iovlen = 1,
        .msg_control = control,
    };
    struct peer peer;
    struct reply_source source;

    if ((state & MODE_BITS) == MODE_FRESH) {
        state = take_if_requested(fd, place, state, name, name_length);
    }
    if ((state & MODE_BITS) != MODE_CHOOSE) {
        return HOOK_NOT_MINE;
    }
    struct peers *peers = atomic_load_explicit(&place->peers, memory_order_acquire);
    uint64_t owner = state >> COUNT_SHIFT;
    if (!peer_read(&peer, name, name_length)
        || !peers_find(peers, owner, &peer, hook_seconds(), hook_expiry(), &source)) {
        count(&place->unknown);
        return HOOK_NOT_MINE;
    }
    message.msg_controllen = (socklen_t)write_source(&source, control); /* size_t in glibc, socklen_t in musl */
    int result = kernel_send_as_socket(fd, &message);
    if (result >= 0) {
        count(&place->pinned);
    } else if (is_gone(-result, &source)) {
        peers_forget(peers, owner, &peer, &source);
        count(&place->gone);
        *error = -result;
        return HOOK_SOURCE_GONE;
    }
    return result;
}
