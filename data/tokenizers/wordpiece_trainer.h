/* Trains a WordPiece vocabulary from texts and makes an uncased or cased BERT tokenizer of it.
 *
 * As the Hugging Face library's WordPieceTrainer: words (after the BERT normalizer and pre-tokenizer) are counted,
 * split into characters (all but the first with the prefix "##"), and the most frequent pair of neighbours is merged
 * again and again until the vocabulary is full or no pair occurs min_frequency times. Ties: the pair with the smaller
 * ids (left, then right) first. The alphabet takes ids in code point order, so the same texts, in whatever order, give
 * the same vocabulary. */
#ifndef DATA_WORDPIECE_TRAINER_H
#define DATA_WORDPIECE_TRAINER_H

#include "data/tokenizers/tokenizer.h"

typedef struct data_wordpiece_options {
    int64_t vocab_size;       /* special tokens included; fewer when no pair is left to merge */
    int64_t min_frequency;    /* a pair must occur this often to be merged; 0 and 1: any */
    int64_t limit_alphabet;   /* at most this many distinct characters, the most frequent; 0: 1000, the library's usual,
                                 or a   quarter of the vocabulary when that is less */
    bool lowercase;           /* an uncased tokenizer: lower-case and strip accents */
    int64_t model_max_length; /* written to tokenizer_config.json; 0: 512, as BERT */
} data_wordpiece_options;

typedef struct data_wordpiece_trainer data_wordpiece_trainer;

/* NULL when out of memory. */
data_wordpiece_trainer *data_wordpiece_trainer_create(const data_wordpiece_options *options);
void data_wordpiece_trainer_free(data_wordpiece_trainer *trainer);

/* Counts the words of a text (UTF-8). */
bool data_wordpiece_trainer_add(data_wordpiece_trainer *trainer, const char *text, size_t n_bytes, senc_error *err);

/* Makes the tokenizer. data_tokenizer_save then writes tokenizer.json, vocab.txt, tokenizer_config.json and
 * special_tokens_map.json, which transformers and `tokenizers` load and which give the same ids there. Fails when the
 * vocabulary size cannot hold the special tokens and the alphabet, or when no text was added. */
bool data_wordpiece_trainer_finish(data_wordpiece_trainer *trainer, data_tokenizer **out, senc_error *err);

#endif
