/* SHA-256: see sha256.h. Names follow FIPS 180-4, section 6.2. */
#include "data/formats/sha256.h"

#include <string.h>

#include "autograd/base/file.h"

/* Fractional parts of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2). */
static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotr(uint32_t x, int n) {
    return x >> n | x << (32 - n);
}

static void compress(uint32_t state[8], const uint8_t block[64]) {
    uint32_t w[64];
    for (int t = 0; t < 16; t++) {
        w[t] = (uint32_t)block[4 * t] << 24 | (uint32_t)block[4 * t + 1] << 16 | (uint32_t)block[4 * t + 2] << 8 |
               block[4 * t + 3];
    }
    for (int t = 16; t < 64; t++) {
        const uint32_t s0 = rotr(w[t - 15], 7) ^ rotr(w[t - 15], 18) ^ w[t - 15] >> 3;
        const uint32_t s1 = rotr(w[t - 2], 17) ^ rotr(w[t - 2], 19) ^ w[t - 2] >> 10;
        w[t] = s1 + w[t - 7] + s0 + w[t - 16];
    }
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (int t = 0; t < 64; t++) {
        const uint32_t sum1 = rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25);
        const uint32_t t1 = h + sum1 + ((e & f) ^ (~e & g)) + K[t] + w[t];
        const uint32_t sum0 = rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22);
        const uint32_t t2 = sum0 + ((a & b) ^ (a & c) ^ (b & c));
        h = g, g = f, f = e, e = d + t1;
        d = c, c = b, b = a, a = t1 + t2;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

void data_sha256_init(data_sha256 *s) {
    *s = (data_sha256){
        .state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void data_sha256_update(data_sha256 *s, const void *bytes, size_t n_bytes) {
    const uint8_t *p = bytes;
    while (n_bytes > 0) {
        const size_t used = (size_t)(s->n_bytes % sizeof s->block);
        if (used == 0 && n_bytes >= sizeof s->block) {
            compress(s->state, p);
            p += sizeof s->block, n_bytes -= sizeof s->block, s->n_bytes += sizeof s->block;
            continue;
        }
        const size_t room = sizeof s->block - used, take = n_bytes < room ? n_bytes : room;
        memcpy(s->block + used, p, take);
        if (take == room) compress(s->state, s->block);
        p += take, n_bytes -= take, s->n_bytes += take;
    }
}

void data_sha256_finish(data_sha256 *s, uint8_t digest[32]) {
    const uint64_t n_bits = s->n_bytes * 8;
    static const uint8_t padding[64] = {0x80};
    const size_t used = (size_t)(s->n_bytes % 64);
    data_sha256_update(s, padding, used < 56 ? 56 - used : 120 - used);
    uint8_t length[8];
    for (int i = 0; i < 8; i++) length[i] = (uint8_t)(n_bits >> (56 - 8 * i));
    data_sha256_update(s, length, sizeof length);
    for (int i = 0; i < 32; i++) digest[i] = (uint8_t)(s->state[i / 4] >> (24 - 8 * (i % 4)));
}

static void digest_hex(data_sha256 *s, char out[65]) {
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[32];
    data_sha256_finish(s, digest);
    for (int i = 0; i < 32; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[64] = '\0';
}

void data_sha256_hex(const void *bytes, size_t n_bytes, char out[65]) {
    data_sha256 s;
    data_sha256_init(&s);
    data_sha256_update(&s, bytes, n_bytes);
    digest_hex(&s, out);
}

bool data_sha256_file(const char *path, char out[65], senc_error *err) {
    FILE *f = fopen(path, "rb");
    if (!f) return senc_fail_errno(err, "%s: cannot read", path);
    data_sha256 s;
    data_sha256_init(&s);
    char bytes[1 << 16];
    size_t n;
    while ((n = fread(bytes, 1, sizeof bytes, f)) > 0) data_sha256_update(&s, bytes, n);
    const bool bad = ferror(f);
    if (bad) senc_fail_errno(err, "%s: cannot read", path);
    fclose(f);
    if (!bad) digest_hex(&s, out);
    return !bad;
}
