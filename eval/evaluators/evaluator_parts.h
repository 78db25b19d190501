/* What the evaluators share: where rows come from, lists of similarities, names, and blocks of texts on their way to
 * vectors. */
#ifndef EVAL_EVALUATOR_PARTS_H
#define EVAL_EVALUATOR_PARTS_H

#include "autograd/base/buffer.h"
#include "data/table.h"
#include "eval/evaluator.h"
#include "eval/metrics/similarity.h"

/* Options of evaluators that read rows from a file; as those of [[data]]. */
typedef struct eval_file_options {
    char *path, *name, *format;
    const senc_value *columns;
    int header, quoting, on_bad_utf8;
    char *delimiter;
    int64_t limit;
    senc_strings similarity;
} eval_file_options;
/* Their rows, ended by {0}. */
extern const senc_option eval_file_option_rows[];

/* Opens the rows for these roles. A csv or tsv without a header whose columns are not given is read as `positional`
 * (columns 1, 2, ... in this order) when its first line has exactly that many fields and the last of them is a number;
 * NULL: never. */
bool eval_file_open(const eval_file_options *o, const data_role *roles, int64_t n_roles, const char *wanted_by,
                    bool last_is_number, data_set **out, bool *positional, senc_error *err);

/* The functions that an option names; duplicates and unknown names are errors. wanted_by: `evaluator "sts"`. */
typedef struct eval_similarities {
    eval_similarity items[EVAL_N_SIMILARITIES];
    int n;
} eval_similarities;
bool eval_similarities_parse(const senc_strings *names, const char *wanted_by, eval_similarities *out, senc_error *err);
/* As they are, or the model's own when there are none. */
bool eval_similarities_resolve(const eval_similarities *given, const eval_embedder *embedder, eval_similarities *out,
                               senc_error *err);

/* The name of an evaluation: `name` if given, else made from the path: "data/stsb-en-test.csv.gz" -> "stsb-en-test",
 * "nfcorpus/" -> "nfcorpus". The caller frees; NULL when out of memory. */
char *eval_data_name(const char *name, const char *path);

/* Texts that are copied, then embedded together. {0} is empty. */
typedef struct eval_text_block {
    senc_buffer bytes;
    eval_text *texts; /* bytes is set by eval_text_block_embed */
    int64_t n, capacity;
} eval_text_block;
bool eval_text_block_add(eval_text_block *b, const char *bytes, size_t n_bytes, senc_error *err);
/* Vectors of all texts, (n, width); then the block is empty again. A vector with a number that is not finite is an
 * error. */
bool eval_text_block_embed(eval_text_block *b, const eval_embedder *embedder, eval_role role, float *out,
                           senc_error *err);
/* The parts of embed: sets bytes of all texts (until the next add); empties the block. */
void eval_text_block_place(eval_text_block *b);
void eval_text_block_clear(eval_text_block *b);
void eval_text_block_free(eval_text_block *b);

/* Room for n vectors; NULL with err. */
float *eval_vectors_alloc(const eval_embedder *embedder, int64_t n, senc_error *err);

#endif
