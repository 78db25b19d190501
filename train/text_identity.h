/* When two texts are the same for the model that reads them: when their token ids are, as far as they are read. So
 * "Oslo", "oslo" and "Oslo " are one text to an uncased tokenizer, and so are two long texts that differ only behind
 * the cut. Masking of in-batch negatives and mining go by this, not by bytes.
 *
 * Prompts do not count, so that an anchor and a positive of the same text are the same; of what the cut leaves, the
 * longer prompt's share is taken off for both. */
#ifndef TRAIN_TEXT_IDENTITY_H
#define TRAIN_TEXT_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "data/pairs.h"
#include "data/table.h"
#include "data/tokenizers/tokenizer.h"

typedef struct train_text_rule {
    const data_tokenizer *tokenizer;
    int64_t max_length; /* ids of a text that count, special ones included */
} train_text_rule;

/* max_length: of a text with its prompt; prompts may be NULL. False only without memory. */
bool train_text_rule_init(train_text_rule *rule, const data_tokenizer *tokenizer, const char *query_prompt,
                          const char *document_prompt, int64_t max_length, senc_error *err);

uint64_t train_ids_hash(const int32_t *ids, int64_t n);
/* ids: scratch, emptied first. False only without memory. */
bool train_text_hash(const train_text_rule *rule, data_tokenizer_scratch *scratch, data_ids *ids, const char *text,
                     size_t n_bytes, uint64_t *hash, senc_error *err);

/* hashes (n_rows) of the texts of a slot, by all threads; 0 where there is none, or where wanted (NULL: all) is false.
 */
bool train_texts_hash(const data_set *set, int64_t slot, const train_text_rule *rule, const bool *wanted,
                      uint64_t *hashes, senc_error *err);

/* The known positives of anchors that stand in several rows or have a list of which only one is a row; the own positive
 * of an anchor that stands in one is known without a list. Positives of those are not even read. */
bool train_known_positives(data_pairs *known, const data_set *set, int64_t anchor_slot, int64_t positive_slot,
                           const train_text_rule *rule, senc_error *err);

#endif
