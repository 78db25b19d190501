/* xoshiro256** (Blackman, Vigna 2018): see rng.h. */
#include "autograd/base/rng.h"

#include <math.h>

static uint64_t rotate_left(uint64_t x, int k) {
    return (x << k) | (x >> (64 - k));
}

void senc_rng_init(senc_rng *rng, uint64_t seed) {
    for (int i = 0; i < 4; i++) rng->s[i] = senc_rng_mix(seed + (uint64_t)i * UINT64_C(0x9e3779b97f4a7c15));
}

uint64_t senc_rng_next(senc_rng *rng) {
    uint64_t *s = rng->s;
    const uint64_t result = rotate_left(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t senc_rng_below(senc_rng *rng, uint64_t n) {
    const uint64_t threshold = -n % n; /* 2^64 mod n: products whose low half is below it would bias the result */
    for (;;) {
        const unsigned __int128 product = (unsigned __int128)senc_rng_next(rng) * n;
        if ((uint64_t)product >= threshold) return (uint64_t)(product >> 64);
    }
}

double senc_rng_uniform(senc_rng *rng) {
    return (double)(senc_rng_next(rng) >> 11) * 0x1.0p-53;
}

double senc_rng_normal(senc_rng *rng) {
    const double pi = 3.14159265358979323846;
    const double u = 1.0 - senc_rng_uniform(rng), v = senc_rng_uniform(rng); /* u in (0, 1]: log is finite */
    return sqrt(-2.0 * log(u)) * cos(2.0 * pi * v);
}
