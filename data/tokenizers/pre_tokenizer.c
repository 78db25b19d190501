/* Splitting into words. */
#include "data/tokenizers/pre_tokenizer.h"

typedef enum char_class { CLASS_SPACE, CLASS_ALONE, CLASS_WORD, CLASS_OTHER } char_class;

/* What a character is to a kind of pre-tokenizer: runs of CLASS_WORD and of CLASS_OTHER are words, CLASS_ALONE is a
 * word of its own, CLASS_SPACE is dropped. */
static char_class classify(data_pre_kind kind, const data_unicode *unicode, uint32_t c) {
    uint8_t flags = data_unicode_flags(unicode, c);
    if (kind != DATA_PRE_PUNCTUATION && (flags & UNICODE_SPACE)) return CLASS_SPACE;
    if (kind == DATA_PRE_WHITESPACE) return data_unicode_is_word(c) ? CLASS_WORD : CLASS_OTHER;
    if (kind != DATA_PRE_WHITESPACE_SPLIT && (flags & UNICODE_PUNCTUATION)) return CLASS_ALONE;
    return CLASS_WORD;
}

bool data_pre_kind_next(data_pre_kind kind, const data_unicode *unicode, const char *text, size_t n_bytes, size_t *at,
                        size_t *start, size_t *end) {
    size_t next = *at;
    char_class first = CLASS_SPACE;
    while (next < n_bytes && first == CLASS_SPACE) {
        *start = next;
        first = classify(kind, unicode, data_unicode_next(text, n_bytes, &next));
    }
    *at = *end = next;
    if (first == CLASS_SPACE) return false;
    while (first != CLASS_ALONE && next < n_bytes) {
        if (classify(kind, unicode, data_unicode_next(text, n_bytes, &next)) != first) break;
        *at = *end = next;
    }
    return true;
}
