/* Encoded texts: see encoded_texts.h. */
#include "cli/encoded_texts.h"

#include <stdlib.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "cli/interrupt.h"
#include "cli/model_argument.h"
#include "data/formats/vector_writer.h"

typedef struct encode_ends {
    cli_text_source *source;
    data_vector_writer writer;
} encode_ends;

static bool read_texts(void *context, eval_text_chunk *chunk, senc_error *err) {
    return cli_text_source_fill(((encode_ends *)context)->source, chunk, err);
}

static bool write_rows(void *context, const float *rows, int64_t n, senc_error *err) {
    return data_vector_writer_append(&((encode_ends *)context)->writer, rows, NULL, n, err);
}

static bool check_interrupt(void *context, senc_error *err) {
    (void)context;
    return cli_interrupt_check(err);
}

static bool encode_to(eval_model *m, const char *prompt, cli_text_source *source, const char *path, senc_error *err) {
    encode_ends ends = {.source = source};
    if (!data_vector_writer_open(&ends.writer, path, DATA_VECTOR_NPY, nn_model_width(m->model), err)) return false;
    const eval_text_stream stream = {read_texts, write_rows, check_interrupt, &ends};
    cli_progress progress = {.n_all = cli_text_source_count(source)};
    cli_progress_watch(&progress, m->encoder);
    const bool ok =
        eval_encoder_stream(m->encoder, prompt, &stream, err) && data_vector_writer_commit(&ends.writer, err);
    eval_encoder_watch(m->encoder, NULL, NULL);
    senc_log_status("%s", "");
    data_vector_writer_close(&ends.writer, false);
    return ok;
}

bool cli_encode_texts(eval_model *m, const char *prompt, cli_text_source *source, data_vectors *out, senc_error *err) {
    const char *top = getenv("TMPDIR");
    char *folder = senc_path_join(top && top[0] ? top : "/tmp", "senc-vectors-XXXXXX");
    if (!folder) return senc_fail_memory(err, 64, "a path");
    if (!mkdtemp(folder)) {
        senc_fail_errno(err, "%s: cannot create the folder", folder);
        free(folder);
        return false;
    }
    char *path = senc_path_join(folder, "vectors.npy");
    const bool ok = (path || senc_fail_memory(err, 64, "a path")) && encode_to(m, prompt, source, path, err) &&
                    data_vectors_open(path, false, out, err);
    senc_path_remove(folder, NULL); /* the map keeps the file's content */
    free(path);
    free(folder);
    return ok;
}
