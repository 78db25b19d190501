/* Looking for added tokens, as AddedVocabulary of the Hugging Face library does it. */
#include "data/tokenizers/added_tokens.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"

void data_added_tokens_init(data_added_tokens *a) {
    *a = (data_added_tokens){0};
    data_vocab_init(&a->raw.strings);
    data_vocab_init(&a->normalized.strings);
}

void data_added_tokens_free(data_added_tokens *a) {
    for (int64_t i = 0; i < a->n; i++) free(a->tokens[i].content);
    free(a->tokens);
    data_vocab_free(&a->raw.strings);
    data_vocab_free(&a->normalized.strings);
    data_added_tokens_init(a);
}

const data_added_token *data_added_tokens_find(const data_added_tokens *a, const char *content, size_t n_bytes) {
    for (int64_t i = 0; i < a->n; i++)
        if (a->tokens[i].n_bytes == n_bytes && memcmp(a->tokens[i].content, content, n_bytes) == 0)
            return &a->tokens[i];
    return NULL;
}

bool data_added_tokens_put(data_added_tokens *a, const data_added_token *token, senc_error *err) {
    if (token->n_bytes == 0) return true;
    const data_added_token *old = data_added_tokens_find(a, token->content, token->n_bytes);
    if (old) {
        char *content = old->content;
        int64_t i = old - a->tokens;
        a->tokens[i] = *token;
        a->tokens[i].content = content;
        return true;
    }
    if (a->n == a->capacity) {
        int64_t capacity = a->capacity ? 2 * a->capacity : 16;
        data_added_token *grown = senc_realloc(a->tokens, (size_t)capacity, sizeof *grown);
        if (!grown) return senc_fail_memory(err, (size_t)capacity * sizeof *grown, "added tokens");
        a->tokens = grown;
        a->capacity = capacity;
    }
    char *content = senc_alloc(token->n_bytes + 1, 1);
    if (!content) return senc_fail_memory(err, token->n_bytes, "added tokens");
    memcpy(content, token->content, token->n_bytes);
    content[token->n_bytes] = '\0';
    a->tokens[a->n] = *token;
    a->tokens[a->n++].content = content;
    return true;
}

static bool add_string(data_added_set *set, const char *text, size_t n_bytes, int64_t index, senc_error *err) {
    if (n_bytes == 0) return true; /* a token that is normalised to nothing is never found */
    set->first[(unsigned char)text[0]] = true;
    return data_vocab_add(&set->strings, text, n_bytes, (int32_t)index, err);
}

static bool build_set(data_added_set *set, senc_error *err) {
    int n = 0;
    set->only_first = -1;
    for (int c = 0; c < 256; c++) {
        if (!set->first[c]) continue;
        set->only_first = n++ == 0 ? c : -1;
    }
    return data_vocab_build(&set->strings, err);
}

bool data_added_tokens_build(data_added_tokens *a, const data_normalizer *n, const data_unicode *unicode,
                             senc_error *err) {
    data_normalizer_scratch scratch = {0};
    bool ok = true;
    /* Of two tokens that are normalised to the same text the library takes the first; a vocabulary keeps the last. */
    for (int64_t i = a->n - 1; ok && i >= 0; i--) {
        const data_added_token *t = &a->tokens[i];
        if (!t->normalized) {
            ok = add_string(&a->raw, t->content, t->n_bytes, i, err);
            continue;
        }
        size_t n_bytes = 0;
        const char *text = data_normalizer_apply(n, unicode, t->content, t->n_bytes, &scratch, &n_bytes);
        ok = text ? add_string(&a->normalized, text, n_bytes, i, err)
                  : senc_fail_memory(err, t->n_bytes, "added tokens");
    }
    data_normalizer_scratch_free(&scratch);
    return ok && build_set(&a->raw, err) && build_set(&a->normalized, err);
}

static size_t step_back(const char *text, size_t at) {
    do at--;
    while (at > 0 && ((unsigned char)text[at] & 0xC0) == 0x80);
    return at;
}

static bool is_single_word(const char *text, size_t n_bytes, size_t start, size_t end) {
    if (start > 0) {
        size_t before = step_back(text, start);
        if (data_unicode_is_word(data_unicode_next(text, start, &before))) return false;
    }
    return end == n_bytes || !data_unicode_is_word(data_unicode_next(text, n_bytes, &end));
}

static bool is_space_at(const data_unicode *unicode, const char *text, size_t n_bytes, size_t *at) {
    return (data_unicode_flags(unicode, data_unicode_next(text, n_bytes, at)) & UNICODE_SPACE) != 0;
}

static size_t space_before(const data_unicode *unicode, const char *text, size_t start) {
    while (start > 0) {
        size_t at = step_back(text, start);
        size_t before = at;
        if (!is_space_at(unicode, text, start, &at)) break;
        start = before;
    }
    return start;
}

static size_t space_behind(const data_unicode *unicode, const char *text, size_t n_bytes, size_t end) {
    while (end < n_bytes) {
        size_t at = end;
        if (!is_space_at(unicode, text, n_bytes, &at)) break;
        end = at;
    }
    return end;
}

/* The first place from `at` on where a string may begin; n_bytes: none. */
static size_t next_candidate(const data_added_set *set, const char *text, size_t n_bytes, size_t at) {
    if (set->only_first >= 0) {
        const char *found = memchr(text + at, set->only_first, n_bytes - at);
        return found ? (size_t)(found - text) : n_bytes;
    }
    while (at < n_bytes && !set->first[(unsigned char)text[at]]) at++;
    return at;
}

const data_added_token *data_added_set_next(const data_added_tokens *a, const data_added_set *set,
                                            const data_unicode *unicode, const char *text, size_t n_bytes, size_t *at,
                                            size_t done, size_t *start, size_t *end) {
    if (set->strings.n == 0) return NULL;
    while ((*at = *at < n_bytes ? next_candidate(set, text, n_bytes, *at) : n_bytes) < n_bytes) {
        size_t from = *at, length = 0;
        int32_t index = data_vocab_longest(&set->strings, 0, text + from, n_bytes - from, &length);
        if (index < 0) {
            *at += 1;
            continue;
        }
        *at = from + length;
        const data_added_token *t = &a->tokens[index];
        if (t->single_word && !is_single_word(text, n_bytes, from, from + length)) continue;
        *start = t->lstrip ? space_before(unicode, text, from) : from;
        if (t->lstrip && *start < done) *start = done;
        *end = t->rstrip ? space_behind(unicode, text, n_bytes, from + length) : from + length;
        if (*start >= *end) continue; /* a token of white space, all of which the one before took */
        return t;
    }
    return NULL;
}
