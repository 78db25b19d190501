/* The configuration of a training run: one TOML file, read through option tables, checked before anything loads. */
#ifndef TRAIN_CONFIG_H
#define TRAIN_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/options.h"
#include "data/table.h"
#include "eval/evaluator.h"
#include "losses/loss.h"
#include "nn/precision.h"
#include "train/schedule.h"

/* [model]. Either `base` (fine-tune) or `architecture` (a fresh random model with a vocabulary trained from the data).
 */
typedef struct train_model_config {
    char *base;
    char *architecture;
    int64_t vocab_size, hidden_size, layers, heads, intermediate_size, max_positions;
    bool lowercase;
    char *pooling;
    bool normalize;     /* fresh models only */
    int64_t max_length; /* of the saved model; 0: as the folder says */
    char *query_prompt, *document_prompt;
} train_model_config;

/* [train] */
typedef struct train_settings {
    int64_t epochs, max_steps;
    int64_t batch_size, accumulation;
    int64_t max_length; /* in training only; 0: the model's */
    bool drop_last, shuffle;
    double learning_rate, warmup;
    int schedule; /* train_schedule */
    double beta1, beta2, epsilon, weight_decay, max_grad_norm;
    double dropout; /* -1: the model's own */
    int precision;  /* nn_precision */
    int64_t threads, seed;
    int64_t memory_limit; /* bytes, 0: none */
    bool mask_known_positives;
    int64_t log_every, eval_every, checkpoint_every, keep_checkpoints;
    char *best_metric;
    int64_t patience;
    senc_strings baselines; /* at most one so far: BM25 */
    int on_leakage;         /* train_on_leakage */
    double leakage_threshold;
} train_settings;

/* What happens when an evaluation stands in the training data (train/leakage.h). */
typedef enum train_on_leakage { TRAIN_LEAKAGE_WARN, TRAIN_LEAKAGE_DROP, TRAIN_LEAKAGE_STOP } train_on_leakage;

/* [output] */
typedef struct train_output {
    char *dir;
} train_output;

typedef struct train_config {
    char *path; /* of the file */
    senc_value *tree;
    train_model_config model;
    train_settings train;
    train_output output;
    const loss_spec *loss;
    void *loss_options;
    loss_roles roles;
    data_source *sources; /* [[data]] */
    int64_t n_sources;
    const senc_value **evals; /* [[eval]] tables, borrowed from the tree */
    int64_t n_evals;
} train_config;

/* The option tables behind [model], [train] and [output]. */
extern const senc_option train_model_options[];
extern const senc_option train_settings_options[];
extern const senc_option train_output_options[];

/* Reads and checks the file; `sets` are "key=value" changes from the command line (n_sets of them), applied on top.
 * Opens no data and no model. */
bool train_config_load(train_config *c, const char *path, const char *const *sets, int64_t n_sets, senc_error *err);
void train_config_free(train_config *c);

/* The whole configuration with every default, as TOML that loads again; with_help: what every key means, and the
 * prompts of the model, as comments. */
bool train_config_print(const train_config *c, bool with_help, senc_buffer *out, senc_error *err);

/* Compares with a configuration printed earlier: false, naming the first key that differs, unless it may change between
 * a run and its continuation (what decides only what is kept and shown; the number of threads is checked with the
 * checkpoint; extend: how long it goes, too). A key that the printed one lacks, because it is of an older program, has
 * its default there. */
bool train_config_check_same(const train_config *c, const char *stored_path, bool extend, senc_error *err);

#endif
