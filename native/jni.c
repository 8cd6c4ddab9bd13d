/* The JNI functions: they unwrap arguments and call. NativeCalls.java has checked addresses and sizes. */
#include <jni.h>
#include <stdint.h>
#include <stdlib.h>

#include "batch.h"
#include "errors.h"
#include "interfaces.h"
#include "kernel.h"
#include "linux_errno.h"
#include "org_pktinfo_internal_NativeCalls.h"
#include "path_mtu.h"
#include "transmit.h"

/* Returns the channel's descriptor number. JNI reads private fields of java.base without any --add-opens. */
static int descriptor_from_int_field(JNIEnv *env, jclass type, jobject channel)
{
    jfieldID field = (*env)->GetFieldID(env, type, "fdVal", "I");

    if (field == NULL) {
        (*env)->ExceptionClear(env);
        return -LINUX_EOPNOTSUPP;
    }
    return (*env)->GetIntField(env, channel, field);
}

static int descriptor_from_method(JNIEnv *env, jclass type, jobject channel)
{
    jmethodID method = (*env)->GetMethodID(env, type, "getFDVal", "()I");

    if (method == NULL) {
        (*env)->ExceptionClear(env);
        return -LINUX_EOPNOTSUPP;
    }
    int fd = (*env)->CallIntMethod(env, channel, method);
    if ((*env)->ExceptionCheck(env)) {
        (*env)->ExceptionClear(env);
        return -LINUX_EOPNOTSUPP;
    }
    return fd;
}

static int descriptor_from_file_descriptor(JNIEnv *env, jclass type, jobject channel)
{
    jfieldID outer = (*env)->GetFieldID(env, type, "fd", "Ljava/io/FileDescriptor;");
    jobject holder = outer == NULL ? NULL : (*env)->GetObjectField(env, channel, outer);
    jclass holder_type = holder == NULL ? NULL : (*env)->GetObjectClass(env, holder);
    jfieldID inner = holder_type == NULL ? NULL : (*env)->GetFieldID(env, holder_type, "fd", "I");

    (*env)->ExceptionClear(env);
    return inner == NULL ? -LINUX_EOPNOTSUPP : (*env)->GetIntField(env, holder, inner);
}

JNIEXPORT jint JNICALL Java_org_pktinfo_internal_NativeCalls_descriptor(
    JNIEnv *env, jclass self, jobject channel, jint way)
{
    jclass type = (*env)->GetObjectClass(env, channel);

    (void)self;
    switch (way) {
    case org_pktinfo_internal_NativeCalls_BY_FDVAL_FIELD:
        return descriptor_from_int_field(env, type, channel);
    case org_pktinfo_internal_NativeCalls_BY_FDVAL_METHOD:
        return descriptor_from_method(env, type, channel);
    default:
        return descriptor_from_file_descriptor(env, type, channel);
    }
}

/*
 * Returns the ID of a field of DatagramPacket. The class is never unloaded, so the ID is cached; several threads may
 * look it up at once with the same result.
 */
static jfieldID packet_field(JNIEnv *env, jobject packet, const char *name, jfieldID *known)
{
    if (*known == NULL) {
        *known = (*env)->GetFieldID(env, (*env)->GetObjectClass(env, packet), name, "I");
        if (*known == NULL) {
            (*env)->ExceptionClear(env);
        }
    }
    return *known;
}

JNIEXPORT jint JNICALL Java_org_pktinfo_internal_NativeCalls_packetRoom(JNIEnv *env, jclass self, jobject packet)
{
    static jfieldID known;
    jfieldID field = packet_field(env, packet, "bufLength", &known);

    (void)self;
    return field == NULL ? -LINUX_EOPNOTSUPP : (*env)->GetIntField(env, packet, field);
}

JNIEXPORT jint JNICALL Java_org_pktinfo_internal_NativeCalls_setPacketLength(
    JNIEnv *env, jclass self, jobject packet, jint length)
{
    static jfieldID known;
    jfieldID field = packet_field(env, packet, "length", &known);

    (void)self;
    if (field == NULL) {
        return -LINUX_EOPNOTSUPP;
    }
    (*env)->SetIntField(env, packet, field, length);
    return 0;
}

JNIEXPORT jint JNICALL Java_org_pktinfo_internal_NativeCalls_duplicate(JNIEnv *env, jclass self, jint fd)
{
    (void)env, (void)self;
    return kernel_duplicate(fd);
}

JNIEXPORT jint JNICALL Java_org_pktinfo_internal_NativeCalls_replace(JNIEnv *env, jclass self, jint fd, jint by)
{
    (void)env, (void)self;
    return kernel_replace(fd, by);
}

JNIEXPORT jint JNICALL Java_org_pktinfo_internal_NativeCalls_close(JNIEnv *env, jclass self, jint fd)
{
    (void)env, (void)self;
    return kernel_close(fd);
}

JNIEXPORT jint JNICALL Java_org_pktinfo_internal_NativeCalls_newEvent(JNIEnv *env, jclass self)
{
    (void)env, (void)self;
    return kernel_new_event();
}

JNIEXPORT jint JNICALL Java_org_pktinfo_internal_NativeCalls_signal(JNIEnv *env, jclass self, jint event_fd)
{
    (void)env, (void)self;
    return kernel_signal(event_fd);
}

JNIEXPORT jint JNICALL Java_org_pktinfo_internal_NativeCalls_calm(JNIEnv *env, jclass self, jint event_fd)
{
    (void)env, (void)self;
    return kernel_calm(event_fd);
}

JNIEXPORT jint JNICALL Java_org_pktinfo_internal_NativeCalls_setOption(
    JNIEnv *env, jclass self, jint fd, jint option, jint value)
{
    (void)env, (void)self;
    return kernel_set_option(fd, option, value);
}

JNIEXPORT jlong JNICALL Java_org_pktinfo_internal_NativeCalls_getOption(JNIEnv *env, jclass self, jint fd, jint option)
{
    (void)env, (void)self;
    return kernel_get_option(fd, option);
}

JNIEXPORT jlong JNICALL Java_org_pktinfo_internal_NativeCalls_drops(JNIEnv *env, jclass self, jint fd)
{
    (void)env, (void)self;
    return kernel_drops(fd);
}

JNIEXPORT jlong JNICALL Java_org_pktinfo_internal_NativeCalls_cookie(JNIEnv *env, jclass self, jint fd)
{
    (void)env, (void)self;
    return kernel_cookie(fd);
}

JNIEXPORT jlong JNICALL Java_org_pktinfo_internal_NativeCalls_namespace(JNIEnv *env, jclass self, jint fd)
{
    (void)env, (void)self;
    return kernel_namespace(fd);
}

JNIEXPORT jint JNICALL Java_org_pktinfo_internal_NativeCalls_newRouteSocket(JNIEnv *env, jclass self)
{
    (void)env, (void)self;
    return kernel_new_route_socket();
}

/* Writes an address that Java holds as two numbers. */
static void to_network(uint8_t address[16], jlong high, jlong low)
{
    for (int i = 0; i < 8; i++) {
        address[i] = (uint8_t)((uint64_t)high >> (56 - 8 * i));
        address[8 + i] = (uint8_t)((uint64_t)low >> (56 - 8 * i));
    }
}

JNIEXPORT jint JNICALL Java_org_pktinfo_internal_NativeCalls_routeType(
    JNIEnv *env, jclass self, jint fd, jint number, jint family, jlong high, jlong low, jint interface)
{
    uint8_t address[16];

    (void)env, (void)self;
    to_network(address, high, low);
    return kernel_route_type(fd, number, family, address, interface);
}

/* Returns the version of the layout that this library was compiled for. */
JNIEXPORT jint JNICALL Java_org_pktinfo_internal_NativeCalls_layoutVersion(JNIEnv *env, jclass self)
{
    (void)env, (void)self;
    return org_pktinfo_internal_Layout_VERSION;
}

JNIEXPORT jint JNICALL Java_org_pktinfo_internal_NativeCalls_glibcVersion(JNIEnv *env, jclass self)
{
    (void)env, (void)self;
    return libc_glibc_version();
}

JNIEXPORT jobject JNICALL Java_org_pktinfo_internal_NativeCalls_allocate(JNIEnv *env, jclass self, jint size)
{
    void *memory = calloc(1, (size_t)size);
    jobject buffer = memory == NULL ? NULL : (*env)->NewDirectByteBuffer(env, memory, size);

    (void)self;
    if (buffer == NULL) {
        free(memory);
    }
    return buffer;
}

JNIEXPORT void JNICALL Java_org_pktinfo_internal_NativeCalls_free(JNIEnv *env, jclass self, jobject buffer)
{
    (void)self;
    free((*env)->GetDirectBufferAddress(env, buffer));
}

/*
 * Returns the address of a direct buffer that holds a whole arena; 0 if it is not direct, or too small for its header.
 */
JNIEXPORT jlong JNICALL Java_org_pktinfo_internal_NativeCalls_arenaAddress(JNIEnv *env, jclass self, jobject buffer)
{
    const struct arena_header *header = (*env)->GetDirectBufferAddress(env, buffer);
    jlong capacity = (*env)->GetDirectBufferCapacity(env, buffer);

    (void)self;
    if (header == NULL || capacity < (jlong)sizeof(*header) || (uintptr_t)header % 8 != 0) {
        return 0;
    }
    size_t size = arena_size(header->slot_count, header->payload_stride);
    if (size == 0 || capacity < (jlong)size || header->payload_capacity < 0
        || header->payload_capacity > header->payload_stride) {
        return 0;
    }
    return (jlong)(uintptr_t)header;
}

JNIEXPORT jint JNICALL Java_org_pktinfo_internal_NativeCalls_receive(
    JNIEnv *env, jclass self, jint fd, jlong arena, jint count)
{
    (void)env, (void)self;
    return arena_receive((void *)(uintptr_t)arena, fd, count);
}

JNIEXPORT jint JNICALL Java_org_pktinfo_internal_NativeCalls_send(
    JNIEnv *env, jclass self, jint fd, jlong arena, jint count)
{
    (void)env, (void)self;
    return arena_send((void *)(uintptr_t)arena, fd, count);
}

JNIEXPORT jint JNICALL Java_org_pktinfo_internal_NativeCalls_await(
    JNIEnv *env, jclass self, jint fd, jint event_fd, jint events, jint timeout_millis)
{
    (void)env, (void)self;
    return kernel_wait(fd, event_fd, events, timeout_millis);
}

/* The buffer must be direct and hold that number of reports; it is passed itself, so that it cannot be freed now. */
JNIEXPORT jint JNICALL Java_org_pktinfo_internal_NativeCalls_receiveErrors(
    JNIEnv *env, jclass self, jint fd, jobject reports, jint count)
{
    struct error_report *memory = (*env)->GetDirectBufferAddress(env, reports);
    jlong capacity = (*env)->GetDirectBufferCapacity(env, reports);

    (void)self;
    if (memory == NULL || (uintptr_t)memory % 8 != 0 || count < 0
        || capacity < (jlong)count * (jlong)sizeof(*memory)) {
        return -LINUX_EINVAL;
    }
    return errors_receive(fd, memory, count);
}

JNIEXPORT jint JNICALL Java_org_pktinfo_internal_NativeCalls_interfaceIndex(
    JNIEnv *env, jclass self, jbyteArray name)
{
    char text[IF_NAMESIZE];
    jsize length = (*env)->GetArrayLength(env, name);
    jsize taken = length < IF_NAMESIZE ? length : IF_NAMESIZE; /* a longer name is refused whatever follows */

    (void)self;
    (*env)->GetByteArrayRegion(env, name, 0, taken, (jbyte *)text);
    return interface_index(text, (size_t)taken);
}

JNIEXPORT jint JNICALL Java_org_pktinfo_internal_NativeCalls_interfaceName(
    JNIEnv *env, jclass self, jint index, jbyteArray name)
{
    char text[IF_NAMESIZE];
    int length = interface_name(index, text);

    (void)self;
    if (length > 0) {
        (*env)->SetByteArrayRegion(env, name, 0, length, (const jbyte *)text); /* throws if it does not fit */
    }
    return length;
}

JNIEXPORT jint JNICALL Java_org_pktinfo_internal_NativeCalls_transmitForm(JNIEnv *env, jclass self)
{
    (void)env, (void)self;
    return transmit_form();
}

JNIEXPORT jint JNICALL Java_org_pktinfo_internal_NativeCalls_pathMtu(JNIEnv *env, jclass self, jlong source_high,
    jlong source_low, jint interface, jlong peer_high, jlong peer_low, jint peer_scope, jint peer_port)
{
    struct slot way = {
        .peer_scope = (uint32_t)peer_scope,
        .peer_port = (uint16_t)peer_port,
        .source_interface = (uint32_t)interface,
        .source_form = (source_high | source_low) == 0 ? FORM_NONE : FORM_AS_RECEIVED,
    };

    (void)env, (void)self;
    to_network(way.peer_address, peer_high, peer_low);
    to_network(way.source_address, source_high, source_low);
    return path_mtu(&way);
}
