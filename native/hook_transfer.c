/*
 * Handles replies from a new socket, as TFTP servers send them. The first peer that a new socket sends to, or is
 * connected to, has just sent a request to one of the ports for transfers. The memory of that port's socket has the
 * request destination.
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "reply_rule.h"
#include "hook_sockets.h"
#include "kernel.h"
#include "pktinfo.h"

enum { MOST_SOCKETS = 64, SECONDS = 30 };

/* The descriptors plus one; 0 is an empty element. */
static _Atomic int listeners[MOST_SOCKETS];

static struct place *chosen(int listener, uint64_t *state)
{
    struct place *place = listener == 0 ? NULL : hook_place(listener - 1);

    *state = place == NULL ? MODE_LEAVE : atomic_load(&place->state);
    return (*state & MODE_BITS) == MODE_CHOOSE && atomic_load(&place->transfers) ? place : NULL;
}

void transfer_add(int fd)
{
    uint64_t state;

    for (int i = 0; i < MOST_SOCKETS; i++) {
        int there = atomic_load(&listeners[i]);
        if (there == fd + 1) {
            return;
        }
        if (chosen(there, &state) == NULL && atomic_compare_exchange_strong(&listeners[i], &there, fd + 1)) {
            return;
        }
    }
}

int transfer_find(const struct peer *peer, struct reply_source *source)
{
    for (int i = 0; i < MOST_SOCKETS; i++) {
        uint64_t state;
        struct place *place = chosen(atomic_load(&listeners[i]), &state);
        struct peers *peers = place == NULL ? NULL : atomic_load_explicit(&place->peers, memory_order_acquire);
        if (peers != NULL && peers_find(peers, state >> COUNT_SHIFT, peer, hook_seconds(), SECONDS, source)) {
            return 1;
        }
    }
    return 0;
}

/*
 * Fills in a socket address from the request destination and the socket's own port, in the socket's family. Returns its
 * length.
 */
static socklen_t name_source(
    const struct reply_source *source, const struct sockaddr_storage *own, struct sockaddr_storage *name)
{
    in_port_t port;

    memcpy(&port, (const uint8_t *)own + offsetof(struct sockaddr_in, sin_port), sizeof(port));
    memset(name, 0, sizeof(*name));
    name->ss_family = own->ss_family;
    if (own->ss_family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)name;
        in->sin_port = port;
        memcpy(&in->sin_addr, (const uint8_t *)&source->low + 4, 4);
        return sizeof(*in);
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)name;
    in6->sin6_port = port;
    memcpy(&in6->sin6_addr, &source->high, 8);
    memcpy((uint8_t *)&in6->sin6_addr + 8, &source->low, 8);
    in6->sin6_scope_id = source->interface;
    return sizeof(*in6);
}

/*
 * Binds a connected socket to the request destination. The kernel has chosen the source at connect(2), and a socket
 * that has an address can be bound only after a disconnect. That releases an ephemeral port, so the port is bound again
 * together with the address.
 */
static void bind_again(int fd, const struct reply_source *source, const struct sockaddr_storage *peer)
{
    struct sockaddr_storage own, name;

    memset(&own, 0, sizeof(own));
    if (kernel_datagram_name(fd, &own) < 0) {
        return;
    }
    socklen_t length = name_source(source, &own, &name);
    kernel_disconnect(fd);
    kernel_bind(fd, &name, length); /* if the port was taken meanwhile, the system chooses, as without the agent */
    kernel_connect(fd, peer, length);
}

void hook_connected(int fd)
{
    struct place *place = hook_has_transfers() ? hook_place(fd) : NULL;
    uint64_t state = place == NULL ? MODE_LEAVE : atomic_load(&place->state);
    struct sockaddr_storage name;
    struct peer peer;
    struct reply_source source;

    if ((state & MODE_BITS) != MODE_FRESH) {
        return;
    }
    memset(&name, 0, sizeof(name));
    if (kernel_peer_name(fd, &name) >= 0 && peer_read(&peer, &name, sizeof(name)) && transfer_find(&peer, &source)
        && source.unicast) {
        bind_again(fd, &source, &name);
        hook_enter(fd, place, state, VERDICT_CHOOSES, MODE_LEAVE); /* its bound address is the source */
        return;
    }
    hook_decide(fd, place, state);
}
