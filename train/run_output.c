/* Files of a run and what a training run tells people. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "autograd/base/threads.h"
#include "data/formats/json.h"
#include "train/model_card.h"
#include "train/run_state.h"

char *train_output_path(const train_state *s, const char *name, senc_error *err) {
    SENC_ASSERT(train_run_is_part(name), "%s must stand among the parts in run_folder.c", name);
    char *path = senc_path_join(s->config->output.dir, name);
    if (!path) senc_fail_memory(err, strlen(name), "a path");
    return path;
}

static bool fill_model_folder(void *context, const char *folder, senc_error *err) {
    const train_state *s = *(const train_state *const *)context;
    return nn_model_save(s->model, folder, err) && data_tokenizer_save(s->tokenizer, folder, err) &&
           train_model_card_write(s, folder, err);
}

bool train_output_save_model(const train_state *s, const char *name, senc_error *err) {
    char *folder = train_output_path(s, name, err);
    const bool ok = folder && train_folder_replace(folder, fill_model_folder, &s, err);
    free(folder);
    return ok;
}

/* ---- the log ---- */

/* Whether a line of the log tells what the checkpoint knows: an evaluation that did not end well is done again. */
static bool is_behind(const train_progress *p, const data_json *line) {
    const int64_t evaluated = p->evaluated_step > 0 ? p->evaluated_step : 0;
    return data_json_integer(data_json_find(line, "step")) <= (data_json_find(line, "metrics") ? evaluated : p->step);
}

/* Keeps the lines up to the step that the run goes on from; none of a run that starts anew. */
bool train_output_start_log(const train_state *s, bool resumed, senc_error *err) {
    char *path = train_output_path(s, "log.jsonl", err);
    if (!path) return false;
    senc_buffer kept = {0};
    char *text = resumed && senc_path_exists(path) ? senc_file_read(path, 0, NULL, err) : NULL;
    for (char *line = text; line && *line;) {
        char *end = strchr(line, '\n');
        if (!end) break; /* cut off by a kill */
        data_json *o = NULL;
        if (data_json_parse(line, (size_t)(end - line), path, &o, NULL) && is_behind(&s->progress, o))
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
    char *path = train_output_path(s, "log.jsonl", err);
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

const char *train_duration_text(double seconds, char *out, size_t out_bytes) {
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
                  train_duration_text(seconds_left(s), left, sizeof left));
    }
    s->last_rate = rows_per_second(s);
    s->progress.window_loss = s->progress.window_ms = 0;
    s->progress.window_steps = s->progress.window_rows = 0;
    return ok;
}

bool train_output_log_leakage(const train_state *s, senc_error *err) {
    if (s->leakage.n == 0) return true;
    data_json *o = data_json_create_object();
    data_json_put_integer(o, "step", s->progress.step);
    train_leakage_put_json(&s->leakage, data_json_put_object(o, "leakage"));
    const bool ok = append_to_log(s, o, err);
    data_json_free(o);
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
    enum { WIDTH = 20 };
    char bar[WIDTH + 1], left[32];
    const train_progress *p = &s->progress;
    const int64_t filled = p->step * WIDTH / s->n_steps;
    for (int i = 0; i < WIDTH; i++) bar[i] = i < filled ? '#' : '.';
    bar[WIDTH] = '\0';
    const bool is_drawn = senc_log_has_terminal(); /* else a line from time to time */
    const double loss = s->progress.window_steps ? s->progress.window_loss / (double)s->progress.window_steps : 0.0;
    senc_log_status("%s%s%s%lld/%lld  loss %.4f  %.1f rows/s  %s left", is_drawn ? "[" : "step ", is_drawn ? bar : "",
                    is_drawn ? "] " : "", (long long)p->step, (long long)s->n_steps, loss,
                    p->window_rows ? rows_per_second(s) : s->last_rate,
                    train_duration_text(seconds_left(s), left, sizeof left));
}
