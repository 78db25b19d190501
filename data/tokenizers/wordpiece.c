/* WordPiece (Schuster and Nakajima 2012, as in BERT): the longest token that the word begins with, then the longest
 * token
 * "##..." that the rest begins with, and so on. A word that cannot be covered, or has too many characters, is unknown.
 *
 * Reads from tokenizer.json's model: vocab, unk_token, continuing_subword_prefix, max_input_chars_per_word. */
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "data/tokenizers/tokenizer_parts.h"

extern const data_model_kind data_model_wordpiece;

typedef struct wordpiece {
    char *unk, *prefix;
    int64_t max_chars;
    int32_t unk_id;
    int32_t prefix_node; /* of the vocabulary's trie, -1: no token begins with the prefix */
} wordpiece;

static void wordpiece_free(void *state) {
    wordpiece *w = state;
    if (!w) return;
    free(w->unk);
    free(w->prefix);
    free(w);
}

static wordpiece *wordpiece_create(const char *unk, const char *prefix, int64_t max_chars, senc_error *err) {
    wordpiece *w = senc_alloc_zero(1, sizeof *w);
    if (w) {
        *w = (wordpiece){senc_strdup(unk), senc_strdup(prefix), max_chars, -1, -1};
        if (w->unk && w->prefix) return w;
    }
    wordpiece_free(w);
    senc_fail_memory(err, sizeof *w, "the tokenizer");
    return NULL;
}

void *data_wordpiece_create(const char *unk, senc_error *err) {
    return wordpiece_create(unk, "##", 100, err); /* BERT's values */
}

static bool parse_vocab(const data_json *model, const char *place, data_vocab *vocab, senc_error *err) {
    const data_json *tokens = data_json_find(model, "vocab");
    if (!tokens || data_json_get_type(tokens) != DATA_JSON_OBJECT)
        return senc_fail(err, SENC_BAD_INPUT, "%s: model.vocab: expected an object of tokens and ids", place);
    for (const data_json *m = data_json_first(tokens); m; m = data_json_next(m)) {
        size_t n_bytes = 0;
        const char *token = data_json_key(m, &n_bytes);
        int64_t id = data_json_get_type(m) == DATA_JSON_INTEGER ? data_json_integer(m) : -1;
        if (id < 0 || id > DATA_VOCAB_MAX_ID)
            return senc_fail(err, SENC_BAD_INPUT,
                             "%s: model.vocab: the id of \"%.80s\" must be an integer from 0 to %d", place, token,
                             DATA_VOCAB_MAX_ID);
        if (!data_vocab_add(vocab, token, n_bytes, (int32_t)id, err)) return false;
    }
    return true;
}

static bool wordpiece_parse(const data_json *model, const char *place, data_vocab *vocab, void **state,
                            senc_error *err) {
    const char *unk = "[UNK]", *prefix = "##";
    int64_t max_chars = 100;
    if (!data_json_read_string(model, "unk_token", &unk, err) ||
        !data_json_read_string(model, "continuing_subword_prefix", &prefix, err) ||
        !data_json_read_integer(model, "max_input_chars_per_word", 0, INT32_MAX, &max_chars, err))
        return false;
    *state = wordpiece_create(unk, prefix, max_chars, err);
    return *state && parse_vocab(model, place, vocab, err);
}

static bool wordpiece_prepare(void *state, const data_vocab *vocab, const char *place, senc_error *err) {
    wordpiece *w = state;
    w->unk_id = data_vocab_find(vocab, w->unk, strlen(w->unk));
    if (w->unk_id < 0)
        return senc_fail(err, SENC_BAD_INPUT, "%s: the unknown token \"%.80s\" is not in the vocabulary of %lld tokens",
                         place, w->unk, (long long)vocab->n);
    w->prefix_node = data_vocab_walk(vocab, w->prefix, strlen(w->prefix));
    return true;
}

static bool has_more_chars(const char *word, size_t n_bytes, int64_t max_chars) {
    if ((int64_t)n_bytes <= max_chars) return false;
    int64_t n = 0;
    for (size_t i = 0; i < n_bytes; i++) n += ((unsigned char)word[i] & 0xC0) != 0x80;
    return n > max_chars;
}

static void wordpiece_encode(const void *state, const data_vocab *vocab, const char *word, size_t n_bytes,
                             data_ids *ids) {
    const wordpiece *w = state;
    int64_t first = ids->n;
    int32_t node = 0; /* the root, then behind the prefix */
    if (has_more_chars(word, n_bytes, w->max_chars)) {
        data_ids_append(ids, w->unk_id);
        return;
    }
    while (n_bytes > 0) {
        size_t length = 0;
        int32_t id = node >= 0 ? data_vocab_longest(vocab, node, word, n_bytes, &length) : -1;
        if (id < 0) {
            ids->n = first;
            data_ids_append(ids, w->unk_id);
            return;
        }
        data_ids_append(ids, id);
        word += length;
        n_bytes -= length;
        node = w->prefix_node;
    }
}

static const char *wordpiece_unknown(const void *state) {
    return ((const wordpiece *)state)->unk;
}

const data_model_kind data_model_wordpiece = {
    .type = "WordPiece",
    .parse = wordpiece_parse,
    .prepare = wordpiece_prepare,
    .encode = wordpiece_encode,
    .unknown = wordpiece_unknown,
    .free = wordpiece_free,
};
