/* Folded texts: see text_fold.h. */
#include "data/text_fold.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "data/pairs.h"
#include "data/tokenizers/unicode_table.h"

void data_folder_free(data_folder *f) {
    free(f->points);
    senc_buffer_free(&f->text);
    *f = (data_folder){0};
}

static bool reserve(data_folder *f, int64_t n, senc_error *err) {
    if (n <= f->capacity) return true;
    uint32_t *grown = senc_realloc(f->points, (size_t)n, sizeof *grown);
    if (!grown) return senc_fail_memory(err, (size_t)n * sizeof *grown, "a text");
    f->points = grown;
    f->capacity = n;
    return true;
}

/* The text's code points, folded one by one; *n negative: it is not UTF-8. */
static bool fold_points(data_folder *f, const char *text, size_t n_bytes, int64_t *n, senc_error *err) {
    if (!reserve(f, (int64_t)n_bytes + 1, err)) return false;
    bool is_ascii = true;
    for (size_t i = 0; i < n_bytes; i++) {
        const unsigned char c = (unsigned char)text[i];
        is_ascii = is_ascii && c < 0x80;
        f->points[i] = c >= 'A' && c <= 'Z' ? c + 32U : c;
    }
    *n = (int64_t)n_bytes;
    if (is_ascii) return true;
    *n = data_unicode_fold(text, n_bytes, f->points, f->capacity);
    if (*n <= f->capacity) return true;
    if (!reserve(f, *n, err)) return false;
    *n = data_unicode_fold(text, n_bytes, f->points, f->capacity);
    return true;
}

static bool is_digit(uint32_t c) {
    return c >= '0' && c <= '9';
}

static bool is_apostrophe(uint32_t c) {
    return c == '\'' || c == 0x2019 || c == 0x02BC;
}

/* Scripts that are written without blanks. */
static bool is_own_word(uint32_t c) {
    return (c >= 0x3040 && c <= 0x30FF) || (c >= 0x3400 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) ||
           (c >= 0x20000 && c <= 0x3FFFF);
}

static void append_point(senc_buffer *out, uint32_t c) {
    char bytes[4];
    senc_buffer_append(out, bytes, (size_t)data_utf8_encode(c, bytes));
}

/* Whether the character is part of a word. */
static bool is_kept(const uint32_t *points, int64_t n, int64_t i) {
    const uint32_t c = points[i];
    const data_unicode_sort sort = data_unicode_sort_of(c);
    if (sort == UNICODE_SORT_WORD) return true;
    if (sort == UNICODE_SORT_BLANK) return false;
    if (c == '#' || c == '%' || c == '&' || c == '@') return true;
    return i > 0 && i + 1 < n && is_digit(points[i - 1]) && is_digit(points[i + 1]);
}

static void append_words(senc_buffer *out, const uint32_t *points, int64_t n) {
    bool blank = false;
    for (int64_t i = 0; i < n; i++) {
        const uint32_t c = points[i];
        if (is_apostrophe(c)) { /* within a word: nothing */
            const bool within = i > 0 && i + 1 < n && data_unicode_sort_of(points[i - 1]) == UNICODE_SORT_WORD &&
                                data_unicode_sort_of(points[i + 1]) == UNICODE_SORT_WORD;
            blank = blank || !within;
            continue;
        }
        if (!is_kept(points, n, i)) {
            blank = true;
            continue;
        }
        if (c == 0x3099 || c == 0x309A) { /* the voicing of the kana before it */
            append_point(out, c);
            continue;
        }
        const bool own = is_own_word(c);
        if ((blank || own) && out->n_bytes > 0 && out->data[out->n_bytes - 1] != ' ') senc_buffer_append(out, " ", 1);
        append_point(out, c);
        blank = own;
    }
}

/* Nothing but punctuation: the characters themselves. */
static void append_punctuation(senc_buffer *out, const uint32_t *points, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        if (data_unicode_sort_of(points[i]) == UNICODE_SORT_BLANK) continue;
        if (out->n_bytes == 0) senc_buffer_append(out, "\x01", 1);
        append_point(out, points[i]);
    }
}

bool data_text_fold(data_folder *f, const char *text, size_t n_bytes, const char **folded, size_t *folded_bytes,
                    senc_error *err) {
    int64_t n;
    if (!fold_points(f, text, n_bytes, &n, err)) return false;
    *folded = text;
    *folded_bytes = n_bytes;
    if (n < 0) return true;
    senc_buffer_clear(&f->text);
    append_words(&f->text, f->points, n);
    if (f->text.n_bytes == 0) append_punctuation(&f->text, f->points, n);
    if (f->text.failed) {
        senc_buffer_free(&f->text);
        return senc_fail_memory(err, n_bytes, "a text");
    }
    *folded = senc_buffer_text(&f->text);
    *folded_bytes = f->text.n_bytes;
    return true;
}

bool data_text_fold_hash(data_folder *f, const char *text, size_t n_bytes, uint64_t *hash, senc_error *err) {
    const char *folded;
    size_t folded_bytes;
    if (!data_text_fold(f, text, n_bytes, &folded, &folded_bytes, err)) return false;
    *hash = data_text_hash(folded, folded_bytes);
    return true;
}
