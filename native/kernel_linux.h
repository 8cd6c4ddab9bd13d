/*
 * Linux's datagram system calls, inline instead of through syscall(2). After a system call the processor mispredicts
 * function returns, so each function between the system call and the user of its result costs some 25 nanoseconds.
 */
#ifndef PKTINFO_KERNEL_LINUX_H
#define PKTINFO_KERNEL_LINUX_H

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Returns the kernel's result, which is minus the error number on failure. */
static inline long kernel_call(long number, int fd, const void *second, unsigned third, int fourth)
{
/* Tests define PKTINFO_SYSCALL_FUNCTION to replace syscall(2) with a function of their own. */
#if defined(__x86_64__) && defined(__LP64__) && !defined(PKTINFO_SYSCALL_FUNCTION)
    register long r10 __asm__("r10") = fourth;
    register long r8 __asm__("r8") = 0;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"((long)fd), "S"(second), "d"((long)third), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__) && !defined(PKTINFO_SYSCALL_FUNCTION)
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = fd;
    register const void *x1 __asm__("x1") = second;
    register long x2 __asm__("x2") = third;
    register long x3 __asm__("x3") = fourth;
    register long x4 __asm__("x4") = 0;

    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
#elif defined(__riscv) && __riscv_xlen == 64 && !defined(PKTINFO_SYSCALL_FUNCTION)
    register long a7 __asm__("a7") = number;
    register long a0 __asm__("a0") = fd;
    register const void *a1 __asm__("a1") = second;
    register long a2 __asm__("a2") = third;
    register long a3 __asm__("a3") = fourth;
    register long a4 __asm__("a4") = 0;

    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4) : "memory");
    return a0;
#else
    long result = syscall(number, fd, second, third, fourth, NULL);

    return result == -1 ? -errno : result;
#endif
}

/* Receive and send as the socket is set: they wait on a blocking socket, and return EINTR without a retry. */
static inline int kernel_receive_as_socket(int fd, struct msghdr *message)
{
    return (int)kernel_call(SYS_recvmsg, fd, message, 0, 0);
}

static inline int kernel_send_as_socket(int fd, const struct msghdr *message)
{
    return (int)kernel_call(SYS_sendmsg, fd, message, 0, 0);
}

#endif
