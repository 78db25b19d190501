/* BertNormalizer and the simple Unicode normalizers. */
#include "data/tokenizers/bert_normalizer.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"

enum {
    ASCII_DELETED = 0x80, /* in the ASCII map: this byte is deleted */
    MAX_STEP_BYTES = 64,  /* the most that one character can become: 4 characters, lower-cased (2 each), 4 bytes each */
};

void data_normalizer_scratch_free(data_normalizer_scratch *scratch) {
    senc_buffer_free(&scratch->text[0]);
    senc_buffer_free(&scratch->text[1]);
    free(scratch->points);
    *scratch = (data_normalizer_scratch){0};
}

/* Makes room for n_bytes more behind the content; false when out of memory. */
static bool make_room(senc_buffer *b, size_t n_bytes) {
    if (b->capacity_bytes - b->n_bytes > n_bytes && b->data) return true;
    if (n_bytes > SIZE_MAX / 4 - b->n_bytes) return false;
    size_t capacity = (b->n_bytes + n_bytes + 64) * 3 / 2;
    char *grown = senc_realloc(b->data, capacity, 1);
    if (!grown) return false;
    b->data = grown;
    b->capacity_bytes = capacity;
    return true;
}

static bool push_point(data_normalizer_scratch *s, uint32_t c) {
    if (s->n_points == s->capacity) {
        int64_t capacity = s->capacity ? 2 * s->capacity : 256;
        uint32_t *grown = senc_realloc(s->points, (size_t)capacity, sizeof *grown);
        if (!grown) return false;
        s->points = grown;
        s->capacity = capacity;
    }
    s->points[s->n_points++] = c;
    return true;
}

/* ---- BertNormalizer ---- */

typedef struct bert_pass {
    data_bert_options options;
    const data_unicode *unicode;
    data_normalizer_scratch *scratch; /* points: kept characters with a combining class, waiting for the next starter */
    senc_buffer *out;
    unsigned char ascii[128];
} bert_pass;

static void init_ascii(bert_pass *p) {
    for (int c = 0; c < 128; c++) {
        bool upper = c >= 'A' && c <= 'Z';
        bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
        p->ascii[c] = (unsigned char)(p->options.lowercase && upper ? c + 32 : c);
        if (!p->options.clean_text) continue;
        if (space)
            p->ascii[c] = ' ';
        else if (p->unicode->flags[c] & UNICODE_REMOVED)
            p->ascii[c] = ASCII_DELETED;
    }
}

/* Room is there: MAX_STEP_BYTES were made for the character this one comes from. */
static void put(senc_buffer *out, uint32_t c) {
    out->n_bytes += (size_t)data_utf8_encode(c, out->data + out->n_bytes);
}

static void put_lowered(bert_pass *p, uint32_t c) {
    if (!p->options.lowercase || !(data_unicode_flags(p->unicode, c) & UNICODE_LOWERS)) {
        put(p->out, c);
        return;
    }
    uint32_t lower[2];
    int n = data_unicode_lower(c, lower);
    for (int i = 0; i < n; i++) put(p->out, lower[i]);
}

/* Writes the waiting characters in canonical order: by combining class, equal ones as they came. */
static bool flush_waiting(bert_pass *p) {
    data_normalizer_scratch *s = p->scratch;
    if (s->n_points == 0) return true;
    if (!make_room(p->out, (size_t)s->n_points * 8 + MAX_STEP_BYTES)) return false;
    if (s->n_points == 1) {
        put_lowered(p, s->points[0]);
    } else {
        bool present[256] = {false};
        for (int64_t i = 0; i < s->n_points; i++) present[data_unicode_kept_class(s->points[i])] = true;
        for (int k = 1; k < 256; k++)
            for (int64_t i = 0; present[k] && i < s->n_points; i++)
                if (data_unicode_kept_class(s->points[i]) == k) put_lowered(p, s->points[i]);
    }
    s->n_points = 0;
    return make_room(p->out, MAX_STEP_BYTES);
}

/* NFD of one character, without its Mn. */
static bool put_stripped(bert_pass *p, uint32_t c, uint8_t flags) {
    uint32_t parts[4] = {c};
    int n = flags & UNICODE_FOLDS ? data_unicode_decompose(c, parts) : 1;
    for (int i = 0; i < n; i++) {
        uint8_t f = data_unicode_flags(p->unicode, parts[i]);
        if (f & UNICODE_NONSPACING) continue; /* whatever its class: deleting does not depend on the order */
        if ((f & UNICODE_FOLDS) && data_unicode_kept_class(parts[i]) > 0) {
            if (!push_point(p->scratch, parts[i])) return false;
            continue;
        }
        if (!flush_waiting(p)) return false;
        put_lowered(p, parts[i]);
    }
    return true;
}

/* A Mn with class 0 is a starter: what waits before it may not move behind it, though it is deleted. */
static bool is_deleted_starter(uint32_t c, uint8_t flags) {
    if ((flags & (UNICODE_NONSPACING | UNICODE_FOLDS)) != UNICODE_NONSPACING) return false;
    return data_unicode_combining_class(c) == 0;
}

static bool bert_character(bert_pass *p, uint32_t c) {
    uint8_t flags = data_unicode_flags(p->unicode, c);
    if (p->options.clean_text) {
        if (flags & UNICODE_REMOVED) return true;
        if (flags & UNICODE_SPACE) {
            c = ' ';
            flags = UNICODE_SPACE;
        }
    }
    if (!make_room(p->out, MAX_STEP_BYTES)) return false;
    bool chinese = p->options.chinese && (flags & UNICODE_CHINESE);
    bool waiting = p->scratch->n_points > 0;
    if (waiting && (chinese || is_deleted_starter(c, flags)) && !flush_waiting(p)) return false;
    if (chinese) put(p->out, ' ');
    if (p->options.strip_accents) {
        if (!put_stripped(p, c, flags)) return false;
    } else {
        put_lowered(p, c);
    }
    if (chinese) put(p->out, ' ');
    return true;
}

static bool apply_bert(const data_bert_options *options, const data_unicode *unicode, const char *text, size_t n_bytes,
                       data_normalizer_scratch *scratch, senc_buffer *out) {
    bert_pass p = {.options = *options, .unicode = unicode, .scratch = scratch, .out = out};
    init_ascii(&p);
    scratch->n_points = 0;
    size_t at = 0;
    while (at < n_bytes) {
        size_t run = at;
        while (run < n_bytes && (unsigned char)text[run] < 0x80) run++;
        if (run > at) {
            if (!make_room(out, run - at)) return false;
            char *to = out->data + out->n_bytes;
            for (; at < run; at++) {
                unsigned char c = p.ascii[(unsigned char)text[at]];
                *to = (char)c;
                to += c != ASCII_DELETED;
            }
            out->n_bytes = (size_t)(to - out->data);
        }
        /* With characters waiting, ASCII goes this way too: what is deleted must not end the wait. */
        while (at < n_bytes && ((unsigned char)text[at] >= 0x80 || scratch->n_points > 0))
            if (!bert_character(&p, data_unicode_next(text, n_bytes, &at))) return false;
    }
    return flush_waiting(&p);
}

/* ---- the simple steps ---- */

static bool to_points(const char *text, size_t n_bytes, data_normalizer_scratch *s) {
    s->n_points = 0;
    for (size_t at = 0; at < n_bytes;)
        if (!push_point(s, data_unicode_next(text, n_bytes, &at))) return false;
    return true;
}

static bool put_points(const data_normalizer_scratch *s, senc_buffer *out) {
    if (!make_room(out, (size_t)s->n_points * 4)) return false;
    for (int64_t i = 0; i < s->n_points; i++) put(out, s->points[i]);
    return true;
}

static bool apply_lowercase(const char *text, size_t n_bytes, senc_buffer *out) {
    for (size_t at = 0; at < n_bytes;) {
        uint32_t lower[2];
        int n = data_unicode_lower(data_unicode_next(text, n_bytes, &at), lower);
        if (!make_room(out, MAX_STEP_BYTES)) return false;
        for (int i = 0; i < n; i++) put(out, lower[i]);
    }
    return true;
}

static bool apply_strip(const char *text, size_t n_bytes, senc_buffer *out) {
    for (size_t at = 0; at < n_bytes;) {
        uint32_t c = data_unicode_next(text, n_bytes, &at);
        if (data_unicode_is_mark(c)) continue;
        if (!make_room(out, MAX_STEP_BYTES)) return false;
        put(out, c);
    }
    return true;
}

/* NFC, NFD, NFKC, NFKD. */
static bool apply_form(data_normalizer_kind kind, const char *text, size_t n_bytes, data_normalizer_scratch *s,
                       senc_buffer *out) {
    bool compose = kind == DATA_NORMALIZER_NFC || kind == DATA_NORMALIZER_NFKC;
    bool compatible = kind == DATA_NORMALIZER_NFKC || kind == DATA_NORMALIZER_NFKD;
    if (!to_points(text, n_bytes, s) || !put_points(s, out)) return false; /* makes ill-formed text well-formed */
    for (;;) {
        const int64_t n = data_unicode_normalize(out->data, out->n_bytes, compose, compatible, s->points, s->capacity);
        if (n < 0) return false;
        if (n <= s->capacity) {
            s->n_points = n;
            out->n_bytes = 0;
            return put_points(s, out);
        }
        uint32_t *grown = senc_realloc(s->points, (size_t)n, sizeof *grown);
        if (!grown) return false;
        s->points = grown;
        s->capacity = n;
    }
}

static bool apply_step(const data_normalizer_step *step, const data_unicode *unicode, const char *text, size_t n_bytes,
                       data_normalizer_scratch *s, senc_buffer *out) {
    switch (step->kind) {
    case DATA_NORMALIZER_BERT:
        return apply_bert(&step->bert, unicode, text, n_bytes, s, out);
    case DATA_NORMALIZER_LOWERCASE:
        return apply_lowercase(text, n_bytes, out);
    case DATA_NORMALIZER_STRIP_ACCENTS:
        return apply_strip(text, n_bytes, out);
    case DATA_NORMALIZER_NFC:
    case DATA_NORMALIZER_NFD:
    case DATA_NORMALIZER_NFKC:
    case DATA_NORMALIZER_NFKD:
        return apply_form(step->kind, text, n_bytes, s, out);
    }
    return false;
}

const char *data_normalizer_apply(const data_normalizer *n, const data_unicode *unicode, const char *text,
                                  size_t n_bytes, data_normalizer_scratch *s, size_t *out_bytes) {
    int i = 0;
    do {
        senc_buffer *out = &s->text[i & 1];
        out->n_bytes = 0;
        if (!make_room(out, n_bytes)) return NULL;
        bool ok = n->n_steps > 0 ? apply_step(&n->steps[i], unicode, text, n_bytes, s, out)
                                 : to_points(text, n_bytes, s) && put_points(s, out);
        if (!ok) return NULL;
        text = out->data;
        n_bytes = out->n_bytes;
    } while (++i < n->n_steps);
    *out_bytes = n_bytes;
    return text;
}

bool data_normalizer_lowercases(const data_normalizer *n) {
    for (int i = 0; i < n->n_steps; i++) {
        const data_normalizer_step *step = &n->steps[i];
        if (step->kind == DATA_NORMALIZER_LOWERCASE || (step->kind == DATA_NORMALIZER_BERT && step->bert.lowercase))
            return true;
    }
    return false;
}
