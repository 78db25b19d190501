/* The option tables of [model], [train] and [output]: parser, check, default and documentation of every key. */
#include "data/near_texts.h"
#include "train/config.h"

const senc_option train_model_options[] = {
    SENC_OPTION_STRING(train_model_config, base, NULL,
                       "the model to fine-tune: a folder, or a name in the Hugging Face cache"),
    SENC_OPTION_STRING(train_model_config, architecture, NULL,
                       "without base: start from a fresh random model of this kind (senc list architectures)"),
    SENC_OPTION_INTEGER(train_model_config, vocab_size, "8000", 16, 10000000,
                        "fresh model: tokens of the vocabulary that is trained from the data"),
    SENC_OPTION_INTEGER(train_model_config, hidden_size, "128", 1, 65536, "fresh model: width"),
    SENC_OPTION_INTEGER(train_model_config, layers, "2", 1, 1000, "fresh model: encoder layers"),
    SENC_OPTION_INTEGER(train_model_config, heads, "4", 1, 1024, "fresh model: attention heads; divides hidden_size"),
    SENC_OPTION_INTEGER(train_model_config, intermediate_size, "512", 1, 262144,
                        "fresh model: width of the feed-forward layer"),
    SENC_OPTION_INTEGER(train_model_config, max_positions, "512", 4, 1000000,
                        "fresh model: longest text it will ever read, in tokens"),
    SENC_OPTION_BOOLEAN(train_model_config, lowercase, "true", "fresh model: an uncased vocabulary"),
    SENC_OPTION_BOOLEAN(train_model_config, normalize, "true", "fresh model: vectors of length 1"),
    SENC_OPTION_STRING(train_model_config, pooling, NULL,
                       "mean, cls, max, mean_sqrt_len, weightedmean, lasttoken, or several joined by '+'; unset: what "
                       "the model folder says (fresh: mean)"),
    SENC_OPTION_INTEGER(
        train_model_config, max_length, "0", 0, 1000000,
        "longest text in tokens, special ones included, that the model reads and is saved with; 0: what "
        "the model folder says (train.max_length: in training only)"),
    SENC_OPTION_STRING(train_model_config, query_prompt, NULL,
                       "put in front of anchors and queries, saved with the model; unset: what the model folder says"),
    SENC_OPTION_STRING(train_model_config, document_prompt, NULL,
                       "put in front of positives, negatives and documents; unset: what the model folder says"),
    {0},
};

const senc_option train_settings_options[] = {
    SENC_OPTION_INTEGER(train_settings, epochs, "1", 0, 1000000, "passes over the data"),
    SENC_OPTION_INTEGER(train_settings, max_steps, "0", 0, 1000000000,
                        "stop after so many steps, whatever epochs says; 0: as epochs says"),
    SENC_OPTION_INTEGER(train_settings, batch_size, "64", 1, 1000000,
                        "rows a batch; with in-batch negatives a larger one is a harder, better task"),
    SENC_OPTION_INTEGER(train_settings, max_length, "0", 0, 1000000,
                        "longest text in tokens in training only: shorter is faster, and evaluations and the saved "
                        "model keep the model's length; 0: the model's"),
    SENC_OPTION_INTEGER(train_settings, accumulation, "1", 1, 100000,
                        "batches whose gradients are averaged into one step; adds no in-batch negatives"),
    SENC_OPTION_BOOLEAN(train_settings, shuffle, "true",
                        "a new random order of the rows each epoch; false: as they stand in the files"),
    SENC_OPTION_BOOLEAN(train_settings, drop_last, "false", "leave out the last, smaller batch of an epoch"),
    SENC_OPTION_REAL(train_settings, learning_rate, "2e-5", 0, 1e3, "AdamW's highest learning rate"),
    SENC_OPTION_REAL(train_settings, warmup, "0.1", 0, 1e9,
                     "steps over which the learning rate rises from 0, which is the first step's, as in transformers; "
                     "below 1: a share of all steps, rounded up"),
    SENC_OPTION_CHOICE(train_settings, schedule, "linear", "linear|cosine|constant", "the learning rate after warm-up"),
    SENC_OPTION_REAL(train_settings, beta1, "0.9", 0, 0.999999, "AdamW: decay of the mean of gradients"),
    SENC_OPTION_REAL(train_settings, beta2, "0.999", 0, 0.9999999, "AdamW: decay of the mean of squared gradients"),
    SENC_OPTION_REAL(train_settings, epsilon, "1e-8", 1e-30, 1, "AdamW: added to the denominator"),
    SENC_OPTION_REAL(train_settings, weight_decay, "0.01", 0, 10,
                     "AdamW: decoupled decay; never on biases and layer norms"),
    SENC_OPTION_REAL(train_settings, max_grad_norm, "1.0", 0, 1e9, "gradients are scaled down to this norm; 0: never"),
    SENC_OPTION_REAL(train_settings, dropout, "-1", 0, 0.99,
                     "dropout of hidden states and attention; unset: what the model folder says"),
    SENC_OPTION_CHOICE(train_settings, precision, "auto", NN_TRAINING_PRECISIONS,
                       "of activations and products; auto: bf16 where the CPU has instructions for it"),
    SENC_OPTION_INTEGER(train_settings, threads, "0", 0, 4096,
                        "0: one for each CPU; results are the same for the same number"),
    SENC_OPTION_INTEGER(train_settings, seed, "42", 0, 9.2e18, "of shuffling, dropout and fresh weights"),
    SENC_OPTION_BYTES(train_settings, memory_limit, "0",
                      "bound on the memory of the whole process while it trains; what does not fit of a batch is "
                      "computed twice, with the same result but for rounding; evaluations are not bounded; 0: none"),
    SENC_OPTION_BOOLEAN(train_settings, mask_known_positives, "true",
                        "duplicates and other positives of the same anchor do not count as negatives"),
    SENC_OPTION_INTEGER(train_settings, log_every, "10", 1, 1000000000,
                        "steps between lines of log.jsonl and of plain output"),
    SENC_OPTION_INTEGER(train_settings, eval_every, "0", 0, 1000000000,
                        "steps between evaluations; 0: at the end of each epoch"),
    SENC_OPTION_INTEGER(train_settings, checkpoint_every, "500", 0, 1000000000,
                        "steps between checkpoints to resume from; 0: none"),
    SENC_OPTION_INTEGER(train_settings, keep_checkpoints, "2", 1, 1000000, "older checkpoints are removed"),
    SENC_OPTION_STRING(
        train_settings, best_metric, NULL,
        "full key of the metric that decides which model is best; unset: the headline metric of the first [[eval]]"),
    SENC_OPTION_INTEGER(train_settings, patience, "0", 0, 1000000,
                        "stop after so many evaluations without a new best; 0: never"),
    SENC_OPTION_STRINGS(train_settings, baselines, "[\"bm25\"]",
                        "what needs no model and is shown beside before and after where an evaluation can rank: bm25 "
                        "(or with keys, as bm25?k1=1.5); []: nothing"),
    SENC_OPTION_CHOICE(train_settings, on_leakage, "warn", "warn|drop|stop",
                       "questions, pairs or texts of an [[eval]] that stand in the training data: say so (above 1 % of "
                       "them there is no verdict), leave their rows out of training, or stop"),
    SENC_OPTION_REAL(train_settings, leakage_threshold, "0.8", DATA_NEAR_LOWEST, 1,
                     "texts are nearly the same from this Jaccard similarity of their runs of 3 words on; 1: never"),
    {0},
};

const senc_option train_output_options[] = {
    SENC_OPTION_PATH(train_output, dir, "!", "the run folder: config, log, checkpoints, best and final model, report"),
    {0},
};
