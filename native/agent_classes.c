#include "agent_classes.h"

/*
 * Embeds the files from javac's output folder. agent.c relies on the first two and on the last. A class must follow
 * those that it extends.
 */
#define CLASS(name) \
    ".long 2f - 1f\n" \
    "1: .incbin \"" PKTINFO_CLASSES "/org/pktinfo/" name ".class\"\n" \
    "2: .balign 4\n"

__asm__(".pushsection .rodata\n"
        ".balign 4\n"
        ".globl agent_classes\n"
        ".hidden agent_classes\n"
        "agent_classes:\n"
        CLASS("internal/HookCalls")
        CLASS("internal/HookSwitch")
        CLASS("internal/Threads")
        CLASS("internal/Threads$Uncalled")
        CLASS("jvm/Verdict")
        CLASS("jvm/Options$Log")
        CLASS("jvm/Options")
        CLASS("jvm/Options$Parser")
        CLASS("jvm/JvmSocketsMXBean")
        CLASS("jvm/Stats")
        CLASS("jvm/Reporter")
        CLASS("jvm/FoundSockets")
        CLASS("jvm/BlockedThreads")
        CLASS("jvm/Installation")
        CLASS("jvm/Entrance")
        ".long 0\n"
        ".popsection\n");
