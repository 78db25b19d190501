/* Random numbers. Two kinds: a stream (xoshiro256**, for shuffles and initialisation) and a counter-based generator
 * (for dropout: the number at (key, row, column) is a pure function, so a second forward pass draws the same mask). */
#ifndef SENC_RNG_H
#define SENC_RNG_H

#include <stdint.h>

typedef struct senc_rng {
    uint64_t s[4];
} senc_rng;

/* Seeds the stream by splitmix64 (Steele, Lea, Flood 2014), as the authors of xoshiro advise. */
void senc_rng_init(senc_rng *rng, uint64_t seed);
uint64_t senc_rng_next(senc_rng *rng);
/* Uniform in [0, n), without bias (Lemire 2019). n >= 1. */
uint64_t senc_rng_below(senc_rng *rng, uint64_t n);
/* Uniform in [0, 1). */
double senc_rng_uniform(senc_rng *rng);
/* Standard normal (Box-Muller, one value a call). */
double senc_rng_normal(senc_rng *rng);

/* A strong 64-bit mix (splitmix64's finaliser); combine keys as mix(mix(seed ^ a) ^ b). */
static inline uint64_t senc_rng_mix(uint64_t x) {
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* Counter-based generator. Row key first, then one 32-bit word per column: only 32-bit operations on the column, so
 * that a compiler turns the loop over columns into vector instructions. */
static inline uint64_t senc_rng_row_key(uint64_t key, uint64_t row) {
    return senc_rng_mix(key ^ (row * UINT64_C(0xd1342543de82ef95)));
}

static inline uint32_t senc_rng_cell(uint64_t row_key, uint32_t column) {
    uint32_t h = column * UINT32_C(0x9e3779b1) + (uint32_t)row_key;
    h ^= h >> 16;
    h *= UINT32_C(0x85ebca6b);
    h ^= (uint32_t)(row_key >> 32);
    h ^= h >> 13;
    h *= UINT32_C(0xc2b2ae35);
    h ^= h >> 16;
    return h;
}

#endif
