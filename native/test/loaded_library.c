/*
 * The functions below JNI, each called through the library's exported symbols: the native methods of the library that
 * PKTINFO_LIBRARY names, loaded as a JVM loads it. Those called here need neither a JNIEnv nor a class.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jni.h>

#include "batch.h"
#include "kernel.h"

typedef jint (*of_nothing)(JNIEnv *, jclass);
typedef jint (*of_one)(JNIEnv *, jclass, jint);
typedef jlong (*long_of_one)(JNIEnv *, jclass, jint);
typedef jlong (*long_of_two)(JNIEnv *, jclass, jint, jint);
typedef jint (*of_two)(JNIEnv *, jclass, jint, jint);
typedef jint (*of_three)(JNIEnv *, jclass, jint, jint, jint);
typedef jint (*of_four)(JNIEnv *, jclass, jint, jint, jint, jint);
typedef jint (*of_address)(JNIEnv *, jclass, jint, jint, jint, jlong, jlong, jint);
typedef jint (*of_arena)(JNIEnv *, jclass, jint, jlong, jint);

static void *must(void *found, const char *what)
{
    if (found == NULL) {
        fprintf(stderr, "cannot test: %s: %s\n", what, dlerror());
        exit(1);
    }
    return found;
}

/*
 * Writes the native method's address; by memcpy, because ISO C does not convert a data pointer to a function pointer.
 */
static void find(const char *method, void *function)
{
    static void *library;
    char name[100];

    if (library == NULL) {
        const char *file = must(getenv("PKTINFO_LIBRARY"), "PKTINFO_LIBRARY is not set");
        library = must(dlopen(file, RTLD_NOW | RTLD_LOCAL), file);
        printf("loaded %s\n", file);
    }
    snprintf(name, sizeof(name), "Java_org_pktinfo_internal_NativeCalls_%s", method);
    void *address = must(dlsym(library, name), name);
    memcpy(function, &address, sizeof(address));
}

/* The arena layout is not exported by the library: it takes an arena from Java, which knows the same numbers. */
size_t arena_size(int slot_count, int payload_stride)
{
    return HEADER_SIZE + (size_t)slot_count * (SLOT_SIZE + (size_t)payload_stride + SCRATCH_SIZE);
}

int arena_receive(void *arena, int fd, int count)
{
    of_arena function;

    find("receive", &function);
    return function(NULL, NULL, fd, (jlong)(uintptr_t)arena, count);
}

int arena_send(void *arena, int fd, int count)
{
    of_arena function;

    find("send", &function);
    return function(NULL, NULL, fd, (jlong)(uintptr_t)arena, count);
}

int kernel_wait(int fd, int event_fd, int events, int timeout_millis)
{
    of_four function;

    find("await", &function);
    return function(NULL, NULL, fd, event_fd, events, timeout_millis);
}

int kernel_set_option(int fd, int option, int value)
{
    of_three function;

    find("setOption", &function);
    return function(NULL, NULL, fd, option, value);
}

int64_t kernel_get_option(int fd, int option)
{
    long_of_two function;

    find("getOption", &function);
    return function(NULL, NULL, fd, option);
}

int64_t kernel_drops(int fd)
{
    long_of_one function;

    find("drops", &function);
    return function(NULL, NULL, fd);
}

int64_t kernel_cookie(int fd)
{
    long_of_one function;

    find("cookie", &function);
    return function(NULL, NULL, fd);
}

int64_t kernel_namespace(int fd)
{
    long_of_one function;

    find("namespace", &function);
    return function(NULL, NULL, fd);
}

static jlong from_network(const uint8_t *bytes)
{
    uint64_t value = 0;

    for (int i = 0; i < 8; i++) {
        value = value << 8 | bytes[i];
    }
    return (jlong)value;
}

int kernel_new_route_socket(void)
{
    of_nothing function;

    find("newRouteSocket", &function);
    return function(NULL, NULL);
}

int kernel_route_type(int fd, int number, int family, const uint8_t *address, int interface)
{
    of_address function;

    find("routeType", &function);
    return function(NULL, NULL, fd, number, family, from_network(address), from_network(address + 8), interface);
}

int kernel_replace(int fd, int by)
{
    of_two function;

    find("replace", &function);
    return function(NULL, NULL, fd, by);
}

int kernel_calm(int event_fd)
{
    of_one function;

    find("calm", &function);
    return function(NULL, NULL, event_fd);
}

int kernel_duplicate(int fd)
{
    of_one function;

    find("duplicate", &function);
    return function(NULL, NULL, fd);
}

int kernel_close(int fd)
{
    of_one function;

    find("close", &function);
    return function(NULL, NULL, fd);
}

int kernel_new_event(void)
{
    of_nothing function;

    find("newEvent", &function);
    return function(NULL, NULL);
}

int kernel_signal(int event_fd)
{
    of_one function;

    find("signal", &function);
    return function(NULL, NULL, event_fd);
}

int libc_glibc_version(void)
{
    of_nothing function;

    find("glibcVersion", &function);
    return function(NULL, NULL);
}
