#define _GNU_SOURCE
/*
 * Replaces native methods of the JDK's sun.nio.ch by functions that call hook.c, through RegisterNatives. They call the
 * JDK's own functions for everything that hook.c does not handle; switching off registers those again. The code here
 * allocates only for an exception.
 */
#include <dlfcn.h>
#include <errno.h>
#include <jni.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "hook.h"
#include "kernel.h"
#include "linux_errno.h"
#include "org_pktinfo_internal_HookCalls.h"
#include "org_pktinfo_internal_HookSwitch.h"
#include "peers.h"

/* The symbol versions of the oldest supported C library: by default the linker takes the newest. */
#if defined(__GLIBC__) && defined(__x86_64__)
__asm__(".symver dlopen, dlopen@GLIBC_2.2.5");
__asm__(".symver dlsym, dlsym@GLIBC_2.2.5");
#elif defined(__GLIBC__) && defined(__aarch64__)
__asm__(".symver dlopen, dlopen@GLIBC_2.17");
__asm__(".symver dlsym, dlsym@GLIBC_2.17");
#elif defined(__GLIBC__) && defined(__riscv)
__asm__(".symver dlopen, dlopen@GLIBC_2.27");
__asm__(".symver dlsym, dlsym@GLIBC_2.27");
#elif defined(__GLIBC__) && defined(__s390x__)
__asm__(".symver dlopen, dlopen@GLIBC_2.2");
__asm__(".symver dlsym, dlsym@GLIBC_2.2");
#endif

/* The constants of sun.nio.ch.IOStatus, and the longest datagram that the JDK receives or sends. */
enum { UNAVAILABLE = -2, INTERRUPTED = -3, THROWN = -5, MOST_BYTES = 65536, PATH_CAPACITY = 4096 };

typedef jint receive_function(JNIEnv *, jclass, jobject, jlong, jint, jlong, jboolean);
typedef jint send_function(JNIEnv *, jclass, jobject, jlong, jint, jlong, jint);
typedef void disconnect_function(JNIEnv *, jclass, jobject, jboolean);
typedef jint socket_function(JNIEnv *, jclass, jboolean, jboolean, jboolean, jboolean);
typedef void bind_function(JNIEnv *, jclass, jobject, jboolean, jboolean, jobject, jint);
typedef jint connect_function(JNIEnv *, jclass, jboolean, jobject, jobject, jint);
typedef void throw_function(JNIEnv *, const char *, const char *);

/* The JDK's own functions. */
static receive_function *jdk_receive;
static send_function *jdk_send;
static disconnect_function *jdk_disconnect;
static socket_function *jdk_socket;
static bind_function *jdk_bind;
static connect_function *jdk_connect;
static throw_function *jdk_throw;
static jfieldID descriptor_field;
static atomic_int gone_is_exception;

static int descriptor_of(JNIEnv *env, jobject descriptor)
{
    return (*env)->GetIntField(env, descriptor, descriptor_field);
}

static size_t at_most(jint length)
{
    return length < 0 ? 0 : length > MOST_BYTES ? MOST_BYTES : (size_t)length;
}

static jint JNICALL receive0(
    JNIEnv *env, jclass type, jobject descriptor, jlong buffer, jint length, jlong name, jboolean connected)
{
    if (!connected) {
        int result;
        do { /* again after a pending error of a former connection, as the JDK does */
            socklen_t name_length = sizeof(struct sockaddr_in6);
            result = hook_receive(descriptor_of(env, descriptor), (void *)(uintptr_t)buffer, at_most(length),
                (void *)(uintptr_t)name, &name_length);
        } while (result == -LINUX_ECONNREFUSED);
        if (result >= 0) {
            return result;
        }
        if (result == -LINUX_EAGAIN) {
            return UNAVAILABLE;
        }
        if (result == -EINTR) {
            return INTERRUPTED;
        }
    }
    /* On errors too: receiving once more is harmless, and the JDK throws its own exception. */
    return jdk_receive(env, type, descriptor, buffer, length, name, connected);
}

/*
 * Throws the JDK's exception for an error of sendto(2). The JDK's own function would send again, from another address.
 */
static jint throw_error(JNIEnv *env, int error)
{
    const char *name = "java/net/SocketException";

    switch (error) {
    case ECONNREFUSED: {
        jclass refused = (*env)->FindClass(env, "java/net/PortUnreachableException");
        if (refused != NULL) {
            (*env)->ThrowNew(env, refused, NULL);
        }
        return THROWN;
    }
    case EPROTO:
        name = "java/net/ProtocolException";
        break;
    case ETIMEDOUT:
    case ENOTCONN:
        name = "java/net/ConnectException";
        break;
    case EHOSTUNREACH:
        name = "java/net/NoRouteToHostException";
        break;
    case EADDRINUSE:
    case EADDRNOTAVAIL:
    case EACCES:
        name = "java/net/BindException";
        break;
    default:
        break;
    }
    errno = error;
    jdk_throw(env, name, "NioSocketError");
    return THROWN;
}

static jint JNICALL send0(
    JNIEnv *env, jclass type, jobject descriptor, jlong buffer, jint length, jlong name, jint name_length)
{
    int error = 0;
    int result = hook_send(descriptor_of(env, descriptor), (void *)(uintptr_t)buffer, at_most(length),
        (void *)(uintptr_t)name, (socklen_t)name_length, &error);

    if (result >= 0) {
        return result;
    }
    if (result == HOOK_NOT_MINE) {
        return jdk_send(env, type, descriptor, buffer, length, name, name_length);
    }
    if (result == HOOK_SOURCE_GONE) {
        int throws = atomic_load_explicit(&gone_is_exception, memory_order_relaxed);
        return throws ? throw_error(env, error) : (jint)at_most(length);
    }
    if (result == -LINUX_EAGAIN) {
        return UNAVAILABLE;
    }
    return result == -EINTR ? INTERRUPTED : throw_error(env, -result);
}

static void JNICALL disconnect0(JNIEnv *env, jclass type, jobject descriptor, jboolean ipv6)
{
    jdk_disconnect(env, type, descriptor, ipv6);
    hook_disconnected(descriptor_of(env, descriptor));
}

static jint JNICALL socket0(JNIEnv *env, jclass type, jboolean ipv6, jboolean stream, jboolean reuse, jboolean fast)
{
    jint fd = jdk_socket(env, type, ipv6, stream, reuse, fast);

    if (fd >= 0 && !stream) {
        hook_new_socket(fd);
    } else if (fd >= 0) {
        hook_other(fd);
    }
    return fd;
}

static void JNICALL bind0(
    JNIEnv *env, jclass type, jobject descriptor, jboolean ipv6, jboolean exclusive, jobject address, jint port)
{
    jdk_bind(env, type, descriptor, ipv6, exclusive, address, port);
    if (!(*env)->ExceptionCheck(env)) {
        hook_bound(descriptor_of(env, descriptor), port);
    }
}

/* Also called for TCP, which hook_connected() recognizes by the descriptor's state. */
static jint JNICALL connect0(
    JNIEnv *env, jclass type, jboolean prefer_ipv6, jobject descriptor, jobject address, jint port)
{
    jint result = jdk_connect(env, type, prefer_ipv6, descriptor, address, port);

    if (result > 0 && !(*env)->ExceptionCheck(env)) {
        hook_connected(descriptor_of(env, descriptor));
    }
    return result;
}

static const JNINativeMethod CHANNEL[] = {
    {"receive0", "(Ljava/io/FileDescriptor;JIJZ)I", receive0},
    {"send0", "(Ljava/io/FileDescriptor;JIJI)I", send0},
    {"disconnect0", "(Ljava/io/FileDescriptor;Z)V", disconnect0},
};
static const JNINativeMethod NET[] = {
    {"socket0", "(ZZZZ)I", socket0},
    {"bind0", "(Ljava/io/FileDescriptor;ZZLjava/net/InetAddress;I)V", bind0},
    {"connect0", "(ZLjava/io/FileDescriptor;Ljava/net/InetAddress;I)I", connect0},
};

enum { CHANNEL_COUNT = sizeof(CHANNEL) / sizeof(*CHANNEL), NET_COUNT = sizeof(NET) / sizeof(*NET) };

/* Looks up a function. Stores the name of the first one that is missing. */
static void *function(void *library, const char *name, const char **missing)
{
    void *found = dlsym(library, name);

    if (found == NULL && *missing == NULL) {
        *missing = name;
    }
    return found;
}

/* Looks up the JDK's own functions. Returns the name of one that is missing, or NULL. */
static const char *find_functions(void *nio, void *java)
{
    const char *missing = NULL;

    *(void **)&jdk_receive = function(nio, "Java_sun_nio_ch_DatagramChannelImpl_receive0", &missing);
    *(void **)&jdk_send = function(nio, "Java_sun_nio_ch_DatagramChannelImpl_send0", &missing);
    *(void **)&jdk_disconnect = function(nio, "Java_sun_nio_ch_DatagramChannelImpl_disconnect0", &missing);
    *(void **)&jdk_socket = function(nio, "Java_sun_nio_ch_Net_socket0", &missing);
    *(void **)&jdk_bind = function(nio, "Java_sun_nio_ch_Net_bind0", &missing);
    *(void **)&jdk_connect = function(nio, "Java_sun_nio_ch_Net_connect0", &missing);
    *(void **)&jdk_throw = function(java, "JNU_ThrowByNameWithLastError", &missing);
    return missing;
}

/*
 * Returns the name of a method that is missing, or NULL. RegisterNatives replaces methods one by one, so all are
 * checked, with their signatures, before it is called.
 */
static const char *find_methods(JNIEnv *env, jclass type, const JNINativeMethod *methods, int count)
{
    for (int i = 0; i < count; i++) {
        if ((*env)->GetStaticMethodID(env, type, methods[i].name, methods[i].signature) == NULL) {
            (*env)->ExceptionClear(env);
            return methods[i].name;
        }
    }
    return NULL;
}

static const char *replace(JNIEnv *env, const JNINativeMethod *channel_methods, const JNINativeMethod *net_methods)
{
    jclass channel = (*env)->FindClass(env, "sun/nio/ch/DatagramChannelImpl");
    jclass net = channel == NULL ? NULL : (*env)->FindClass(env, "sun/nio/ch/Net");
    jclass descriptor = net == NULL ? NULL : (*env)->FindClass(env, "java/io/FileDescriptor");

    descriptor_field = descriptor == NULL ? NULL : (*env)->GetFieldID(env, descriptor, "fd", "I");
    if (descriptor_field == NULL) {
        (*env)->ExceptionClear(env);
        return "sun.nio.ch.DatagramChannelImpl";
    }
    const char *missing = find_methods(env, channel, channel_methods, CHANNEL_COUNT);
    missing = missing == NULL ? find_methods(env, net, net_methods, NET_COUNT) : missing;
    if (missing != NULL) {
        return missing;
    }
    if ((*env)->RegisterNatives(env, net, net_methods, NET_COUNT) != 0
        || (*env)->RegisterNatives(env, channel, channel_methods, CHANNEL_COUNT) != 0) {
        (*env)->ExceptionClear(env);
        return "RegisterNatives";
    }
    return NULL;
}

static const char *switch_on(JNIEnv *env, const char *nio_path, const char *java_path)
{
    void *nio = dlopen(nio_path, RTLD_NOLOAD | RTLD_LAZY);
    void *java = nio == NULL ? NULL : dlopen(java_path, RTLD_NOLOAD | RTLD_LAZY);
    const char *missing = nio == NULL ? nio_path : java == NULL ? java_path : find_functions(nio, java);

    return missing == NULL ? replace(env, CHANNEL, NET) : missing;
}

/* Registers the JDK's functions again. Threads inside hook.c are not affected, as the library stays loaded. */
static const char *switch_off(JNIEnv *env)
{
    JNINativeMethod channel[CHANNEL_COUNT], net[NET_COUNT];

    memcpy(channel, CHANNEL, sizeof(channel));
    memcpy(net, NET, sizeof(net));
    channel[0].fnPtr = *(void **)&jdk_receive;
    channel[1].fnPtr = *(void **)&jdk_send;
    channel[2].fnPtr = *(void **)&jdk_disconnect;
    net[0].fnPtr = *(void **)&jdk_socket;
    net[1].fnPtr = *(void **)&jdk_bind;
    net[2].fnPtr = *(void **)&jdk_connect;
    return replace(env, channel, net);
}

static int copy(JNIEnv *env, jstring text, char path[PATH_CAPACITY])
{
    jsize bytes = text == NULL ? PATH_CAPACITY : (*env)->GetStringUTFLength(env, text);

    if (bytes >= PATH_CAPACITY) {
        return 0;
    }
    memset(path, 0, PATH_CAPACITY);
    (*env)->GetStringUTFRegion(env, text, 0, (*env)->GetStringLength(env, text), path);
    return 1;
}

static jobject string_field(JNIEnv *env, jobject self, const char *name)
{
    jfieldID field = (*env)->GetFieldID(env, (*env)->GetObjectClass(env, self), name, "Ljava/lang/String;");

    return field == NULL ? NULL : (*env)->GetObjectField(env, self, field);
}

/*
 * Switches the hook on or off. HotSpot warns on stdout when natives of the JDK are replaced, unless the method that
 * calls this one belongs to the boot loader, as java.lang.Thread.run does.
 */
JNIEXPORT void JNICALL Java_org_pktinfo_internal_HookSwitch_run(JNIEnv *env, jobject self)
{
    jclass type = (*env)->GetObjectClass(env, self);
    jfieldID failure = (*env)->GetFieldID(env, type, "failure", "Ljava/lang/String;");
    jstring nio = string_field(env, self, "nio"), java = string_field(env, self, "java");
    char nio_path[PATH_CAPACITY], java_path[PATH_CAPACITY];
    const char *why;

    if (failure == NULL || (*env)->ExceptionCheck(env)) {
        return;
    }
    if (nio == NULL) {
        why = switch_off(env);
    } else if (copy(env, nio, nio_path) && copy(env, java, java_path)) {
        why = switch_on(env, nio_path, java_path);
    } else {
        why = "a path that is not too long";
    }
    (*env)->SetObjectField(env, self, failure, why == NULL ? NULL : (*env)->NewStringUTF(env, why));
}

/* Copies up to most numbers of an array. Returns the number copied. */
static jsize copy_numbers(JNIEnv *env, jintArray from, jint *to, jsize most)
{
    jsize count = (*env)->GetArrayLength(env, from);

    count = count > most ? most : count;
    (*env)->GetIntArrayRegion(env, from, 0, count, to);
    return count;
}

static uint32_t copy_ranges(JNIEnv *env, jintArray from, struct range to[MOST_RANGES])
{
    jint numbers[2 * MOST_RANGES];
    jsize count = copy_numbers(env, from, numbers, 2 * MOST_RANGES) / 2;

    for (jsize i = 0; i < count; i++) {
        to[i] = (struct range){(uint16_t)numbers[2 * i], (uint16_t)numbers[2 * i + 1]};
    }
    return (uint32_t)count;
}

JNIEXPORT void JNICALL Java_org_pktinfo_internal_HookCalls_begin(JNIEnv *env, jclass self, jintArray ranges,
    jboolean all, jintArray ephemeral, jintArray transfers, jint memory, jint expiry, jlong most_bytes,
    jboolean gone_throws, jlong first_key, jlong second_key)
{
    struct hook_settings settings = {
        .all = all,
        .memory = (uint32_t)memory,
        .expiry = (uint32_t)expiry,
        .most_bytes = (uint64_t)most_bytes,
    };
    jint numbers[2];

    (void)self;
    if (copy_numbers(env, ephemeral, numbers, 2) == 2) {
        settings.ephemeral = (struct range){(uint16_t)numbers[0], (uint16_t)numbers[1]};
    }
    settings.range_count = copy_ranges(env, ranges, settings.ranges);
    settings.transfer_count = copy_ranges(env, transfers, settings.transfers);
    atomic_store(&gone_is_exception, gone_throws);
    peers_key((uint64_t)first_key, (uint64_t)second_key);
    hook_begin(&settings);
}

JNIEXPORT void JNICALL Java_org_pktinfo_internal_HookCalls_now(JNIEnv *env, jclass self, jint seconds)
{
    (void)env, (void)self;
    hook_now((uint32_t)seconds);
}

JNIEXPORT void JNICALL Java_org_pktinfo_internal_HookCalls_count(
    JNIEnv *env, jclass self, jlongArray counters, jboolean with_peers)
{
    struct hook_counters counted;

    (void)self;
    hook_count(&counted, with_peers);
    const jlong numbers[] = {(jlong)counted.sockets, (jlong)counted.peers, (jlong)counted.pinned,
        (jlong)counted.unknown, (jlong)counted.gone};
    (*env)->SetLongArrayRegion(env, counters, 0, sizeof(numbers) / sizeof(*numbers), numbers);
}

static void give(JNIEnv *env, const struct hook_news *found, jintArray news)
{
    const jint numbers[] = {(jint)found->port, (jint)found->verdict};

    (*env)->SetIntArrayRegion(env, news, 0, 2, numbers);
}

JNIEXPORT jint JNICALL Java_org_pktinfo_internal_HookCalls_tell(JNIEnv *env, jclass self, jint from, jintArray news)
{
    struct hook_news found;

    (void)self;
    if (!hook_tell(from, &found)) {
        return -1;
    }
    give(env, &found, news);
    return found.fd;
}

JNIEXPORT jboolean JNICALL Java_org_pktinfo_internal_HookCalls_look(
    JNIEnv *env, jclass self, jint fd, jboolean adopt, jintArray news)
{
    struct hook_news found;

    (void)self;
    if (!hook_find(fd, adopt ? UNSEEN_IS_ADOPTED : UNSEEN_IS_FOREIGN, &found)) {
        return JNI_FALSE;
    }
    give(env, &found, news);
    return JNI_TRUE;
}

JNIEXPORT jint JNICALL Java_org_pktinfo_internal_HookCalls_recvfrom(JNIEnv *env, jclass self)
{
    (void)env, (void)self;
    return kernel_recvfrom_number();
}

JNIEXPORT jboolean JNICALL Java_org_pktinfo_internal_HookCalls_interrupt(JNIEnv *env, jclass self, jint thread)
{
    (void)env, (void)self;
    return kernel_interrupt(thread) == 0;
}
