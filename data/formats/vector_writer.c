/* Writing files of vectors: see vector_writer.h. */
#include "data/formats/vector_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "autograd/base/memory.h"
#include "data/formats/json.h"

#define NPY_HEADER_BYTES 128 /* room for any shape; a multiple of 64 as the format advises */

static char *joined(const char *path, const char *ending, senc_error *err) {
    senc_buffer b = {0};
    senc_buffer_append_text(&b, path);
    senc_buffer_append_text(&b, ending);
    char *text = senc_buffer_take(&b);
    if (!text) senc_fail_memory(err, strlen(path), "a path");
    return text;
}

static bool fail_write(const data_vector_writer *w, senc_error *err) {
    return senc_fail_errno(err, "%s: cannot write", w->path);
}

/* A file that is there may be a link, which stays: its target is written. */
static bool find_paths(data_vector_writer *w, const char *path, senc_error *err) {
    struct stat info;
    const bool there = stat(path, &info) == 0;
    if (there && !S_ISREG(info.st_mode)) {
        if (S_ISDIR(info.st_mode)) return senc_fail(err, SENC_BAD_INPUT, "%s: cannot write: Is a directory", path);
        return senc_fail(err, SENC_BAD_INPUT, "%s: cannot write: expected a file, found a device or a pipe", path);
    }
    w->path = senc_strdup(path);
    w->target = there ? realpath(path, NULL) : senc_strdup(path);
    if (!w->path || !w->target) return senc_fail_memory(err, strlen(path), "a path");
    w->partial = joined(w->target, ".partial", err);
    if (w->kind == DATA_VECTOR_I8 && w->partial) w->scales_partial = joined(w->target, ".scales.f32.partial", err);
    return w->partial && (w->kind != DATA_VECTOR_I8 || w->scales_partial);
}

static bool write_npy_header(data_vector_writer *w, int64_t n_rows, senc_error *err) {
    char header[NPY_HEADER_BYTES];
    memset(header, ' ', sizeof header);
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    header[8] = (char)(NPY_HEADER_BYTES - 10);
    header[9] = 0;
    const int n =
        snprintf(header + 10, sizeof header - 10,
                 "{'descr': '<f4', 'fortran_order': False, 'shape': (%" PRId64 ", %" PRId64 "), }", n_rows, w->width);
    header[10 + n] = ' '; /* snprintf's NUL */
    header[NPY_HEADER_BYTES - 1] = '\n';
    return fwrite(header, 1, sizeof header, w->file) == sizeof header || fail_write(w, err);
}

/* A new file; nobody else may read it before it has the mode of the file whose place it takes. */
static FILE *create_partial(const data_vector_writer *w, const char *path, senc_error *err) {
    const mode_t mode = senc_path_exists(w->target) ? 0600 : 0666;
    const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    FILE *file = fd >= 0 ? fdopen(fd, "w+b") : NULL;
    if (file) return file;
    if (errno == EEXIST)
        senc_fail(err, SENC_BAD_INPUT, "%s: is there already; expected no such file, move it away", path);
    else
        fail_write(w, err);
    if (fd >= 0) close(fd);
    return NULL;
}

static bool create_partials(data_vector_writer *w, senc_error *err) {
    w->file = create_partial(w, w->partial, err);
    if (!w->file) return false;
    if (w->scales_partial) w->scales = create_partial(w, w->scales_partial, err);
    return !w->scales_partial || w->scales;
}

bool data_vector_writer_open(data_vector_writer *w, const char *path, data_vector_kind kind, int64_t width,
                             senc_error *err) {
    *w = (data_vector_writer){.kind = kind, .width = width};
    if (find_paths(w, path, err) && create_partials(w, err) && (kind != DATA_VECTOR_NPY || write_npy_header(w, 0, err)))
        return true;
    data_vector_writer_close(w, false);
    return false;
}

bool data_vector_writer_open_stream(data_vector_writer *w, const char *path, data_vector_kind kind, int64_t width,
                                    int64_t n_rows, senc_error *err) {
    *w = (data_vector_writer){.kind = kind, .width = width, .n_rows_told = n_rows};
    if (kind == DATA_VECTOR_I8)
        return senc_fail(err, SENC_BAD_INPUT, "%s: i8 has its scales in a second file; expected a file, or f16", path);
    if (kind == DATA_VECTOR_NPY && n_rows < 0)
        return senc_fail(err, SENC_BAD_INPUT,
                         "%s: npy begins with the number of rows, which standard input does not say; expected a file, "
                         "or f32 or jsonl",
                         path);
    w->path = senc_strdup(path);
    if (!w->path) return senc_fail_memory(err, strlen(path), "a path");
    if (senc_file_writer_open(&w->stream, path, err)) {
        w->file = w->stream.stream;
        if (kind != DATA_VECTOR_NPY || write_npy_header(w, n_rows, err)) return true;
    }
    data_vector_writer_close(w, false);
    return false;
}

static bool cut_to(data_vector_writer *w, FILE *f, const char *path, int64_t n_bytes, senc_error *err) {
    struct stat info;
    if (fstat(fileno(f), &info) != 0) return fail_write(w, err);
    if (info.st_size < n_bytes)
        return senc_fail(err, SENC_BAD_INPUT, "%s: cannot go on: expected %" PRId64 " bytes, found %lld", path, n_bytes,
                         (long long)info.st_size);
    return (ftruncate(fileno(f), n_bytes) == 0 && fseeko(f, n_bytes, SEEK_SET) == 0) || fail_write(w, err);
}

static bool open_partials(data_vector_writer *w, senc_error *err) {
    w->file = fopen(w->partial, "r+b");
    if (w->file && w->scales_partial) w->scales = fopen(w->scales_partial, "r+b");
    return (w->file && (w->scales || !w->scales_partial)) || fail_write(w, err);
}

bool data_vector_writer_resume(data_vector_writer *w, const char *path, data_vector_kind kind, int64_t width,
                               data_vector_mark mark, senc_error *err) {
    *w = (data_vector_writer){.kind = kind, .width = width, .n_rows = mark.n_rows};
    if (find_paths(w, path, err) && open_partials(w, err) && cut_to(w, w->file, w->partial, mark.n_bytes, err) &&
        (!w->scales || cut_to(w, w->scales, w->scales_partial, mark.n_rows * 4, err)))
        return true;
    data_vector_writer_close(w, true);
    return false;
}

bool data_vector_writer_resume_sealed(data_vector_writer *w, const char *path, data_vector_kind kind, int64_t width,
                                      data_vector_mark mark, senc_error *err) {
    *w = (data_vector_writer){.kind = kind, .width = width, .n_rows = mark.n_rows, .is_sealed = true};
    if (find_paths(w, path, err)) return true;
    data_vector_writer_close(w, true);
    return false;
}

static void append_json_row(senc_buffer *out, const float *row, const data_vector_label *label, int64_t width) {
    senc_buffer_append_text(out, "{");
    if (label && label->id) {
        senc_buffer_append_text(out, "\"id\": ");
        data_json_append_string(out, label->id, (size_t)label->id_bytes);
        senc_buffer_append_text(out, ", ");
    }
    if (label && label->text) {
        senc_buffer_append_text(out, "\"text\": ");
        data_json_append_string(out, label->text, (size_t)label->text_bytes);
        senc_buffer_append_text(out, ", ");
    }
    senc_buffer_append_text(out, "\"embedding\": [");
    for (int64_t i = 0; i < width; i++) {
        senc_buffer_append_text(out, i ? ", " : "");
        if (isfinite(row[i]))
            senc_buffer_printf(out, "%.9g", (double)row[i]); /* 9 digits give every float32 back */
        else
            senc_buffer_append_text(out, "null");
    }
    senc_buffer_append_text(out, "]}\n");
}

/* One row into the scratch, and its scale. */
static bool add_row(data_vector_writer *w, const float *row, const data_vector_label *label, senc_error *err) {
    if (w->kind == DATA_VECTOR_JSONL) {
        append_json_row(&w->scratch, row, label, w->width);
        return true;
    }
    const size_t n_bytes = (size_t)data_vector_row_bytes(w->kind, w->width), at = w->scratch.n_bytes;
    for (size_t left = n_bytes; left > 0;) { /* room, in pieces */
        static const char zeros[256];
        const size_t n = left < sizeof zeros ? left : sizeof zeros;
        senc_buffer_append(&w->scratch, zeros, n);
        left -= n;
    }
    if (w->scratch.failed) return true;
    if (w->kind != DATA_VECTOR_I8) {
        data_vector_pack(w->kind, row, w->width, w->scratch.data + at);
        return true;
    }
    const float scale = data_vector_quantize(row, w->width, (int8_t *)w->scratch.data + at);
    return fwrite(&scale, sizeof scale, 1, w->scales) == 1 || fail_write(w, err);
}

bool data_vector_writer_append(data_vector_writer *w, const float *rows, const data_vector_label *labels, int64_t n,
                               senc_error *err) {
    for (int64_t i = 0; i < n; i++) {
        senc_buffer_clear(&w->scratch);
        if (!add_row(w, rows + i * w->width, labels ? labels + i : NULL, err)) return false;
        if (w->scratch.failed) return senc_fail_memory(err, w->scratch.n_bytes, "a row");
        if (fwrite(w->scratch.data, 1, w->scratch.n_bytes, w->file) != w->scratch.n_bytes) return fail_write(w, err);
    }
    w->n_rows += n;
    return true;
}

static bool sync_file(const data_vector_writer *w, FILE *f, senc_error *err) {
    return !f || (fflush(f) == 0 && fdatasync(fileno(f)) == 0) || fail_write(w, err);
}

bool data_vector_writer_mark(data_vector_writer *w, data_vector_mark *mark, senc_error *err) {
    if (!sync_file(w, w->file, err) || !sync_file(w, w->scales, err)) return false;
    *mark = (data_vector_mark){w->n_rows, (int64_t)ftello(w->file)};
    return mark->n_bytes >= 0 || fail_write(w, err);
}

static bool write_shape(const data_vector_writer *w, senc_error *err) {
    static const char *const types[] = {[DATA_VECTOR_F32] = "float32",
                                        [DATA_VECTOR_F16] = "float16",
                                        [DATA_VECTOR_I8] = "int8",
                                        [DATA_VECTOR_BIN] = "bits"};
    char *path = joined(w->target, ".json", err);
    data_json *o = data_json_create_object();
    data_json_put_integer(o, "rows", w->n_rows);
    data_json_put_integer(o, "width", w->width);
    data_json_put_string(o, "type", types[w->kind]);
    const bool ok = path && data_json_save(o, 2, path, err);
    data_json_free(o);
    free(path);
    return ok;
}

/* Synced, with the mode of the file whose place it will take, and closed. */
static bool seal_file(data_vector_writer *w, FILE **f, const char *target, senc_error *err) {
    if (!*f) return true;
    bool ok = (fflush(*f) == 0 || fail_write(w, err)) && senc_file_take_over(fileno(*f), target, err) &&
              (fsync(fileno(*f)) == 0 || fail_write(w, err));
    if (fclose(*f) != 0 && ok) ok = fail_write(w, err);
    *f = NULL;
    return ok;
}

static bool seal_files(data_vector_writer *w, senc_error *err) {
    char *scales = w->scales ? joined(w->target, ".scales.f32", err) : NULL;
    const bool ok =
        (scales || !w->scales) && seal_file(w, &w->scales, scales, err) && seal_file(w, &w->file, w->target, err);
    free(scales);
    return ok;
}

bool data_vector_writer_seal(data_vector_writer *w, data_vector_mark *mark, senc_error *err) {
    if (w->kind == DATA_VECTOR_NPY && (fseeko(w->file, 0, SEEK_SET) != 0 || !write_npy_header(w, w->n_rows, err)))
        return fail_write(w, err);
    *mark = (data_vector_mark){.n_rows = w->n_rows};
    if (fseeko(w->file, 0, SEEK_END) != 0 || (mark->n_bytes = (int64_t)ftello(w->file)) < 0) return fail_write(w, err);
    const bool has_shape = w->kind != DATA_VECTOR_NPY && w->kind != DATA_VECTOR_JSONL;
    w->is_sealed = seal_files(w, err) && (!has_shape || write_shape(w, err));
    return w->is_sealed;
}

/* A part that is no longer there is in its place already. */
static bool place(const data_vector_writer *w, const char *partial, const char *target, bool must_be_new,
                  senc_error *err) {
    if (!senc_path_exists(partial) || senc_file_move(partial, target, must_be_new)) return true;
    if (errno != EEXIST) return fail_write(w, err);
    return senc_fail(err, SENC_FAILED, "%s: cannot write: somebody else has made this file meanwhile", w->path);
}

static bool commit_stream(data_vector_writer *w, senc_error *err) {
    w->file = NULL;
    if (!senc_file_writer_commit(&w->stream, err)) return false;
    if (w->kind != DATA_VECTOR_NPY || w->n_rows == w->n_rows_told) return true;
    return senc_fail(err, SENC_FAILED, "%s: its head says %" PRId64 " rows, %" PRId64 " came", w->path, w->n_rows_told,
                     w->n_rows);
}

bool data_vector_writer_commit(data_vector_writer *w, senc_error *err) {
    data_vector_mark mark;
    if (w->stream.stream) return commit_stream(w, err);
    if (!w->is_sealed && !data_vector_writer_seal(w, &mark, err)) return false;
    char *scales = w->scales_partial ? joined(w->target, ".scales.f32", err) : NULL;
    const bool ok = (scales || !w->scales_partial) && (!scales || place(w, w->scales_partial, scales, false, err)) &&
                    place(w, w->partial, w->target, w->must_be_new, err);
    free(scales);
    if (ok) senc_path_sync_parent(w->target);
    w->is_placed = ok;
    return ok;
}

void data_vector_writer_close(data_vector_writer *w, bool keep) {
    const bool had_partial = w->file || w->is_sealed, had_scales = w->scales || (w->is_sealed && w->scales_partial);
    if (w->stream.stream)
        senc_file_writer_close(&w->stream);
    else if (w->file)
        fclose(w->file);
    if (w->scales) fclose(w->scales);
    if (had_partial && w->partial && !w->is_placed && !keep) unlink(w->partial);
    if (had_scales && !w->is_placed && !keep) unlink(w->scales_partial);
    free(w->path);
    free(w->target);
    free(w->partial);
    free(w->scales_partial);
    senc_buffer_free(&w->scratch);
    *w = (data_vector_writer){0};
}
