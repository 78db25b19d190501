/* Tokenizers: text -> token ids, exactly as the Hugging Face `tokenizers` library (0.23) does it for the same folder.
 *
 * A tokenizer is read from a model folder: tokenizer.json is the source of truth; a folder without it is read from
 * vocab.txt and, where they exist, tokenizer_config.json and special_tokens_map.json, as transformers'
 * BertTokenizerFast reads it. do_lower_case of sentence_bert_config.json lower-cases texts first, as
 * sentence-transformers does. The pipeline is the library's: added tokens in the raw text, normalizer, added tokens in
 * the normalised text, pre-tokenizer (words), model (word -> ids), post-processor (special tokens around the ids). The
 * kinds of model are listed in data/tokenizers.def. */
#ifndef DATA_TOKENIZER_H
#define DATA_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "autograd/base/error.h"

/* A growable list of token ids with sticky failure. {0} is empty. */
typedef struct data_ids {
    int32_t *items;
    int64_t n, capacity;
    bool failed; /* out of memory; what was there before stays valid */
} data_ids;

/* Makes room for n more ids; false (and failed) when out of memory. */
bool data_ids_reserve(data_ids *ids, int64_t n);
void data_ids_append(data_ids *ids, int32_t id);
void data_ids_free(data_ids *ids);

typedef struct data_tokenizer data_tokenizer;

/* Working memory of data_tokenizer_encode: one for each thread. It grows to the longest text and is then reused, so
 * that encoding allocates nothing. It may serve any number of tokenizers in turn. */
typedef struct data_tokenizer_scratch data_tokenizer_scratch;

/* NULL when out of memory. */
data_tokenizer_scratch *data_tokenizer_scratch_create(void);
void data_tokenizer_scratch_free(data_tokenizer_scratch *scratch);

typedef enum data_lowercase {
    DATA_LOWERCASE_AUTO = 0, /* what the folder says; a folder that says nothing lower-cases, as transformers does */
    DATA_LOWERCASE_YES,
    DATA_LOWERCASE_NO,
} data_lowercase;

/* {0} is the default. */
typedef struct data_tokenizer_options {
    /* For folders that hold only vocab.txt. Contradicting a folder that does say is an error. The choice is recorded in
     * a tokenizer_config.json by data_tokenizer_save, so that other tools read the folder alike. */
    data_lowercase lowercase;
} data_tokenizer_options;

/* Reads the tokenizer of a model folder. options may be NULL. On failure *out is NULL and err says which file and what.
 */
bool data_tokenizer_load(const char *folder, const data_tokenizer_options *options, data_tokenizer **out,
                         senc_error *err);
/* NULL is fine. */
void data_tokenizer_free(data_tokenizer *t);

/* True when the folder has a file that data_tokenizer_load would read (tokenizer.json or vocab.txt). */
bool data_tokenizer_exists(const char *folder);

/* Writes every tokenizer file of the folder it was read from, byte for byte, into `folder` (created when absent):
 * tokenizer.json, tokenizer_config.json, special_tokens_map.json, added_tokens.json, vocab.txt, vocab.json, merges.txt,
 * tokenizer.model, spiece.model, sentencepiece.bpe.model, spm.model. */
bool data_tokenizer_save(const data_tokenizer *t, const char *folder, senc_error *err);

/* Appends the ids of a text, special tokens included ([CLS] a [SEP] for BERT), to `ids` and returns how many were
 * appended, or -1 when out of memory (`ids` is then as before, but failed). Safe to call from several threads, each
 * with its own scratch and ids. max_length: at most this many ids, special tokens included; the text's last ids are cut
 * off. 0: no limit. A max_length below the number of special tokens counts as that number. truncated:  whether ids were
 * cut off; may be NULL. Text is UTF-8 and may hold NUL bytes. An ill-formed byte sequence counts as U+FFFD (Unicode's
 * "maximal subpart" rule); the library cannot be given such text. */
int64_t data_tokenizer_encode(const data_tokenizer *t, data_tokenizer_scratch *scratch, const char *text,
                              size_t n_bytes, int64_t max_length, data_ids *ids, bool *truncated);

/* The same for a text with a prompt in front of it, which training and evaluation must do alike. prompt NULL or "":
 * none. */
int64_t data_tokenizer_encode_prompted(const data_tokenizer *t, data_tokenizer_scratch *scratch, const char *prompt,
                                       const char *text, size_t n_bytes, int64_t max_length, data_ids *ids,
                                       bool *truncated);

/* Tokens that a prompt takes in front of a text: those of the prompt alone, its opening special token included, without
 * the closing one. -1 when out of memory. */
int64_t data_tokenizer_prompt_length(const data_tokenizer *t, const char *prompt);

/* The tokens with a meaning of their own; -1: this tokenizer has none. */
typedef struct data_special_ids {
    int32_t cls, sep, pad, unk, mask;
} data_special_ids;

data_special_ids data_tokenizer_special_ids(const data_tokenizer *t);
/* How many special tokens data_tokenizer_encode puts around a text (2 for BERT). */
int64_t data_tokenizer_special_count(const data_tokenizer *t);

/* "WordPiece" */
const char *data_tokenizer_kind(const data_tokenizer *t);
/* Number of tokens, added tokens included. */
int64_t data_tokenizer_vocab_size(const data_tokenizer *t);
/* The highest id that encoding can give: the embedding table must have more rows than this. */
int32_t data_tokenizer_highest_id(const data_tokenizer *t);
/* The NUL-terminated token of an id, NULL when no token has it. Lives as long as the tokenizer. n_bytes may be NULL. */
const char *data_tokenizer_token(const data_tokenizer *t, int32_t id, size_t *n_bytes);
/* The id of a token, -1 when there is none. */
int32_t data_tokenizer_find(const data_tokenizer *t, const char *token, size_t n_bytes);
/* Whether text is lower-cased before it is split. */
bool data_tokenizer_lowercases(const data_tokenizer *t);
/* model_max_length of tokenizer_config.json, 0 when it is absent or the "very large" number that means none. */
int64_t data_tokenizer_model_max_length(const data_tokenizer *t);

/* The kept files, for exporters that embed them: i in [0, data_tokenizer_file_count). */
typedef struct data_tokenizer_file {
    char *name; /* "tokenizer.json" */
    char *bytes;
    size_t n_bytes;
} data_tokenizer_file;
int64_t data_tokenizer_file_count(const data_tokenizer *t);
const data_tokenizer_file *data_tokenizer_file_get(const data_tokenizer *t, int64_t i);

#endif
