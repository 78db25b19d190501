/* What the tokenizers need to know of a character: one byte of flags for each code point, lower case, canonical
 * decomposition and combining class, as the Hugging Face library sees them (unicode_frozen.h says how that was found).
 */
#ifndef DATA_UNICODE_TABLE_H
#define DATA_UNICODE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/formats/utf8.h"

enum {
    UNICODE_REMOVED = 1,     /* control, format, private use, U+0000, U+FFFD: deleted by clean_text */
    UNICODE_SPACE = 2,       /* white space (Rust's char::is_whitespace) */
    UNICODE_PUNCTUATION = 4, /* a word of its own */
    UNICODE_CHINESE = 8,     /* in one of BERT's CJK ideograph blocks */
    UNICODE_NONSPACING = 16, /* deleted by strip_accents */
    UNICODE_LOWERS = 32,     /* its lower case is something else */
    UNICODE_FOLDS = 64,      /* NFD changes it, or it may move in canonical order */
};

enum { UNICODE_FLAG_POINTS = 0x30000 }; /* planes 0 to 2; those above are few ranges */
enum { UNICODE_REPLACEMENT = 0xFFFD };

typedef struct data_unicode {
    uint8_t flags[UNICODE_FLAG_POINTS];
} data_unicode;

/* The table, one for the process: made when it is first asked for (some 10 ms), and kept. NULL when out of memory. */
const data_unicode *data_unicode_table(void);

uint8_t data_unicode_flags_above(uint32_t c);

static inline uint8_t data_unicode_flags(const data_unicode *u, uint32_t c) {
    return c < UNICODE_FLAG_POINTS ? u->flags[c] : data_unicode_flags_above(c);
}

/* Lower case of one character into out (at most 2), as Rust's char::to_lowercase; returns how many. */
int data_unicode_lower(uint32_t c, uint32_t out[2]);
/* Canonical decomposition of one character into out (at most 4), as NFD of Unicode 9; returns how many. */
int data_unicode_decompose(uint32_t c, uint32_t out[4]);
/* Combining class of the characters that strip_accents keeps; 0 for all others. */
uint8_t data_unicode_kept_class(uint32_t c);
/* Combining class of any character, and whether it is a mark (Mn, Mc, Me), by utf8proc. */
uint8_t data_unicode_combining_class(uint32_t c);
bool data_unicode_is_mark(uint32_t c);
/* NFC (compose) or NFD, NFKC or NFKD (compatible) of well-formed UTF-8: code points into out (capacity of them).
 * Returns how many there are, or, when that is more than capacity, how many are needed; negative on failure. */
int64_t data_unicode_normalize(const char *text, size_t n_bytes, bool compose, bool compatible, uint32_t *out,
                               int64_t capacity);
/* NFKC_Casefold, left decomposed: compatible decomposition with case folding, ignorable characters left out. As
 * data_unicode_normalize. */
int64_t data_unicode_fold(const char *text, size_t n_bytes, uint32_t *out, int64_t capacity);
/* What a character is to a reader who compares words: letters, marks, numbers and symbols; white space and controls;
 * punctuation and modifier symbols. */
typedef enum data_unicode_sort { UNICODE_SORT_WORD, UNICODE_SORT_BLANK, UNICODE_SORT_PUNCTUATION } data_unicode_sort;
data_unicode_sort data_unicode_sort_of(uint32_t c);
/* \w of a regular expression: letters, marks, decimal digits, letter numbers, connectors, joiners (UTS 18). */
bool data_unicode_is_word(uint32_t c);

/* Decodes the character at text[*at] (*at < n_bytes) and moves *at behind it; an ill-formed sequence gives U+FFFD. */
static inline uint32_t data_unicode_next(const char *text, size_t n_bytes, size_t *at) {
    if ((unsigned char)text[*at] < 0x80) return (unsigned char)text[(*at)++];
    uint32_t c;
    int n = data_utf8_decode(text + *at, n_bytes - *at, &c);
    *at += (size_t)(n < 0 ? -n : n);
    return c;
}

#endif
