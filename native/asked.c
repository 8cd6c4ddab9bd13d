#include "asked.h"

#include <string.h>

#include "pktinfo.h"

static int is_ipv4(const uint8_t address[16])
{
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

    return memcmp(address, prefix, sizeof(prefix)) == 0;
}

int asked_link_local(const uint8_t address[16])
{
    return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

int asked_any(const uint8_t address[16])
{
    static const uint8_t any[16];

    return memcmp(address, any, 16) == 0;
}

static int is_usable_ipv4(const uint8_t address[4])
{
    static const uint8_t none[4] = {0}, all[4] = {0xff, 0xff, 0xff, 0xff};

    return (address[0] & 0xf0) != 0xe0 && memcmp(address, none, 4) != 0 && memcmp(address, all, 4) != 0;
}

static void ask(struct asked *asked, const uint8_t address[16], uint32_t interface, uint16_t form, int unicast)
{
    memcpy(&asked->high, address, 8);
    memcpy(&asked->low, address + 8, 8);
    asked->interface = interface;
    asked->form = form;
    asked->unicast = (uint16_t)unicast;
}

/* The IPv4-mapped address, put together in a register: from memory the two pieces would have to be waited for. */
static void ask_ipv4(struct asked *asked, const uint8_t address[4], int unicast)
{
    static const uint8_t prefix[8] = {[2] = 0xff, [3] = 0xff};
    uint64_t low, last = 0;

    memcpy(&low, prefix, sizeof(low));
    memcpy((uint8_t *)&last + 4, address, 4);
    asked->high = 0;
    asked->low = low | last;
    asked->interface = 0;
    asked->form = FORM_IN_PKTINFO;
    asked->unicast = (uint16_t)unicast;
}

int asked_read(const struct slot *slot, struct asked *asked)
{
    if (is_ipv4(slot->peer_address)) {
        const uint8_t *local;
        if (slot->flags & FLAG_IN_PKTINFO) {
            static const uint8_t none[4];
            int told = memcmp(slot->in_local, none, 4) != 0; /* not of what was queued before the option was on */
            local = told ? slot->in_local : slot->in_address;
        } else if ((slot->flags & FLAG_IN6_PKTINFO) && is_ipv4(slot->in6_address)) {
            local = slot->in6_address + 12;
        } else {
            return 0;
        }
        int unicast = !(slot->flags & FLAG_IN_PKTINFO) || memcmp(local, slot->in_address, 4) == 0;
        ask_ipv4(asked, local, unicast);
        return is_usable_ipv4(local);
    }
    if (!(slot->flags & FLAG_IN6_PKTINFO) || is_ipv4(slot->in6_address)) {
        return 0;
    }
    static const uint8_t any[16];
    int unicast = slot->in6_address[0] != 0xff && !asked_any(slot->in6_address);
    const uint8_t *source = unicast ? slot->in6_address : any;
    int on_link = !unicast || asked_link_local(source) || asked_link_local(slot->peer_address);
    ask(asked, source, on_link ? slot->in6_interface : 0, FORM_IN6_PKTINFO, unicast);
    return unicast || slot->in6_interface != 0;
}

struct peer asked_by(const struct slot *slot)
{
    struct peer peer;

    memcpy(&peer.high, slot->peer_address, 8);
    memcpy(&peer.low, slot->peer_address + 8, 8);
    peer.scope = asked_link_local(slot->peer_address) ? slot->peer_scope : 0;
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
    *peer = asked_by(&slot);
    return 1;
}
