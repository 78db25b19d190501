/* Growable byte string: see buffer.h. */
#include "autograd/base/buffer.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"

static bool reserve(senc_buffer *b, size_t n_more) {
    if (b->failed) return false;
    if (n_more >= (size_t)PTRDIFF_MAX - b->n_bytes) return !(b->failed = true); /* a NUL more must fit too */
    const size_t needed = b->n_bytes + n_more + 1;
    if (needed <= b->capacity_bytes) return true;
    size_t capacity = b->capacity_bytes ? b->capacity_bytes : 64;
    while (capacity < needed) capacity += capacity / 2 + 64; /* below PTRDIFF_MAX: cannot overflow */
    char *grown = senc_realloc(b->data, capacity, 1);
    if (!grown) return !(b->failed = true);
    b->data = grown;
    b->capacity_bytes = capacity;
    return true;
}

void senc_buffer_append(senc_buffer *b, const void *bytes, size_t n_bytes) {
    if (!reserve(b, n_bytes)) return;
    if (n_bytes) memcpy(b->data + b->n_bytes, bytes, n_bytes);
    b->n_bytes += n_bytes;
    b->data[b->n_bytes] = '\0';
}

void senc_buffer_append_text(senc_buffer *b, const char *text) {
    senc_buffer_append(b, text, strlen(text));
}

void senc_buffer_printf(senc_buffer *b, const char *fmt, ...) {
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n >= 0 && reserve(b, (size_t)n)) {
        vsnprintf(b->data + b->n_bytes, (size_t)n + 1, fmt, again);
        b->n_bytes += (size_t)n;
    }
    va_end(again);
}

void senc_buffer_clear(senc_buffer *b) {
    b->n_bytes = 0;
    if (b->data) b->data[0] = '\0';
}

char *senc_buffer_take(senc_buffer *b) {
    if (!reserve(b, 0)) {
        senc_buffer_free(b);
        return NULL;
    }
    b->data[b->n_bytes] = '\0';
    char *data = b->data;
    *b = (senc_buffer){0};
    return data;
}

void senc_buffer_free(senc_buffer *b) {
    free(b->data);
    *b = (senc_buffer){0};
}

const char *senc_buffer_text(const senc_buffer *b) {
    return b->data && b->n_bytes ? b->data : "";
}
