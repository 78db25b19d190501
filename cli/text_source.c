/* The texts of an input: see text_source.h. */
#include "cli/text_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/buffer.h"
#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "cli/column_argument.h"
#include "cli/interrupt.h"
#include "data/formats/jsonl.h"
#include "data/formats/stream.h"
#include "data/formats/utf8.h"
#include "data/table.h"

#define BLOCK_BYTES ((size_t)32 << 20)

struct cli_text_source {
    data_set *set; /* NULL: standard input */
    data_row row;
    int64_t text_slot, title_slot; /* title -1: none */
    int64_t next_row;
    int bad_utf8;
    char *line; /* standard input: getline's */
    size_t line_capacity;
    int64_t line_number;
    senc_buffer block, joined;
    eval_text *texts;
    int64_t *starts; /* of the block's texts: the block may move while it grows */
    int64_t capacity;
};

/* Says what the columns are when the wanted one is not there; a column by number is checked by the reader. */
static bool check_column(const data_source *source, const char *column, senc_error *err) {
    senc_strings names = {0};
    if (!data_source_columns(source, &names, err)) return false;
    senc_buffer list = {0};
    bool found = false;
    for (int64_t i = 0; i < names.n && !found; i++) {
        found = strcmp(names.items[i], column) == 0;
        senc_buffer_printf(&list, "%s%s", i ? ", " : "", names.items[i]);
    }
    data_strings_free(&names);
    if (!found)
        senc_fail(err, SENC_BAD_INPUT, "%s: no column \"%s\"; the file has %s; --column names the one with the texts",
                  source->path, column, senc_buffer_text(&list));
    senc_buffer_free(&list);
    return found;
}

static bool open_file(cli_text_source *s, char *path, bool is_folder, const cli_text_options *options,
                      senc_error *err) {
    static const data_role roles[] = {
        {.name = "text", .kind = DATA_ROLE_TEXT, .allow_empty = true},
        {.name = "title", .kind = DATA_ROLE_TEXT, .optional = true, .allow_empty = true},
    };
    char *format = options->format ? senc_strdup(options->format) : NULL;
    const data_column_map map = cli_column_map("text", options->column ? options->column : "text");
    const data_source source = {
        .path = path, .format = format, .mapped = &map, .n_mapped = 1, .on_bad_utf8 = options->bad_utf8};
    const bool ok = (!map.name || check_column(&source, map.name, err)) &&
                    data_set_open(&source, 1, roles, is_folder ? 2 : 1, "the input", &s->set, err);
    free(format);
    if (!ok) return false;
    s->text_slot = data_set_find_slot(s->set, "text");
    s->title_slot = is_folder ? data_set_find_slot(s->set, "title") : -1;
    return true;
}

/* A folder stands for its corpus.jsonl. */
static bool open_set(cli_text_source *s, const char *path, const cli_text_options *options, senc_error *err) {
    const bool is_folder = senc_path_is_folder(path);
    char *file = is_folder ? data_path_find_packed(path, "corpus.jsonl") : senc_strdup(path);
    if (!file && is_folder)
        return senc_fail(err, SENC_BAD_INPUT,
                         "%s: expected a file of texts or a BEIR folder, found a folder without corpus.jsonl", path);
    if (!file) return senc_fail_memory(err, strlen(path), "a path");
    const bool ok = open_file(s, file, is_folder, options, err);
    free(file);
    return ok;
}

bool cli_text_source_open(const char *path, const cli_text_options *options, cli_text_source **out, senc_error *err) {
    *out = NULL;
    cli_text_source *s = senc_alloc_zero(1, sizeof *s);
    if (!s) return senc_fail_memory(err, sizeof *s, "the input");
    s->bad_utf8 = options->bad_utf8;
    if (strcmp(path, "-") == 0 || open_set(s, path, options, err)) {
        *out = s;
        return true;
    }
    cli_text_source_close(s);
    return false;
}

void cli_text_source_close(cli_text_source *s) {
    if (!s) return;
    data_row_free(&s->row);
    if (s->set) data_set_close(s->set);
    free(s->line);
    free(s->texts);
    free(s->starts);
    senc_buffer_free(&s->block);
    senc_buffer_free(&s->joined);
    free(s);
}

int64_t cli_text_source_count(const cli_text_source *s) {
    return s->set ? data_set_n_rows(s->set) : -1;
}

static bool join_title(cli_text_source *s, eval_text *text, senc_error *err) {
    const data_value *title = s->title_slot >= 0 ? &s->row.values[s->title_slot] : NULL;
    if (!title || !title->present || title->n_bytes == 0) return true;
    senc_buffer_clear(&s->joined);
    senc_buffer_append(&s->joined, title->text, title->n_bytes);
    senc_buffer_append_text(&s->joined, " ");
    senc_buffer_append(&s->joined, text->bytes, (size_t)text->n_bytes);
    if (s->joined.failed) return senc_fail_memory(err, s->joined.n_bytes, "a text");
    *text = (eval_text){s->joined.data, (int64_t)s->joined.n_bytes};
    return true;
}

bool cli_text_source_get(cli_text_source *s, int64_t i, eval_text *text, senc_error *err) {
    if (!data_set_row(s->set, i, &s->row, err)) return false;
    const data_value *value = &s->row.values[s->text_slot];
    *text = (eval_text){value->text, (int64_t)value->n_bytes};
    return join_title(s, text, err);
}

/* A line of standard input: 1, 0 at the end, -1 on failure. */
static int next_line(cli_text_source *s, eval_text *text, senc_error *err) {
    errno = 0;
    ssize_t n = getline(&s->line, &s->line_capacity, stdin);
    if (n < 0) {
        if (feof(stdin)) return 0;
        if (errno == EINTR && !cli_interrupt_check(err)) return -1;
        senc_fail_errno(err, "standard input: cannot read");
        return -1;
    }
    s->line_number++;
    if (n > 0 && s->line[n - 1] == '\n') n--;
    if (n > 0 && s->line[n - 1] == '\r') n--;
    *text = (eval_text){s->line, n};
    const size_t bad = data_utf8_check(s->line, (size_t)n);
    if (bad == (size_t)n) return 1;
    if (s->bad_utf8 == DATA_BAD_UTF8_ERROR) {
        data_fail_utf8("standard input", s->line_number, s->line, bad, err);
        return -1;
    }
    senc_buffer_clear(&s->joined);
    data_utf8_append_replaced(s->line, (size_t)n, &s->joined);
    *text = (eval_text){senc_buffer_text(&s->joined), (int64_t)s->joined.n_bytes};
    return 1;
}

static int next_text(cli_text_source *s, eval_text *text, senc_error *err) {
    if (!s->set) return next_line(s, text, err);
    if (s->next_row >= data_set_n_rows(s->set)) return 0;
    return cli_text_source_get(s, s->next_row++, text, err) ? 1 : -1;
}

static bool reserve_texts(cli_text_source *s, int64_t n, senc_error *err) {
    if (n <= s->capacity) return true;
    free(s->texts);
    free(s->starts);
    s->texts = senc_alloc((size_t)n, sizeof *s->texts);
    s->starts = senc_alloc((size_t)n, sizeof *s->starts);
    s->capacity = n;
    return (s->texts && s->starts) || senc_fail_memory(err, (size_t)n * sizeof *s->texts, "texts");
}

bool cli_text_source_next(cli_text_source *s, int64_t max_texts, const eval_text **texts, int64_t *n, senc_error *err) {
    *n = 0;
    if (!reserve_texts(s, max_texts, err)) return false;
    senc_buffer_clear(&s->block);
    int status = 1;
    while (*n < max_texts && s->block.n_bytes < BLOCK_BYTES) {
        eval_text text;
        status = next_text(s, &text, err);
        if (status <= 0) break;
        s->starts[*n] = (int64_t)s->block.n_bytes;
        s->texts[(*n)++].n_bytes = text.n_bytes;
        senc_buffer_append(&s->block, text.bytes, (size_t)text.n_bytes);
    }
    if (status < 0) return false;
    if (s->block.failed) return senc_fail_memory(err, s->block.n_bytes, "texts");
    for (int64_t i = 0; i < *n; i++) s->texts[i].bytes = senc_buffer_text(&s->block) + s->starts[i];
    *texts = s->texts;
    return true;
}
