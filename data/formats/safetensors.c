/* safetensors: see safetensors.h. */
#include "data/formats/safetensors.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/buffer.h"
#include "autograd/base/memory.h"

#define LENGTH_BYTES     8
#define MAX_HEADER_BYTES ((uint64_t)100000000) /* the reference implementation's limit */

static const struct {
    const char *name;
    size_t n_bytes;
} dtypes[DATA_N_DTYPES] = {
    [DATA_F32] = {"F32", 4},   [DATA_F16] = {"F16", 2},         [DATA_BF16] = {"BF16", 2},
    [DATA_F64] = {"F64", 8},   [DATA_I64] = {"I64", 8},         [DATA_I32] = {"I32", 4},
    [DATA_I16] = {"I16", 2},   [DATA_I8] = {"I8", 1},           [DATA_U64] = {"U64", 8},
    [DATA_U32] = {"U32", 4},   [DATA_U16] = {"U16", 2},         [DATA_U8] = {"U8", 1},
    [DATA_BOOL] = {"BOOL", 1}, [DATA_F8_E4M3] = {"F8_E4M3", 1}, [DATA_F8_E5M2] = {"F8_E5M2", 1},
};

const char *data_dtype_name(data_dtype dtype) {
    return dtypes[dtype].name;
}

size_t data_dtype_bytes(data_dtype dtype) {
    return dtypes[dtype].n_bytes;
}

int64_t data_tensor_count(const data_tensor *t) {
    return (int64_t)(t->n_bytes / dtypes[t->dtype].n_bytes);
}

const char *data_tensor_shape_text(const data_tensor *t, char *out, size_t out_bytes) {
    size_t n = (size_t)snprintf(out, out_bytes, "[");
    for (int i = 0; i < t->n_dims && n < out_bytes; i++) {
        n += (size_t)snprintf(out + n, out_bytes - n, "%s%" PRId64, i ? "," : "", t->shape[i]);
    }
    if (n < out_bytes) snprintf(out + n, out_bytes - n, "]");
    return out;
}

/* ---- reading the header ---- */

typedef struct header_reader {
    const char *path;
    const uint8_t *values; /* what the offsets count from */
    uint64_t n_values;
    senc_error *err;
} header_reader;

__attribute__((format(printf, 3, 4))) static bool fail_tensor(const header_reader *h, const char *name, const char *fmt,
                                                              ...) {
    char what[300];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    return senc_fail(h->err, SENC_BAD_INPUT, "%s: tensor \"%.200s\": %s", h->path, name, what);
}

static bool read_dtype(const header_reader *h, const char *name, const data_json *entry, data_dtype *dtype) {
    const char *text = data_json_text(data_json_find(entry, "dtype"), NULL);
    if (!text) return fail_tensor(h, name, "its header entry has no \"dtype\"");
    for (int i = 0; i < DATA_N_DTYPES; i++) {
        if (strcmp(text, dtypes[i].name) == 0) {
            *dtype = (data_dtype)i;
            return true;
        }
    }
    return fail_tensor(h, name, "unknown dtype \"%.40s\"", text);
}

/* Reads the shape; *n_bytes is what it takes. */
static bool read_shape(const header_reader *h, const data_json *entry, data_tensor *t, size_t *n_bytes) {
    const data_json *shape = data_json_find(entry, "shape");
    if (data_json_get_type(shape) != DATA_JSON_ARRAY)
        return fail_tensor(h, t->name, "its header entry has no \"shape\"");
    if (data_json_count(shape) > DATA_MAX_DIMS) {
        return fail_tensor(h, t->name, "%" PRId64 " dimensions; at most %d are supported", data_json_count(shape),
                           DATA_MAX_DIMS);
    }
    *n_bytes = dtypes[t->dtype].n_bytes;
    for (const data_json *d = data_json_first(shape); d; d = data_json_next(d)) {
        const int64_t size = data_json_integer(d);
        if (data_json_get_type(d) != DATA_JSON_INTEGER || size < 0) {
            return fail_tensor(h, t->name, "its shape holds something that is not a size");
        }
        t->shape[t->n_dims++] = size;
        if (__builtin_mul_overflow(*n_bytes, (size_t)size, n_bytes) || *n_bytes > PTRDIFF_MAX) {
            char shown[128];
            return fail_tensor(h, t->name, "its shape %s... is larger than any file",
                               data_tensor_shape_text(t, shown, sizeof shown));
        }
    }
    return true;
}

static bool read_offsets(const header_reader *h, const data_json *entry, data_tensor *t, size_t n_bytes) {
    const data_json *offsets = data_json_find(entry, "data_offsets");
    const data_json *first = data_json_first(offsets), *second = data_json_next(first);
    if (data_json_count(offsets) != 2 || data_json_get_type(first) != DATA_JSON_INTEGER ||
        data_json_get_type(second) != DATA_JSON_INTEGER) {
        return fail_tensor(h, t->name, "its header entry has no \"data_offsets\": [begin, end]");
    }
    const int64_t begin = data_json_integer(first), end = data_json_integer(second);
    if (begin < 0 || end < begin) {
        return fail_tensor(h, t->name, "data_offsets [%" PRId64 ", %" PRId64 "] are not a range", begin, end);
    }
    if ((uint64_t)end > h->n_values) {
        return fail_tensor(h, t->name,
                           "ends at byte %" PRId64 " of the values, but the file holds only %" PRIu64 " (truncated?)",
                           end, h->n_values);
    }
    if ((uint64_t)(end - begin) != n_bytes) {
        char shown[128];
        return fail_tensor(h, t->name, "%s %s takes %zu bytes, data_offsets give it %" PRId64, dtypes[t->dtype].name,
                           data_tensor_shape_text(t, shown, sizeof shown), n_bytes, end - begin);
    }
    t->n_bytes = n_bytes;
    t->data = h->values + begin;
    return true;
}

static bool read_tensor(const header_reader *h, const data_json *entry, data_tensor *t) {
    *t = (data_tensor){.name = data_json_key(entry, NULL)};
    size_t n_bytes = 0;
    if (data_json_get_type(entry) != DATA_JSON_OBJECT)
        return fail_tensor(h, t->name, "its header entry is not an object");
    return read_dtype(h, t->name, entry, &t->dtype) && read_shape(h, entry, t, &n_bytes) &&
           read_offsets(h, entry, t, n_bytes);
}

static int compare_places(const void *a, const void *b, void *tensors) {
    const data_tensor *t = tensors, *x = &t[*(const int64_t *)a], *y = &t[*(const int64_t *)b];
    if (x->data != y->data) return x->data < y->data ? -1 : 1;
    return (x->n_bytes > y->n_bytes) - (x->n_bytes < y->n_bytes);
}

static int compare_names(const void *a, const void *b, void *tensors) {
    const data_tensor *t = tensors;
    return strcmp(t[*(const int64_t *)a].name, t[*(const int64_t *)b].name);
}

/* The tensors must cover the values without overlap or hole, as the reference implementation demands. */
static bool check_cover(const header_reader *h, const data_safetensors *s) {
    const uint8_t *at = h->values;
    const char *before = NULL;
    for (int64_t i = 0; i < s->n_tensors; i++) {
        const data_tensor *t = &s->tensors[s->order[i]];
        const uint8_t *begin = t->data;
        if (begin < at) return fail_tensor(h, t->name, "overlaps tensor \"%.200s\"", before);
        if (begin > at) return fail_tensor(h, t->name, "%td bytes before it belong to no tensor", begin - at);
        at = begin + t->n_bytes;
        if (t->n_bytes) before = t->name;
    }
    const uint64_t used = (uint64_t)(at - h->values);
    if (used == h->n_values) return true;
    return senc_fail(h->err, SENC_BAD_INPUT, "%s: %" PRIu64 " bytes at the end belong to no tensor", h->path,
                     h->n_values - used);
}

static bool read_entries(const header_reader *h, data_safetensors *s) {
    const int64_t n = data_json_count(s->header);
    s->tensors = senc_alloc((size_t)n, sizeof *s->tensors);
    s->order = senc_alloc((size_t)n, sizeof *s->order);
    if (!s->tensors || !s->order) return senc_fail_memory(h->err, (size_t)n * sizeof *s->tensors, "tensor headers");
    for (const data_json *m = data_json_first(s->header); m; m = data_json_next(m)) {
        if (strcmp(data_json_key(m, NULL), "__metadata__") == 0) continue;
        if (!read_tensor(h, m, &s->tensors[s->n_tensors])) return false;
        s->order[s->n_tensors] = s->n_tensors;
        s->n_tensors++;
    }
    qsort_r(s->order, (size_t)s->n_tensors, sizeof *s->order, compare_places, s->tensors);
    if (!check_cover(h, s)) return false;
    qsort_r(s->order, (size_t)s->n_tensors, sizeof *s->order, compare_names, s->tensors);
    return true;
}

static bool parse(const uint8_t *bytes, size_t n_bytes, data_safetensors *s, senc_error *err) {
    if (n_bytes < LENGTH_BYTES) {
        return senc_fail(err, SENC_BAD_INPUT, "%s: not a safetensors file: %zu bytes, not even a header length",
                         s->path, n_bytes);
    }
    uint64_t length = 0;
    for (int i = 0; i < LENGTH_BYTES; i++) length |= (uint64_t)bytes[i] << (8 * i);
    if (length > MAX_HEADER_BYTES) {
        return senc_fail(err, SENC_BAD_INPUT, "%s: not a safetensors file: a header of %" PRIu64 " bytes", s->path,
                         length);
    }
    if (length > n_bytes - LENGTH_BYTES) {
        return senc_fail(err, SENC_BAD_INPUT,
                         "%s: the header says it is %" PRIu64 " bytes long, but the file has only %zu (truncated?)",
                         s->path, length, n_bytes - LENGTH_BYTES);
    }
    senc_buffer place = {0};
    senc_buffer_printf(&place, "%s: header", s->path);
    const bool ok =
        place.failed ? senc_fail_memory(err, strlen(s->path), "a path")
                     : data_json_parse((const char *)bytes + LENGTH_BYTES, (size_t)length, place.data, &s->header, err);
    senc_buffer_free(&place);
    if (!ok) return false;
    if (data_json_get_type(s->header) != DATA_JSON_OBJECT) {
        return senc_fail(err, SENC_BAD_INPUT, "%s: the header is not a JSON object", s->path);
    }
    const header_reader h = {s->path, bytes + LENGTH_BYTES + length, n_bytes - LENGTH_BYTES - length, err};
    return read_entries(&h, s);
}

bool data_safetensors_parse(const void *bytes, size_t n_bytes, const char *path, data_safetensors *out,
                            senc_error *err) {
    *out = (data_safetensors){.path = senc_strdup(path)};
    const bool ok = out->path ? parse(bytes, n_bytes, out, err) : senc_fail_memory(err, strlen(path), "a path");
    if (!ok) data_safetensors_close(out);
    return ok;
}

bool data_safetensors_open(const char *path, data_safetensors *out, senc_error *err) {
    *out = (data_safetensors){0};
    senc_file_map map;
    if (!senc_file_map_open(&map, path, err)) return false;
    if (!data_safetensors_parse(map.data, map.n_bytes, path, out, err)) {
        senc_file_map_close(&map);
        return false;
    }
    out->map = map;
    return true;
}

void data_safetensors_close(data_safetensors *s) {
    free(s->path);
    free(s->tensors);
    free(s->order);
    data_json_free(s->header);
    if (s->map.data) senc_file_map_close(&s->map);
    *s = (data_safetensors){0};
}

const data_tensor *data_safetensors_find(const data_safetensors *s, const char *name) {
    int64_t low = 0, high = s->n_tensors;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        const int order = strcmp(s->tensors[s->order[middle]].name, name);
        if (order == 0) return &s->tensors[s->order[middle]];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* ---- writing ---- */

static data_json *build_header(const data_tensor *tensors, int64_t n, const data_json *metadata) {
    data_json *header = data_json_create_object();
    if (metadata)
        data_json_put_copy(header, "__metadata__", metadata);
    else
        data_json_put_string(data_json_put_object(header, "__metadata__"), "format", "pt");
    int64_t at = 0;
    for (int64_t i = 0; i < n; i++) {
        const data_tensor *t = &tensors[i];
        SENC_ASSERT(!data_json_find(header, t->name), "tensor %s twice", t->name);
        data_json *entry = data_json_put_object(header, t->name);
        data_json_put_string(entry, "dtype", dtypes[t->dtype].name);
        data_json *shape = data_json_put_array(entry, "shape");
        for (int d = 0; d < t->n_dims; d++) data_json_put_integer(shape, NULL, t->shape[d]);
        data_json *offsets = data_json_put_array(entry, "data_offsets");
        data_json_put_integer(offsets, NULL, at);
        at += (int64_t)t->n_bytes;
        data_json_put_integer(offsets, NULL, at);
    }
    return header;
}

static bool write_bytes(senc_file_writer *w, const void *bytes, size_t n_bytes, senc_error *err) {
    if (fwrite(bytes, 1, n_bytes, w->stream) == n_bytes) return true;
    return senc_fail_errno(err, "%s: cannot write", w->path);
}

bool data_safetensors_write(senc_file_writer *w, const data_tensor *tensors, int64_t n, const data_json *metadata,
                            senc_error *err) {
    data_json *header = build_header(tensors, n, metadata);
    senc_buffer text = {0};
    bool ok = data_json_dump(header, 0, &text);
    while (text.n_bytes % 8 && !text.failed) senc_buffer_append_text(&text, " ");
    ok = ok && !text.failed;
    if (!ok) senc_fail_memory(err, text.n_bytes, "a safetensors header");
    data_json_free(header);
    uint8_t length[LENGTH_BYTES];
    for (int i = 0; i < LENGTH_BYTES; i++) length[i] = (uint8_t)((uint64_t)text.n_bytes >> (8 * i));
    ok = ok && write_bytes(w, length, sizeof length, err) && write_bytes(w, text.data, text.n_bytes, err);
    for (int64_t i = 0; ok && i < n; i++) ok = write_bytes(w, tensors[i].data, tensors[i].n_bytes, err);
    senc_buffer_free(&text);
    return ok;
}

bool data_safetensors_save(const char *path, const data_tensor *tensors, int64_t n, const data_json *metadata,
                           senc_error *err) {
    senc_file_writer w;
    if (!senc_file_writer_open(&w, path, err)) return false;
    const bool ok = data_safetensors_write(&w, tensors, n, metadata, err) && senc_file_writer_commit(&w, err);
    senc_file_writer_close(&w);
    return ok;
}

/* ---- values ---- */

static float float_from_bits(uint32_t bits) {
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

float data_float_from_bf16(uint16_t h) {
    return float_from_bits((uint32_t)h << 16);
}

/* IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits. */
float data_float_from_f16(uint16_t h) {
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 0x1f, fraction = h & 0x3ff;
    if (exponent == 0x1f) return float_from_bits(sign | 0x7f800000 | fraction << 13); /* infinity, NaN */
    if (exponent) return float_from_bits(sign | (exponent + 127 - 15) << 23 | fraction << 13);
    const float tiny = (float)fraction * 0x1p-24f; /* zero, subnormal */
    return sign ? -tiny : tiny;
}

#define CONVERT(type, expression)                                                                                      \
    for (int64_t i = 0; i < n; i++) {                                                                                  \
        type x;                                                                                                        \
        memcpy(&x, bytes + i * (int64_t)sizeof x, sizeof x);                                                           \
        out[i] = expression;                                                                                           \
    }                                                                                                                  \
    return true

bool data_tensor_to_floats(const data_tensor *t, const char *path, float *out, senc_error *err) {
    const uint8_t *bytes = t->data;
    const int64_t n = data_tensor_count(t);
    switch (t->dtype) {
    case DATA_F32:
        if (n) memcpy(out, bytes, t->n_bytes);
        return true;
    case DATA_F16:
        CONVERT(uint16_t, data_float_from_f16(x));
    case DATA_BF16:
        CONVERT(uint16_t, data_float_from_bf16(x));
    case DATA_F64:
        CONVERT(double, (float)x);
    case DATA_I64:
        CONVERT(int64_t, (float)x);
    case DATA_I32:
        CONVERT(int32_t, (float)x);
    default:
        break;
    }
    return senc_fail(err, SENC_BAD_INPUT, "%s: tensor \"%s\" is %s; expected F32, F16, BF16, F64, I64 or I32", path,
                     t->name, dtypes[t->dtype].name);
}
