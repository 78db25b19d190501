/* What this CPU can do. */
#ifndef SENC_CPU_H
#define SENC_CPU_H

#include <stdbool.h>

typedef struct senc_cpu {
    char name[64];
    bool avx2;   /* with FMA */
    bool avx512; /* F, BW, CD, DQ, VL: what GCC calls x86-64-v4 */
    bool avx512_bf16, avx512_vnni, amx_bf16;
    bool avx_vnni; /* the 256-bit form on CPUs without AVX-512 */
} senc_cpu;

/* Detected once. All false on other architectures. */
const senc_cpu *senc_cpu_get(void);

#endif
