/* One run of `senc encode`: texts through the model (or the cache) into a file of vectors, with what an interrupted run
 * needs to go on. */
#ifndef ENCODE_RUN_H
#define ENCODE_RUN_H

#include "cli/text_ids.h"
#include "data/formats/json.h"
#include "data/formats/vector_writer.h"
#include "eval/embed.h"
#include "eval/encode_progress.h"
#include "eval/vector_cache.h"

typedef struct cli_encode_run {
    /* set by the caller */
    const char *input, *output, *prompt; /* prompt NULL: none */
    data_vector_kind kind;
    eval_model *model;
    cli_text_source *source, *shown; /* shown: the texts again, for a jsonl that holds them; or NULL */
    cli_text_ids *ids;               /* or NULL */
    eval_vector_cache *cache;        /* or NULL */
    bool resume, overwrite;
    double save_every_ms;
    /* Fills an object of strings: what the output depends on. Called when it is needed: it reads model and input. */
    bool (*describe)(void *context, data_json *options, senc_error *err);
    void *describe_context;
    /* inside */
    data_vector_writer writer;
    data_json *options;
    char *state_path;
    bool to_stream;   /* the output is a device or a pipe */
    bool is_complete; /* nothing is left to encode: only names of files have to change */
    double saved_ms;  /* when the state was last written */
    int64_t n_resumed, n_cached;
    data_vector_label *labels;
    senc_buffer label_bytes;
    int64_t label_capacity;
} cli_encode_run;

/* All of it, up to the complete file. *n_resumed and *n_cached texts were not encoded now. */
bool cli_encode_run_all(cli_encode_run *run, senc_error *err);
void cli_encode_run_free(cli_encode_run *run);

#endif
