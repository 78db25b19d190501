/* What a report says of a run: see run_report_parts.h. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "autograd/base/cpu.h"
#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "autograd/base/threads.h"
#include "eval/reports/html_page.h"
#include "nn/precision.h"
#include "train/prompts.h"
#include "train/run_report_parts.h"

/* ---- lists of facts ---- */

typedef struct fact_list {
    eval_page_fact *items;
    int64_t n;
} fact_list;

__attribute__((format(printf, 3, 4))) static void add(fact_list *l, const char *label, const char *fmt, ...) {
    va_list args;
    if (l->n == TRAIN_MOST_FACTS) return;
    eval_page_fact *f = &l->items[l->n++];
    *f = (eval_page_fact){.label = label};
    va_start(args, fmt);
    vsnprintf(f->value, sizeof f->value, fmt, args);
    va_end(args);
}

/* Of the fact that was added last. */
__attribute__((format(printf, 2, 3))) static void note(const fact_list *l, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(l->items[l->n - 1].note, sizeof l->items[0].note, fmt, args);
    va_end(args);
}

static const char *count(int64_t n, char out[32]) {
    return eval_html_count(n, out, 32);
}

static double temperature_of(const train_state *s) {
    const loss_spec *loss = s->config->loss;
    return loss->temperature ? loss->temperature(s->config->loss_options) : 0.0;
}

/* Questions and answers are told apart; two sentences of a kind are not. */
static bool is_asymmetric(const train_state *s) {
    return strcmp(s->config->roles.texts[0], "anchor") == 0;
}

/* ---- what was trained ---- */

static void add_data(fact_list *l, const train_state *s) {
    char rows[32], skipped[32];
    const train_config *c = s->config;
    add(l, "data", "%s rows", count(s->progress.n_rows, rows));
    const char *first = c->n_sources > 0 ? senc_path_name(c->sources[0].path) : "";
    if (c->n_sources > 1)
        note(l, "%lld texts a row, of %s and %lld more", (long long)s->columns.n, first, (long long)c->n_sources - 1);
    else
        note(l, "%lld texts a row, of %s", (long long)s->columns.n, first);
    if (data_set_n_skipped(s->set) > 0) {
        add(l, "rows left out", "%s", count(data_set_n_skipped(s->set), skipped));
        note(l, "with an empty text");
    }
}

static void add_lengths(fact_list *l, const train_state *s) {
    const train_progress *p = &s->progress;
    char cut[32], all[32];
    add(l, "longest text in training", "%lld tokens", (long long)s->max_length);
    if (s->max_length != nn_model_max_length(s->model))
        note(l, "the saved model reads up to %lld", (long long)nn_model_max_length(s->model));
    if (p->n_texts == 0) return;
    add(l, "texts cut in training", "%.1f %%", 100.0 * (double)p->n_truncated / (double)p->n_texts);
    note(l, "%s of %s texts", count(p->n_truncated, cut), count(p->n_texts, all));
}

static void add_recipe(fact_list *l, const train_state *s) {
    static const char *const schedules[] = {
        [TRAIN_SCHEDULE_LINEAR] = "linear", [TRAIN_SCHEDULE_COSINE] = "cosine", [TRAIN_SCHEDULE_CONSTANT] = "constant"};
    const train_settings *t = &s->config->train;
    const train_progress *p = &s->progress;
    char steps[32];
    add(l, "loss", "%s", s->config->loss->name);
    if (temperature_of(s) > 0) note(l, "temperature %g", temperature_of(s));
    add(l, "learning rate", "%g", t->learning_rate);
    note(l, "%s, %lld step%s to warm up", schedules[t->schedule], (long long)s->warmup_steps,
         s->warmup_steps == 1 ? "" : "s");
    add(l, "batch", "%lld rows", (long long)(t->batch_size * t->accumulation));
    if (t->accumulation > 1)
        note(l, "%lld batches of %lld a step", (long long)t->accumulation, (long long)t->batch_size);
    add(l, "steps", "%s", count(p->step, steps));
    note(l, "%.3g epochs%s", (double)p->batch / (double)s->batches_per_epoch,
         s->stopped_early ? "; stopped early, without a new best" : "");
    if (p->n_masked > 0) {
        add(l, "masked", "%s", count(p->n_masked, steps));
        note(l, "candidates that are duplicates or known right answers, so not taken as wrong ones");
    }
    add(l, "seed", "%lld", (long long)t->seed);
}

int64_t train_facts_of_training(const train_state *s, eval_page_fact facts[TRAIN_MOST_FACTS]) {
    fact_list l = {facts, 0};
    char text[256];
    add(&l, "model", "%s", s->config->model.base ? train_base_label(s) : "fresh, random weights");
    note(&l, "%s", nn_model_describe(s->model, text, sizeof text));
    add_data(&l, s);
    add_lengths(&l, s);
    add_recipe(&l, s);
    return l.n;
}

/* ---- what the run took ---- */

int64_t train_facts_peak_bytes(const train_state *s) {
    int64_t peak = senc_memory_peak_bytes();
    if (s->setup_peak_bytes > peak) peak = s->setup_peak_bytes;
    if (s->training_peak_bytes > peak) peak = s->training_peak_bytes;
    return s->evaluation_peak_bytes > peak ? s->evaluation_peak_bytes : peak;
}

int64_t train_facts_of_run(const train_state *s, eval_page_fact facts[TRAIN_MOST_FACTS]) {
    fact_list l = {facts, 0};
    const train_progress *p = &s->progress;
    const senc_cpu *cpu = senc_cpu_get();
    char text[32], other[32];
    add(&l, "training time", "%s", train_duration_text(p->elapsed_ms * 1e-3, text, sizeof text));
    if (p->elapsed_ms > 0)
        note(&l, "%.1f rows a second, without evaluations", (double)(p->n_texts / s->columns.n) * 1e3 / p->elapsed_ms);
    add(&l, "memory", "%s", senc_bytes_text(train_facts_peak_bytes(s), text, sizeof text));
    note(&l, "in training %s, planned %s", senc_bytes_text(s->training_peak_bytes, text, sizeof text),
         senc_bytes_text(train_memory_plan_total(&s->plan), other, sizeof other));
    add(&l, "machine", "%s", cpu->name[0] ? cpu->name : "unknown CPU");
    note(&l, "%lld thread%s, %s, %s kernels", (long long)p->threads, p->threads == 1 ? "" : "s",
         nn_precision_text(s->stepper.storage), s->kernels->name);
    senc_utc_text(text);
    add(&l, "finished at", "%.5s UTC", text[0] ? text + 11 : "");
    note(&l, "on %.10s, by senc " SENC_VERSION, text);
    return l.n;
}

/* ---- for machines ---- */

void train_facts_put_json(const train_state *s, data_json *o) {
    const train_config *c = s->config;
    const train_settings *t = &c->train;
    char text[256];
    data_json *model = data_json_put_object(o, "model");
    data_json_put_string(model, "base", c->model.base);
    data_json_put_string(model, "label", train_base_label(s));
    data_json_put_string(model, "description", nn_model_describe(s->model, text, sizeof text));
    data_json_put_integer(model, "max_length", nn_model_max_length(s->model));
    train_prompt prompts[TRAIN_N_PROMPTS];
    data_json *texts = data_json_put_object(model, "prompts");
    train_prompts_of(s->model, prompts);
    for (int i = 0; i < TRAIN_N_PROMPTS; i++) data_json_put_string(texts, prompts[i].name, prompts[i].text);
    data_json *training = data_json_put_object(o, "training");
    data_json *files = data_json_put_array(training, "data");
    for (int64_t i = 0; i < c->n_sources; i++) data_json_put_string(files, NULL, c->sources[i].path);
    data_json_put_string(training, "loss", c->loss->name);
    if (temperature_of(s) > 0) data_json_put_number(training, "temperature", temperature_of(s));
    data_json_put_integer(training, "max_length", s->max_length);
    data_json_put_number(training, "learning_rate", t->learning_rate);
    data_json_put_integer(training, "warmup_steps", s->warmup_steps);
    data_json_put_integer(training, "batch_rows", t->batch_size * t->accumulation);
    data_json_put_number(training, "epochs", (double)s->progress.batch / (double)s->batches_per_epoch);
    data_json_put_bool(training, "stopped_early", s->stopped_early);
    data_json_put_integer(training, "seed", t->seed);
    data_json_put_string(training, "precision", nn_precision_text(s->stepper.storage));
    data_json_put_string(o, "machine", senc_cpu_get()->name);
}

void train_facts_subtitle(const train_state *s, senc_buffer *out) {
    const train_config *c = s->config;
    char rows[32];
    senc_buffer_printf(out, "%s, %s on %s rows of %s", c->model.base ? train_base_label(s) : "A fresh model",
                       c->model.base ? "fine-tuned" : "trained", count(s->progress.n_rows, rows),
                       c->n_sources > 0 ? senc_path_name(c->sources[0].path) : "no file");
    if (c->n_sources > 1) senc_buffer_printf(out, " and %lld more", (long long)c->n_sources - 1);
}

/* ---- prompts ---- */

void train_facts_write_prompts(const train_state *s, const eval_writer *w) {
    senc_buffer text = {0};
    const char *lines[TRAIN_N_PROMPTS + 1];
    int64_t n = 0;
    train_prompts_print(s->model, &text);
    for (char *line = text.failed ? NULL : text.data, *end; line && (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        if (n <= TRAIN_N_PROMPTS) lines[n++] = line;
    }
    if (!train_prompts_any(s->model)) {
        eval_write_paragraph(w, "None: the model reads every text as it is.");
        n -= n > 0;
        memmove(lines, lines + 1, (size_t)n * sizeof *lines);
    }
    eval_write_list(w, lines, n);
    if (train_prompts_any(s->model))
        eval_write_paragraph(w, "They are saved with the model, and are put in front when it is used as shown below.");
    w->out->failed = w->out->failed || text.failed;
    senc_buffer_free(&text);
}

/* ---- loading ---- */

/* A path as a shell reads it back: in quotes where it holds more than plain characters. */
static void append_quoted(const char *path, senc_buffer *out) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-+@:";
    if (strspn(path, plain) == strlen(path)) {
        senc_buffer_append_text(out, path);
        return;
    }
    senc_buffer_append_text(out, "'");
    for (; *path; path++) senc_buffer_append_text(out, *path == '\'' ? "'\\''" : (const char[]){*path, 0});
    senc_buffer_append_text(out, "'");
}

static void append_python(const train_state *s, const char *folder, senc_buffer *out) {
    senc_buffer_append_text(out, "from sentence_transformers import SentenceTransformer\n\n"
                                 "model = SentenceTransformer(");
    data_json_append_string(out, folder, strlen(folder)); /* Python's literals are written alike */
    senc_buffer_append_text(out, ")\n");
    if (is_asymmetric(s))
        senc_buffer_append_text(out, "queries = model.encode_query([\"a question\"])\n"
                                     "documents = model.encode_document([\"an answer\", \"another one\"])\n"
                                     "print(model.similarity(queries, documents))");
    else
        senc_buffer_append_text(out, "vectors = model.encode([\"a sentence\", \"another one\"])\n"
                                     "print(model.similarity(vectors, vectors))");
}

void train_facts_write_loading(const train_state *s, const eval_writer *w) {
    senc_buffer code = {0}, folder = {0};
    senc_buffer_printf(&folder, "%s/%s", s->config->output.dir, s->best.n > 0 ? "best" : "final");
    const char *name = senc_buffer_text(&folder);
    eval_write_paragraph(w, "With senc:");
    senc_buffer_append_text(&code, "senc encode ");
    append_quoted(name, &code);
    senc_buffer_append_text(&code, " --input texts.txt --output vectors.npy\nsenc search ");
    append_quoted(name, &code);
    senc_buffer_append_text(&code, " --corpus texts.txt --query \"...\"");
    eval_write_code(w, "sh", senc_buffer_text(&code));
    senc_buffer_clear(&code);
    append_python(s, name, &code);
    eval_write_paragraph(w, is_asymmetric(s) ? "In Python, with sentence-transformers (5.0 or newer for encode_query "
                                               "and encode_document, which put the prompts in front):"
                                             : "In Python, with sentence-transformers:");
    eval_write_code(w, "python", senc_buffer_text(&code));
    w->out->failed = w->out->failed || code.failed || folder.failed;
    senc_buffer_free(&code);
    senc_buffer_free(&folder);
}
