/* What tests of evaluators share: a folder for small files, [[eval]] tables, and an embedder whose vectors stand in the
 * texts: "name: 1 0 -2" is (1, 0, -2). */
#ifndef EVALUATOR_FIXTURE_H
#define EVALUATOR_FIXTURE_H

#include "eval/evaluator.h"

enum { WIDTH = 3 };

/* What the embedder saw. */
typedef struct witness {
    int64_t n_texts[3]; /* by role */
    int64_t largest_call;
    bool fail;
} witness;
eval_embedder embedder_of(witness *w);

void make_folder(void);
void remove_folder(void);
/* Writes a file below the folder. */
void write_file(const char *name, const char *text);

senc_value *text_value(const char *text);
senc_value *integer_value(int64_t x);
senc_value *flag_value(bool x);
void put(senc_value *table, const char *key, senc_value *v);
/* key = a file below the folder. */
void put_path(senc_value *table, const char *key, const char *name);
/* An [[eval]] table; path is below the folder. */
senc_value *job_table(const char *type, const char *path);

/* Opens, runs, closes; frees the table. */
bool run_job(senc_value *table, const eval_embedder *embedder, eval_result *result, senc_error *err);
/* The same, which must succeed; the details are checked. */
eval_result run_good(senc_value *table, witness *w);
void expect(const eval_result *r, const char *key, double want);
bool has_text(char **texts, int64_t n, const char *part);
/* The table must be refused as bad input with a message that holds `part`. */
void expect_error(senc_value *table, const char *part);

/* Every series of the detail gives its metric, units are complete, lists are in order. */
void check_detail(const eval_result *r);

#endif
