/* Inspecting vectors: see inspect_vectors.h. */
#include "cli/inspect_vectors.h"

#include <string.h>

#include "cli/encoded_texts.h"
#include "cli/model_argument.h"
#include "cli/output.h"
#include "cli/text_source.h"
#include "eval/quality/quality_findings.h"

typedef struct inspect_run {
    const cli_inspect_flags *flags;
    data_vectors sets[2], pairs[2];
    bool has_pairs[2];
    cli_text_source *texts; /* of the first set, or NULL */
    eval_findings findings;
} inspect_run;

/* ---- vectors of a model ---- */

static bool open_texts(const inspect_run *run, const char *column, cli_text_source **out, senc_error *err) {
    const cli_inspect_flags *f = run->flags;
    if (strcmp(f->input, "-") == 0)
        return senc_fail(err, SENC_BAD_INPUT, "--input: expected a file or a BEIR folder, got standard input");
    const cli_text_options options = {.table = &f->table, .column = column};
    return cli_text_source_open(f->input, &options, out, err);
}

static bool encode_column(inspect_run *run, eval_model *m, const char *prompt, const char *column, data_vectors *out,
                          senc_error *err) {
    cli_text_source *source = NULL;
    const bool ok = open_texts(run, column, &source, err) && cli_encode_texts(m, prompt, source, out, err);
    cli_text_source_close(source);
    return ok;
}

static bool encode_set(inspect_run *run, const char *name, int i, senc_error *err) {
    const cli_inspect_flags *f = run->flags;
    nn_overrides overrides = NN_OVERRIDES_NONE;
    overrides.max_length = f->max_length;
    eval_model m = {0};
    const char *prompt = NULL;
    bool ok = cli_model_load(name, &overrides, 0, &m, err) &&
              cli_model_prompt(&m, name, f->prompt_name, &prompt, err) &&
              encode_column(run, &m, prompt, f->column, &run->sets[i], err);
    if (ok && f->pair_column) {
        run->has_pairs[i] = true;
        ok = encode_column(run, &m, prompt, f->pair_column, &run->pairs[i], err);
    }
    if (ok) {
        const eval_encoder_stats *stats = eval_encoder_get_stats(m.encoder);
        cli_warn_about_texts(stats->n_texts, stats->n_truncated, nn_model_max_length(m.model), stats->n_empty);
    }
    eval_model_free(&m);
    return ok;
}

/* ---- all of it ---- */

static bool check_flags(const cli_inspect_flags *f, senc_error *err) {
    const int64_t n = f->vectors.n + f->model.n;
    if (n == 0)
        return senc_fail(err, SENC_BAD_INPUT, "senc inspect: expected a PATH, --vectors or --model, got none of them");
    if (n > 2)
        return senc_fail(err, SENC_BAD_INPUT, "--vectors, --model: expected at most two sets of vectors, got %lld",
                         (long long)n);
    if (f->model.n > 0 && !f->input)
        return senc_fail(err, SENC_BAD_INPUT, "--model: expected --input with the texts to encode");
    if (f->model.n == 0 && f->pair_column)
        return senc_fail(err, SENC_BAD_INPUT, "--pair-column: expected --model, which encodes it");
    if (f->unpaired && n < 2)
        return senc_fail(err, SENC_BAD_INPUT, "--unpaired: expected two sets of vectors, got one");
    if (f->pairs && f->pair_column)
        return senc_fail(err, SENC_BAD_INPUT, "--pairs and --pair-column: give one of them");
    return true;
}

static bool open_sets(inspect_run *run, senc_error *err) {
    const cli_inspect_flags *f = run->flags;
    int i = 0;
    for (int64_t k = 0; k < f->vectors.n; k++, i++) {
        if (!data_vectors_open(f->vectors.items[k], false, &run->sets[i], err)) return false;
        run->findings.names[i] = f->vectors.items[k];
    }
    for (int64_t k = 0; k < f->model.n; k++, i++) {
        if (!encode_set(run, f->model.items[k], i, err)) return false;
        run->findings.names[i] = f->model.items[k];
    }
    run->findings.n_sets = i;
    run->has_pairs[0] = run->has_pairs[0] || f->pairs;
    if (f->pairs && !data_vectors_open(f->pairs, false, &run->pairs[0], err)) return false;
    if (!f->input) return true;
    if (!open_texts(run, f->column, &run->texts, err)) return false;
    const int64_t n = cli_text_source_count(run->texts);
    if (n == run->sets[0].n_rows) return true;
    return senc_fail(err, SENC_BAD_INPUT, "%s: %lld texts; expected %lld, one for each vector of %s", f->input,
                     (long long)n, (long long)run->sets[0].n_rows, run->findings.names[0]);
}

static bool text_of(void *context, int64_t row, eval_text *text, senc_error *err) {
    return cli_text_source_get(context, row, text, err);
}

static bool measure(inspect_run *run, senc_error *err) {
    eval_findings *r = &run->findings;
    for (int i = 0; i < r->n_sets; i++) {
        if (!eval_quality_measure(&run->sets[i], &r->quality[i], err)) return false;
        if (run->has_pairs[i] && !eval_quality_align(&run->sets[i], &run->pairs[i], &r->quality[i], err)) return false;
    }
    r->has_suspects = run->texts != NULL;
    if (run->texts && !eval_quality_suspect(&run->sets[0], text_of, run->texts, &r->suspects, err)) return false;
    r->has_drift = r->n_sets == 2 && !run->flags->unpaired;
    r->has_shift = r->n_sets == 2 && run->flags->unpaired;
    if (r->has_drift && !eval_drift_measure(&run->sets[0], &run->sets[1], &r->drift, err)) return false;
    if (r->has_shift && !eval_shift_measure(&run->sets[0], &run->sets[1], 42, &r->shift, err)) return false;
    return eval_findings_judge(r, err);
}

static bool write_findings(const inspect_run *run, senc_error *err) {
    const char *path = run->flags->json;
    senc_buffer out = {0};
    if (path) {
        data_json *o = data_json_create_object();
        eval_findings_put_json(&run->findings, o);
        bool ok = data_json_dump(o, 2, &out) || senc_fail_memory(err, out.n_bytes, "the findings");
        senc_buffer_append_text(&out, "\n");
        ok = ok && cli_output_file(path, run->flags->overwrite, &out, err);
        senc_buffer_free(&out);
        data_json_free(o);
        if (!ok || strcmp(path, "-") == 0) return ok;
    }
    eval_findings_print(&run->findings, &out);
    return cli_output_buffer(&out, err);
}

bool cli_inspect_vectors(const cli_inspect_flags *f, senc_error *err) {
    inspect_run run = {.flags = f};
    cli_outputs outputs = {.overwrite = f->overwrite};
    const bool ok = check_flags(f, err) && cli_outputs_add(&outputs, f->json, err) && open_sets(&run, err) &&
                    measure(&run, err) && write_findings(&run, err);
    eval_findings_free(&run.findings);
    for (int i = 0; i < 2; i++) {
        data_vectors_close(&run.sets[i]);
        data_vectors_close(&run.pairs[i]);
    }
    cli_text_source_close(run.texts);
    return ok;
}
