/* An evaluation again with shorter and coarser vectors of the same system. */
#ifndef EVALUATION_VARIANTS_H
#define EVALUATION_VARIANTS_H

#include "autograd/base/buffer.h"
#include "data/formats/json.h"
#include "eval/evaluator.h"
#include "eval/reports/saved_report.h"
#include "eval/system.h"

/* Whether the system has variants: false with a message that names it where it has no vectors, or none of floats. */
bool cli_variants_check(const eval_system_facts *facts, const eval_embedder *embedder, const char *label,
                        senc_error *err);

/* Repeats a job whose result is r->results[i] for the first 32, 64, 128, ... dimensions, int8 and bits (for retrieval
 * with a second look too), and adds the values of its headline metric to the report. The embedder should keep its
 * vectors (eval/kept_vectors.h). Files that the evaluation writes are not written again. */
bool cli_variants_run(eval_saved_report *r, int64_t i, eval_job *job, const eval_embedder *embedder, senc_error *err);

/* For people, and "variants" of senc eval --json: [{"label", "bytes_per_vector", "key", "value"}]. */
void cli_variants_print(const eval_saved_report *r, bool markdown, senc_buffer *out);
void cli_variants_put_json(const eval_saved_report *r, data_json *object);

#endif
