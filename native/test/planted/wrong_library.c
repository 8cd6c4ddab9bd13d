/*
 * A library that a JVM loads and that is not the one whose functions are called: by what is defined, another version's
 * or foreign.
 */
#include <jni.h>

#include "org_pktinfo_internal_Layout.h"

JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM *vm, void *reserved)
{
    (void)vm, (void)reserved;
    return JNI_VERSION_1_8;
}

#ifdef OTHER_CLASS
JNIEXPORT jint JNICALL Java_org_pktinfo_OtherClass_layoutVersion(JNIEnv *env, jclass self);

JNIEXPORT jint JNICALL Java_org_pktinfo_OtherClass_layoutVersion(JNIEnv *env, jclass self)
{
    (void)env, (void)self;
    return org_pktinfo_internal_Layout_VERSION;
}
#endif

#ifdef OTHER_LAYOUT
#include "org_pktinfo_internal_NativeCalls.h"

JNIEXPORT jint JNICALL Java_org_pktinfo_internal_NativeCalls_layoutVersion(JNIEnv *env, jclass self)
{
    (void)env, (void)self;
    return org_pktinfo_internal_Layout_VERSION + 1;
}
#endif
