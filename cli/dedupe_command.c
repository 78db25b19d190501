/* senc dedupe: texts that say nearly the same, by exact search over all pairs. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "autograd/base/terminal.h"
#include "cli/command.h"
#include "cli/encoded_texts.h"
#include "cli/interrupt.h"
#include "cli/model_argument.h"
#include "cli/output.h"
#include "cli/text_ids.h"
#include "data/formats/json.h"
#include "eval/near_duplicates.h"

#define SHOWN_PAIRS 5

typedef struct dedupe_flags {
    char *model, *vectors, *pairs, *output, *column, *prompt_name;
    double threshold;
    int64_t max_length;
    cli_table_flags table;
    bool overwrite;
} dedupe_flags;

static const senc_option flags[] = {
    SENC_OPTION_STRING(dedupe_flags, model, NULL, "the model that encodes the texts"),
    SENC_OPTION_PATH(dedupe_flags, vectors, NULL, "or their vectors (npy, jsonl, f32, f16, i8, bin), row by row"),
    SENC_OPTION_REAL(dedupe_flags, threshold, "0.95", -1, 1, "texts with at least this cosine are near-duplicates"),
    SENC_OPTION_PATH(dedupe_flags, pairs, NULL,
                     "all pairs, as jsonl or tsv by the ending: row, other_row, cosine, group, kept, texts"),
    SENC_OPTION_PATH(dedupe_flags, output, NULL,
                     "the input without duplicates: its rows as they stand, the first of those that are alike"),
    SENC_OPTION_STRING(dedupe_flags, column, NULL, "column of the texts, by name or number from 1; unset: text"),
    SENC_OPTION_STRING(dedupe_flags, prompt_name, NULL, "put this prompt of the model in front of every text"),
    SENC_OPTION_INTEGER(dedupe_flags, max_length, "0", 0, HUGE_VAL, "longest text in tokens; 0: the model's"),
    CLI_TEXT_ROWS(dedupe_flags),
    CLI_OVERWRITE_ROW(dedupe_flags),
    {0},
};

typedef struct dedupe_run {
    const dedupe_flags *flags;
    const char *input; /* or NULL */
    cli_text_source *texts;
    data_vectors vectors;
    eval_near_duplicates found;
} dedupe_run;

/* ---- vectors ---- */

static bool encode_input(dedupe_run *run, senc_error *err) {
    const dedupe_flags *f = run->flags;
    nn_overrides overrides = NN_OVERRIDES_NONE;
    overrides.max_length = f->max_length;
    eval_model m = {0};
    const char *prompt;
    const bool ok = cli_model_load(f->model, &overrides, 0, &m, err) &&
                    cli_model_prompt(&m, f->model, f->prompt_name, &prompt, err) &&
                    cli_encode_texts(&m, prompt, run->texts, &run->vectors, err);
    if (ok) {
        const eval_encoder_stats *stats = eval_encoder_get_stats(m.encoder);
        cli_warn_about_texts(stats->n_texts, stats->n_truncated, nn_model_max_length(m.model), stats->n_empty);
    }
    eval_model_free(&m);
    return ok;
}

static bool open_vectors(dedupe_run *run, senc_error *err) {
    const dedupe_flags *f = run->flags;
    const cli_text_options options = {.table = &f->table, .column = f->column};
    if (run->input && !cli_text_source_open(run->input, &options, &run->texts, err)) return false;
    if (f->model) return encode_input(run, err);
    if (!data_vectors_open(f->vectors, false, &run->vectors, err)) return false;
    if (!run->texts || cli_text_source_count(run->texts) == run->vectors.n_rows) return true;
    return senc_fail(err, SENC_BAD_INPUT, "%s: %lld vectors; expected %lld, one for each text of %s", f->vectors,
                     (long long)run->vectors.n_rows, (long long)cli_text_source_count(run->texts), run->input);
}

/* ---- the pairs ---- */

static bool get_text(const dedupe_run *run, int64_t row, senc_buffer *out, senc_error *err) {
    eval_text text = {"", 0};
    senc_buffer_clear(out);
    if (run->texts && !cli_text_source_get(run->texts, row, &text, err)) return false;
    senc_buffer_append(out, text.bytes, (size_t)text.n_bytes);
    return !out->failed || senc_fail_memory(err, out->n_bytes, "a text");
}

static bool append_json_pair(const dedupe_run *run, const eval_near_pair *p, senc_buffer *out, senc_error *err) {
    data_json *o = data_json_create_object();
    data_json_put_integer(o, "row", p->a + 1);
    data_json_put_integer(o, "other_row", p->b + 1);
    data_json_put_number(o, "cosine", round((double)p->score * 1e7) / 1e7);
    data_json_put_integer(o, "group", run->found.group[p->a] + 1);
    data_json_put_bool(o, "kept", run->found.duplicate_of[p->a] < 0);
    data_json_put_bool(o, "other_kept", run->found.duplicate_of[p->b] < 0);
    senc_buffer text = {0};
    bool ok = true;
    for (int i = 0; ok && run->texts && i < 2; i++) {
        ok = get_text(run, i ? p->b : p->a, &text, err);
        if (ok) data_json_put_text(o, i ? "other_text" : "text", senc_buffer_text(&text), text.n_bytes);
    }
    if (ok && !data_json_dump(o, 0, out)) ok = senc_fail_memory(err, out->n_bytes, "pairs");
    senc_buffer_append_text(out, "\n");
    senc_buffer_free(&text);
    data_json_free(o);
    return ok;
}

static bool append_tsv_pair(const dedupe_run *run, const eval_near_pair *p, senc_buffer *out, senc_error *err) {
    senc_buffer_printf(out, "%lld\t%lld\t%.7f\t%lld\t%d\t%d", (long long)p->a + 1, (long long)p->b + 1,
                       (double)p->score, (long long)run->found.group[p->a] + 1, run->found.duplicate_of[p->a] < 0,
                       run->found.duplicate_of[p->b] < 0);
    senc_buffer text = {0};
    bool ok = true;
    for (int i = 0; ok && run->texts && i < 2; i++) {
        ok = get_text(run, i ? p->b : p->a, &text, err);
        senc_buffer_append_text(out, "\t"); /* tabs and newlines of a text become spaces */
        if (ok) senc_text_append(out, senc_buffer_text(&text), (int64_t)text.n_bytes, 0);
    }
    senc_buffer_append_text(out, "\n");
    senc_buffer_free(&text);
    return ok;
}

static bool write_pairs(const dedupe_run *run, senc_error *err) {
    const char *path = run->flags->pairs;
    const bool tsv = senc_path_ends_with(path, ".tsv");
    senc_file_writer w = {0};
    senc_buffer line = {0};
    bool ok = senc_file_writer_open_output(&w, path, run->flags->overwrite, err);
    if (ok && tsv)
        ok = fprintf(w.stream, "row\tother_row\tcosine\tgroup\tkept\tother_kept%s\n",
                     run->texts ? "\ttext\tother_text" : "") > 0;
    for (int64_t i = 0; ok && i < run->found.n_pairs; i++) {
        const eval_near_pair *p = &run->found.pairs[i];
        senc_buffer_clear(&line);
        ok = tsv ? append_tsv_pair(run, p, &line, err) : append_json_pair(run, p, &line, err);
        if (ok && line.failed) ok = senc_fail_memory(err, line.n_bytes, "pairs");
        if (ok && fwrite(line.data, 1, line.n_bytes, w.stream) != line.n_bytes)
            ok = senc_fail_errno(err, "%s: cannot write", path);
    }
    ok = ok && senc_file_writer_commit(&w, err);
    senc_file_writer_close(&w);
    senc_buffer_free(&line);
    return ok;
}

/* ---- the kept rows ---- */

static bool write_bytes(senc_file_writer *w, const char *bytes, size_t n, senc_error *err) {
    return n == 0 || fwrite(bytes, 1, n, w->stream) == n || senc_fail_errno(err, "%s: cannot write", w->path);
}

/* The bytes of the record at *cursor, and the cursor moves behind it: with the line's end, or, in a JSON array, the
 * object alone. */
static bool copy_record(const data_opened *file, data_cursor *cursor, data_record *record, bool first,
                        senc_file_writer *w, senc_error *err) {
    const int status = file->reader->next(file, cursor, record, err);
    if (status < 0) return false;
    if (status == 0) return senc_fail(err, SENC_FAILED, "%s: the file changed while it was being read", file->path);
    const size_t start = (size_t)record->start.offset;
    const bool is_array = strcmp(file->reader->name, "json") == 0;
    const size_t end = is_array ? record->end_offset : (size_t)cursor->offset;
    return (!is_array || write_bytes(w, first ? "\n" : ",\n", first ? 1 : 2, err)) &&
           write_bytes(w, file->text.data + start, end - start, err);
}

/* Bytes as they stand: the head of a csv, then the rows. */
static bool copy_kept(const dedupe_run *run, const data_opened *file, senc_file_writer *w, senc_error *err) {
    data_record record = {0};
    bool ok = write_bytes(w, file->text.data, (size_t)file->first.offset, err), first = true;
    for (int64_t i = 0; ok && i < run->vectors.n_rows; i++) {
        if (run->found.duplicate_of[i] >= 0) continue;
        data_cursor cursor = {cli_text_source_offset(run->texts, i), 0};
        ok = copy_record(file, &cursor, &record, first, w, err);
        first = false;
    }
    data_record_free(&record);
    return ok && (strcmp(file->reader->name, "json") != 0 || write_bytes(w, "\n]\n", 3, err));
}

static bool write_kept(const dedupe_run *run, senc_error *err) {
    const dedupe_flags *f = run->flags;
    data_opened file = {0};
    senc_file_writer w = {0};
    const bool ok = cli_input_open(run->input, &f->table, f->column, &file, err) &&
                    senc_file_writer_open_output(&w, f->output, f->overwrite, err) && copy_kept(run, &file, &w, err) &&
                    senc_file_writer_commit(&w, err);
    senc_file_writer_close(&w);
    data_opened_close(&file);
    return ok;
}

/* ---- the command ---- */

static bool append_shown(const dedupe_run *run, int64_t row, senc_buffer *out, senc_error *err) {
    senc_buffer text = {0};
    const bool ok = get_text(run, row, &text, err);
    char place[32];
    const int n = snprintf(place, sizeof place, "%11lld", (long long)row + 1);
    senc_buffer_printf(out, "%s  ", place);
    if (ok) senc_text_append(out, senc_buffer_text(&text), (int64_t)text.n_bytes, 80 - n - 2);
    senc_buffer_append_text(out, "\n");
    senc_buffer_free(&text);
    return ok;
}

static bool print_summary(const dedupe_run *run, senc_error *err) {
    const eval_near_duplicates *d = &run->found;
    char rows[32], pairs[32], groups[32], dropped[32], kept[32];
    senc_buffer out = {0};
    senc_buffer_printf(&out, "rows: %s, pairs at or above %g: %s, groups: %s, kept: %s, left out: %s\n",
                       cli_count_text(run->vectors.n_rows, rows, sizeof rows), run->flags->threshold,
                       cli_count_text(d->n_pairs, pairs, sizeof pairs),
                       cli_count_text(d->n_groups, groups, sizeof groups),
                       cli_count_text(run->vectors.n_rows - d->n_dropped, kept, sizeof kept),
                       cli_count_text(d->n_dropped, dropped, sizeof dropped));
    bool ok = true;
    for (int64_t i = 0; ok && run->texts && i < d->n_pairs && i < SHOWN_PAIRS; i++) {
        senc_buffer_printf(&out, "\n%.4f\n", (double)d->pairs[i].score);
        ok = append_shown(run, d->pairs[i].a, &out, err) && append_shown(run, d->pairs[i].b, &out, err);
    }
    if (ok && run->texts && d->n_pairs > SHOWN_PAIRS) senc_buffer_append_text(&out, "\n... (--pairs writes all)\n");
    if (ok) return cli_output_buffer(&out, err);
    senc_buffer_free(&out);
    return false;
}

static bool check_flags(const dedupe_run *run, senc_error *err) {
    const dedupe_flags *f = run->flags;
    if (!f->model == !f->vectors)
        return senc_fail(err, SENC_BAD_INPUT, "senc dedupe: expected --model or --vectors, got %s",
                         f->model ? "both" : "neither");
    if (!run->input && (f->model || f->output))
        return senc_fail(err, SENC_BAD_INPUT, "senc dedupe: expected a file of texts for %s",
                         f->model ? "--model" : "--output");
    if (run->input && strcmp(run->input, "-") == 0)
        return senc_fail(err, SENC_BAD_INPUT, "senc dedupe: expected a file or a BEIR folder, got standard input");
    if (run->input && !cli_input_check("", run->input, err)) return false;
    if (f->pairs && !senc_path_ends_with(f->pairs, ".jsonl") && !senc_path_ends_with(f->pairs, ".tsv"))
        return senc_fail(err, SENC_BAD_INPUT, "--pairs: expected a file that ends in .jsonl or .tsv, got %s", f->pairs);
    if (f->output && (senc_path_ends_with(f->output, ".gz") || senc_path_ends_with(f->output, ".zst")))
        return senc_fail(err, SENC_BAD_INPUT, "--output: %s: rows are written uncompressed; expected no .gz or .zst",
                         f->output);
    cli_outputs outputs = {.input = run->input, .overwrite = f->overwrite};
    return cli_outputs_add(&outputs, f->pairs, err) && cli_outputs_add(&outputs, f->output, err);
}

static bool run_dedupe(cli_call *call, senc_error *err) {
    dedupe_run run = {.flags = call->flags, .input = call->n_positionals ? call->positionals[0] : NULL};
    if (!check_flags(&run, err) || !cli_start_threads(call, err)) return false;
    cli_interrupt_watch();
    const bool ok =
        open_vectors(&run, err) &&
        eval_near_duplicates_find(&run.vectors, run.flags->threshold, cli_interrupt_check, &run.found, err) &&
        (!run.flags->pairs || write_pairs(&run, err)) && (!run.flags->output || write_kept(&run, err)) &&
        print_summary(&run, err);
    eval_near_duplicates_free(&run.found);
    data_vectors_close(&run.vectors);
    cli_text_source_close(run.texts);
    return ok;
}

const cli_command cli_dedupe_command = {
    .name = "dedupe",
    .synopsis = "[TEXTS] --model MODEL | --vectors FILE [--threshold X] [--pairs OUT] [--output KEPT]",
    .help = "near-duplicate texts of a file",
    .details = "Every pair at or above the threshold is found. Of texts that are alike the first one is kept: rows are "
               "taken in order, and one is left out when a kept one is near. A group holds all rows that pairs "
               "connect.\n\n"
               "  senc dedupe faq.jsonl --column question --model models/m --output unique.jsonl\n"
               "  senc dedupe --vectors corpus.npy --threshold 0.98 --pairs pairs.tsv",
    .flags = flags,
    .flags_bytes = sizeof(dedupe_flags),
    .min_positionals = 0,
    .max_positionals = 1,
    .positional = "TEXTS (a file or a BEIR folder)",
    .run = run_dedupe,
};
