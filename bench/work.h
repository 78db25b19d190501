/* The two kinds of work that several rows measure: training and encoding, by senc and by the peers. Prefix: bench_. */
#ifndef BENCH_WORK_H
#define BENCH_WORK_H

#include "bench/bench.h"

typedef struct bench_training {
    const char *pairs; /* jsonl: anchor, positive */
    int64_t batch, max_length;
    const char *memory_limit; /* senc: "1GiB"; NULL: none */
    int64_t cached;           /* sentence-transformers: chunk of its GradCache; 0: without */
    int threads;              /* 0: as many as the row */
} bench_training;

/* Steps behind the first one are timed (a single step as a whole). */
bench_entry *bench_training_senc(bench_row *row, const char *who, const char *precision, const bench_training *t,
                                 senc_error *err);
/* sentence-transformers' trainer. tuned: tcmalloc and eager attention, the fastest there is on CPUs. */
bench_entry *bench_training_peer(bench_row *row, const char *who, const char *precision, const bench_training *t,
                                 bool tuned);

typedef struct bench_encoding {
    const char *texts;  /* jsonl: text */
    int64_t max_length; /* 0: the model's */
    int threads;
} bench_encoding;

/* All texts after the program has loaded the model. The peers encode 64 texts before that; senc warms up in its time.
 */
bench_entry *bench_encoding_senc(bench_row *row, const char *who, const char *precision, const bench_encoding *w);
bench_entry *bench_encoding_st(bench_row *row, const char *who, const char *precision, const bench_encoding *w,
                               bool tuned);
/* ONNX Runtime. The model is exported once, beside the peers' environment: into `folder`, which is written here. */
bool bench_export_onnx(const bench_settings *s, char *folder, size_t folder_bytes, senc_error *err);
bench_entry *bench_encoding_ort(bench_row *row, const char *precision, const bench_encoding *w, const char *folder);

#endif
