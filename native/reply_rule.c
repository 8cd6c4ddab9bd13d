#include "reply_rule.h"

#include <string.h>

#include "pktinfo.h"

static int is_ipv4(const uint8_t address[16])
{
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

    return memcmp(address, prefix, sizeof(prefix)) == 0;
}

int address_is_link_local(const uint8_t address[16])
{
    return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

int address_is_unspecified(const uint8_t address[16])
{
    static const uint8_t any[16];

    return memcmp(address, any, 16) == 0;
}

static int is_usable_ipv4_source(const uint8_t address[4])
{
    static const uint8_t none[4] = {0}, all[4] = {0xff, 0xff, 0xff, 0xff};

    return (address[0] & 0xf0) != 0xe0 && memcmp(address, none, 4) != 0 && memcmp(address, all, 4) != 0;
}

static void set_source(
    struct reply_source *source, const uint8_t address[16], uint32_t interface, uint16_t form, int unicast)
{
    memcpy(&source->high, address, 8);
    memcpy(&source->low, address + 8, 8);
    source->interface = interface;
    source->form = form;
    source->unicast = (uint16_t)unicast;
}

/* Sets an IPv4-mapped source. It is composed in a register: a load from memory would wait for the two stores. */
static void set_ipv4_source(struct reply_source *source, const uint8_t address[4], int unicast)
{
    static const uint8_t prefix[8] = {[2] = 0xff, [3] = 0xff};
    uint64_t low, last = 0;

    memcpy(&low, prefix, sizeof(low));
    memcpy((uint8_t *)&last + 4, address, 4);
    source->high = 0;
    source->low = low | last;
    source->interface = 0;
    source->form = FORM_IN_PKTINFO;
    source->unicast = (uint16_t)unicast;
}

int reply_source_read(const struct slot *slot, struct reply_source *source)
{
    if (is_ipv4(slot->peer_address)) {
        const uint8_t *local;
        if (slot->flags & FLAG_IN_PKTINFO) {
            static const uint8_t none[4];
            int told = memcmp(slot->in_local, none, 4) != 0; /* false for a datagram queued before the option was set */
            local = told ? slot->in_local : slot->in_address;
        } else if ((slot->flags & FLAG_IN6_PKTINFO) && is_ipv4(slot->in6_address)) {
            local = slot->in6_address + 12;
        } else {
            return 0;
        }
        int unicast = !(slot->flags & FLAG_IN_PKTINFO) || memcmp(local, slot->in_address, 4) == 0;
        set_ipv4_source(source, local, unicast);
        return is_usable_ipv4_source(local);
    }
    if (!(slot->flags & FLAG_IN6_PKTINFO) || is_ipv4(slot->in6_address)) {
        return 0;
    }
    static const uint8_t any[16];
    int unicast = slot->in6_address[0] != 0xff && !address_is_unspecified(slot->in6_address);
    const uint8_t *address = unicast ? slot->in6_address : any;
    int on_link = !unicast || address_is_link_local(address) || address_is_link_local(slot->peer_address);
    set_source(source, address, on_link ? slot->in6_interface : 0, FORM_IN6_PKTINFO, unicast);
    return unicast || slot->in6_interface != 0;
}

struct peer request_peer(const struct slot *slot)
{
    struct peer peer;

    memcpy(&peer.high, slot->peer_address, 8);
    memcpy(&peer.low, slot->peer_address + 8, 8);
    peer.scope = address_is_link_local(slot->peer_address) ? slot->peer_scope : 0;
    peer.port = slot->peer_port;
    return peer;
}

int peer_read(struct peer *peer, const void *name, socklen_t name_length)
{
    struct slot slot;

    slot.peer_port = 0;
    slot_read_name(&slot, name, name_length);
    if (slot.peer_port == 0) {
        return 0;
    }
    *peer = request_peer(&slot);
    return 1;
}
