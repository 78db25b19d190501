/* The files of the run folder and what a training run tells people. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "autograd/base/threads.h"
#include "data/formats/json.h"
#include "eval/report.h"
#include "train/run_state.h"

static char *in_run(const train_state *s, const char *name, senc_error *err) {
    char *path = senc_path_join(s->config->output.dir, name);
    if (!path) senc_fail_memory(err, strlen(name), "a path");
    return path;
}

/* ---- the folder ---- */

static bool has_earlier_run(const char *dir) {
    static const char *const traces[] = {"config.toml", "log.jsonl", "checkpoints", "best", "final"};
    bool found = false;
    for (size_t i = 0; i < sizeof traces / sizeof traces[0]; i++) {
        char *path = senc_path_join(dir, traces[i]);
        found = found || (path && senc_path_exists(path));
        free(path);
    }
    return found;
}

static bool remove_earlier_run(const train_state *s, senc_error *err) {
    static const char *const parts[] = {"config.toml", "log.jsonl",   "checkpoints", "best",         "final",
                                        "best.json",   "report.json", "report.md",   "baseline.json"};
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof parts / sizeof parts[0]; i++) {
        char *path = in_run(s, parts[i], err);
        ok = path && senc_path_remove(path, err);
        free(path);
    }
    return ok;
}

static bool write_config(const train_state *s, const char *path, senc_error *err) {
    senc_buffer text = {0};
    const bool ok =
        train_config_print(s->config, true, &text, err) && senc_file_write(path, text.data, text.n_bytes, err);
    senc_buffer_free(&text);
    return ok;
}

bool train_output_prepare(const train_state *s, const train_run_options *options, bool *resuming, senc_error *err) {
    const char *dir = s->config->output.dir;
    const bool earlier = has_earlier_run(dir);
    *resuming = options->resume && earlier;
    if (earlier && !options->resume && !options->overwrite)
        return senc_fail(err, SENC_BAD_INPUT,
                         "%s: holds an earlier run; --resume goes on with it, --overwrite removes it", dir);
    if (options->dry_run) return true;
    if (!senc_path_create_folders(dir, err)) return false;
    char *path = in_run(s, "config.toml", err);
    bool ok = path != NULL && train_checkpoint_clean(dir, err);
    if (ok && *resuming && senc_path_exists(path)) {
        ok = train_config_check_same(s->config, path, err);
    } else if (ok) {
        ok = (!earlier || remove_earlier_run(s, err)) && write_config(s, path, err);
    }
    free(path);
    return ok;
}

typedef struct model_files {
    const nn_model *model;
    const data_tokenizer *tokenizer;
} model_files;

static bool fill_model_folder(void *context, const char *folder, senc_error *err) {
    const model_files *files = context;
    return nn_model_save(files->model, folder, err) && data_tokenizer_save(files->tokenizer, folder, err);
}

bool train_output_save_model(const train_state *s, const char *name, senc_error *err) {
    model_files files = {s->model, s->tokenizer};
    char *folder = in_run(s, name, err);
    const bool ok = folder && train_folder_replace(folder, fill_model_folder, &files, err);
    free(folder);
    return ok;
}

/* ---- results on disk ---- */

bool train_output_save_results(const train_state *s, const char *name, const train_results *results, senc_error *err) {
    char *path = in_run(s, name, err);
    data_json *o = data_json_create_object();
    data_json_put_integer(o, "step", s->progress.step);
    eval_report_put_json(results->items, results->n, o);
    const bool ok = path && data_json_save(o, 2, path, err);
    data_json_free(o);
    free(path);
    return ok;
}

static bool copy_text(const data_json *o, const char *key, char **out, senc_error *err) {
    const char *text;
    if (!data_json_require_string(o, key, &text, err)) return false;
    *out = senc_strdup(text);
    return *out ? true : senc_fail_memory(err, strlen(text), "an evaluation result");
}

static bool read_result(const data_json *o, eval_result *r, senc_error *err) {
    const char *type;
    const data_json *metrics;
    if (!copy_text(o, "name", &r->name, err) || !copy_text(o, "primary", &r->primary, err) ||
        !data_json_require_string(o, "type", &type, err) || !data_json_read_object(o, "metrics", &metrics, err))
        return false;
    const eval_spec *spec = eval_find(type);
    r->type = spec ? spec->name : "";
    r->greater_is_better = true;
    if (!data_json_read_bool(o, "greater_is_better", &r->greater_is_better, err)) return false;
    for (const data_json *m = data_json_first(metrics); m; m = data_json_next(m)) {
        const double value = data_json_is_number(m) ? data_json_number(m) : NAN;
        if (!eval_result_add(r, value, err, "%s", data_json_key(m, NULL))) return false;
    }
    return true;
}

bool train_output_load_results(const train_state *s, const char *name, train_results *results, senc_error *err) {
    char *path = in_run(s, name, err);
    data_json *o = NULL;
    const data_json *items = NULL;
    bool ok = path && data_json_load(path, &o, err) && data_json_read_array(o, "results", &items, err);
    const int64_t n = data_json_count(items);
    if (ok && !(results->items = senc_alloc_zero((size_t)n, sizeof *results->items)))
        ok = senc_fail_memory(err, (size_t)n * sizeof *results->items, "evaluation results");
    for (const data_json *item = data_json_first(items); ok && item; item = data_json_next(item)) {
        results->n++;
        ok = read_result(item, &results->items[results->n - 1], err);
    }
    if (ok && n == 0) ok = senc_fail(err, SENC_BAD_INPUT, "%s: no results in it", path);
    data_json_free(o);
    free(path);
    return ok;
}

/* ---- the log ---- */

/* Keeps the lines up to the step that the run goes on from; none of a run that starts anew. */
bool train_output_start_log(const train_state *s, bool resumed, senc_error *err) {
    char *path = in_run(s, "log.jsonl", err);
    if (!path) return false;
    senc_buffer kept = {0};
    char *text = resumed && senc_path_exists(path) ? senc_file_read(path, 0, NULL, err) : NULL;
    for (char *line = text; line && *line;) {
        char *end = strchr(line, '\n');
        if (!end) break; /* cut off by a kill */
        data_json *o = NULL;
        if (data_json_parse(line, (size_t)(end - line), path, &o, NULL) &&
            data_json_integer(data_json_find(o, "step")) <= s->progress.step)
            senc_buffer_append(&kept, line, (size_t)(end - line) + 1);
        data_json_free(o);
        line = end + 1;
    }
    free(text);
    bool ok = err->kind == SENC_OK && !kept.failed && senc_file_write(path, senc_buffer_text(&kept), kept.n_bytes, err);
    if (kept.failed) senc_fail_memory(err, kept.n_bytes, "the log");
    senc_buffer_free(&kept);
    free(path);
    return ok;
}

static bool append_to_log(const train_state *s, const data_json *o, senc_error *err) {
    senc_buffer line = {0};
    char *path = in_run(s, "log.jsonl", err);
    bool ok = path != NULL;
    if (ok && !data_json_dump(o, 0, &line)) ok = senc_fail_memory(err, line.n_bytes, "the log");
    FILE *f = ok ? fopen(path, "ab") : NULL;
    if (ok) {
        ok = f && fprintf(f, "%s\n", senc_buffer_text(&line)) > 0;
        if (f && fclose(f) != 0) ok = false;
        if (!ok) senc_fail_errno(err, "%s: cannot write", path);
    }
    senc_buffer_free(&line);
    free(path);
    return ok;
}

static double rows_per_second(const train_state *s) {
    return s->progress.window_ms > 0 ? (double)s->progress.window_rows * 1e3 / s->progress.window_ms : 0.0;
}

static double epochs_done(const train_state *s) {
    return (double)s->progress.batch / (double)s->batches_per_epoch;
}

/* Seconds until the last step, at the pace so far. */
static double seconds_left(const train_state *s) {
    const train_progress *p = &s->progress;
    return p->step ? p->elapsed_ms * 1e-3 / (double)p->step * (double)(s->n_steps - p->step) : 0.0;
}

static const char *duration_text(double seconds, char *out, size_t out_bytes) {
    const long long t = llround(seconds);
    if (t >= 3600)
        snprintf(out, out_bytes, "%lldh %02lldm", t / 3600, t / 60 % 60);
    else if (t >= 60)
        snprintf(out, out_bytes, "%lldm %02llds", t / 60, t % 60);
    else
        snprintf(out, out_bytes, "%llds", t);
    return out;
}

bool train_output_log_step(train_state *s, double learning_rate, senc_error *err) {
    const train_progress *p = &s->progress;
    const double loss = s->progress.window_loss / (double)s->progress.window_steps;
    data_json *o = data_json_create_object();
    data_json_put_integer(o, "step", p->step);
    data_json_put_number(o, "epoch", epochs_done(s));
    data_json_put_number(o, "loss", loss);
    data_json_put_number(o, "learning_rate", learning_rate);
    data_json_put_number(o, "gradient_norm", s->last_norm);
    data_json_put_number(o, "rows_per_second", rows_per_second(s));
    data_json_put_integer(o, "tokens", p->n_tokens);
    data_json_put_integer(o, "masked_negatives", p->n_masked);
    const bool ok = append_to_log(s, o, err);
    data_json_free(o);
    if (!senc_log_has_terminal()) {
        char left[32];
        senc_info("step %lld/%lld  epoch %.2f  loss %.4f  lr %.2e  %.1f rows/s  %s left", (long long)p->step,
                  (long long)s->n_steps, epochs_done(s), loss, learning_rate, rows_per_second(s),
                  duration_text(seconds_left(s), left, sizeof left));
    }
    s->last_rate = rows_per_second(s);
    s->progress.window_loss = s->progress.window_ms = 0;
    s->progress.window_steps = s->progress.window_rows = 0;
    return ok;
}

bool train_output_log_evaluation(const train_state *s, const train_results *results, senc_error *err) {
    data_json *o = data_json_create_object();
    data_json_put_integer(o, "step", s->progress.step);
    data_json *metrics = data_json_put_object(o, "metrics");
    for (int64_t i = 0; i < results->n; i++) {
        for (int64_t k = 0; k < results->items[i].n_metrics; k++)
            data_json_put_number(metrics, results->items[i].metrics[k].key, results->items[i].metrics[k].value);
    }
    const bool ok = append_to_log(s, o, err);
    data_json_free(o);
    return ok;
}

void train_output_status(const train_state *s) {
    if (!senc_log_has_terminal()) return;
    enum { WIDTH = 20 };
    char bar[WIDTH + 1], left[32];
    const train_progress *p = &s->progress;
    const int64_t filled = p->step * WIDTH / s->n_steps;
    for (int i = 0; i < WIDTH; i++) bar[i] = i < filled ? '#' : '.';
    bar[WIDTH] = '\0';
    const double loss = s->progress.window_steps ? s->progress.window_loss / (double)s->progress.window_steps : 0.0;
    senc_log_status("[%s] %lld/%lld  loss %.4f  %.1f rows/s  %s left", bar, (long long)p->step, (long long)s->n_steps,
                    loss, s->progress.window_rows ? rows_per_second(s) : s->last_rate,
                    duration_text(seconds_left(s), left, sizeof left));
}

/* ---- the plan and the report ---- */

static void print_memory_plan(const train_state *s) {
    senc_buffer text = {0};
    train_memory_plan_print(&s->plan, &text);
    const char *head = "memory ";
    for (char *line = text.failed ? NULL : text.data, *end; line && (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        senc_info("%s %s", head, line);
        head = "       ";
    }
    senc_buffer_free(&text);
}

/* Of the whole run, whatever it was doing. */
static int64_t peak_bytes(const train_state *s) {
    int64_t peak = senc_memory_peak_bytes();
    if (s->setup_peak_bytes > peak) peak = s->setup_peak_bytes;
    if (s->training_peak_bytes > peak) peak = s->training_peak_bytes;
    return s->evaluation_peak_bytes > peak ? s->evaluation_peak_bytes : peak;
}

void train_output_plan(const train_state *s) {
    const train_config *c = s->config;
    char text[256];
    senc_info("model   %s", nn_model_describe(s->model, text, sizeof text));
    const double temperature = c->loss->temperature ? c->loss->temperature(c->loss_options) : 0.0;
    if (temperature > 0)
        senc_info("loss    %s, temperature %g", c->loss->name, temperature);
    else
        senc_info("loss    %s", c->loss->name);
    senc_info("data    %lld rows, %lld texts a row, at most %lld tokens a text", (long long)data_set_n_rows(s->set),
              (long long)s->columns.n, (long long)s->max_length);
    if (data_set_n_skipped(s->set) > 0)
        senc_info("        %lld rows with an empty text were left out", (long long)data_set_n_skipped(s->set));
    senc_info("steps   %lld of %lld rows (%lld an epoch), %lld to warm up", (long long)s->n_steps,
              (long long)(c->train.batch_size * c->train.accumulation), (long long)s->steps_per_epoch,
              (long long)s->warmup_steps);
    print_memory_plan(s);
    senc_info("machine %s kernels, %s, %d thread%s", s->kernels->name, nn_precision_text(s->stepper.storage),
              senc_threads_count(), senc_threads_count() == 1 ? "" : "s");
}

static data_json *report_json(const train_state *s) {
    const train_progress *p = &s->progress;
    data_json *o = data_json_create_object();
    data_json_put_string(o, "senc", SENC_VERSION);
    data_json_put_integer(o, "steps", p->step);
    data_json_put_integer(o, "best_step", p->best_step);
    data_json_put_string(o, "best_metric", s->best_key);
    data_json_put_integer(o, "rows", p->n_rows);
    data_json_put_integer(o, "texts", p->n_texts);
    data_json_put_integer(o, "tokens", p->n_tokens);
    data_json_put_integer(o, "truncated_texts", p->n_truncated);
    data_json_put_integer(o, "masked_negatives", p->n_masked);
    data_json_put_number(o, "training_seconds", p->elapsed_ms * 1e-3);
    data_json_put_number(o, "useful_gflops_per_second",
                         s->session_ms > 0 ? s->stepper.flops / s->session_ms * 1e-6 : NAN);
    data_json_put_integer(o, "peak_memory_bytes", peak_bytes(s));
    data_json_put_integer(o, "training_memory_bytes", s->training_peak_bytes);
    data_json_put_integer(o, "planned_memory_bytes", train_memory_plan_total(&s->plan));
    data_json_put_integer(o, "threads", p->threads);
    eval_report_put_json(s->baseline.items, s->baseline.n, data_json_put_object(o, "before"));
    eval_report_put_json(s->best.items, s->best.n, data_json_put_object(o, "after"));
    return o;
}

static bool write_report_files(const train_state *s, senc_error *err) {
    char *json = in_run(s, "report.json", err), *markdown = in_run(s, "report.md", err);
    data_json *o = report_json(s);
    senc_buffer text = {0};
    senc_buffer_printf(&text, "# Training report\n\nLoss `%s`, %lld steps, %lld rows, %.0f s.\n\n",
                       s->config->loss->name, (long long)s->progress.step, (long long)s->progress.n_rows,
                       s->progress.elapsed_ms * 1e-3);
    if (s->best.n > 0) {
        senc_buffer_printf(&text, "The best model is that of step %lld, by `%s`.\n\n", (long long)s->progress.best_step,
                           s->best_key);
        eval_report_print_change_markdown(s->baseline.items, s->best.items, s->baseline.n, true, &text);
    }
    bool ok = json && markdown && data_json_save(o, 2, json, err);
    if (ok && text.failed) ok = senc_fail_memory(err, text.n_bytes, "the report");
    ok = ok && senc_file_write(markdown, text.data, text.n_bytes, err);
    senc_buffer_free(&text);
    data_json_free(o);
    free(json);
    free(markdown);
    return ok;
}

static void tell_counts(const train_state *s) {
    const train_progress *p = &s->progress;
    char size[32], planned[32], more[64] = "", time[32];
    if (s->evaluation_peak_bytes > s->training_peak_bytes)
        snprintf(more, sizeof more, ", %s in evaluations",
                 senc_bytes_text(s->evaluation_peak_bytes, size, sizeof size));
    senc_info("trained %lld steps in %s, %.1f rows/s; peak memory %s, planned %s%s", (long long)p->step,
              duration_text(p->elapsed_ms * 1e-3, time, sizeof time),
              p->elapsed_ms > 0 ? (double)(p->n_texts / s->columns.n) * 1e3 / p->elapsed_ms : 0.0,
              senc_bytes_text(s->training_peak_bytes, size, sizeof size),
              senc_bytes_text(train_memory_plan_total(&s->plan), planned, sizeof planned), more);
    if (s->stepper.n_tokens_twice)
        senc_info("%.0f %% of the tokens were computed twice to stay within memory_limit",
                  100.0 * (double)s->stepper.n_tokens_twice / (double)s->stepper.n_tokens);
    if (p->n_masked)
        senc_info("%lld candidates were masked: duplicates or known positives, not negatives", (long long)p->n_masked);
    if (p->n_truncated)
        senc_info("%lld of %lld texts (%.1f %%) were longer than %lld tokens and cut", (long long)p->n_truncated,
                  (long long)p->n_texts, 100.0 * (double)p->n_truncated / (double)p->n_texts, (long long)s->max_length);
}

bool train_output_report(const train_state *s, senc_error *err) {
    tell_counts(s);
    if (!write_report_files(s, err)) return false;
    const char *dir = s->config->output.dir;
    if (s->best.n == 0) {
        printf("model: %s/final\n", dir);
        return true;
    }
    senc_buffer table = {0};
    eval_report_print_change(s->baseline.items, s->best.items, s->baseline.n, false, &table);
    bool ok = !table.failed;
    if (!ok) senc_fail_memory(err, table.n_bytes, "the report");
    if (ok) {
        printf("%s\nbest model: %s/best (step %lld), last: %s/final, report: %s/report.md\n", senc_buffer_text(&table),
               dir, (long long)s->progress.best_step, dir, dir);
        const eval_metric *before = train_results_find(&s->baseline, s->best_key);
        if (before && !(s->progress.best_value > before->value))
            senc_warn("no evaluation was better than the untouched model (%s %.4f): keep that one", s->best_key,
                      before->value);
    }
    senc_buffer_free(&table);
    return ok;
}
