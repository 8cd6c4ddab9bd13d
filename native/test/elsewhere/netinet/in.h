#ifndef ELSEWHERE_IN_H
#define ELSEWHERE_IN_H

#include <stdint.h>
#include <sys/socket.h>

typedef uint16_t in_port_t;

struct in_addr {
    uint32_t s_addr;
};

struct in6_addr {
    uint8_t s6_addr[16];
};

struct sockaddr_in {
    uint8_t sin_len;
    sa_family_t sin_family;
    in_port_t sin_port;
    struct in_addr sin_addr;
    char sin_zero[8];
};

struct sockaddr_in6 {
    uint8_t sin6_len;
    sa_family_t sin6_family;
    in_port_t sin6_port;
    uint32_t sin6_flowinfo;
    struct in6_addr sin6_addr;
    uint32_t sin6_scope_id;
};

static inline uint16_t htons(uint16_t number)
{
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? number : __builtin_bswap16(number);
}

static inline uint16_t ntohs(uint16_t number)
{
    return htons(number);
}

#endif
