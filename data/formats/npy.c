/* NumPy's .npy: see npy.h. Layout: "\x93NUMPY", version major, minor, header length (2 bytes little-endian in version
 * 1, 4 in 2 and 3), a Python dict literal {'descr': '<f4', 'fortran_order': False, 'shape': (N, D), } padded with
 * spaces and a final newline to a multiple of 64, then the values. */
#include "data/formats/npy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "data/formats/safetensors.h"

#define MAGIC        "\x93NUMPY"
#define PREFIX_BYTES 10  /* magic, version 1.0, two length bytes */
#define HEADER_BYTES 128 /* all of it; leaves room for any N and D, and is a multiple of 64 as the format advises */

/* ---- writing ---- */

static bool write_header(data_npy_writer *w, senc_error *err) {
    char header[HEADER_BYTES];
    memset(header, ' ', sizeof header);
    memcpy(header, MAGIC "\x01\x00", 8);
    header[8] = (char)(HEADER_BYTES - PREFIX_BYTES);
    header[9] = 0;
    const int n = snprintf(header + PREFIX_BYTES, sizeof header - PREFIX_BYTES,
                           "{'descr': '<f4', 'fortran_order': False, 'shape': (%" PRId64 ", %" PRId64 "), }", w->n_rows,
                           w->n_columns);
    header[PREFIX_BYTES + n] = ' '; /* snprintf's NUL */
    header[HEADER_BYTES - 1] = '\n';
    if (fseeko(w->file.stream, 0, SEEK_SET) != 0 || fwrite(header, 1, sizeof header, w->file.stream) != sizeof header) {
        return senc_fail_errno(err, "%s: cannot write", w->file.path);
    }
    return true;
}

bool data_npy_writer_open(data_npy_writer *w, const char *path, int64_t n_columns, senc_error *err) {
    *w = (data_npy_writer){.n_columns = n_columns};
    if (!senc_file_writer_open(&w->file, path, err)) return false;
    if (write_header(w, err)) return true;
    data_npy_writer_close(w);
    return false;
}

bool data_npy_writer_append(data_npy_writer *w, const float *rows, int64_t n_rows, senc_error *err) {
    const size_t n = (size_t)n_rows * (size_t)w->n_columns;
    if (fwrite(rows, sizeof *rows, n, w->file.stream) != n) {
        return senc_fail_errno(err, "%s: cannot write", w->file.path);
    }
    w->n_rows += n_rows;
    return true;
}

bool data_npy_writer_commit(data_npy_writer *w, senc_error *err) {
    return write_header(w, err) && senc_file_writer_commit(&w->file, err);
}

void data_npy_writer_close(data_npy_writer *w) {
    senc_file_writer_close(&w->file);
}

/* ---- reading ---- */

typedef struct header_info {
    char descr[16];
    bool fortran;
    int64_t shape[2];
    int n_dims;
} header_info;

typedef struct cursor {
    const char *p, *end;
} cursor;

static void skip_spaces(cursor *c) {
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' || *c->p == '\t')) c->p++;
}

static bool accept(cursor *c, char wanted) {
    skip_spaces(c);
    if (c->p == c->end || *c->p != wanted) return false;
    c->p++;
    return true;
}

static bool accept_word(cursor *c, const char *word) {
    const size_t n = strlen(word);
    if ((size_t)(c->end - c->p) < n || memcmp(c->p, word, n) != 0) return false;
    c->p += n;
    return true;
}

/* A Python string literal without escapes. */
static bool read_quoted(cursor *c, char *out, size_t out_bytes) {
    skip_spaces(c);
    if (c->p == c->end || (*c->p != '\'' && *c->p != '"')) return false;
    const char quote = *c->p++;
    size_t n = 0;
    while (c->p < c->end && *c->p != quote) {
        if (n + 1 >= out_bytes) return false;
        out[n++] = *c->p++;
    }
    out[n] = '\0';
    return accept(c, quote);
}

/* (3, 4) or (3,). More than two dimensions are counted, not kept. */
static bool read_shape(cursor *c, header_info *h) {
    if (!accept(c, '(')) return false;
    while (!accept(c, ')')) {
        skip_spaces(c);
        int64_t value = 0;
        const char *start = c->p;
        while (c->p < c->end && *c->p >= '0' && *c->p <= '9') {
            if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *c->p - '0', &value))
                return false;
            c->p++;
        }
        if (c->p == start || h->n_dims == INT32_MAX) return false;
        if (h->n_dims < 2) h->shape[h->n_dims] = value;
        h->n_dims++;
        if (!accept(c, ',')) return accept(c, ')');
    }
    return true;
}

static bool read_dict(cursor *c, header_info *h) {
    bool descr = false, order = false, shape = false;
    if (!accept(c, '{')) return false;
    while (!accept(c, '}')) {
        char key[20];
        if (!read_quoted(c, key, sizeof key) || !accept(c, ':')) return false;
        skip_spaces(c);
        if (strcmp(key, "descr") == 0 && !descr) {
            descr = read_quoted(c, h->descr, sizeof h->descr);
            if (!descr) return false;
        } else if (strcmp(key, "fortran_order") == 0 && !order) {
            h->fortran = accept_word(c, "True");
            if (!h->fortran && !accept_word(c, "False")) return false;
            order = true;
        } else if (strcmp(key, "shape") == 0 && !shape) {
            shape = read_shape(c, h);
            if (!shape) return false;
        } else {
            return false;
        }
        if (!accept(c, ',')) {
            if (!accept(c, '}')) return false;
            break;
        }
    }
    return descr && order && shape;
}

/* Finds the header and the first byte of the values. */
static bool read_header(const uint8_t *bytes, size_t n_bytes, const char *path, header_info *h, size_t *begin,
                        senc_error *err) {
    if (n_bytes < PREFIX_BYTES || memcmp(bytes, MAGIC, 6) != 0) {
        return senc_fail(err, SENC_BAD_INPUT, "%s: not a .npy file (it does not begin with \\x93NUMPY)", path);
    }
    const int version = bytes[6];
    size_t length = (size_t)bytes[8] | (size_t)bytes[9] << 8, at = PREFIX_BYTES;
    if (version < 1 || version > 3) {
        return senc_fail(err, SENC_BAD_INPUT, "%s: .npy version %d; expected 1, 2 or 3", path, version);
    }
    if (version > 1) {
        if (n_bytes < 12) return senc_fail(err, SENC_BAD_INPUT, "%s: truncated .npy header", path);
        length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
        at = 12;
    }
    if (length > n_bytes - at) {
        return senc_fail(err, SENC_BAD_INPUT, "%s: truncated .npy header: it says %zu bytes, the file has %zu", path,
                         length, n_bytes - at);
    }
    cursor c = {(const char *)bytes + at, (const char *)bytes + at + length};
    if (!read_dict(&c, h)) return senc_fail(err, SENC_BAD_INPUT, "%s: malformed .npy header", path);
    *begin = at + length;
    return true;
}

static void convert(const uint8_t *bytes, int64_t n, size_t item_bytes, float *out) {
    for (int64_t i = 0; i < n; i++) {
        if (item_bytes == 2) {
            uint16_t h;
            memcpy(&h, bytes + 2 * i, sizeof h);
            out[i] = data_float_from_f16(h);
        } else {
            double d;
            memcpy(&d, bytes + 8 * i, sizeof d);
            out[i] = (float)d;
        }
    }
}

bool data_npy_find(const void *bytes, size_t n_bytes, const char *path, data_npy_shape *out, senc_error *err) {
    *out = (data_npy_shape){0};
    header_info h = {0};
    size_t begin = 0;
    if (!read_header(bytes, n_bytes, path, &h, &begin, err)) return false;
    const size_t item = strcmp(h.descr, "<f4") == 0   ? 4
                        : strcmp(h.descr, "<f8") == 0 ? 8
                        : strcmp(h.descr, "<f2") == 0 ? 2
                                                      : 0;
    if (!item) {
        return senc_fail(err, SENC_BAD_INPUT,
                         "%s: holds '%s' values; expected float16, float32 or float64 ('<f2', '<f4', '<f8')", path,
                         h.descr);
    }
    if (h.n_dims < 1 || h.n_dims > 2) {
        return senc_fail(err, SENC_BAD_INPUT, "%s: holds an array of %d dimensions; expected a matrix", path, h.n_dims);
    }
    if (h.fortran && h.n_dims == 2) {
        return senc_fail(err, SENC_BAD_INPUT, "%s: the matrix is in Fortran order; expected C order", path);
    }
    const int64_t n_rows = h.n_dims == 2 ? h.shape[0] : 1, n_columns = h.shape[h.n_dims - 1];
    size_t n, need;
    if (__builtin_mul_overflow((size_t)n_rows, (size_t)n_columns, &n) || __builtin_mul_overflow(n, item, &need) ||
        need > n_bytes - begin) {
        return senc_fail(err, SENC_BAD_INPUT,
                         "%s: truncated: %" PRId64 " x %" PRId64
                         " values of %zu bytes, the file has %zu bytes of values",
                         path, n_rows, n_columns, item, n_bytes - begin);
    }
    *out = (data_npy_shape){n_rows, n_columns, item, begin};
    return true;
}

bool data_npy_parse(const void *bytes, size_t n_bytes, const char *path, data_matrix *out, senc_error *err) {
    *out = (data_matrix){0};
    data_npy_shape shape;
    if (!data_npy_find(bytes, n_bytes, path, &shape, err)) return false;
    const size_t n = (size_t)shape.n_rows * (size_t)shape.n_columns;
    out->values = senc_alloc(n, sizeof *out->values);
    if (!out->values) return senc_fail_memory(err, n * sizeof *out->values, "a matrix");
    out->n_rows = shape.n_rows;
    out->n_columns = shape.n_columns;
    const uint8_t *values = (const uint8_t *)bytes + shape.begin;
    if (shape.item_bytes == 4) {
        if (n) memcpy(out->values, values, n * 4);
    } else {
        convert(values, (int64_t)n, shape.item_bytes, out->values);
    }
    return true;
}

bool data_npy_load(const char *path, data_matrix *out, senc_error *err) {
    *out = (data_matrix){0};
    senc_file_map map;
    if (!senc_file_map_open(&map, path, err)) return false;
    const bool ok = data_npy_parse(map.data, map.n_bytes, path, out, err);
    senc_file_map_close(&map);
    return ok;
}

void data_matrix_free(data_matrix *m) {
    free(m->values);
    *m = (data_matrix){0};
}
