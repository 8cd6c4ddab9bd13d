/*
 * Linux's system calls for datagrams, made in place and not by syscall(2): after the kernel a processor guesses wrong
 * where a function returns to, so each function between the system call and its user costs some 25 nanoseconds.
 */
#ifndef PKTINFO_KERNEL_LINUX_H
#define PKTINFO_KERNEL_LINUX_H

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Returns what the kernel does: minus the number of the error, if it is one. */
static inline long kernel_call(long number, int fd, const void *second, unsigned third, int fourth)
{
/* Tests put a function of their own in the place of syscall(2). */
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

/* As the socket is: they wait if it does, and end with EINTR. */
static inline int kernel_receive_as_socket(int fd, struct msghdr *message)
{
    return (int)kernel_call(SYS_recvmsg, fd, message, 0, 0);
}

static inline int kernel_send_as_socket(int fd, const struct msghdr *message)
{
    return (int)kernel_call(SYS_sendmsg, fd, message, 0, 0);
}

#endif
