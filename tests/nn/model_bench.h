/* What the model tests share: the reference dump (tests/reference/make_tiny.py), one pass on a fresh tape, comparisons,
 * and folders to spoil. Prefix: model_bench_. */
#ifndef MODEL_BENCH_H
#define MODEL_BENCH_H

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "data/formats/safetensors.h"
#include "nn/model.h"

#define TINY           SENC_TESTS "/reference/tiny"
#define TINY_REFERENCE SENC_TESTS "/reference/tiny-reference.safetensors"

typedef struct model_bench {
    data_safetensors file;
    int32_t *ids;     /* (N) */
    int64_t *offsets; /* (B+1) */
    kern_sequences sequences;
} model_bench;

/* The dump's tensor as floats; the caller frees. n may be NULL. */
static inline float *model_bench_tensor(const model_bench *b, const char *name, int64_t *n) {
    senc_error err = {0};
    const data_tensor *t = data_safetensors_find(&b->file, name);
    ck_assert_msg(t != NULL, "the dump has no %s", name);
    float *x = senc_alloc((size_t)data_tensor_count(t), sizeof *x);
    ck_assert_msg(data_tensor_to_floats(t, b->file.path, x, &err), "%s", err.text);
    if (n) *n = data_tensor_count(t);
    return x;
}

static inline model_bench model_bench_open(void) {
    model_bench b = {0};
    senc_error err = {0};
    ck_assert_msg(data_safetensors_open(TINY_REFERENCE, &b.file, &err), "%s", err.text);
    int64_t n, n_offsets;
    float *ids = model_bench_tensor(&b, "ids", &n), *offsets = model_bench_tensor(&b, "offsets", &n_offsets);
    b.ids = senc_alloc((size_t)n, sizeof *b.ids);
    b.offsets = senc_alloc((size_t)n_offsets, sizeof *b.offsets);
    for (int64_t i = 0; i < n; i++) b.ids[i] = (int32_t)ids[i];
    for (int64_t i = 0; i < n_offsets; i++) b.offsets[i] = (int64_t)offsets[i];
    b.sequences = (kern_sequences){b.offsets, n_offsets - 1};
    free(ids);
    free(offsets);
    return b;
}

static inline void model_bench_close(model_bench *b) {
    data_safetensors_close(&b->file);
    free(b->ids);
    free(b->offsets);
}

static inline nn_model *model_bench_load(const char *folder, const nn_overrides *overrides, bool gradients) {
    senc_error err = {0};
    nn_model *m;
    ck_assert_msg(nn_model_load(folder, overrides, gradients, &m, &err), "%s", err.text);
    return m;
}

/* Vectors (B, width); the caller frees. */
static inline float *model_bench_encode(nn_model *m, const kern_table *kernels, bool gradients, const int32_t *ids,
                                        kern_sequences sequences, const nn_pass *pass) {
    senc_error err = {0};
    ag_tape tape;
    ck_assert(ag_tape_init(&tape, kernels, gradients, 0, &err));
    const nn_pass plain = {0};
    ag_node *y = nn_model_encode(m, &tape, ids, sequences, pass ? pass : &plain);
    ck_assert_msg(ag_tape_check(&tape, &err), "%s", err.text);
    ck_assert_int_eq(y->rows, sequences.n);
    ck_assert_int_eq(y->cols, nn_model_width(m));
    const size_t n = (size_t)(y->rows * y->cols);
    float *out = senc_alloc(n, sizeof *out);
    memcpy(out, y->value, n * sizeof *out);
    ag_tape_free(&tape);
    return out;
}

static inline double model_bench_largest(const float *x, int64_t n) {
    double largest = 0;
    for (int64_t i = 0; i < n; i++) largest = fmax(largest, fabs((double)x[i]));
    return largest;
}

/* |got - want| <= relative * the largest |want| + absolute, for every element; NaN fails. Returns the worst ratio to
 * the largest. */
static inline double model_bench_compare(const float *got, const float *want, int64_t n, double relative,
                                         double absolute, const char *what) {
    const double largest = model_bench_largest(want, n);
    double worst = 0;
    for (int64_t i = 0; i < n; i++) {
        const double difference = fabs((double)got[i] - (double)want[i]);
        ck_assert_msg(difference <= relative * largest + absolute, "%s[%lld]: got %.9g, want %.9g (largest %.9g)", what,
                      (long long)i, (double)got[i], (double)want[i], largest);
        if (largest > 0) worst = fmax(worst, difference / largest);
    }
    return worst;
}

/* ---- folders to spoil ---- */

/* A fresh folder under TMPDIR; the caller removes it with model_bench_remove and frees the path. */
static inline char *model_bench_folder(void) {
    const char *base = getenv("TMPDIR");
    char path[512];
    snprintf(path, sizeof path, "%s/senc-model-XXXXXX", base && base[0] ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(path));
    return senc_strdup(path);
}

static inline void model_bench_remove(char *folder) {
    senc_error err = {0};
    ck_assert_msg(senc_path_remove(folder, &err), "%s", err.text);
    free(folder);
}

static inline void model_bench_write(const char *folder, const char *name, const void *bytes, size_t n_bytes) {
    senc_error err = {0};
    char *path = senc_path_join(folder, name), *parent = senc_path_folder(path);
    ck_assert_msg(senc_path_create_folders(parent, &err) && senc_file_write(path, bytes, n_bytes, &err), "%s",
                  err.text);
    free(parent);
    free(path);
}

static inline void model_bench_write_text(const char *folder, const char *name, const char *text) {
    model_bench_write(folder, name, text, strlen(text));
}

static inline char *model_bench_read(const char *folder, const char *name, size_t *n_bytes) {
    senc_error err = {0};
    char *path = senc_path_join(folder, name);
    char *text = senc_file_read(path, 0, n_bytes, &err);
    ck_assert_msg(text != NULL, "%s", err.text);
    free(path);
    return text;
}

/* from/name -> to/name as it is. */
static inline void model_bench_copy(const char *from, const char *name, const char *to) {
    size_t n;
    char *bytes = model_bench_read(from, name, &n);
    model_bench_write(to, name, bytes, n);
    free(bytes);
}

/* The tiny model's folder, without its tokenizer, in a folder of its own. */
static inline char *model_bench_tiny_copy(void) {
    static const char *const names[] = {"config.json",  "config_sentence_transformers.json", "model.safetensors",
                                        "modules.json", "sentence_bert_config.json",         "1_Pooling/config.json"};
    char *folder = model_bench_folder();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) model_bench_copy(TINY, names[i], folder);
    return folder;
}

/* Replaces the first `old` in folder/name by `by`. */
static inline void model_bench_replace(const char *folder, const char *name, const char *old, const char *by) {
    char *text = model_bench_read(folder, name, NULL);
    char *at = strstr(text, old);
    ck_assert_msg(at != NULL, "%s has no %s", name, old);
    senc_buffer b = {0};
    senc_buffer_append(&b, text, (size_t)(at - text));
    senc_buffer_append_text(&b, by);
    senc_buffer_append_text(&b, at + strlen(old));
    model_bench_write(folder, name, b.data, b.n_bytes);
    senc_buffer_free(&b);
    free(text);
}

/* Loading fails as the user's mistake, with a text that begins with the folder and holds `part`; frees nothing of the
 * folder. */
static inline void model_bench_refuses(const char *folder, const nn_overrides *overrides, const char *part) {
    senc_error err = {0};
    nn_model *m = NULL;
    ck_assert_msg(!nn_model_load(folder, overrides, false, &m, &err), "loaded, although: %s", part);
    ck_assert_ptr_null(m);
    ck_assert_msg(strstr(err.text, part) != NULL, "expected \"... %s ...\", got \"%s\"", part, err.text);
    ck_assert_msg(strncmp(err.text, folder, strlen(folder)) == 0, "expected the path first, got \"%s\"", err.text);
    ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
}

#endif
