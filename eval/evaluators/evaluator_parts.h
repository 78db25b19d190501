/* What the evaluators share: where rows come from, lists of similarities, names, and blocks of texts on their way to
 * vectors. */
#ifndef EVAL_EVALUATOR_PARTS_H
#define EVAL_EVALUATOR_PARTS_H

#include <stdarg.h>

#include "autograd/base/buffer.h"
#include "data/table.h"
#include "eval/evaluator.h"
#include "eval/metrics/similarity.h"

/* Options of evaluators that read rows from a file; as those of [[data]]. An evaluator with more options has this as
 * the first member of its own struct. */
typedef struct eval_file_options {
    char *path, *name, *format, *slice;
    const senc_value *columns;
    int header, quoting, on_bad_utf8;
    char *delimiter;
    int64_t limit;
    int on_empty, on_unknown_label;
    const senc_value *label_map;
    senc_strings similarity;
} eval_file_options;
#define EVAL_FILE_ROWS                                                                                                 \
    SENC_OPTION_PATH(eval_file_options, path, "!", "jsonl, json, csv or tsv file, also .gz and .zst"),                 \
        SENC_OPTION_STRING(eval_file_options, name, NULL, "first part of the metric keys; default: from the path"),    \
        SENC_OPTION_STRING(eval_file_options, format, NULL, "jsonl, json, csv or tsv; default: by the file name"),     \
        SENC_OPTION_VALUE(eval_file_options, columns,                                                                  \
                          "which column is which, by name or number: { sentence1 = 1, ... }"),                         \
        SENC_OPTION_STRING(eval_file_options, slice, NULL,                                                             \
                           "a column (name or number) by whose values reports break the result down"),                 \
        SENC_OPTION_CHOICE(eval_file_options, header, "auto", "auto|yes|no",                                           \
                           "does a csv or tsv begin with column names?"),                                              \
        SENC_OPTION_CHOICE(eval_file_options, quoting, "auto", "auto|on|off",                                          \
                           "of csv and tsv fields; auto: csv only"),                                                   \
        SENC_OPTION_STRING(eval_file_options, delimiter, NULL, "one character; default: comma for csv, tab for tsv"),  \
        SENC_OPTION_CHOICE(eval_file_options, on_bad_utf8, "error", "error|replace",                                   \
                           "what to do with ill-formed UTF-8"),                                                        \
        SENC_OPTION_CHOICE(eval_file_options, on_empty, "error", "error|skip",                                         \
                           "a row with an empty or missing text: stop, or leave the row out"),                         \
        SENC_OPTION_INTEGER(eval_file_options, limit, "0", 0, 1e15, "the first n rows; 0: all")
/* Of evaluators whose rows have a score or a label of two kinds. */
#define EVAL_LABEL_ROWS                                                                                                \
    SENC_OPTION_VALUE(eval_file_options, label_map,                                                                    \
                      "what words among the scores or labels mean: { entailment = 1, contradiction = 0 }"),            \
        SENC_OPTION_CHOICE(eval_file_options, on_unknown_label, "error", "error|skip",                                 \
                           "a label that is neither a number nor in label_map: stop, or leave the row out")
/* These and the similarities (all of them by default), ended by {0}. */
extern const senc_option eval_file_option_rows[];

/* Opens the rows for these roles and, when the options name a slice column, the role "slice" (a class). A csv or tsv
 * without a header whose columns are not given is read as `positional` (columns 1, 2, ... in this order) when its first
 * line has exactly that many fields and the last of them is a number; NULL: never. */
bool eval_file_open(const eval_file_options *o, const data_role *roles, int64_t n_roles, const char *wanted_by,
                    bool last_is_number, data_set **out, bool *positional, senc_error *err);

/* The functions that an option names; duplicates and unknown names are errors. wanted_by: `evaluator "sts"`. */
typedef struct eval_similarities {
    eval_similarity items[EVAL_N_SIMILARITIES];
    int n;
} eval_similarities;
bool eval_similarities_parse(const senc_strings *names, const char *wanted_by, eval_similarities *out, senc_error *err);
/* One function by its name, as above. */
bool eval_similarity_parse(const char *name, const char *wanted_by, eval_similarity *out, senc_error *err);
/* As they are, or the model's own when there are none. */
bool eval_similarities_resolve(const eval_similarities *given, const eval_embedder *embedder, eval_similarities *out,
                               senc_error *err);

/* The one whose metric is the headline: the model's own if it is among them, else the first. */
eval_similarity eval_similarities_main(const eval_similarities *functions, const eval_embedder *embedder);

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

/* Counts the rows that were left out when the set was opened, if there are any. */
bool eval_result_add_left_out(eval_result *result, const data_set *set, senc_error *err);

/* Starts a result: its name. */
bool eval_result_name(eval_result *result, const eval_file_options *o, senc_error *err);
/* Appends "{name}_" and the rest: the key of a metric. */
void eval_result_key(const eval_result *result, senc_buffer *key, const char *fmt, va_list args)
    __attribute__((format(printf, 3, 0)));
/* "{name}_" and the rest become the headline metric's key. */
bool eval_result_set_primary(eval_result *result, senc_error *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- rows and vectors ---- */

/* Vectors of one text column, (n_rows, width), block by block; the caller frees. */
bool eval_column_embed(const data_set *set, int64_t slot, const eval_embedder *embedder, eval_role role, float **out,
                       senc_error *err);
/* The similarities of the two texts of every row: measured (functions, n_rows). */
bool eval_pairs_measure(const data_set *set, int64_t slot1, int64_t slot2, const eval_embedder *embedder,
                        const eval_similarities *functions, double *measured, senc_error *err);

/* Of every row a number for its text (a hash of 64 bits): equal for equal texts. The caller frees. */
bool eval_texts_number(const data_set *set, int64_t slot, int64_t **numbers, senc_error *err);

/* eval_spec.units of rows: of each the texts of these slots (other -1: one text). rows (n_rows) chooses rows; NULL:
 * all. */
bool eval_rows_visit(const data_set *set, const char *unit, int64_t text, int64_t other, const int64_t *rows,
                     int64_t n_rows, eval_unit_visit visit, void *context, senc_error *err);

/* The classes of a column in several sets, by name: in the order of numbers when all are whole numbers, else of bytes
 * (as scikit-learn orders them). ids[s] (n_rows of set s): from 0 to n - 1. */
#define EVAL_CLASS_SETS 2
typedef struct eval_class_names {
    char **names;
    int64_t n;
    int64_t *ids[EVAL_CLASS_SETS];
} eval_class_names;
bool eval_class_names_collect(const data_set *const *sets, const int64_t *slots, int n_sets, eval_class_names *out,
                              senc_error *err);
void eval_class_names_free(eval_class_names *c);

/* ---- details ---- */

/* Units are the set's rows: id is the row's number from 1, texts are those of the slots (other -1: none), slice that of
 * the role "slice" if there is one. */
bool eval_detail_set_rows(eval_detail *d, const char *unit_name, const data_set *set, int64_t text, int64_t other,
                          bool with_gold, senc_error *err);
bool eval_detail_set_slice(eval_detail *d, int64_t i, const data_value *slice, senc_error *err);
/* Adds a score to the positive or the negative ones. When there are too many, the caller gives every step-th only. */
#define EVAL_DETAIL_SAMPLE 20000
bool eval_detail_add_sample(eval_detail *d, bool positive, double score, senc_error *err);
/* Samples of scores (n) by their labels (> 0: positive), evenly over the rows. */
bool eval_detail_sample_scores(eval_detail *d, const double *scores, const double *labels, int64_t n, senc_error *err);
/* A series with these values, "{name}_" put in front of its key. */
bool eval_detail_put_series(eval_result *result, eval_statistic statistic, const double *values, senc_error *err,
                            const char *fmt, ...) __attribute__((format(printf, 5, 6)));

#endif
