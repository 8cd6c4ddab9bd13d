/* A library that check-library accepts; FAULT or a linker option makes it one that must be refused. */
#define _GNU_SOURCE
#include <sys/socket.h>
#include <unistd.h>

__attribute__((visibility("default"))) int Java_org_pktinfo_Planted_call(int fd);

int Java_org_pktinfo_Planted_call(int fd)
{
#ifdef USES_SENDMMSG
    return sendmmsg(fd, 0, 0, 0);
#else
    return close(fd);
#endif
}

#ifdef EXPORTS_A_FUNCTION
__attribute__((visibility("default"))) int leaked(void);
int leaked(void)
{
    return 1;
}
#endif

#ifdef EXPORTS_A_WEAK_FUNCTION
__attribute__((visibility("default"), weak)) int leaked(void);
int leaked(void)
{
    return 1;
}
#endif

#ifdef EXPORTS_DATA
__attribute__((visibility("default"))) extern int leaked;
int leaked = 1;
#endif
