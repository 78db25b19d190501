/* The WordPiece trainer: counting words, the alphabet, merging, and the four files of a BERT tokenizer. */
#include "data/tokenizers/wordpiece_trainer.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "data/tokenizers/pair_merger.h"
#include "data/tokenizers/string_map.h"
#include "data/tokenizers/tokenizer_parts.h"

enum { N_SPECIALS = 5, UNICODE_POINTS = 0x110000 };
static const char *const specials[N_SPECIALS] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};

struct data_wordpiece_trainer {
    data_wordpiece_options options;
    const data_unicode *unicode;
    data_normalizer normalizer;
    data_normalizer_scratch scratch;
    data_string_map words, tokens; /* a token's number is its id */
    int64_t *character_count;      /* by code point */
    bool *kept;                    /* by code point: in the alphabet */
    bool *continues;               /* by code point: seen inside a word */
};

data_wordpiece_trainer *data_wordpiece_trainer_create(const data_wordpiece_options *options) {
    data_wordpiece_trainer *t = senc_alloc_zero(1, sizeof *t);
    if (!t) return NULL;
    t->options = *options;
    t->normalizer.n_steps = 1;
    t->normalizer.steps[0] =
        (data_normalizer_step){DATA_NORMALIZER_BERT, {true, true, options->lowercase, options->lowercase}};
    t->unicode = data_unicode_table();
    t->character_count = senc_alloc_zero(UNICODE_POINTS, sizeof *t->character_count);
    t->kept = senc_alloc_zero(UNICODE_POINTS, sizeof *t->kept);
    t->continues = senc_alloc_zero(UNICODE_POINTS, sizeof *t->continues);
    if (t->unicode && t->character_count && t->kept && t->continues) return t;
    data_wordpiece_trainer_free(t);
    return NULL;
}

void data_wordpiece_trainer_free(data_wordpiece_trainer *t) {
    if (!t) return;
    data_normalizer_scratch_free(&t->scratch);
    data_string_map_free(&t->words);
    data_string_map_free(&t->tokens);
    free(t->character_count);
    free(t->kept);
    free(t->continues);
    free(t);
}

bool data_wordpiece_trainer_add(data_wordpiece_trainer *t, const char *text, size_t n_bytes, senc_error *err) {
    text = data_normalizer_apply(&t->normalizer, t->unicode, text, n_bytes, &t->scratch, &n_bytes);
    if (!text) return senc_fail_memory(err, n_bytes, "training a vocabulary");
    size_t at = 0, start, end;
    while (data_pre_kind_next(DATA_PRE_BERT, t->unicode, text, n_bytes, &at, &start, &end)) {
        int64_t word = data_string_map_put(&t->words, text + start, end - start);
        if (word < 0) return senc_fail_memory(err, t->words.text.n_bytes, "training a vocabulary");
        t->words.entries[word].count++;
    }
    return true;
}

/* ---- the alphabet ---- */

static void count_characters(data_wordpiece_trainer *t) {
    for (int64_t i = 0; i < t->words.n; i++) {
        size_t n_bytes;
        const char *word = data_string_map_get(&t->words, i, &n_bytes);
        for (size_t at = 0; at < n_bytes;) {
            bool first = at == 0;
            uint32_t c = data_unicode_next(word, n_bytes, &at);
            t->character_count[c] += t->words.entries[i].count;
            if (!first) t->continues[c] = true;
        }
    }
}

static int compare_counts(const void *a, const void *b, void *context) {
    const int64_t *count = context;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    if (count[x] != count[y]) return count[x] > count[y] ? -1 : 1;
    return x < y ? -1 : 1;
}

/* Keeps the `limit` most frequent characters; of equally frequent ones those with smaller code points. */
static bool choose_alphabet(data_wordpiece_trainer *t, int64_t limit, senc_error *err) {
    int64_t n = 0;
    for (int64_t c = 0; c < UNICODE_POINTS; c++) n += t->character_count[c] > 0;
    uint32_t *characters = senc_alloc((size_t)n, sizeof *characters);
    if (!characters) return senc_fail_memory(err, (size_t)n * sizeof *characters, "training a vocabulary");
    n = 0;
    for (uint32_t c = 0; c < UNICODE_POINTS; c++)
        if (t->character_count[c] > 0) characters[n++] = c;
    qsort_r(characters, (size_t)n, sizeof *characters, compare_counts, t->character_count);
    for (int64_t i = 0; i < n && i < limit; i++) t->kept[characters[i]] = true;
    free(characters);
    return true;
}

/* The id of a character, as the first of a word or as "##c"; a new token when it has none. -1: out of memory. */
static int64_t put_character(data_wordpiece_trainer *t, uint32_t c, bool first) {
    char text[8] = "##";
    size_t n = (size_t)data_utf8_encode(c, text + 2);
    return first ? data_string_map_put(&t->tokens, text + 2, n) : data_string_map_put(&t->tokens, text, n + 2);
}

static bool put_alphabet(data_wordpiece_trainer *t, senc_error *err) {
    bool ok = true;
    for (int i = 0; i < N_SPECIALS; i++)
        ok = ok && data_string_map_put(&t->tokens, specials[i], strlen(specials[i])) >= 0;
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t c = 0; ok && c < UNICODE_POINTS; c++)
            if (t->kept[c] && (pass == 0 || t->continues[c])) ok = put_character(t, c, pass == 0) >= 0;
    if (!ok) return senc_fail_memory(err, t->tokens.text.n_bytes, "training a vocabulary");
    if (t->tokens.n <= t->options.vocab_size) return true;
    return senc_fail(
        err, SENC_BAD_INPUT,
        "vocabulary: vocab_size %lld cannot hold the %d special tokens and the alphabet, expected at least %lld",
        (long long)t->options.vocab_size, N_SPECIALS, (long long)t->tokens.n);
}

/* ---- merging ---- */

/* Characters outside the alphabet are left out of their words, as the library does. */
static bool add_words(data_wordpiece_trainer *t, data_pair_merger *merger) {
    int32_t *symbols = NULL;
    size_t capacity = 0;
    bool ok = true;
    for (int64_t i = 0; ok && i < t->words.n; i++) {
        size_t n_bytes, at = 0;
        int64_t n = 0;
        const char *word = data_string_map_get(&t->words, i, &n_bytes);
        if (n_bytes > capacity) {
            int32_t *grown = senc_realloc(symbols, n_bytes, sizeof *symbols);
            ok = grown != NULL;
            if (!ok) break;
            symbols = grown;
            capacity = n_bytes;
        }
        while (at < n_bytes) {
            bool first = at == 0;
            uint32_t c = data_unicode_next(word, n_bytes, &at);
            if (t->kept[c]) symbols[n++] = (int32_t)put_character(t, c, first);
        }
        ok = data_pair_merger_add(merger, symbols, n, t->words.entries[i].count);
    }
    free(symbols);
    return ok;
}

/* The token of a merged pair: left and right without the "##" of right. -1: out of memory. */
static int64_t put_merged(data_wordpiece_trainer *t, int32_t left, int32_t right, senc_buffer *text) {
    size_t n_left, n_right;
    senc_buffer_clear(text);
    const char *bytes = data_string_map_get(&t->tokens, left, &n_left);
    senc_buffer_append(text, bytes, n_left);
    bytes = data_string_map_get(&t->tokens, right, &n_right);
    bool continuing = n_right > 2 && memcmp(bytes, "##", 2) == 0;
    senc_buffer_append(text, bytes + (continuing ? 2 : 0), n_right - (continuing ? 2 : 0));
    return text->failed ? -1 : data_string_map_put(&t->tokens, text->data, text->n_bytes);
}

static bool merge_pairs(data_wordpiece_trainer *t, senc_error *err) {
    data_pair_merger *merger = data_pair_merger_create();
    senc_buffer text = {0};
    int32_t left, right;
    int64_t count;
    bool ok = merger && add_words(t, merger);
    while (ok && t->tokens.n < t->options.vocab_size && data_pair_merger_best(merger, &left, &right, &count)) {
        if (count < t->options.min_frequency) break;
        int64_t id = put_merged(t, left, right, &text);
        ok = id >= 0 && data_pair_merger_merge(merger, (int32_t)id);
    }
    ok = ok && !data_pair_merger_failed(merger);
    senc_buffer_free(&text);
    data_pair_merger_free(merger);
    return ok || senc_fail_memory(err, t->words.text.n_bytes, "training a vocabulary");
}

/* ---- the files ---- */

static void put_added_tokens(data_json *root) {
    data_json *list = data_json_put_array(root, "added_tokens");
    for (int i = 0; i < N_SPECIALS; i++) {
        data_json *token = data_json_put_object(list, NULL);
        data_json_put_integer(token, "id", i);
        data_json_put_string(token, "content", specials[i]);
        data_json_put_bool(token, "single_word", false);
        data_json_put_bool(token, "lstrip", false);
        data_json_put_bool(token, "rstrip", false);
        data_json_put_bool(token, "normalized", false);
        data_json_put_bool(token, "special", true);
    }
}

/* One piece of a template: {"SpecialToken" or "Sequence": {"id": id, "type_id": type}}. */
static void put_piece(data_json *list, const char *kind, const char *id, int64_t type) {
    data_json *piece = data_json_put_object(data_json_put_object(list, NULL), kind);
    data_json_put_string(piece, "id", id);
    data_json_put_integer(piece, "type_id", type);
}

static void put_post_processor(data_json *root) {
    data_json *post = data_json_put_object(root, "post_processor");
    data_json_put_string(post, "type", "TemplateProcessing");
    for (int pair = 0; pair < 2; pair++) {
        data_json *list = data_json_put_array(post, pair ? "pair" : "single");
        put_piece(list, "SpecialToken", "[CLS]", 0);
        put_piece(list, "Sequence", "A", 0);
        put_piece(list, "SpecialToken", "[SEP]", 0);
        if (pair) put_piece(list, "Sequence", "B", 1);
        if (pair) put_piece(list, "SpecialToken", "[SEP]", 1);
    }
    data_json *tokens = data_json_put_object(post, "special_tokens");
    for (int i = 2; i <= 3; i++) { /* [CLS] and [SEP] */
        data_json *token = data_json_put_object(tokens, specials[i]);
        data_json_put_string(token, "id", specials[i]);
        data_json_put_integer(data_json_put_array(token, "ids"), NULL, i);
        data_json_put_string(data_json_put_array(token, "tokens"), NULL, specials[i]);
    }
}

static void put_model(const data_wordpiece_trainer *t, data_json *root, senc_buffer *key) {
    data_json *model = data_json_put_object(root, "model");
    data_json_put_string(model, "type", "WordPiece");
    data_json_put_string(model, "unk_token", "[UNK]");
    data_json_put_string(model, "continuing_subword_prefix", "##");
    data_json_put_integer(model, "max_input_chars_per_word", 100);
    data_json *vocab = data_json_put_object(model, "vocab");
    for (int64_t i = 0; i < t->tokens.n; i++) {
        size_t n_bytes;
        const char *token = data_string_map_get(&t->tokens, i, &n_bytes);
        senc_buffer_clear(key);
        senc_buffer_append(key, token, n_bytes); /* a token holds no NUL: clean_text deletes it */
        data_json_put_integer(vocab, senc_buffer_text(key), i);
    }
}

static data_json *build_tokenizer_json(const data_wordpiece_trainer *t, senc_buffer *key) {
    data_json *root = data_json_create_object();
    data_json_put_string(root, "version", "1.0");
    data_json_put_null(root, "truncation");
    data_json_put_null(root, "padding");
    put_added_tokens(root);
    data_json *normalizer = data_json_put_object(root, "normalizer");
    data_json_put_string(normalizer, "type", "BertNormalizer");
    data_json_put_bool(normalizer, "clean_text", true);
    data_json_put_bool(normalizer, "handle_chinese_chars", true);
    data_json_put_null(normalizer, "strip_accents");
    data_json_put_bool(normalizer, "lowercase", t->options.lowercase);
    data_json_put_string(data_json_put_object(root, "pre_tokenizer"), "type", "BertPreTokenizer");
    put_post_processor(root);
    data_json *decoder = data_json_put_object(root, "decoder");
    data_json_put_string(decoder, "type", "WordPiece");
    data_json_put_string(decoder, "prefix", "##");
    data_json_put_bool(decoder, "cleanup", true);
    put_model(t, root, key);
    return root;
}

static data_json *build_names(void) {
    static const char *const keys[N_SPECIALS] = {"pad_token", "unk_token", "cls_token", "sep_token", "mask_token"};
    data_json *root = data_json_create_object();
    for (int i = 0; i < N_SPECIALS; i++) data_json_put_string(root, keys[i], specials[i]);
    return root;
}

static data_json *build_config(const data_wordpiece_trainer *t) {
    data_json *root = build_names();
    data_json_put_bool(root, "do_lower_case", t->options.lowercase);
    data_json_put_bool(root, "tokenize_chinese_chars", true);
    data_json_put_null(root, "strip_accents");
    data_json_put_integer(root, "model_max_length",
                          t->options.model_max_length > 0 ? t->options.model_max_length : 512);
    data_json_put_string(root, "tokenizer_class", "BertTokenizer");
    return root;
}

/* Takes root. */
static bool keep_json(data_tokenizer *out, const char *name, data_json *root, senc_error *err) {
    senc_buffer text = {0};
    bool ok = root && data_json_dump(root, 2, &text);
    senc_buffer_append_text(&text, "\n");
    if (!ok || text.failed)
        senc_fail_memory(err, text.n_bytes, name);
    else
        ok = data_tokenizer_keep_file(out, name, text.data, text.n_bytes, err);
    ok = ok && !text.failed;
    senc_buffer_free(&text);
    data_json_free(root);
    return ok;
}

static bool keep_files(const data_wordpiece_trainer *t, data_tokenizer *out, senc_error *err) {
    senc_buffer text = {0};
    bool ok = keep_json(out, "tokenizer.json", build_tokenizer_json(t, &text), err) &&
              keep_json(out, "tokenizer_config.json", build_config(t), err) &&
              keep_json(out, "special_tokens_map.json", build_names(), err);
    senc_buffer_clear(&text);
    for (int64_t i = 0; i < t->tokens.n; i++) {
        size_t n_bytes;
        const char *token = data_string_map_get(&t->tokens, i, &n_bytes);
        senc_buffer_append(&text, token, n_bytes);
        senc_buffer_append(&text, "\n", 1);
    }
    if (text.failed) ok = senc_fail_memory(err, text.n_bytes, "vocab.txt");
    ok = ok && data_tokenizer_keep_file(out, "vocab.txt", text.data, text.n_bytes, err);
    senc_buffer_free(&text);
    return ok;
}

bool data_wordpiece_trainer_finish(data_wordpiece_trainer *t, data_tokenizer **out, senc_error *err) {
    int64_t limit = t->options.limit_alphabet;
    *out = NULL;
    if (t->words.n == 0) return senc_fail(err, SENC_BAD_INPUT, "vocabulary: the texts hold no words to learn it from");
    if (limit <= 0) limit = t->options.vocab_size / 4 < 1000 ? t->options.vocab_size / 4 : 1000;
    count_characters(t);
    if (!choose_alphabet(t, limit, err) || !put_alphabet(t, err) || !merge_pairs(t, err)) return false;
    data_tokenizer *tokenizer = data_tokenizer_create(err);
    if (!tokenizer) return false;
    if (!keep_files(t, tokenizer, err) ||
        !data_tokenizer_load_kept(tokenizer, "trained tokenizer", DATA_LOWERCASE_AUTO, err)) {
        data_tokenizer_free(tokenizer);
        return false;
    }
    *out = tokenizer;
    return true;
}
