/* A growable byte string with sticky failure: append as often as you like, check `failed` once. */
#ifndef SENC_BUFFER_H
#define SENC_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

/* {0} is an empty buffer. data is NUL-terminated behind n_bytes whenever it is not NULL. */
typedef struct senc_buffer {
    char *data;
    size_t n_bytes;
    size_t capacity_bytes;
    bool failed; /* out of memory; what was there before stays valid */
} senc_buffer;

void senc_buffer_append(senc_buffer *b, const void *bytes, size_t n_bytes);
void senc_buffer_append_text(senc_buffer *b, const char *text);
__attribute__((format(printf, 2, 3))) void senc_buffer_printf(senc_buffer *b, const char *fmt, ...);
/* Keeps the memory, forgets the content. */
void senc_buffer_clear(senc_buffer *b);
/* The content as a NUL-terminated block that the caller frees; NULL when the buffer failed. The buffer is empty after.
 */
char *senc_buffer_take(senc_buffer *b);
void senc_buffer_free(senc_buffer *b);
/* The content, "" when empty. */
const char *senc_buffer_text(const senc_buffer *b);

#endif
