/* The table of evaluators, their results, and jobs: an evaluator with its options and data. */
#include "eval/evaluator.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "eval/evaluators/evaluator_parts.h"

#define EVALUATOR(name) extern const eval_spec eval_##name##_spec;
#include "eval/evaluators.def"
#undef EVALUATOR

#define EVALUATOR(name) &eval_##name##_spec,
static const eval_spec *const all_evaluators[] = {
#include "eval/evaluators.def"
};
#undef EVALUATOR

#define N_EVALUATORS ((int)(sizeof(all_evaluators) / sizeof(all_evaluators[0])))

const eval_spec *const *eval_all(int *n) {
    *n = N_EVALUATORS;
    return all_evaluators;
}

const eval_spec *eval_find(const char *name) {
    for (int i = 0; i < N_EVALUATORS; i++)
        if (strcmp(all_evaluators[i]->name, name) == 0) return all_evaluators[i];
    return NULL;
}

static void free_texts(char **texts, int64_t n) {
    for (int64_t i = 0; i < n; i++) free(texts[i]);
    free(texts);
}

void eval_result_free(eval_result *r) {
    for (int64_t i = 0; i < r->n_metrics; i++) {
        free(r->metrics[i].key);
        free(r->metrics[i].undefined);
    }
    free(r->metrics);
    free_texts(r->rules, r->n_rules);
    free_texts(r->counts, r->n_counts);
    free(r->name);
    free(r->primary);
    eval_detail_free(&r->detail);
    *r = (eval_result){0};
}

/* The text of a format, or NULL (with err) when memory runs out. */
__attribute__((format(printf, 2, 0))) static char *format_text(senc_error *err, const char *fmt, va_list args) {
    char *text = NULL;
    if (vasprintf(&text, fmt, args) >= 0) return text;
    senc_fail_memory(err, strlen(fmt), "an evaluation result");
    return NULL;
}

__attribute__((format(printf, 4, 0))) static bool add_metric(eval_result *r, double value, senc_error *err,
                                                             const char *key_fmt, va_list args) {
    eval_metric *grown = senc_realloc(r->metrics, (size_t)r->n_metrics + 1, sizeof(*grown));
    if (grown == NULL) return senc_fail_memory(err, sizeof(*grown), "an evaluation result");
    r->metrics = grown;
    char *key = format_text(err, key_fmt, args);
    if (key == NULL) return false;
    r->metrics[r->n_metrics++] = (eval_metric){key, value, NULL};
    return true;
}

bool eval_result_add(eval_result *r, double value, senc_error *err, const char *key_fmt, ...) {
    va_list args;
    va_start(args, key_fmt);
    const bool ok = add_metric(r, value, err, key_fmt, args);
    va_end(args);
    return ok;
}

bool eval_result_add_undefined(eval_result *r, const char *reason, senc_error *err, const char *key_fmt, ...) {
    va_list args;
    va_start(args, key_fmt);
    const bool ok = add_metric(r, NAN, err, key_fmt, args);
    va_end(args);
    if (!ok) return false;
    eval_metric *metric = &r->metrics[r->n_metrics - 1];
    metric->undefined = senc_strdup(reason);
    return metric->undefined || senc_fail_memory(err, strlen(reason), "an evaluation result");
}

/* Appends a text to a list. */
__attribute__((format(printf, 4, 0))) static bool add_text(char ***texts, int64_t *n, senc_error *err, const char *fmt,
                                                           va_list args) {
    char **grown = senc_realloc(*texts, (size_t)*n + 1, sizeof(*grown));
    if (grown == NULL) return senc_fail_memory(err, sizeof(*grown), "an evaluation result");
    *texts = grown;
    char *text = format_text(err, fmt, args);
    if (text == NULL) return false;
    grown[(*n)++] = text;
    return true;
}

bool eval_result_add_rule(eval_result *r, senc_error *err, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    const bool ok = add_text(&r->rules, &r->n_rules, err, fmt, args);
    va_end(args);
    return ok;
}

bool eval_result_add_count(eval_result *r, senc_error *err, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    const bool ok = add_text(&r->counts, &r->n_counts, err, fmt, args);
    va_end(args);
    return ok;
}

const eval_metric *eval_result_find(const eval_result *r, const char *key) {
    for (int64_t i = 0; i < r->n_metrics; i++)
        if (strcmp(r->metrics[i].key, key) == 0) return &r->metrics[i];
    return NULL;
}

/* "file:3:1: " of a value, or nothing. */
static const char *place_of(const senc_value *v, char *out, size_t out_bytes) {
    return v != NULL ? senc_place_text(v->place, out, out_bytes) : "";
}

static const eval_spec *spec_of(const senc_value *table, const char *scope, senc_error *err) {
    char place[512];
    const senc_value *type = senc_value_find(table, "type");
    if (type == NULL || type->type != SENC_VALUE_STRING) {
        senc_fail(err, SENC_BAD_INPUT, "%s%s.type: expected the name of an evaluator (%s, ...), got %s",
                  place_of(type != NULL ? type : table, place, sizeof(place)), scope, all_evaluators[0]->name,
                  type != NULL ? senc_value_type_name(type->type) : "nothing");
        return NULL;
    }
    const eval_spec *spec = eval_find(type->string);
    if (spec != NULL) return spec;
    const char *names[N_EVALUATORS];
    for (int i = 0; i < N_EVALUATORS; i++) names[i] = all_evaluators[i]->name;
    const char *near = senc_nearest_name(type->string, names, N_EVALUATORS);
    senc_fail(err, SENC_BAD_INPUT, "%s%s.type: there is no evaluator \"%s\"%s%s%s",
              place_of(type, place, sizeof(place)), scope, type->string,
              near != NULL ? "; did you mean \"" : " (senc list evaluators)", near != NULL ? near : "",
              near != NULL ? "\"?" : "");
    return NULL;
}

const char *eval_job_text(const eval_job *job, const char *option) {
    const senc_option *o = job->spec->options;
    while (o->name != NULL && strcmp(o->name, option) != 0) o++;
    if (o->name == NULL || (o->type != SENC_OPTION_TYPE_STRING && o->type != SENC_OPTION_TYPE_PATH)) return NULL;
    return *(char *const *)((const char *)job->options + o->offset);
}

static bool name_job(eval_job *job, senc_error *err) {
    job->name = eval_data_name(eval_job_text(job, "name"), eval_job_text(job, "path"));
    return job->name != NULL || senc_fail_memory(err, 1, "the name of an evaluation");
}

bool eval_job_open(eval_job *job, const senc_value *table, const char *scope, senc_error *err) {
    static const char *const ignore[] = {"type", NULL};
    *job = (eval_job){0};
    const eval_spec *spec = spec_of(table, scope, err);
    if (spec == NULL) return false;
    job->options = senc_alloc_zero(1, spec->options_bytes);
    if (job->options == NULL) return senc_fail_memory(err, spec->options_bytes, "the options of an evaluation");
    job->spec = spec;
    char owner[64];
    snprintf(owner, sizeof(owner), "evaluator \"%s\"", spec->name);
    if (senc_options_read(spec->options, job->options, table, scope, owner, ignore, err) && name_job(job, err) &&
        spec->load(job->options, &job->task, err))
        return true;
    eval_job_close(job);
    return false;
}

bool eval_job_check(const eval_job *job, const eval_embedder *embedder, const char *label, senc_error *err) {
    if (embedder->embed || (job->spec->can_rank && embedder->ranker)) return true;
    return senc_fail(err, SENC_BAD_INPUT,
                     "%s: it ranks documents and has no vectors, which evaluation \"%s\" (%s) needs; --retrieval "
                     "measures rankings",
                     label, job->name, job->spec->name);
}

static bool run_spec(eval_job *job, const eval_embedder *embedder, eval_result *result, senc_error *err) {
    if (!eval_job_check(job, embedder, "the system", err)) return false;
    if (embedder->prepare && !embedder->prepare(embedder->context, NULL, 0, err)) return false;
    if (!job->spec->run(job->task, embedder, result, err)) return false;
    for (int64_t i = 0; i < embedder->n_rules; i++)
        if (!eval_result_add_rule(result, err, "%s", embedder->rules[i])) return false;
    return true;
}

static bool add_reading(eval_result *result, senc_error *err) {
    char text[96];
    return result->reading.n_texts == 0 ||
           eval_result_add_count(result, err, "texts: %s", eval_reading_describe(&result->reading, text, sizeof text));
}

bool eval_job_run(eval_job *job, const eval_embedder *embedder, eval_result *result, senc_error *err) {
    const eval_reading before = embedder->reader ? embedder->reader->sum : (eval_reading){0};
    *result = (eval_result){.type = job->spec->name, .greater_is_better = true};
    bool ok = run_spec(job, embedder, result, err);
    result->reading = eval_reading_since(embedder->reader, &before);
    ok = ok && add_reading(result, err);
    if (ok) return true;
    eval_result_free(result);
    return false;
}

void eval_job_close(eval_job *job) {
    if (job->spec != NULL) {
        job->spec->free_task(job->task); /* it may read the options */
        senc_options_free(job->spec->options, job->options);
    }
    free(job->options);
    free(job->name);
    *job = (eval_job){0};
}

bool eval_jobs_check_names(const eval_job *jobs, int64_t n, senc_error *err) {
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < i; j++) {
            if (strcmp(jobs[i].name, jobs[j].name) == 0)
                return senc_fail(err, SENC_BAD_INPUT,
                                 "two evaluations are called \"%s\": give one of them another name (name = \"...\" in "
                                 "[[eval]], --set name=... behind its data)",
                                 jobs[i].name);
        }
    }
    return true;
}
