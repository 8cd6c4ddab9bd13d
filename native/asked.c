#include "asked.h"

#include <string.h>

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

static struct asked asked_of(const uint8_t address[16], uint32_t interface, uint16_t form, int unicast)
{
    struct asked asked = {.interface = interface, .form = form, .unicast = (uint16_t)unicast};

    memcpy(&asked.high, address, 8);
    memcpy(&asked.low, address + 8, 8);
    return asked;
}

int asked_read(const struct slot *slot, struct asked *asked)
{
    uint8_t local[16] = {[10] = 0xff, [11] = 0xff};

    if (is_ipv4(slot->peer_address)) {
        if (slot->flags & FLAG_IN_PKTINFO) {
            static const uint8_t none[4];
            int told = memcmp(slot->in_local, none, 4) != 0; /* not of what was queued before the option was on */
            memcpy(local + 12, told ? slot->in_local : slot->in_address, 4);
        } else if ((slot->flags & FLAG_IN6_PKTINFO) && is_ipv4(slot->in6_address)) {
            memcpy(local, slot->in6_address, 16);
        } else {
            return 0;
        }
        int unicast = !(slot->flags & FLAG_IN_PKTINFO) || memcmp(local + 12, slot->in_address, 4) == 0;
        *asked = asked_of(local, 0, FORM_IN_PKTINFO, unicast);
        return is_usable_ipv4(local + 12);
    }
    if (!(slot->flags & FLAG_IN6_PKTINFO) || is_ipv4(slot->in6_address)) {
        return 0;
    }
    static const uint8_t any[16];
    int unicast = slot->in6_address[0] != 0xff && !asked_any(slot->in6_address);
    const uint8_t *source = unicast ? slot->in6_address : any;
    int on_link = !unicast || asked_link_local(source) || asked_link_local(slot->peer_address);
    *asked = asked_of(source, on_link ? slot->in6_interface : 0, FORM_IN6_PKTINFO, unicast);
    return unicast || slot->in6_interface != 0;
}

struct peer asked_by(const struct slot *slot)
{
    struct peer peer = {.port = slot->peer_port};

    memcpy(&peer.high, slot->peer_address, 8);
    memcpy(&peer.low, slot->peer_address + 8, 8);
    peer.scope = asked_link_local(slot->peer_address) ? slot->peer_scope : 0;
    return peer;
}
