/*
 * Faults for a JVM that is watched: the library linked with its calls wrapped here does what PKTINFO_PLANTED names. In
 * the library that is not wrapped nobody calls this but the JVM, and without PKTINFO_PLANTED nothing happens.
 */
#include <jni.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "kernel.h"

int __real_arena_receive(void *arena, int fd, int count);
int __wrap_arena_receive(void *arena, int fd, int count);
int __real_kernel_duplicate(int fd);
int __wrap_kernel_duplicate(int fd);
int __real_kernel_signal(int event_fd);
int __wrap_kernel_signal(int event_fd);

#pragma weak __real_arena_receive
#pragma weak __real_kernel_duplicate
#pragma weak __real_kernel_signal

static int planted(const char *fault)
{
    const char *name = getenv("PKTINFO_PLANTED");

    return name != NULL && strcmp(name, fault) == 0;
}

/* Java allocates 128 bytes more than an arena has. */
int __wrap_arena_receive(void *arena, int fd, int count)
{
    const struct arena_header *header = arena;
    volatile int sum = INT_MAX;

    if (planted("arena")) {
        ((volatile uint8_t *)arena)[arena_size(header->slot_count, header->payload_stride) + 128] = 1;
    }
    if (planted("overflow")) {
        sum = sum + count;
    }
    return __real_arena_receive(arena, fd, count);
}

/* The JDK's own descriptor: after its close(2) the number is another socket's. */
int __wrap_kernel_duplicate(int fd)
{
    return planted("descriptor") ? fd : __real_kernel_duplicate(fd);
}

int __wrap_kernel_signal(int event_fd)
{
    return planted("signal") ? 0 : __real_kernel_signal(event_fd);
}

JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM *vm, void *reserved)
{
    JNIEnv *env = NULL;

    (void)reserved;
    if (planted("jni") && (*vm)->GetEnv(vm, (void **)&env, JNI_VERSION_10) == JNI_OK) {
        (*env)->FindClass(env, "no/such/Class");
        (*env)->FindClass(env, "java/lang/Object"); /* with an exception pending */
        (*env)->ExceptionClear(env);
    }
    return JNI_VERSION_10;
}
