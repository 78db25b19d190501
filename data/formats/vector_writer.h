/* Writes a file of vectors (vector_file.h) row block by row block, so that it can be gone on with after an
 * interruption: rows go to FILE.partial, `mark` makes what is there durable and says where it stands, `resume` opens it
 * there again.
 *
 *     open -> append ... -> commit -> close       the file is there, complete
 *     open -> append, mark ... -> close(keep)     FILE.partial stays; resume(mark) -> append ... -> commit
 */
#ifndef DATA_VECTOR_WRITER_H
#define DATA_VECTOR_WRITER_H

#include <stdio.h>

#include "autograd/base/buffer.h"
#include "data/formats/vector_file.h"

/* What a jsonl row says beside its vector; NULL: left out. */
typedef struct data_vector_label {
    const char *id, *text;
    int64_t id_bytes, text_bytes;
} data_vector_label;

/* How much of the output is durable. */
typedef struct data_vector_mark {
    int64_t n_rows, n_bytes;
} data_vector_mark;

typedef struct data_vector_writer {
    data_vector_kind kind;
    int64_t width, n_rows;
    char *path;   /* as given, for messages */
    char *target; /* through links; its companions lie beside it */
    char *partial, *scales_partial;
    FILE *file, *scales;
    senc_buffer scratch;
} data_vector_writer;

bool data_vector_writer_open(data_vector_writer *w, const char *path, data_vector_kind kind, int64_t width,
                             senc_error *err);
/* Fails when FILE.partial is shorter than the mark says. */
bool data_vector_writer_resume(data_vector_writer *w, const char *path, data_vector_kind kind, int64_t width,
                               data_vector_mark mark, senc_error *err);
/* rows (n, width); labels (n) for jsonl, or NULL. */
bool data_vector_writer_append(data_vector_writer *w, const float *rows, const data_vector_label *labels, int64_t n,
                               senc_error *err);
bool data_vector_writer_mark(data_vector_writer *w, data_vector_mark *mark, senc_error *err);
/* Syncs and renames; writes FILE.json and FILE.scales.f32 where the kind has them. */
bool data_vector_writer_commit(data_vector_writer *w, senc_error *err);
/* Safe on a zeroed writer and after commit. keep: FILE.partial stays. */
void data_vector_writer_close(data_vector_writer *w, bool keep);

#endif
