/* The files that a run reads, by which a run that goes on knows that they are still the same: training data, data of
 * the evaluations, and the base model's weights, tokenizer and configuration. Kept in every checkpoint as a JSON array
 * of
 *
 *     {"path": "/data/train.jsonl", "bytes": 123456, "modified": 1764444000123456789, "sha256": "54a0..."}
 *
 * `modified` is in nanoseconds since 1970. */
#ifndef TRAIN_RUN_INPUTS_H
#define TRAIN_RUN_INPUTS_H

#include "data/formats/json.h"
#include "eval/evaluator.h"
#include "train/config.h"

/* All of them with size and time, without hashes. *out is fresh: an object that holds the array. */
bool train_inputs_collect(const train_config *config, const eval_job *jobs, int64_t n_jobs, data_json **out,
                          senc_error *err);
/* Adds the hashes: reads every file. */
bool train_inputs_hash(data_json *inputs, senc_error *err);
/* Whether the files are those of `then` (NULL: an older checkpoint, which does not say): by size and time, where these
 * differ by their hash. BAD_INPUT names one that has changed, is new or is gone. Adds the hashes. */
bool train_inputs_check_same(data_json *now, const data_json *then, senc_error *err);
/* Whether the training data are those of `list` (the array; NULL: nothing is known, and all is well), as above, as far
 * as it names them. */
bool train_inputs_check_data(const train_config *config, const data_json *list, senc_error *err);
/* The array, for a checkpoint and report.json. */
const data_json *train_inputs_list(const data_json *inputs);

#endif
