/* Files of vectors, a row a text. The ending says which kind:
 *
 *     .npy    NumPy's format, float32
 *     .jsonl  an object a line: {"id": ..., "text": ..., "embedding": [numbers]}; id and text may be absent
 *     .f32    float32, little-endian, row behind row
 *     .f16    IEEE binary16, likewise
 *     .i8     int8; value = number x the row's scale, the scales as float32 in FILE.scales.f32
 *     .bin    one bit a dimension, 1 for a positive number, the first dimension in the highest bit of a byte (NumPy's
 *             packbits); read as +1 and -1
 *
 * The raw kinds have FILE.json beside them: {"rows", "width", "type"}. Ids are in FILE.ids.txt, one a line, or in the
 * jsonl itself. */
#ifndef DATA_VECTOR_FILE_H
#define DATA_VECTOR_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/error.h"
#include "autograd/base/file.h"
#include "autograd/base/options.h"

typedef enum data_vector_kind {
    DATA_VECTOR_NPY,
    DATA_VECTOR_JSONL,
    DATA_VECTOR_F32,
    DATA_VECTOR_F16,
    DATA_VECTOR_I8,
    DATA_VECTOR_BIN,
} data_vector_kind;
#define DATA_VECTOR_KINDS "npy|jsonl|f32|f16|i8|bin"

/* By the ending of a path; a BAD_INPUT error that lists the endings. */
bool data_vector_kind_of_path(const char *path, data_vector_kind *kind, senc_error *err);
const char *data_vector_kind_name(data_vector_kind kind); /* "npy" */
/* Bytes of a row; 0 for jsonl. */
int64_t data_vector_row_bytes(data_vector_kind kind, int64_t width);

/* Rows of floats from and to one raw kind: F32 (and NPY), F16, BIN. */
void data_vector_pack(data_vector_kind kind, const float *row, int64_t width, void *out);
/* F16, BIN and F32 back to floats. */
void data_vector_unpack(data_vector_kind kind, const void *packed, int64_t width, float *row);
/* int8 of one row; returns its scale (largest magnitude / 127; 0 for a zero row). */
float data_vector_quantize(const float *row, int64_t width, int8_t *out);
uint16_t data_float_to_f16(float x); /* nearest, ties to even */

/* An open file: rows are read when they are asked for, from a memory map, so that any size will do. */
typedef struct data_vectors {
    int64_t n_rows, width;
    data_vector_kind kind;
    char *path;
    const char *data;   /* first row (not jsonl); in the map, or an array of floats that is borrowed */
    int64_t item_bytes; /* of a number in .npy: 2, 4 or 8 */
    senc_file_map map, scales;
    int64_t *offsets; /* jsonl: (n_rows) of the lines */
    senc_strings ids; /* empty: none */
} data_vectors;

/* Everything about the shape is checked, and every row of a jsonl; there is at least one row of at least one number.
 * with_ids: reads ids where they are. */
bool data_vectors_open(const char *path, bool with_ids, data_vectors *out, senc_error *err);
/* values (n_rows, width) are borrowed. */
data_vectors data_vectors_of_array(const float *values, int64_t n_rows, int64_t width);
/* Rows [first, first + n) into out (n, width). From any thread. Fails when the file holds something else by now; what
 * comes of the rows is to be checked once more before it leaves the process (mapping.h). */
bool data_vectors_read(const data_vectors *v, int64_t first, int64_t n, float *out, senc_error *err);
/* Rows before this one need not stay in memory. */
void data_vectors_forget(const data_vectors *v, int64_t row);
void data_vectors_close(data_vectors *v);

#endif
