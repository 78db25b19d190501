/* CPU features by CPUID (Intel SDM volume 2, CPUID; volume 1, chapter 13 for XCR0: what the operating system saves). */
#include "autograd/base/cpu.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

static senc_cpu cpu;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* "model name : ..." of /proc/cpuinfo, for machines without CPUID. */
static void name_from_proc(void) {
    FILE *f = fopen("/proc/cpuinfo", "r");
    if (!f) return;
    char line[256];
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, "model name", 10) != 0 && strncmp(line, "Model", 5) != 0) continue;
        const char *colon = strchr(line, ':');
        if (!colon) continue;
        line[strcspn(line, "\n")] = '\0';
        snprintf(cpu.name, sizeof cpu.name, "%s", colon + 1 + strspn(colon + 1, " \t"));
        break;
    }
    fclose(f);
}

#if defined(__x86_64__) || defined(__i386__)
static bool bit(unsigned value, int place) {
    return (value >> place) & 1u;
}

static uint64_t saved_state(void) {
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static void detect_features(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !bit(c, 27) /* OSXSAVE */) return;
    const bool fma = bit(c, 12) && bit(c, 28) /* AVX */;
    const uint64_t state = saved_state();
    const bool ymm = (state & 0x6) == 0x6, zmm = (state & 0xe6) == 0xe6, tiles = (state & 0x60000) == 0x60000;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return;
    cpu.avx2 = ymm && fma && bit(b, 5);
    cpu.avx512 = cpu.avx2 && zmm && bit(b, 16) /* F */ && bit(b, 17) /* DQ */ && bit(b, 28) /* CD */ &&
                 bit(b, 30) /* BW */ && bit(b, 31) /* VL */;
    cpu.avx512_vnni = cpu.avx512 && bit(c, 11);
    cpu.amx_bf16 = tiles && bit(d, 22) && bit(d, 24) /* AMX-TILE */;
    if (__get_cpuid_count(7, 1, &a, &b, &c, &d)) {
        cpu.avx512_bf16 = cpu.avx512 && bit(a, 5);
        cpu.avx_vnni = cpu.avx2 && bit(a, 4);
    }
}

static void detect_name(void) {
    unsigned words[12];
    for (unsigned i = 0; i < 3; i++) {
        unsigned *w = words + 4 * i;
        if (!__get_cpuid(0x80000002u + i, w, w + 1, w + 2, w + 3)) return;
    }
    char text[49];
    memcpy(text, words, 48);
    text[48] = '\0';
    snprintf(cpu.name, sizeof cpu.name, "%s", text + strspn(text, " "));
    for (size_t n = strlen(cpu.name); n > 0 && cpu.name[n - 1] == ' '; n--) cpu.name[n - 1] = '\0';
}
#endif

static void detect(void) {
#if defined(__x86_64__) || defined(__i386__)
    detect_features();
    detect_name();
#endif
    if (!cpu.name[0]) name_from_proc();
    if (!cpu.name[0]) snprintf(cpu.name, sizeof cpu.name, "unknown CPU");
}

const senc_cpu *senc_cpu_get(void) {
    pthread_once(&once, detect);
    return &cpu;
}
