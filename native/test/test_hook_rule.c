/* The rule by itself: the control message that is used, and the source that answers. */
#include "reply_rule.h"

#include <arpa/inet.h>

#include "expect.h"
#include "pktinfo.h"
#include "sockets.h"
#include "test_hook.h"

struct peer peer_named(const union name *name, socklen_t length)
{
    struct slot slot = {0};

    slot_read_name(&slot, name, length);
    return request_peer(&slot);
}

static void put(uint8_t bytes[16], const char *address)
{
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
    int six = strchr(address, ':') != NULL;

    memcpy(bytes, prefix, sizeof(prefix));
    must(inet_pton(six ? AF_INET6 : AF_INET, address, six ? bytes : bytes + 12) == 1, "address");
}

static struct slot from(const char *peer)
{
    struct slot slot = {.peer_port = 9, .peer_scope = 2, .in_interface = 3, .in6_interface = 4};

    put(slot.peer_address, peer);
    return slot;
}

static struct slot with_in(struct slot slot, const char *destination, const char *local)
{
    uint8_t bytes[16];

    put(bytes, destination);
    memcpy(slot.in_address, bytes + 12, 4);
    put(bytes, local);
    memcpy(slot.in_local, bytes + 12, 4);
    slot.flags |= FLAG_IN_PKTINFO;
    return slot;
}

static struct slot with_in6(struct slot slot, const char *destination, uint32_t interface)
{
    put(slot.in6_address, destination);
    slot.in6_interface = interface;
    slot.flags |= FLAG_IN6_PKTINFO;
    return slot;
}

static void expect_source(struct slot slot, const char *local, uint32_t interface, uint16_t form, int unicast)
{
    struct reply_source source = {0};
    uint8_t bytes[16];

    EXPECT_EQUAL(1, reply_source_read(&slot, &source));
    put(bytes, local);
    EXPECT_BYTES(bytes, &source.high, 8);
    EXPECT_BYTES(bytes + 8, &source.low, 8);
    EXPECT_EQUAL(interface, source.interface);
    EXPECT_EQUAL(form, source.form);
    EXPECT_EQUAL(unicast, source.unicast);
}

static void expect_no_source(struct slot slot)
{
    struct reply_source source;

    EXPECT_EQUAL(0, reply_source_read(&slot, &source));
}

static void an_ipv4_peer_is_answered_by_in_pktinfo(void)
{
    struct slot slot = from("192.0.2.1");

    expect_source(with_in(slot, "192.0.2.9", "192.0.2.9"), "192.0.2.9", 0, FORM_IN_PKTINFO, 1);
    expect_source(with_in6(slot, "192.0.2.9", 4), "192.0.2.9", 0, FORM_IN_PKTINFO, 1);
    expect_source(
        with_in6(with_in(slot, "192.0.2.9", "192.0.2.9"), "192.0.2.8", 4), "192.0.2.9", 0, FORM_IN_PKTINFO, 1);
    expect_no_source(slot);
    expect_no_source(with_in6(slot, "2001:db8::1", 4));
    expect_no_source(with_in6(slot, "224.0.0.1", 4));
}

static void a_group_or_broadcast_is_answered_by_the_hosts_own_address(void)
{
    struct slot slot = from("192.0.2.1");

    expect_source(with_in(slot, "224.0.0.251", "192.0.2.9"), "192.0.2.9", 0, FORM_IN_PKTINFO, 0);
    expect_source(with_in(slot, "192.0.2.255", "192.0.2.9"), "192.0.2.9", 0, FORM_IN_PKTINFO, 0);
    expect_source(with_in(slot, "255.255.255.255", "192.0.2.9"), "192.0.2.9", 0, FORM_IN_PKTINFO, 0);
    expect_source(with_in(slot, "192.0.2.9", "0.0.0.0"), "192.0.2.9", 0, FORM_IN_PKTINFO, 1);
    expect_no_source(with_in(slot, "224.0.0.251", "0.0.0.0"));
    expect_no_source(with_in(slot, "255.255.255.255", "0.0.0.0"));
    slot = from("fe80::1");
    expect_source(with_in6(slot, "ff02::fb", 4), "::", 4, FORM_IN6_PKTINFO, 0);
    expect_no_source(with_in6(slot, "ff02::fb", 0));
}

static void an_ipv6_peer_is_answered_by_in6_pktinfo(void)
{
    struct slot slot = from("2001:db8::1");

    expect_source(with_in6(slot, "2001:db8::9", 4), "2001:db8::9", 0, FORM_IN6_PKTINFO, 1);
    expect_source(with_in6(slot, "fe80::9", 4), "fe80::9", 4, FORM_IN6_PKTINFO, 1);
    expect_source(with_in6(from("fe80::1"), "2001:db8::9", 4), "2001:db8::9", 4, FORM_IN6_PKTINFO, 1);
    expect_source(with_in6(from("febf::1"), "2001:db8::9", 4), "2001:db8::9", 4, FORM_IN6_PKTINFO, 1);
    expect_no_source(slot);
    expect_no_source(with_in(slot, "192.0.2.9", "192.0.2.9"));
    expect_no_source(with_in6(slot, "192.0.2.9", 4));
}

static void the_scope_tells_apart_only_what_is_on_a_link(void)
{
    struct slot link = from("fe80::1"), global = from("2001:db8::1"), four = from("169.254.0.1");

    EXPECT_EQUAL(2, request_peer(&link).scope);
    EXPECT_EQUAL(0, request_peer(&global).scope);
    EXPECT_EQUAL(0, request_peer(&four).scope);
    EXPECT_EQUAL(9, request_peer(&link).port);
}

/* A peer of a dual-stack socket has one place, whichever family its name is written in. */
static void an_ipv4_mapped_name_is_the_ipv4_name(void)
{
    union name four = name_of("192.0.2.1", 9), six = name_of("::ffff:192.0.2.1", 9);
    struct peer one = peer_named(&four, sizeof(four.in)), other = peer_named(&six, sizeof(six.in6));

    EXPECT_EQUAL(one.high, other.high);
    EXPECT_EQUAL(one.low, other.low);
    EXPECT_EQUAL(one.port, other.port);
    EXPECT_EQUAL(9, one.port);
}

void reply_rule(void)
{
    an_ipv4_peer_is_answered_by_in_pktinfo();
    a_group_or_broadcast_is_answered_by_the_hosts_own_address();
    an_ipv6_peer_is_answered_by_in6_pktinfo();
    the_scope_tells_apart_only_what_is_on_a_link();
    an_ipv4_mapped_name_is_the_ipv4_name();
}
