/* Unicode facts for the tokenizers. Sources: the library's own behaviour (unicode_frozen.h) and utf8proc. */
#include "data/tokenizers/unicode_table.h"

#include <pthread.h>
#include <stdlib.h>
#include <utf8proc.h>

#include "autograd/base/memory.h"
#include "data/tokenizers/unicode_frozen.h"

#define N_ROWS(table) (sizeof(table) / sizeof((table)[0]))

static const unicode_range range_space[] = {
    {0x09, 0x0D},     {0x20, 0x20},     {0x85, 0x85},     {0xA0, 0xA0},     {0x1680, 0x1680},
    {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000},
};

/* The blocks of BERT's is_chinese_char, with the library's 0x2B920 (BERT's Python code says 0x2B820). */
static const unicode_range range_chinese[] = {
    {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xF900, 0xFAFF},   {0x20000, 0x2A6DF},
    {0x2A700, 0x2B81F}, {0x2B920, 0x2CEAF}, {0x2F800, 0x2FA1F},
};

/* Lower cases of Unicode 16 and 17, which Rust knows and an older utf8proc does not: first, last, first lower case. */
static const uint32_t new_lower[][3] = {
    {0x1C89, 0x1C89, 0x1C8A},    {0xA7CB, 0xA7CB, 0x264},     {0xA7CC, 0xA7CC, 0xA7CD}, {0xA7CE, 0xA7CE, 0xA7CF},
    {0xA7D2, 0xA7D2, 0xA7D3},    {0xA7D4, 0xA7D4, 0xA7D5},    {0xA7DA, 0xA7DA, 0xA7DB}, {0xA7DC, 0xA7DC, 0x19B},
    {0x10D50, 0x10D65, 0x10D70}, {0x16EA0, 0x16EB8, 0x16EBB},
};

/* Characters with a decomposition that came after the library's NFD tables (Unicode 9); utf8proc may know them. */
static const unicode_range range_new_composites[] = {
    {0x105C9, 0x105C9}, {0x105E4, 0x105E4}, {0x11383, 0x11391}, {0x113C5, 0x113C8},
    {0x11938, 0x11938}, {0x16121, 0x16128}, {0x16D68, 0x16D6A},
};

static bool in_ranges(const unicode_range *ranges, size_t n, uint32_t c) {
    for (size_t i = 0; i < n; i++)
        if (c >= ranges[i].first && c <= ranges[i].last) return true;
    return false;
}

static void paint(uint8_t *flags, const unicode_range *ranges, size_t n, uint8_t flag) {
    for (size_t i = 0; i < n; i++)
        for (uint32_t c = ranges[i].first; c <= ranges[i].last && c < UNICODE_FLAG_POINTS; c++) flags[c] |= flag;
}

/* Where characters with a lower case or a decomposition lie. In between: ideographs, Yi, private use, cuneiform,
 * hieroglyphs, Tangut, which are most of the planes 0 and 1. */
static const unicode_range range_changes[] = {
    {0x41, 0x33FF}, {0xA640, 0xDFFF}, {0xF900, 0x11FFF}, {0x16100, 0x16FFF}, {0x1CC00, 0x1EFFF}, {0x2F800, 0x2FA1F},
};

static void paint_changes(uint8_t *flags, unicode_range range) {
    uint32_t out[4];
    for (uint32_t c = range.first; c <= range.last; c++) {
        if (data_unicode_lower(c, out) != 1 || out[0] != c) flags[c] |= UNICODE_LOWERS;
        if (data_unicode_decompose(c, out) != 1 || out[0] != c) flags[c] |= UNICODE_FOLDS;
    }
}

static void paint_all(data_unicode *u) {
    paint(u->flags, range_removed, N_ROWS(range_removed), UNICODE_REMOVED);
    paint(u->flags, range_space, N_ROWS(range_space), UNICODE_SPACE);
    paint(u->flags, range_punctuation, N_ROWS(range_punctuation), UNICODE_PUNCTUATION);
    paint(u->flags, range_chinese, N_ROWS(range_chinese), UNICODE_CHINESE);
    paint(u->flags, range_nonspacing, N_ROWS(range_nonspacing), UNICODE_NONSPACING);
    for (size_t i = 0; i < N_ROWS(range_nonstarters); i++)
        for (uint32_t c = range_nonstarters[i].first; c <= range_nonstarters[i].last; c++) u->flags[c] |= UNICODE_FOLDS;
    for (size_t i = 0; i < N_ROWS(range_changes); i++) paint_changes(u->flags, range_changes[i]);
}

const data_unicode *data_unicode_table(void) {
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static data_unicode *table;
    pthread_mutex_lock(&mutex);
    if (!table) {
        table = senc_alloc_zero(1, sizeof *table);
        if (table) paint_all(table);
    }
    const data_unicode *made = table;
    pthread_mutex_unlock(&mutex);
    return made;
}

uint8_t data_unicode_flags_above(uint32_t c) {
    if (in_ranges(range_removed, N_ROWS(range_removed), c)) return UNICODE_REMOVED;
    if (in_ranges(range_nonspacing, N_ROWS(range_nonspacing), c)) return UNICODE_NONSPACING;
    return 0;
}

int data_unicode_lower(uint32_t c, uint32_t out[2]) {
    if (c == 0x130) { /* the one character whose lower case is two: i and a dot above */
        out[0] = 'i';
        out[1] = 0x307;
        return 2;
    }
    out[0] = (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
    if (out[0] != c) return 1;
    for (size_t i = 0; i < N_ROWS(new_lower); i++)
        if (c >= new_lower[i][0] && c <= new_lower[i][1]) out[0] = new_lower[i][2] + (c - new_lower[i][0]);
    return 1;
}

int data_unicode_decompose(uint32_t c, uint32_t out[4]) {
    int boundary = 0;
    utf8proc_int32_t points[4];
    if (c >= 0x105C9 && in_ranges(range_new_composites, N_ROWS(range_new_composites), c)) {
        out[0] = c;
        return 1;
    }
    utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)c, points, 4, UTF8PROC_DECOMPOSE, &boundary);
    if (n < 1 || n > 4) { /* no canonical decomposition is longer than 4 */
        out[0] = c;
        return 1;
    }
    for (int i = 0; i < (int)n; i++) out[i] = (uint32_t)points[i];
    return (int)n;
}

uint8_t data_unicode_kept_class(uint32_t c) {
    for (size_t i = 0; i < N_ROWS(range_nonstarters); i++)
        if (c >= range_nonstarters[i].first && c <= range_nonstarters[i].last)
            return range_nonstarters[i].combining_class;
    return 0;
}

bool data_unicode_is_word(uint32_t c) {
    if (c == 0x200C || c == 0x200D) return true; /* joiners */
    /* Other_Alphabetic that is not a mark: circled and squared letters */
    if ((c >= 0x24B6 && c <= 0x24E9) || (c >= 0x1F130 && c <= 0x1F149) || (c >= 0x1F150 && c <= 0x1F169) ||
        (c >= 0x1F170 && c <= 0x1F189))
        return true;
    switch (utf8proc_category((utf8proc_int32_t)c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
        return true;
    default:
        return false;
    }
}

uint8_t data_unicode_combining_class(uint32_t c) {
    return (uint8_t)utf8proc_get_property((utf8proc_int32_t)c)->combining_class;
}

bool data_unicode_is_mark(uint32_t c) {
    const utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)c);
    return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC || category == UTF8PROC_CATEGORY_ME;
}

int64_t data_unicode_normalize(const char *text, size_t n_bytes, bool compose, bool compatible, uint32_t *out,
                               int64_t capacity) {
    utf8proc_option_t options = UTF8PROC_STABLE | (compose ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE);
    if (compatible) options |= UTF8PROC_COMPAT;
    const utf8proc_ssize_t n = utf8proc_decompose((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)n_bytes,
                                                  (utf8proc_int32_t *)out, capacity, options);
    if (n <= 0 || n > capacity) return n;
    return utf8proc_normalize_utf32((utf8proc_int32_t *)out, n, options);
}

int64_t data_unicode_fold(const char *text, size_t n_bytes, uint32_t *out, int64_t capacity) {
    const utf8proc_option_t options =
        UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE;
    return utf8proc_decompose((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)n_bytes, (utf8proc_int32_t *)out,
                              capacity, options);
}

data_unicode_sort data_unicode_sort_of(uint32_t c) {
    switch (utf8proc_category((utf8proc_int32_t)c)) {
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_CC:
        return UNICODE_SORT_BLANK;
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
    case UTF8PROC_CATEGORY_SK:
        return UNICODE_SORT_PUNCTUATION;
    default:
        return UNICODE_SORT_WORD;
    }
}
