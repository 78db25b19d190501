/* A sentence encoder: token ids -> encoder -> pooling -> (dense) -> (normalize) -> one vector a sequence. nn knows no
 * text: it takes ids and offsets. Folders are sentence-transformers' (read: up to 5.3 and since 5.4; written: as 2.x
 * to 5.3 do, which everybody reads) or a bare Hugging Face folder, which gets mean pooling. */
#ifndef NN_MODEL_H
#define NN_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/error.h"
#include "autograd/ops/ops.h"
#include "autograd/params.h"
#include "autograd/tape.h"
#include "nn/precision.h"

typedef struct nn_model nn_model;

/* Overrides of what the folder says; zero / NULL / negative: leave it. */
typedef struct nn_overrides {
    /* "mean", "cls", "max", "mean_sqrt_len", "weightedmean", "lasttoken", several joined by '+'; the vectors of several
     * come in the order cls, max, mean, mean_sqrt_len, weightedmean, lasttoken */
    const char *pooling;
    int normalize;          /* -1: as the folder says, 0: no, 1: yes */
    int64_t max_length;     /* 0: as the folder says */
    double dropout;         /* < 0: as config.json says; otherwise both hidden and attention dropout */
    nn_precision precision; /* of inference: nn_model_storage */
} nn_overrides;
#define NN_OVERRIDES_NONE ((nn_overrides){NULL, -1, 0, -1.0, NN_FP32})

/* A fresh random model. */
typedef struct nn_new_config {
    const char *architecture; /* "bert" */
    int64_t vocab_size, hidden_size, layers, heads, intermediate_size, max_positions, max_length;
    double dropout;
    const char *pooling;
    bool normalize;
    uint64_t seed; /* weights ~ N(0, 0.02), biases 0, layer norm 1 and 0, as BERT does */
} nn_new_config;

/* gradients: room for gradients is taken (training). *out is NULL on failure. Errors are in the form
 * "models/m/model.safetensors: tensor \"encoder...\" is [3072,768], config.json implies [1536,384]". */
bool nn_model_load(const char *folder, const nn_overrides *overrides, bool gradients, nn_model **out, senc_error *err);
/* A model without parameters, in a moment: its facts and prompts are those of the folder, but it cannot encode. */
bool nn_model_load_settings(const char *folder, const nn_overrides *overrides, nn_model **out, senc_error *err);
bool nn_model_create(const nn_new_config *config, bool gradients, nn_model **out, senc_error *err);
void nn_model_free(nn_model *m);

/* Everything but the tokenizer files, into an existing folder: config.json, model.safetensors (F32), modules.json,
 * sentence_bert_config.json, config_sentence_transformers.json, 1_Pooling/, 2_Normalize/ ... Unknown keys of the loaded
 * config.json and config_sentence_transformers.json are kept. */
bool nn_model_save(const nn_model *m, const char *folder, senc_error *err);

ag_params *nn_model_params(nn_model *m);
int64_t nn_model_width(const nn_model *m);      /* of the output vector */
int64_t nn_model_max_length(const nn_model *m); /* tokens, special ones included */
int64_t nn_model_vocab_size(const nn_model *m); /* rows of the embedding table */
int64_t nn_model_layers(const nn_model *m);
/* Prompts by name ("query", "document", ...): text put in front of the input; "" when there is none. name NULL: the
 * default prompt. */
const char *nn_model_prompt(const nn_model *m, const char *name);
/* Of documents: "document" and no other, as sentence-transformers 6.2: its encode_document would take "passage" or
 * "corpus" where there is no "document", but its models always have one, which is empty where the folder names none. */
const char *nn_model_document_prompt(const nn_model *m);
/* The name of a prompt for documents ("passage", "corpus") that is therefore not used; NULL: there is none. */
const char *nn_model_unused_prompt(const nn_model *m);
/* The name of prompt i, from 0, as the folder lists them; NULL: there are no more. */
const char *nn_model_prompt_name(const nn_model *m, int64_t i);
/* Also true of an empty prompt. */
bool nn_model_has_prompt(const nn_model *m, const char *name);
/* False only when out of memory. */
bool nn_model_set_prompt(nn_model *m, const char *name, const char *text, senc_error *err);
/* sentence_bert_config.json's do_lower_case: texts are put into lower case before the tokenizer sees them. */
bool nn_model_lowers_case(const nn_model *m);
/* How inference stores activations; training chooses for itself (nn_pass.storage). */
kern_storage nn_model_storage(const nn_model *m);
/* False: the model leaves the prompt's tokens out of pooling (nn_pass.prompt_tokens). */
bool nn_model_includes_prompt(const nn_model *m);
/* "cosine", "dot", "euclidean", "manhattan". */
const char *nn_model_similarity(const nn_model *m);
/* For `senc inspect` and the log: "bert, 6 layers, 384 wide, 12 heads, pooling mean, normalized, 22.7 M parameters". */
const char *nn_model_describe(const nn_model *m, char *out, size_t out_bytes);
/* Bytes that one pass takes on a tape, for the memory plan. */
typedef struct nn_activation_bytes {
    int64_t kept;      /* of a token, from forward to backward */
    int64_t passing;   /* of a token, while forward and backward run, on top of `kept` */
    int64_t inference; /* of a token, in a pass without gradients */
    int64_t sequence;  /* of a sequence */
    int64_t nodes;     /* whatever the batch is */
} nn_activation_bytes;
nn_activation_bytes nn_model_activation_bytes(const nn_model *m, kern_storage storage);
/* Useful floating-point operations of one forward pass: per layer and token 24 D^2 + 4 T D. */
double nn_model_forward_flops(const nn_model *m, kern_sequences sequences);

/* The tensors as checkpoints of other tools name them. The engine's parameters are not quite those: query, key and
 * value lie in one matrix, "...attention.self.qkv.weight" (3D,D), because one product is faster than three. */
typedef struct nn_tensor {
    char *name;            /* "encoder.layer.0.attention.self.query.weight", "2_Dense.linear.weight" */
    const char *file_name; /* inside name: what its own file calls it ("linear.weight") */
    ag_param *param;
    int64_t offset;     /* of its first number in param->value and param->grad */
    int64_t rows, cols; /* a vector has rows = 1 */
    bool is_vector;     /* stored as shape [cols] */
    int module;         /* index in modules.json: 0 the encoder */
} nn_tensor;
int64_t nn_model_n_tensors(const nn_model *m);
const nn_tensor *nn_model_tensor(const nn_model *m, int64_t i);
const nn_tensor *nn_model_find_tensor(const nn_model *m, const char *name); /* NULL: absent */

/* One forward pass. Dropout is on when `training`; its masks depend on (seed, step, layer, first_token + row, column)
 * only. */
typedef struct nn_pass {
    bool training;
    uint64_t seed;
    int64_t step;
    int64_t first_token; /* place of this chunk's first token in the whole batch */
    /* tokens of each sequence that belong to its prompt and are left out of pooling (include_prompt = false); NULL:
     * none */
    const int64_t *prompt_tokens;
    kern_storage storage; /* of activations between the embeddings and the pooling; KERN_BF16 needs kernels with bf16 */
} nn_pass;

/* ids (N) and sequences.offsets must outlive the tape's step; every id is below vocab_size and no sequence is longer
 * than the positions (the caller checks both). Returns (B, width). */
ag_node *nn_model_encode(nn_model *m, ag_tape *t, const int32_t *ids, kern_sequences sequences, const nn_pass *pass);

/* The hidden states after the embeddings (layer 0) and each layer, for the reference tests: nodes (N, D); hidden has
 * room for layers + 1. */
ag_node *nn_model_encode_layers(nn_model *m, ag_tape *t, const int32_t *ids, kern_sequences sequences,
                                const nn_pass *pass, ag_node **hidden);

#endif
