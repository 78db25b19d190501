/* The inside of a tokenizer, for the files of this folder: the loaders fill it, tokenizer.c runs it. */
#ifndef DATA_TOKENIZER_PARTS_H
#define DATA_TOKENIZER_PARTS_H

#include "autograd/base/buffer.h"
#include "data/formats/json.h"
#include "data/tokenizers/added_tokens.h"
#include "data/tokenizers/bert_normalizer.h"
#include "data/tokenizers/pre_tokenizer.h"
#include "data/tokenizers/tokenizer.h"
#include "data/tokenizers/vocab.h"

/* A kind of model, the part that turns a word into ids. To add one: a file that defines `data_model_<name>`, and a line
 * in data/tokenizers.def. */
typedef struct data_model_kind {
    const char *type; /* model.type in tokenizer.json */
    /* Reads the model object into vocab (data_vocab_add; the caller builds it) and *state. place: for messages. */
    bool (*parse)(const data_json *model, const char *place, data_vocab *vocab, void **state, senc_error *err);
    /* Called once the vocabulary is built: checks that need look-ups. */
    bool (*prepare)(void *state, const data_vocab *vocab, const char *place, senc_error *err);
    /* Appends the ids of a word (well-formed UTF-8, at least one byte). */
    void (*encode)(const void *state, const data_vocab *vocab, const char *word, size_t n_bytes, data_ids *ids);
    /* The token for what is not in the vocabulary. */
    const char *(*unknown)(const void *state);
    void (*free)(void *state);
} data_model_kind;

/* By type; NULL when there is none. */
const data_model_kind *data_model_kind_find(const char *type);
/* "WordPiece, ..." */
void data_model_kind_names(senc_buffer *out);

enum { DATA_MAX_SPECIALS = 16 }; /* ids a post-processor may put on one side of a text */

struct data_tokenizer {
    const data_unicode *unicode;
    data_added_tokens added;
    data_normalizer normalizer;
    data_pre_tokenizer pre;
    const data_model_kind *kind;
    void *model;
    data_vocab vocab;
    int32_t before[DATA_MAX_SPECIALS], after[DATA_MAX_SPECIALS]; /* the post-processor's ids around a text */
    int n_before, n_after;
    data_special_ids special;
    int64_t model_max_length;
    data_tokenizer_file *files;
    int64_t n_files;
};

/* {0} with an empty vocabulary and the Unicode table; NULL when out of memory. */
data_tokenizer *data_tokenizer_create(senc_error *err);

/* Keeps a copy of a file. */
bool data_tokenizer_keep_file(data_tokenizer *t, const char *name, const char *bytes, size_t n_bytes, senc_error *err);
const data_tokenizer_file *data_tokenizer_kept(const data_tokenizer *t, const char *name);

/* Fills t from the files it keeps. folder: for messages. */
bool data_tokenizer_load_kept(data_tokenizer *t, const char *folder, data_lowercase wanted, senc_error *err);

/* Fills t from a parsed tokenizer.json. place: its path, for messages. */
bool data_tokenizer_parse_json(data_tokenizer *t, const data_json *root, const char *place, senc_error *err);

/* Fills t from vocab.txt and the settings of a BERT tokenizer, as transformers' BertTokenizerFast. */
typedef struct data_bert_settings {
    bool lowercase, chinese;
    int strip_accents; /* 1, 0; -1: as lowercase */
    const char *cls, *sep, *pad, *unk, *mask;
} data_bert_settings;
bool data_tokenizer_parse_vocab(data_tokenizer *t, const char *text, size_t n_bytes, const data_bert_settings *settings,
                                const char *place, senc_error *err);
/* Reads settings from tokenizer_config.json, then special_tokens_map.json (either may be NULL); strings are borrowed
 * from them. *says_lowercase: whether do_lower_case is there. */
bool data_bert_settings_read(data_bert_settings *s, const data_json *config, const data_json *map, bool *says_lowercase,
                             senc_error *err);
/* added_tokens.json and added_tokens_decoder of tokenizer_config.json (either may be NULL). */
bool data_tokenizer_read_added(data_tokenizer *t, const data_json *config, const data_json *added, senc_error *err);

/* A model of kind WordPiece with BERT's "##" and 100 characters, for loaders that have no JSON. */
void *data_wordpiece_create(const char *unk, senc_error *err);

/* Builds look-up tables and checks that everything is there, after parsing. */
bool data_tokenizer_finish(data_tokenizer *t, const char *place, senc_error *err);

#endif
