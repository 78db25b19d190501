/* NumPy's .npy, for matrices. https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
#ifndef DATA_NPY_H
#define DATA_NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "autograd/base/error.h"
#include "autograd/base/file.h"

/* Writes float32 (N,D) row block by row block, version 1.0; N is patched into the header at commit.
 * open -> append... -> commit; close without commit leaves no file. */
typedef struct data_npy_writer {
    senc_file_writer file;
    int64_t n_rows, n_columns;
} data_npy_writer;

bool data_npy_writer_open(data_npy_writer *w, const char *path, int64_t n_columns, senc_error *err);
/* rows: (n_rows, n_columns) */
bool data_npy_writer_append(data_npy_writer *w, const float *rows, int64_t n_rows, senc_error *err);
bool data_npy_writer_commit(data_npy_writer *w, senc_error *err);
void data_npy_writer_close(data_npy_writer *w); /* safe on a zeroed one and after commit */

/* Where the values of a .npy are, and how many: checked against the file's size. */
typedef struct data_npy_shape {
    int64_t n_rows, n_columns;
    size_t item_bytes, begin; /* 2, 4 or 8; the first value's place */
} data_npy_shape;
bool data_npy_find(const void *bytes, size_t n_bytes, const char *path, data_npy_shape *out, senc_error *err);

/* A matrix (n_rows, n_columns) as floats. */
typedef struct data_matrix {
    float *values;
    int64_t n_rows, n_columns;
} data_matrix;

/* Reads float16, float32 and float64 (little-endian, C order, two dimensions; a vector is one row). Anything else is a
 * BAD_INPUT error that says what was found. */
bool data_npy_load(const char *path, data_matrix *out, senc_error *err);
bool data_npy_parse(const void *bytes, size_t n_bytes, const char *path, data_matrix *out, senc_error *err);
void data_matrix_free(data_matrix *m);

#endif
