#define _GNU_SOURCE
/*
 * The agent's entry points: Agent_OnLoad and Agent_OnAttach of JVM TI for -agentpath: and an attaching process, and a
 * native method for -javaagent:. Each defines the agent's classes, which are embedded in this library, in a class
 * loader of their own, and calls a method of the last class.
 */
#include <jni.h>
#include <jvmti.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent_classes.h"
#include "org_pktinfo_internal_HookCalls.h"
#include "org_pktinfo_internal_HookSwitch.h"

static const char NAME[] = "pktinfo-agent " PKTINFO_VERSION;

/*
 * A global reference to the class that is called. It is never deleted, and keeps the class loader and the classes of
 * the methods below.
 */
static jclass entrance;

/*
 * The functions are registered by address: the JVM would look up a name in the libraries of the class's loader, which
 * has none.
 */
#define METHOD(name, signature) {#name, signature, Java_org_pktinfo_internal_HookCalls_##name}
static const JNINativeMethod CALLS[] = {
    METHOD(begin, "([IZ[I[IIIJZJJ)V"),
    METHOD(now, "(I)V"),
    METHOD(count, "([JZ)V"),
    METHOD(tell, "(I[I)I"),
    METHOD(look, "(IZ[I)Z"),
    METHOD(recvfrom, "()I"),
    METHOD(interrupt, "(I)Z"),
};
static const JNINativeMethod SWITCH[] = {{"run", "()V", Java_org_pktinfo_internal_HookSwitch_run}};

enum { CALL_COUNT = sizeof(CALLS) / sizeof(*CALLS) };

/*
 * Returns a method's result, or NULL with an exception pending. The check is explicit because -Xcheck:jni demands it.
 */
static jobject returned(JNIEnv *env, jobject result)
{
    return (*env)->ExceptionCheck(env) ? NULL : result;
}

/*
 * Returns a class loader that sees only the JDK's own classes, so that neither the program's classes nor another
 * version of the agent are mixed with these. Returns NULL with an exception pending.
 */
static jobject new_loader(JNIEnv *env)
{
    jclass loader = (*env)->FindClass(env, "java/lang/ClassLoader");
    jclass of_urls = loader == NULL ? NULL : (*env)->FindClass(env, "java/net/URLClassLoader");
    jclass url = of_urls == NULL ? NULL : (*env)->FindClass(env, "java/net/URL");
    jmethodID platform = url == NULL
        ? NULL
        : (*env)->GetStaticMethodID(env, loader, "getPlatformClassLoader", "()Ljava/lang/ClassLoader;");
    jmethodID init = platform == NULL
        ? NULL
        : (*env)->GetMethodID(env, of_urls, "<init>", "([Ljava/net/URL;Ljava/lang/ClassLoader;)V");
    jobjectArray nothing = init == NULL ? NULL : (*env)->NewObjectArray(env, 0, url, NULL);
    jobject parent = nothing == NULL ? NULL : returned(env, (*env)->CallStaticObjectMethod(env, loader, platform));

    return parent == NULL ? NULL : (*env)->NewObject(env, of_urls, init, nothing, parent);
}

/* The classes that this file needs, by their positions in agent_classes. */
struct defined {
    jclass first, second, last;
};

/* Defines each class after those that it extends. Returns 0 with an exception pending. */
static int define_classes(JNIEnv *env, struct defined *defined)
{
    jobject loader = new_loader(env);
    const uint8_t *at = agent_classes;
    uint32_t length;

    for (int i = 0; loader != NULL && (memcpy(&length, at, sizeof(length)), length != 0); i++) {
        jclass type = (*env)->DefineClass(env, NULL, loader, (const jbyte *)at + sizeof(length), (jsize)length);
        if (type == NULL) {
            return 0;
        }
        *(i == 0 ? &defined->first : i == 1 ? &defined->second : &defined->last) = type;
        at += (sizeof(length) + length + 3) / 4 * 4;
    }
    return loader != NULL;
}

static int find_entrance(JNIEnv *env)
{
    if (entrance != NULL) {
        return 1;
    }
    struct defined defined;
    if (!define_classes(env, &defined) || (*env)->RegisterNatives(env, defined.first, CALLS, CALL_COUNT) != 0
        || (*env)->RegisterNatives(env, defined.second, SWITCH, 1) != 0) {
        return 0;
    }
    entrance = (*env)->NewGlobalRef(env, defined.last);
    return entrance != NULL;
}

/*
 * Calls a static method of the entrance class, which reports its own errors. An exception raised before that call stays
 * pending, for the JVM to report.
 */
static void enter(JNIEnv *env, const char *name, jstring options)
{
    jmethodID method = options == NULL || !find_entrance(env)
        ? NULL
        : (*env)->GetStaticMethodID(env, entrance, name, "(Ljava/lang/String;Ljava/lang/String;)V");
    jstring version = method == NULL ? NULL : (*env)->NewStringUTF(env, NAME);

    if (version != NULL) {
        (*env)->CallStaticVoidMethod(env, entrance, method, options, version);
    }
}

JNIEXPORT void JNICALL Java_org_pktinfo_agent_PktInfoAgent_start(JNIEnv *env, jclass type, jstring options)
{
    (void)type;
    enter(env, "start", options);
}

/* Prints the pending exception and ends the JVM: without the agent it would reply from the wrong address. */
static void end(JNIEnv *env)
{
    (*env)->ExceptionDescribe(env);
    (*env)->ExceptionClear(env);
    jclass system = (*env)->FindClass(env, "java/lang/System");
    jmethodID leave = system == NULL ? NULL : (*env)->GetStaticMethodID(env, system, "exit", "(I)V");
    if (leave != NULL) {
        (*env)->CallStaticVoidMethod(env, system, leave, 1);
    }
    (*env)->FatalError(env, NAME);
}

static char *start_options;

static void JNICALL initialized(jvmtiEnv *ti, JNIEnv *env, jthread thread)
{
    (void)thread;
    enter(env, "start", (*env)->NewStringUTF(env, start_options));
    if ((*env)->ExceptionCheck(env)) {
        end(env);
    }
    free(start_options);
    (*ti)->DisposeEnvironment(ti);
}

/* Called before the JVM is initialized. A result other than 0 ends the JVM. */
JNIEXPORT jint JNICALL Agent_OnLoad(JavaVM *vm, char *options, void *reserved)
{
    const jvmtiEventCallbacks callbacks = {.VMInit = initialized};
    jvmtiEnv *ti;

    (void)reserved;
    start_options = strdup(options == NULL ? "" : options);
    if (start_options == NULL || (*vm)->GetEnv(vm, (void **)&ti, JVMTI_VERSION_1_2) != 0
        || (*ti)->SetEventCallbacks(ti, &callbacks, sizeof(callbacks)) != 0) {
        return JNI_ERR;
    }
    return (*ti)->SetEventNotificationMode(ti, JVMTI_ENABLE, JVMTI_EVENT_VM_INIT, NULL) == 0 ? JNI_OK : JNI_ERR;
}

/* Called in a thread of the JVM's own while the program runs. */
JNIEXPORT jint JNICALL Agent_OnAttach(JavaVM *vm, char *options, void *reserved)
{
    JNIEnv *env;

    (void)reserved;
    if ((*vm)->GetEnv(vm, (void **)&env, JNI_VERSION_1_8) != 0) {
        return JNI_ERR;
    }
    enter(env, "attach", (*env)->NewStringUTF(env, options == NULL ? "" : options));
    if ((*env)->ExceptionCheck(env)) {
        (*env)->ExceptionClear(env);
        return JNI_ERR;
    }
    return JNI_OK;
}
