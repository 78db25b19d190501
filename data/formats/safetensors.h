/* safetensors: an 8-byte header length, a JSON header {name: {dtype, shape, data_offsets}}, then the tensors' bytes.
 * https://huggingface.co/docs/safetensors (Format) */
#ifndef DATA_SAFETENSORS_H
#define DATA_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "autograd/base/error.h"
#include "autograd/base/file.h"
#include "data/formats/json.h"

typedef enum data_dtype {
    DATA_F32,
    DATA_F16,
    DATA_BF16,
    DATA_F64,
    DATA_I64,
    DATA_I32, /* up to here data_tensor_to_floats converts; the others are listed only */
    DATA_I16,
    DATA_I8,
    DATA_U64,
    DATA_U32,
    DATA_U16,
    DATA_U8,
    DATA_BOOL,
    DATA_F8_E4M3,
    DATA_F8_E5M2,
    DATA_N_DTYPES,
} data_dtype;

#define DATA_MAX_DIMS 8

typedef struct data_tensor {
    const char *name;
    data_dtype dtype;
    int n_dims; /* 0: a scalar, one value */
    int64_t shape[DATA_MAX_DIMS];
    const void *data; /* little-endian, row-major; in a file it need not be aligned to the type */
    size_t n_bytes;
} data_tensor;

typedef struct data_safetensors {
    char *path;
    data_tensor *tensors; /* in the order of the header */
    int64_t n_tensors;
    data_json *header; /* owns the names; data_json_find(header, "__metadata__") */
    int64_t *order;    /* tensor indices by name */
    senc_file_map map; /* {0} when parsed from memory */
} data_safetensors;

/* Maps the file and checks the header: its length, its JSON, every dtype, shape x size = offsets, offsets inside the
 * file, no overlap, no hole. Messages: path: tensor "name": ... */
bool data_safetensors_open(const char *path, data_safetensors *out, senc_error *err);
/* The same for bytes at hand, which must outlive it. */
bool data_safetensors_parse(const void *bytes, size_t n_bytes, const char *path, data_safetensors *out,
                            senc_error *err);
void data_safetensors_close(data_safetensors *s);
/* NULL when absent. */
const data_tensor *data_safetensors_find(const data_safetensors *s, const char *name);

/* Writes n tensors in the given order (names unique), header padded to 8 bytes, "__metadata__": metadata, an object of
 * strings, or {"format": "pt"} when NULL (transformers refuses files without it). */
bool data_safetensors_write(senc_file_writer *w, const data_tensor *tensors, int64_t n, const data_json *metadata,
                            senc_error *err);
/* open, write, commit. */
bool data_safetensors_save(const char *path, const data_tensor *tensors, int64_t n, const data_json *metadata,
                           senc_error *err);

const char *data_dtype_name(data_dtype dtype); /* "F32" */
size_t data_dtype_bytes(data_dtype dtype);
int64_t data_tensor_count(const data_tensor *t); /* values: the product of the shape */
/* "[3072,768]"; written to out (128 bytes are enough), which is returned. */
const char *data_tensor_shape_text(const data_tensor *t, char *out, size_t out_bytes);
/* Converts data_tensor_count values to out. path: for the message when the dtype cannot be converted. */
bool data_tensor_to_floats(const data_tensor *t, const char *path, float *out, senc_error *err);

float data_float_from_f16(uint16_t h);
float data_float_from_bf16(uint16_t h);

#endif
