/* Texts behind one another: see text_chunk.h. */
#include "eval/text_chunk.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"

void eval_text_chunk_clear(eval_text_chunk *b) {
    senc_buffer_clear(&b->bytes);
    b->bytes.failed = false; /* a failure of an earlier part is over */
    b->n = 0;
}

void eval_text_chunk_free(eval_text_chunk *b) {
    senc_buffer_free(&b->bytes);
    free(b->ends);
    *b = (eval_text_chunk){.max_texts = b->max_texts, .max_bytes = b->max_bytes};
}

bool eval_text_chunk_is_full(const eval_text_chunk *b) {
    return b->n >= b->max_texts || (int64_t)b->bytes.n_bytes >= b->max_bytes;
}

static bool reserve(eval_text_chunk *b, senc_error *err) {
    if (b->n < b->capacity) return true;
    const int64_t capacity = b->capacity ? 2 * b->capacity : 256;
    int64_t *grown = senc_realloc(b->ends, (size_t)capacity, sizeof *grown);
    if (!grown) return senc_fail_memory(err, (size_t)capacity * sizeof *grown, "texts");
    b->ends = grown;
    b->capacity = capacity;
    return true;
}

bool eval_text_chunk_add(eval_text_chunk *b, const char *text, int64_t n_bytes, senc_error *err) {
    if (!reserve(b, err)) return false;
    senc_buffer_append(&b->bytes, text, (size_t)n_bytes);
    if (b->bytes.failed) return senc_fail_memory(err, b->bytes.n_bytes + (size_t)n_bytes, "texts");
    b->ends[b->n++] = (int64_t)b->bytes.n_bytes;
    return true;
}

eval_text eval_text_chunk_get(const eval_text_chunk *b, int64_t i) {
    SENC_ASSERT(i >= 0 && i < b->n, "text %lld of %lld", (long long)i, (long long)b->n);
    const int64_t first = i > 0 ? b->ends[i - 1] : 0;
    return (eval_text){senc_buffer_text(&b->bytes) + first, b->ends[i] - first};
}

bool eval_text_is_blank(const eval_text *text) {
    for (int64_t i = 0; i < text->n_bytes; i++) {
        if (!strchr(" \t\r\n", text->bytes[i]) || text->bytes[i] == '\0') return false;
    }
    return true;
}
