/* Fuzz target: tokenizers. The first byte chooses what the rest is: a text for one of three fixed tokenizers, or a
 * tokenizer.json to load (then a fixed text is encoded), or a vocab.txt. Whatever the bytes are, a folder is refused
 * with one line of text, and encoding gives only ids that have a token, at most max_length of them, cut from the longer
 * encoding. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/error.h"
#include "data/tokenizers/tokenizer_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

#define VOCAB                                                                                                          \
    "\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"[UNK]\": 0, \"[CLS]\": 1, \"[SEP]\": 2, \"a\": 3, \"##a\": "   \
    "4, \"ab\": 5,"                                                                                                    \
    " \"##\\u0301\": 6, \"\\u6f22\": 7, \"##b\": 8, \"!\": 9}}"
#define ADDED                                                                                                          \
    "\"added_tokens\": [{\"id\": 2, \"content\": \"[SEP]\", \"normalized\": false}, {\"id\": 10, \"content\": "        \
    "\"<a>\", \"lstrip\": "                                                                                            \
    "true, \"rstrip\": true}, {\"id\": 11, \"content\": \"B\", \"single_word\": true}, {\"id\": 12, \"content\": \" "  \
    "x\", \"rstrip\": "                                                                                                \
    "true, \"normalized\": false}]"
#define POST "\"post_processor\": {\"type\": \"BertProcessing\", \"sep\": [\"[SEP]\", 2], \"cls\": [\"[CLS]\", 1]}"

static const char *const fixed[] = {
    "{" VOCAB ", " ADDED ", " POST ", \"normalizer\": {\"type\": \"BertNormalizer\"}, \"pre_tokenizer\": {\"type\": "
    "\"BertPreTokenizer\"}}",
    "{" VOCAB ", " ADDED ", " POST
    ", \"normalizer\": {\"type\": \"BertNormalizer\", \"clean_text\": false, \"lowercase\": false, "
    "\"strip_accents\": true}, \"pre_tokenizer\": {\"type\": \"Whitespace\"}}",
    "{" VOCAB ", " ADDED
    ", \"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFKC\"}, {\"type\": \"Lowercase\"}, "
    "{\"type\": \"NFD\"}, {\"type\": \"StripAccents\"}]}, \"pre_tokenizer\": {\"type\": \"Sequence\", "
    "\"pretokenizers\": [{\"type\": "
    "\"WhitespaceSplit\"}, {\"type\": \"Punctuation\"}]}}",
};
enum { N_FIXED = sizeof fixed / sizeof fixed[0] };

/* A tokenizer of one file; NULL when it is refused. */
static data_tokenizer *make(const char *name, const char *text, size_t n_bytes) {
    senc_error err = {0};
    data_tokenizer *t = data_tokenizer_create(&err);
    SENC_ASSERT(t && data_tokenizer_keep_file(t, name, text, n_bytes, &err), "%s", err.text);
    if (data_tokenizer_load_kept(t, "fuzz", DATA_LOWERCASE_AUTO, &err)) return t;
    SENC_ASSERT(err.kind == SENC_BAD_INPUT && err.text[0] && !strchr(err.text, '\n'), "%d %s", err.kind, err.text);
    data_tokenizer_free(t);
    return NULL;
}

static void check_text(const data_tokenizer *t, const char *text, size_t n_bytes) {
    data_tokenizer_scratch *scratch = data_tokenizer_scratch_create();
    data_ids all = {0}, some = {0};
    bool cut;
    int64_t n_specials = data_tokenizer_special_count(t);
    int64_t n = data_tokenizer_encode(t, scratch, text, n_bytes, 0, &all, &cut);
    SENC_ASSERT(n >= n_specials && !cut, "%lld ids", (long long)n);
    for (int64_t i = 0; i < n; i++)
        SENC_ASSERT(all.items[i] >= 0 && all.items[i] <= data_tokenizer_highest_id(t), "id %d", all.items[i]);
    int64_t max_length = n_specials + 3;
    int64_t m = data_tokenizer_encode(t, scratch, text, n_bytes, max_length, &some, &cut);
    SENC_ASSERT(m == (n < max_length ? n : max_length) && cut == (m < n), "%lld of %lld ids", (long long)m,
                (long long)n);
    for (int64_t i = 0; i < m - t->n_after; i++) SENC_ASSERT(all.items[i] == some.items[i], "id %lld", (long long)i);
    data_ids_free(&all);
    data_ids_free(&some);
    data_tokenizer_scratch_free(scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
    static const char sample[] = "[SEP] ab\xcc\x81 B <a> \xe6\xbc\xa2!  x ba\xff";
    static data_tokenizer *kept[N_FIXED]; /* made once: they are the target of most inputs */
    if (n_bytes == 0) return 0;
    int kind = data[0] % (N_FIXED + 2);
    const char *text = (const char *)data + 1;
    if (kind < N_FIXED) {
        if (!kept[kind]) kept[kind] = make("tokenizer.json", fixed[kind], strlen(fixed[kind]));
        SENC_ASSERT(kept[kind], "tokenizer %d does not load", kind);
        check_text(kept[kind], text, n_bytes - 1);
        return 0;
    }
    data_tokenizer *t = make(kind == N_FIXED ? "tokenizer.json" : "vocab.txt", text, n_bytes - 1);
    if (t) check_text(t, sample, sizeof sample - 1);
    data_tokenizer_free(t);
    return 0;
}
