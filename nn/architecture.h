/* What an architecture is to the rest of nn: how its config.json reads, which parameters it has, and how it turns ids
 * into states. One architecture = one file in architectures/ and one line in architectures.def. */
#ifndef NN_ARCHITECTURE_H
#define NN_ARCHITECTURE_H

#include "data/formats/json.h"
#include "nn/model.h"

/* Sizes and constants of an encoder, whatever its architecture calls them. */
typedef struct nn_encoder_config {
    int64_t vocab_size, hidden_size, layers, heads, intermediate_size;
    int64_t max_positions; /* longest sequence in tokens */
    int64_t type_vocab_size;
    double hidden_dropout, attention_dropout, layer_norm_eps;
    kern_activation activation; /* between the two feed-forward products */
} nn_encoder_config;

typedef struct nn_architecture {
    const char *name;   /* config.json's model_type */
    const char *family; /* how names in config.json's "architectures" begin: "Bert" */
    const char *prefix; /* what checkpoints may put in front of tensor names: "bert." */
    /* config.json -> *out, every number checked. Messages begin with the file's path. */
    bool (*read_config)(const data_json *file, nn_encoder_config *out, senc_error *err);
    /* The config.json of a fresh model. */
    void (*write_config)(const nn_encoder_config *config, data_json *file);
    /* Declares all parameters through nn_model_declare and returns the encoder's own block, freed with free(); NULL
     * with err on failure. */
    void *(*declare)(nn_model *m, senc_error *err);
    /* ids (N) -> states (N,D). hidden: NULL, or room for layers + 1 nodes. */
    ag_node *(*encode)(const nn_model *m, ag_tape *t, const int32_t *ids, kern_sequences sequences, const nn_pass *pass,
                       ag_node **hidden);
} nn_architecture;

/* By model_type; NULL: unknown. */
const nn_architecture *nn_architecture_find(const char *name);
/* All, sorted; n entries. */
const nn_architecture *const *nn_architecture_all(int *n);

/* Picks the architecture of a config.json and reads it. Unknown ones are an error that names those there are. */
bool nn_architecture_read(const data_json *file, const nn_architecture **architecture, nn_encoder_config *out,
                          senc_error *err);

/* The part of read_config that BERT-like architectures share: the activation's name -> kern_activation. */
bool nn_architecture_read_activation(const data_json *file, const char *key, kern_activation *out, senc_error *err);

#endif
