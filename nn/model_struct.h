/* The inside of nn_model, for the files of this folder. */
#ifndef NN_MODEL_STRUCT_H
#define NN_MODEL_STRUCT_H

#include "data/formats/json.h"
#include "nn/architecture.h"
#include "nn/model.h"
#include "nn/pooling_modes.h"
#include "nn/weights.h"

typedef enum nn_module_type { NN_MODULE_POOLING, NN_MODULE_DENSE, NN_MODULE_NORMALIZE } nn_module_type;

/* One step after the encoder, in the order of modules.json. */
typedef struct nn_module {
    nn_module_type type;
    nn_pooling pooling;
    data_json *pooling_json; /* its config until the width is known (nn_modules_read_pooling) */
    /* dense */
    int64_t in_features, out_features;
    bool has_bias;
    kern_activation activation;
    ag_param *weight, *bias; /* bias may be NULL */
    char *folder;            /* of a loaded dense: where its weights lie */
} nn_module;

#define NN_MAX_MODULES 16

/* A tensor that senc does not use, but hands on: BERT's pooler, without which other tools make one up and warn. */
typedef struct nn_kept_tensor {
    const char *name;
    float *values;      /* NULL: there is none */
    int64_t rows, cols; /* a vector has rows = 0 */
} nn_kept_tensor;
#define NN_N_KEPT 2

typedef struct nn_prompt {
    char *name, *text;
} nn_prompt;

struct nn_model {
    const nn_architecture *architecture;
    nn_encoder_config config;
    void *encoder; /* the architecture's block */
    nn_module modules[NN_MAX_MODULES];
    int n_modules;

    ag_params params;
    nn_tensor *tensors; /* in the order of declaration */
    int64_t n_tensors, tensors_capacity;
    nn_kept_tensor kept[NN_N_KEPT];
    /* [0] the encoder's, [i + 1] that of module i when it is a Dense; open where parameters are borrowed from them */
    nn_weights weights[NN_MAX_MODULES + 1];

    kern_storage storage;
    bool int8; /* linear layers multiply in int8 */
    int64_t max_length;
    bool do_lower_case; /* sentence_bert_config.json's, handed on */
    const char *similarity;
    char *default_prompt_name; /* NULL: none */
    nn_prompt *prompts;
    int64_t n_prompts;

    data_json *config_json;                /* config.json as loaded, whose unknown keys a saved one keeps */
    data_json *sentence_transformers_json; /* likewise config_sentence_transformers.json; NULL when there was none */
};

/* Declares a parameter (weight decay on matrices only) and its tensor; is_vector: shape [cols]. NULL with err on
 * failure. */
ag_param *nn_model_declare(nn_model *m, const char *name, int64_t rows, int64_t cols, bool is_vector, senc_error *err);
/* Declares a parameter without tensors, then tensors that are parts of it: `offset` numbers from its start. */
ag_param *nn_model_declare_fused(nn_model *m, const char *name, int64_t rows, int64_t cols, bool is_vector,
                                 senc_error *err);
bool nn_model_add_tensor(nn_model *m, const char *name, int module, ag_param *param, int64_t offset, int64_t rows,
                         int64_t cols, senc_error *err);

/* The encoder's and all Dense modules' parameters; no memory for values is taken yet. */
bool nn_model_declare_all(nn_model *m, senc_error *err);
/* Checks that every module takes what the one before gives; place: the folder. */
bool nn_model_check_modules(const nn_model *m, const char *place, senc_error *err);
/* pooling, normalize, max_length, dropout. place: what a message begins with. */
bool nn_model_override(nn_model *m, const nn_overrides *overrides, const char *place, senc_error *err);

void nn_model_close_weights(nn_model *m);

/* Sets *slot (freed first) to a copy of text. */
bool nn_text_set(char **slot, const char *text, senc_error *err);

/* modules.json, 1_Pooling, 2_Dense/config.json ... -> m->modules; *encoder_folder: where the transformer lies (freed by
 * the caller). A folder without modules.json gets mean pooling. */
bool nn_modules_load(nn_model *m, const char *folder, char **encoder_folder, senc_error *err);
bool nn_modules_read_pooling(nn_model *m, senc_error *err);
bool nn_modules_save(const nn_model *m, const char *folder, senc_error *err);

/* path/name.json when there is such a file; *out = NULL and true when there is none. */
bool nn_json_load_optional(const char *folder, const char *name, data_json **out, senc_error *err);

#endif
