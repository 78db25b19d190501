/* The reader table: see readers.h. */
#include "data/readers/readers.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/base/buffer.h"
#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "data/formats/foreign.h"

#define MOST_COLUMNS 1000

#define DATA_READER(name) extern const data_reader data_reader_##name;
#include "data/readers.def"
#undef DATA_READER

const data_reader *const data_readers[] = {
#define DATA_READER(name) &data_reader_##name,
#include "data/readers.def"
#undef DATA_READER
    NULL,
};

const data_reader *data_reader_find(const char *name) {
    for (const data_reader *const *r = data_readers; *r; r++) {
        if (strcmp((*r)->name, name) == 0) return *r;
    }
    return NULL;
}

/* "beir, csv, jsonl": for messages. */
static void list_names(senc_buffer *out) {
    for (const data_reader *const *r = data_readers; *r; r++) {
        senc_buffer_printf(out, "%s%s", r == data_readers ? "" : ", ", (*r)->name);
    }
}

/* By the last suffix before .gz or .zst; NULL when no reader has it. */
static const data_reader *find_by_suffix(const char *path) {
    const size_t stem = data_path_stem_bytes(path);
    size_t dot = stem;
    while (dot > 0 && path[dot - 1] != '.' && path[dot - 1] != '/') dot--;
    if (dot == 0 || path[dot - 1] != '.') return NULL;
    char wanted[16];
    const size_t n = stem - dot + 1;
    if (n + 3 > sizeof wanted) return NULL;
    wanted[0] = ' ';
    memcpy(wanted + 1, path + dot - 1, n);
    memcpy(wanted + 1 + n, " ", 2);
    for (const data_reader *const *r = data_readers; *r; r++) {
        if (strcasestr((*r)->suffixes, wanted)) return *r;
    }
    return NULL;
}

/* A file whose name says nothing: what its content says, if it is of a kind that senc does not read. */
static bool check_content(const char *path, senc_error *err) {
    char bytes[64];
    data_stream *stream;
    if (!senc_path_is_file(path)) return true;
    if (!data_stream_open(path, &stream, err)) return false;
    const int64_t n = data_stream_read(stream, bytes, sizeof bytes, err);
    data_stream_close(stream);
    return n >= 0 && data_foreign_check(path, bytes, (size_t)n, err);
}

const data_reader *data_reader_choose(const data_source *source, senc_error *err) {
    senc_buffer names = {0};
    const data_reader *reader;
    if (source->format) {
        reader = data_reader_find(source->format);
        if (!reader) {
            list_names(&names);
            senc_fail(err, SENC_BAD_INPUT, "%s: format: there is no format \"%s\"; expected one of %s", source->path,
                      source->format, senc_buffer_text(&names));
        }
    } else if (senc_path_is_folder(source->path)) {
        reader = &data_reader_beir;
    } else {
        reader = find_by_suffix(source->path);
        if (!reader && !senc_path_exists(source->path)) {
            senc_fail(err, SENC_BAD_INPUT, "%s: cannot read: No such file or directory", source->path);
        } else if (!reader && check_content(source->path, err)) {
            list_names(&names);
            senc_fail(err, SENC_BAD_INPUT, "%s: the file name does not say the format; set %s%s to one of %s",
                      source->path, source->by_flags ? "--" : "", "format", senc_buffer_text(&names));
        }
    }
    senc_buffer_free(&names);
    return reader;
}

bool data_opened_open_text(const data_source *source, data_opened *out, senc_error *err) {
    return data_text_open(source->path, &out->text, err) &&
           data_foreign_check(source->path, out->text.data, out->text.n_bytes, err);
}

bool data_opened_add_column(data_opened *file, const char *name, size_t n_bytes, senc_error *err) {
    const size_t n = (size_t)file->n_columns + 1;
    char **grown = senc_realloc(file->columns, n, sizeof *grown);
    if (grown) file->columns = grown;
    char *copy = grown ? senc_strndup(name, n_bytes) : NULL;
    if (!copy) return senc_fail_memory(err, n_bytes, "column names");
    file->columns[file->n_columns++] = copy;
    return true;
}

static bool has_column(const data_opened *file, const char *name) {
    for (int64_t i = 0; i < file->n_columns; i++)
        if (strcmp(file->columns[i], name) == 0) return true;
    return false;
}

bool data_opened_all_columns(data_opened *file, senc_error *err) {
    if (file->reader->fixed_columns) return true;
    data_record record = {0};
    data_cursor cursor = file->first;
    bool ok = true;
    while (ok && file->reader->next(file, &cursor, &record, NULL) == 1) {
        for (const data_json *m = data_json_first(record.object); ok && m; m = data_json_next(m)) {
            size_t n_bytes;
            const char *key = data_json_key(m, &n_bytes);
            ok = has_column(file, key) || data_opened_add_column(file, key, n_bytes, err);
        }
        if (file->n_columns > MOST_COLUMNS) break; /* keys that are data: nobody reads them as names */
    }
    data_record_free(&record);
    return ok;
}

void data_opened_close(data_opened *file) {
    free(file->path);
    data_text_close(&file->text);
    for (int64_t i = 0; i < file->n_columns; i++) free(file->columns[i]);
    free(file->columns);
    data_beir_close(file->beir);
    *file = (data_opened){0};
}

void data_record_free(data_record *r) {
    data_json_pool_free(r->pool);
    data_csv_record_free(&r->csv);
    senc_buffer_free(&r->scratch);
    data_beir_scratch_free(&r->beir[0]);
    data_beir_scratch_free(&r->beir[1]);
    *r = (data_record){0};
}
