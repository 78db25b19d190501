/* The texts of an input: see text_source.h. */
#include "cli/text_source.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/base/buffer.h"
#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "cli/column_argument.h"
#include "cli/interrupt.h"
#include "data/formats/jsonl.h"
#include "data/formats/stream.h"
#include "data/formats/utf8.h"
#include "data/table.h"

#define BLOCK_BYTES ((int64_t)32 << 20)
#define READ_BYTES  65536 /* of standard input at a time; a pipe holds as much */

struct cli_text_source {
    data_set *set; /* NULL: standard input */
    data_row row;
    int64_t text_slot, title_slot; /* title -1: none */
    int64_t next_row;
    const cli_table_flags *table;
    senc_buffer input; /* standard input: read and not yet used up from `used` on */
    size_t used;
    bool input_ended;
    int64_t line_number;
    senc_buffer replaced, joined;
    eval_text_chunk block;
    eval_text *texts; /* of the block */
    int64_t capacity;
};

static bool open_file(cli_text_source *s, const char *path, bool is_folder, const cli_text_options *options,
                      senc_error *err) {
    const cli_table_flags *f = s->table;
    const bool keep = f->on_empty == CLI_EMPTY_KEEP;
    const data_role roles[] = {
        {.name = "text", .kind = DATA_ROLE_TEXT, .allow_empty = keep},
        {.name = "title", .kind = DATA_ROLE_TEXT, .optional = true, .allow_empty = true},
    };
    const data_column_map map = cli_column_map("text", options->column ? options->column : "text");
    data_source source = cli_table_source(f, path);
    source.mapped = &map;
    source.n_mapped = 1;
    source.on_empty = f->on_empty == CLI_EMPTY_SKIP ? DATA_EMPTY_SKIP : DATA_EMPTY_ERROR;
    if (!data_set_open(&source, 1, roles, is_folder ? 2 : 1, "the input", &s->set, err)) return false;
    s->text_slot = data_set_find_slot(s->set, "text");
    s->title_slot = is_folder ? data_set_find_slot(s->set, "title") : -1;
    if (data_set_n_skipped(s->set) > 0 && !options->again)
        senc_info("%s: %lld rows with an empty text were left out", path, (long long)data_set_n_skipped(s->set));
    return true;
}

/* A folder stands for its corpus.jsonl. */
static bool open_set(cli_text_source *s, const char *path, const cli_text_options *options, senc_error *err) {
    const bool is_folder = senc_path_is_folder(path);
    if (is_folder && options->table->on_empty != CLI_EMPTY_KEEP)
        return senc_fail(err, SENC_BAD_INPUT,
                         "--on-empty: expected a file, %s is a BEIR folder, whose texts are all kept", path);
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
    s->table = options->table;
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
    senc_buffer_free(&s->input);
    senc_buffer_free(&s->replaced);
    eval_text_chunk_free(&s->block);
    free(s->texts);
    senc_buffer_free(&s->joined);
    free(s);
}

int64_t cli_text_source_count(const cli_text_source *s) {
    return s->set ? data_set_n_rows(s->set) : -1;
}

void cli_text_source_seek(cli_text_source *s, int64_t i) {
    s->next_row = i;
}

uint64_t cli_text_source_offset(const cli_text_source *s, int64_t i) {
    return data_set_offset(s->set, i);
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

/* Adds what standard input has to s->input; waits for it, but not past Ctrl-C: another thread may have got the signal,
 * so the wait is cut into pieces. */
static bool read_input(cli_text_source *s, senc_error *err) {
    if (s->used > 0) {
        s->input.n_bytes -= s->used;
        memmove(s->input.data, s->input.data + s->used, s->input.n_bytes);
        s->used = 0;
    }
    char bytes[READ_BYTES];
    struct pollfd ready = {.fd = STDIN_FILENO, .events = POLLIN};
    for (;;) {
        if (!cli_interrupt_check(err)) return false;
        if (poll(&ready, 1, 100) == 0) continue;
        const ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (n < 0) return senc_fail_errno(err, "standard input: cannot read");
        s->input_ended = n == 0;
        senc_buffer_append(&s->input, bytes, (size_t)n);
        return !s->input.failed || senc_fail_memory(err, s->input.n_bytes, "a line of standard input");
    }
}

/* The next line as it is, without its end: 1, 0 at the end of the input, -1 on failure. */
static int find_line(cli_text_source *s, eval_text *line, senc_error *err) {
    const char *end = NULL;
    size_t searched = 0;
    for (;;) {
        const size_t left = s->input.n_bytes - s->used;
        if (left > searched) end = memchr(s->input.data + s->used + searched, '\n', left - searched);
        if (end || s->input_ended) break;
        searched = left;
        if (!read_input(s, err)) return -1;
    }
    const char *start = senc_buffer_text(&s->input) + s->used;
    const size_t n = end ? (size_t)(end - start) : s->input.n_bytes - s->used;
    if (!end && n == 0) return 0;
    s->used += n + (end != NULL);
    *line = (eval_text){start, (int64_t)n};
    return 1;
}

/* A line of standard input: 1, 0 at the end, -1 on failure. */
static int next_line(cli_text_source *s, eval_text *text, senc_error *err) {
    const int found = find_line(s, text, err);
    if (found <= 0) return found;
    s->line_number++;
    if (text->n_bytes > 0 && text->bytes[text->n_bytes - 1] == '\r') text->n_bytes--;
    const size_t n = (size_t)text->n_bytes, bad = data_utf8_check(text->bytes, n);
    if (bad == n) return 1;
    if (s->table->on_bad_utf8 == DATA_BAD_UTF8_ERROR) {
        data_fail_utf8("standard input", s->line_number, text->bytes, n, bad, err);
        return -1;
    }
    senc_buffer_clear(&s->replaced);
    data_utf8_append_replaced(text->bytes, n, &s->replaced);
    *text = (eval_text){senc_buffer_text(&s->replaced), (int64_t)s->replaced.n_bytes};
    if (!s->replaced.failed) return 1;
    senc_fail_memory(err, n, "a line of standard input");
    return -1;
}

/* The next line that is a text: --limit and --on-empty. */
static int next_input(cli_text_source *s, eval_text *text, senc_error *err) {
    const cli_table_flags *f = s->table;
    for (;;) {
        if (f->limit > 0 && s->next_row >= f->limit) return 0;
        const int found = next_line(s, text, err);
        if (found <= 0) return found;
        const bool is_empty = f->on_empty != CLI_EMPTY_KEEP && eval_text_is_blank(text);
        if (is_empty && f->on_empty == CLI_EMPTY_SKIP) continue;
        s->next_row++;
        if (!is_empty) return 1;
        senc_fail(err, SENC_BAD_INPUT, "standard input:%lld: the text is empty", (long long)s->line_number);
        return -1;
    }
}

static int next_text(cli_text_source *s, eval_text *text, senc_error *err) {
    if (!s->set) return next_input(s, text, err);
    if (s->next_row >= data_set_n_rows(s->set)) return 0;
    return cli_text_source_get(s, s->next_row++, text, err) ? 1 : -1;
}

bool cli_text_source_fill(cli_text_source *s, eval_text_chunk *chunk, senc_error *err) {
    if (s->set && s->next_row < data_set_n_rows(s->set)) data_set_forget(s->set, s->next_row);
    while (!eval_text_chunk_is_full(chunk)) {
        eval_text text;
        const int status = next_text(s, &text, err);
        if (status <= 0) return status == 0;
        if (!eval_text_chunk_add(chunk, text.bytes, text.n_bytes, err)) return false;
    }
    return true;
}

bool cli_text_source_next(cli_text_source *s, int64_t max_texts, const eval_text **texts, int64_t *n, senc_error *err) {
    *n = 0;
    if (s->capacity < max_texts) {
        free(s->texts);
        s->capacity = 0;
        s->texts = senc_alloc((size_t)max_texts, sizeof *s->texts);
        if (!s->texts) return senc_fail_memory(err, (size_t)max_texts * sizeof *s->texts, "texts");
        s->capacity = max_texts;
    }
    eval_text_chunk_clear(&s->block);
    s->block.max_texts = max_texts;
    s->block.max_bytes = BLOCK_BYTES;
    if (!cli_text_source_fill(s, &s->block, err)) return false;
    for (int64_t i = 0; i < s->block.n; i++) s->texts[i] = eval_text_chunk_get(&s->block, i);
    *texts = s->texts;
    *n = s->block.n;
    return true;
}
