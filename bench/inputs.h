/* The texts that every program of a row reads: made once from $SENC_DATA in the temporary folder, as jsonl, so that
 * senc and its peers read the same bytes in the same order. Each function returns the path of the file (the caller
 * frees), NULL on failure. Prefix: bench_input_. */
#ifndef BENCH_INPUTS_H
#define BENCH_INPUTS_H

#include "bench/bench.h"

/* {"anchor", "positive"}: the first n medquad rows with a question and an answer; multi30k's captions 1 and 2. Rows are
 * in a fixed random order, which nobody shuffles again: all take the same batches. */
char *bench_input_medquad(const bench_settings *s, int64_t n, senc_error *err);
char *bench_input_captions(const bench_settings *s, int64_t n, senc_error *err);

/* {"text"}: title and text of the first n NFCorpus documents; n sentences of the STS-B test set (all first ones, then
 * all second ones); n multi30k captions, from the first again when they are used up; n texts of more than
 * `length` tokens (but not many times as many). */
char *bench_input_documents(const bench_settings *s, int64_t n, senc_error *err);
char *bench_input_sentences(const bench_settings *s, int64_t n, senc_error *err);
char *bench_input_caption_texts(const bench_settings *s, int64_t n, senc_error *err);
char *bench_input_long_texts(const bench_settings *s, int64_t n, int64_t length, senc_error *err);
/* Such texts as pairs of a text with itself. */
char *bench_input_long_pairs(const bench_settings *s, int64_t n, int64_t length, senc_error *err);
/* One short sentence. */
char *bench_input_sentence(const bench_settings *s, senc_error *err);

#endif
