/* Writes a file of vectors (vector_file.h) row block by row block, so that it can be gone on with after an
 * interruption: rows go to FILE.partial, `mark` makes what is there durable and says where it stands, `resume` opens it
 * there again.
 *
 *     open -> append ... -> seal -> commit -> close   the file is there, complete
 *     open -> append, mark ... -> close(keep)         FILE.partial stays; resume(mark) -> append ... -> seal -> commit
 *     ... seal, killed within commit                  resume_sealed -> commit
 *
 * A file that is replaced keeps its mode and owner. */
#ifndef DATA_VECTOR_WRITER_H
#define DATA_VECTOR_WRITER_H

#include <stdio.h>

#include "autograd/base/buffer.h"
#include "autograd/base/file.h"
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
    senc_file_writer stream; /* of open_stream; file is its */
    int64_t n_rows_told;     /* by the head of a stream of npy */
    bool is_sealed, is_placed;
    bool must_be_new; /* set by the caller: commit fails when there is a file by then */
    senc_buffer scratch;
} data_vector_writer;

/* Refuses what is no file, and a FILE.partial that is there. */
bool data_vector_writer_open(data_vector_writer *w, const char *path, data_vector_kind kind, int64_t width,
                             senc_error *err);
/* For a path that senc_path_is_stream: rows go out as they come, alone, without FILE.json; i8, whose scales would be
 * lost, is refused. n_rows: how many will come, which a head of npy says; -1: not known, so no npy. */
bool data_vector_writer_open_stream(data_vector_writer *w, const char *path, data_vector_kind kind, int64_t width,
                                    int64_t n_rows, senc_error *err);
/* Fails when FILE.partial is shorter than the mark says. */
bool data_vector_writer_resume(data_vector_writer *w, const char *path, data_vector_kind kind, int64_t width,
                               data_vector_mark mark, senc_error *err);
/* FILE.partial and its companions, as far as they are still there, only have to be put in their places. */
bool data_vector_writer_resume_sealed(data_vector_writer *w, const char *path, data_vector_kind kind, int64_t width,
                                      data_vector_mark mark, senc_error *err);
/* rows (n, width); labels (n) for jsonl, or NULL. */
bool data_vector_writer_append(data_vector_writer *w, const float *rows, const data_vector_label *labels, int64_t n,
                               senc_error *err);
bool data_vector_writer_mark(data_vector_writer *w, data_vector_mark *mark, senc_error *err);
/* No more rows: everything is written and synced, FILE.json too where the kind has one. */
bool data_vector_writer_seal(data_vector_writer *w, data_vector_mark *mark, senc_error *err);
/* Seals if that was not done, and renames: FILE.scales.f32 first, FILE last. */
bool data_vector_writer_commit(data_vector_writer *w, senc_error *err);
/* Safe on a zeroed writer and after commit. keep: FILE.partial stays. */
void data_vector_writer_close(data_vector_writer *w, bool keep);

#endif
