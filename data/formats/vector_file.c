/* Reading files of vectors: see vector_file.h. */
#include "data/formats/vector_file.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "autograd/base/buffer.h"
#include "autograd/base/memory.h"
#include "data/formats/json.h"
#include "data/formats/jsonl.h"
#include "data/formats/npy.h"
#include "data/formats/safetensors.h"

#define MOST_WIDTH (1 << 20)

static const char *const names[] = {"npy", "jsonl", "f32", "f16", "i8", "bin"};

const char *data_vector_kind_name(data_vector_kind kind) {
    return names[kind];
}

bool data_vector_kind_of_path(const char *path, data_vector_kind *kind, senc_error *err) {
    const char *dot = strrchr(senc_path_name(path), '.');
    for (size_t i = 0; dot && i < sizeof names / sizeof *names; i++) {
        if (strcmp(dot + 1, names[i]) != 0) continue;
        *kind = (data_vector_kind)i;
        return true;
    }
    return senc_fail(err, SENC_BAD_INPUT,
                     "%s: expected a file of vectors that ends in .npy, .jsonl, .f32, .f16, .i8 or .bin", path);
}

int64_t data_vector_row_bytes(data_vector_kind kind, int64_t width) {
    switch (kind) {
    case DATA_VECTOR_NPY:
    case DATA_VECTOR_F32:
        return 4 * width;
    case DATA_VECTOR_F16:
        return 2 * width;
    case DATA_VECTOR_I8:
        return width;
    case DATA_VECTOR_BIN:
        return (width + 7) / 8;
    case DATA_VECTOR_JSONL:
        break;
    }
    return 0;
}

/* ---- numbers ---- */

uint16_t data_float_to_f16(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    const uint32_t magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) return sign | 0x7e00;
    if (magnitude >= 0x477ff000) return sign | 0x7c00; /* from 65520 on the nearest is infinity */
    if (magnitude < 0x38800000) {                      /* below 2^-14: a multiple of 2^-24 */
        const float steps = nearbyintf(fabsf(x) * 0x1p24f);
        return (uint16_t)(sign | (uint16_t)steps);
    }
    const uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
    return (uint16_t)(sign | (uint16_t)((rounded >> 13) - (112u << 10)));
}

void data_vector_pack(data_vector_kind kind, const float *row, int64_t width, void *out) {
    uint8_t *bytes = out;
    if (kind == DATA_VECTOR_F32 || kind == DATA_VECTOR_NPY) {
        memcpy(out, row, (size_t)width * sizeof *row);
    } else if (kind == DATA_VECTOR_F16) {
        for (int64_t i = 0; i < width; i++) {
            const uint16_t h = data_float_to_f16(row[i]);
            memcpy(bytes + 2 * i, &h, sizeof h);
        }
    } else {
        memset(bytes, 0, (size_t)(width + 7) / 8);
        for (int64_t i = 0; i < width; i++) bytes[i / 8] |= (uint8_t)((row[i] > 0) << (7 - i % 8));
    }
}

void data_vector_unpack(data_vector_kind kind, const void *packed, int64_t width, float *row) {
    const uint8_t *bytes = packed;
    if (kind == DATA_VECTOR_F32 || kind == DATA_VECTOR_NPY) {
        memcpy(row, packed, (size_t)width * sizeof *row);
    } else if (kind == DATA_VECTOR_F16) {
        for (int64_t i = 0; i < width; i++) {
            uint16_t h;
            memcpy(&h, bytes + 2 * i, sizeof h);
            row[i] = data_float_from_f16(h);
        }
    } else {
        for (int64_t i = 0; i < width; i++) row[i] = bytes[i / 8] >> (7 - i % 8) & 1 ? 1.0f : -1.0f;
    }
}

float data_vector_quantize(const float *row, int64_t width, int8_t *out) {
    float largest = 0;
    for (int64_t i = 0; i < width; i++) largest = fmaxf(largest, fabsf(row[i]));
    const float scale = largest / 127.0f;
    for (int64_t i = 0; i < width; i++)
        out[i] = scale > 0 && isfinite(scale) ? (int8_t)nearbyintf(fminf(fmaxf(row[i] / scale, -127), 127)) : 0;
    return scale;
}

/* ---- opening ---- */

static char *beside(const data_vectors *v, const char *ending, senc_error *err) {
    senc_buffer b = {0};
    senc_buffer_append_text(&b, v->path);
    senc_buffer_append_text(&b, ending);
    char *path = senc_buffer_take(&b);
    if (!path) senc_fail_memory(err, strlen(v->path), "a path");
    return path;
}

static bool open_npy(data_vectors *v, senc_error *err) {
    data_npy_shape shape;
    if (!data_npy_find(v->map.data, v->map.n_bytes, v->path, &shape, err)) return false;
    v->n_rows = shape.n_rows;
    v->width = shape.n_columns;
    v->item_bytes = (int64_t)shape.item_bytes;
    v->data = v->map.data + shape.begin;
    return true;
}

static bool open_raw(data_vectors *v, senc_error *err) {
    char *path = beside(v, ".json", err);
    if (!path) return false;
    data_json *o = NULL;
    bool ok =
        senc_path_exists(path) ||
        senc_fail(err, SENC_BAD_INPUT, "%s: expected %s beside it, with \"rows\" and \"width\" (senc encode writes it)",
                  v->path, senc_path_name(path));
    ok = ok && data_json_load(path, &o, err) &&
         data_json_require_integer(o, "rows", 0, INT64_C(1) << 48, &v->n_rows, err) &&
         data_json_require_integer(o, "width", 1, MOST_WIDTH, &v->width, err);
    const int64_t row_bytes = ok ? data_vector_row_bytes(v->kind, v->width) : 1; /* at least 1, below 2^23 */
    const bool fits = v->n_rows == (int64_t)v->map.n_bytes / row_bytes && (int64_t)v->map.n_bytes % row_bytes == 0;
    if (ok && !fits)
        ok = senc_fail(err, SENC_BAD_INPUT,
                       "%s: expected %" PRId64 " rows of width %" PRId64 " (%s) of %" PRId64
                       " bytes each, found %zu bytes",
                       v->path, v->n_rows, v->width, senc_path_name(path), row_bytes, v->map.n_bytes);
    data_json_free(o);
    free(path);
    v->data = v->map.data;
    if (!ok || v->kind != DATA_VECTOR_I8) return ok;
    path = beside(v, ".scales.f32", err);
    ok = path && senc_file_map_open(&v->scales, path, err);
    if (ok && (int64_t)v->scales.n_bytes != 4 * v->n_rows)
        ok = senc_fail(err, SENC_BAD_INPUT, "%s: expected a float32 for each of the %" PRId64 " rows, found %zu bytes",
                       path, v->n_rows, v->scales.n_bytes);
    free(path);
    return ok;
}

static bool add_id(data_vectors *v, int64_t capacity, const char *text, size_t n_bytes, senc_error *err) {
    if (v->ids.n == capacity) return true;
    char *id = senc_strndup(text, n_bytes);
    if (!id) return senc_fail_memory(err, n_bytes, "ids");
    v->ids.items[v->ids.n++] = id;
    return true;
}

/* What was counted or checked a moment ago is something else now. */
static bool fail_changed(const data_vectors *v, senc_error *err) {
    return senc_fail(err, SENC_FILE_LOST, "%s: changed while it was in use", v->path);
}

static const data_json *find_vector(const data_json *o) {
    const data_json *list = data_json_find(o, "embedding");
    return list ? list : data_json_find(o, "vector");
}

/* Lines are counted first, then kept: one block for the offsets. */
static bool reserve_lines(data_vectors *v, bool with_ids, int64_t *capacity, senc_error *err) {
    size_t n = 1;
    for (size_t i = 0; i < v->map.n_bytes; i++) n += v->map.data[i] == '\n';
    *capacity = (int64_t)n;
    v->offsets = senc_alloc(n, sizeof *v->offsets);
    if (with_ids) v->ids.items = senc_alloc_zero(n, sizeof *v->ids.items);
    return (v->offsets && (!with_ids || v->ids.items)) || senc_fail_memory(err, n * 16, "the vectors");
}

static bool check_line(data_vectors *v, const data_json *o, int64_t line, bool with_ids, senc_error *err) {
    const data_json *list = find_vector(o);
    const int64_t n = data_json_count(list);
    if (data_json_get_type(list) != DATA_JSON_ARRAY || n == 0)
        return senc_fail(err, SENC_BAD_INPUT, "%s:%" PRId64 ": expected \"embedding\": [numbers]", v->path, line);
    if (v->n_rows == 0) v->width = n;
    if (n != v->width)
        return senc_fail(err, SENC_BAD_INPUT,
                         "%s:%" PRId64 ": a vector of width %" PRId64 "; expected %" PRId64 ", as in the first line",
                         v->path, line, n, v->width);
    for (const data_json *x = data_json_first(list); x; x = data_json_next(x)) {
        if (!data_json_is_number(x) && data_json_get_type(x) != DATA_JSON_NULL)
            return senc_fail(err, SENC_BAD_INPUT, "%s:%" PRId64 ": \"embedding\": expected numbers, got %s", v->path,
                             line, data_json_type_name(data_json_get_type(x)));
    }
    const data_json *id = data_json_find(o, "id");
    size_t n_bytes = 0;
    if (!with_ids || !id) return true;
    char digits[32];
    const char *text = data_json_text(id, &n_bytes);
    if (!text && data_json_get_type(id) == DATA_JSON_INTEGER) {
        n_bytes = (size_t)snprintf(digits, sizeof digits, "%" PRId64, data_json_integer(id));
        text = digits;
    }
    return !text || add_id(v, v->n_rows + 1, text, n_bytes, err);
}

static bool open_jsonl(data_vectors *v, bool with_ids, senc_error *err) {
    data_json_pool *pool = data_json_pool_create();
    if (!pool) return senc_fail_memory(err, 64, "the vectors");
    int64_t capacity = 0;
    bool ok = reserve_lines(v, with_ids, &capacity, err);
    data_cursor cursor = data_cursor_first(v->map.data, v->map.n_bytes), start;
    senc_buffer scratch = {0};
    const data_json *o;
    int status = 1;
    while (ok && (status = data_jsonl_next(v->map.data, v->map.n_bytes, v->path, false, &cursor, &start, pool, &scratch,
                                           &o, err)) > 0) {
        ok = v->n_rows < capacity ? check_line(v, o, start.line, with_ids, err) : fail_changed(v, err);
        if (ok) v->offsets[v->n_rows++] = (int64_t)start.offset;
    }
    data_json_pool_free(pool);
    senc_buffer_free(&scratch);
    if (ok && status == 0 && v->ids.n > 0 && v->ids.n != v->n_rows)
        ok = senc_fail(err, SENC_BAD_INPUT, "%s: %" PRId64 " of %" PRId64 " rows have an \"id\"; expected all or none",
                       v->path, v->ids.n, v->n_rows);
    return ok && status == 0;
}

/* FILE.ids.txt, where it is there. */
static bool read_ids(data_vectors *v, senc_error *err) {
    char *path = beside(v, ".ids.txt", err);
    if (!path) return false;
    senc_file_map map = {0};
    bool ok = true;
    if (senc_path_exists(path)) {
        ok = senc_file_map_open(&map, path, err);
        v->ids.items = ok ? senc_alloc_zero((size_t)v->n_rows, sizeof *v->ids.items) : NULL;
        if (ok && !v->ids.items) ok = senc_fail_memory(err, (size_t)v->n_rows * 8, "ids");
        data_cursor cursor = data_cursor_first(map.data, map.n_bytes);
        const char *line;
        size_t n_bytes;
        int64_t n = 0;
        while (ok && data_line_next(map.data, map.n_bytes, &cursor, &line, &n_bytes)) {
            ok = add_id(v, v->n_rows, line, n_bytes, err);
            n++;
        }
        if (ok && n != v->n_rows)
            ok = senc_fail(err, SENC_BAD_INPUT, "%s: %" PRId64 " ids; expected %" PRId64 ", one for each row of %s",
                           path, n, v->n_rows, v->path);
        senc_file_map_close(&map);
    }
    free(path);
    return ok;
}

/* Every user may count on a row and a number in it, and on products of sizes that do not overflow. */
static bool check_size(const data_vectors *v, senc_error *err) {
    if (v->n_rows == 0) return senc_fail(err, SENC_BAD_INPUT, "%s: holds no vectors; expected at least one", v->path);
    if (v->width >= 1 && v->width <= MOST_WIDTH) return true;
    return senc_fail(err, SENC_BAD_INPUT, "%s: holds vectors of width %" PRId64 "; expected 1 to %d", v->path, v->width,
                     MOST_WIDTH);
}

bool data_vectors_open(const char *path, bool with_ids, data_vectors *out, senc_error *err) {
    *out = (data_vectors){0};
    if (!data_vector_kind_of_path(path, &out->kind, err)) return false;
    out->path = senc_strdup(path);
    bool ok = out->path || senc_fail_memory(err, strlen(path), "a path");
    ok = ok && senc_file_map_open(&out->map, path, err);
    if (ok && out->kind == DATA_VECTOR_NPY)
        ok = open_npy(out, err);
    else if (ok && out->kind == DATA_VECTOR_JSONL)
        ok = open_jsonl(out, with_ids, err);
    else if (ok)
        ok = open_raw(out, err);
    ok = ok && check_size(out, err);
    if (ok && with_ids && out->ids.n == 0) ok = read_ids(out, err);
    if (!ok) data_vectors_close(out);
    return ok;
}

data_vectors data_vectors_of_array(const float *values, int64_t n_rows, int64_t width) {
    return (data_vectors){
        .n_rows = n_rows, .width = width, .kind = DATA_VECTOR_F32, .data = (const char *)values, .item_bytes = 4};
}

void data_vectors_close(data_vectors *v) {
    if (v->path) {
        senc_file_map_close(&v->map);
        senc_file_map_close(&v->scales);
    }
    for (int64_t i = 0; i < v->ids.n; i++) free(v->ids.items[i]);
    free(v->ids.items);
    free(v->offsets);
    free(v->path);
    *v = (data_vectors){0};
}

/* ---- reading ---- */

static void read_npy_row(const data_vectors *v, const char *from, float *row) {
    if (v->item_bytes == 4) data_vector_unpack(DATA_VECTOR_F32, from, v->width, row);
    if (v->item_bytes == 2) data_vector_unpack(DATA_VECTOR_F16, from, v->width, row);
    for (int64_t i = 0; v->item_bytes == 8 && i < v->width; i++) {
        double x;
        memcpy(&x, from + 8 * i, sizeof x);
        row[i] = (float)x;
    }
}

static bool read_json_rows(const data_vectors *v, int64_t first, int64_t n, float *out, senc_error *err) {
    data_json_pool *pool = data_json_pool_create();
    if (!pool) return senc_fail_memory(err, 64, "the vectors");
    senc_buffer scratch = {0};
    bool ok = true;
    for (int64_t i = 0; ok && i < n; i++) {
        data_cursor cursor = {(uint64_t)v->offsets[first + i], 0}, start;
        const data_json *o;
        ok = data_jsonl_next(v->map.data, v->map.n_bytes, v->path, false, &cursor, &start, pool, &scratch, &o, err) > 0;
        if (!ok) fail_changed(v, err);
        float *x = out + i * v->width;
        const data_json *list = ok ? find_vector(o) : NULL;
        if (ok && data_json_count(list) != v->width) ok = fail_changed(v, err);
        for (const data_json *number = ok ? data_json_first(list) : NULL; number; number = data_json_next(number))
            *x++ = data_json_is_number(number) ? (float)data_json_number(number) : NAN; /* null: writers' NaN */
    }
    senc_buffer_free(&scratch);
    data_json_pool_free(pool);
    return ok;
}

static void read_int8_row(const data_vectors *v, int64_t i, float *row) {
    float scale;
    memcpy(&scale, v->scales.data + 4 * i, sizeof scale);
    const int8_t *bytes = (const int8_t *)v->data + i * v->width;
    for (int64_t k = 0; k < v->width; k++) row[k] = scale * (float)bytes[k];
}

bool data_vectors_read(const data_vectors *v, int64_t first, int64_t n, float *out, senc_error *err) {
    SENC_ASSERT(first >= 0 && n >= 0 && first + n <= v->n_rows, "rows %" PRId64 " + %" PRId64 " of %" PRId64, first, n,
                v->n_rows);
    if (v->kind == DATA_VECTOR_JSONL) return read_json_rows(v, first, n, out, err);
    for (int64_t i = first; i < first + n; i++, out += v->width) {
        if (v->kind == DATA_VECTOR_NPY)
            read_npy_row(v, v->data + i * v->width * v->item_bytes, out);
        else if (v->kind == DATA_VECTOR_I8)
            read_int8_row(v, i, out);
        else
            data_vector_unpack(v->kind, v->data + i * data_vector_row_bytes(v->kind, v->width), v->width, out);
    }
    return true;
}

void data_vectors_forget(const data_vectors *v, int64_t row) {
    if (!v->path || v->n_rows == 0 || row <= 0) return;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t used = (size_t)((double)v->map.n_bytes * ((double)row / (double)v->n_rows));
    if (used >= page) madvise((void *)v->map.data, used / page * page, MADV_DONTNEED);
}
