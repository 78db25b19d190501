/* SHA-256 (FIPS 180-4). */
#ifndef DATA_SHA256_H
#define DATA_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "autograd/base/error.h"

typedef struct data_sha256 {
    uint32_t state[8];
    uint64_t n_bytes;
    uint8_t block[64];
} data_sha256;

void data_sha256_init(data_sha256 *s);
void data_sha256_update(data_sha256 *s, const void *bytes, size_t n_bytes);
void data_sha256_finish(data_sha256 *s, uint8_t digest[32]);

/* Lower-case hexadecimal digits and a NUL. */
void data_sha256_hex(const void *bytes, size_t n_bytes, char out[65]);
bool data_sha256_file(const char *path, char out[65], senc_error *err);

#endif
