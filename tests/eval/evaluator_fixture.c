/* See evaluator_fixture.h. */
#include "evaluator_fixture.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "eval/metrics/classification.h"
#include "eval/metrics/correlation.h"

static char folder[64];

static bool embed(void *context, eval_role role, const eval_text *texts, int64_t n, float *out, senc_error *err) {
    witness *w = context;
    if (w->fail) return senc_fail(err, SENC_FAILED, "the embedder fails");
    w->n_texts[role] += n;
    w->largest_call = n > w->largest_call ? n : w->largest_call;
    for (int64_t i = 0; i < n; i++) {
        char *copy = senc_strndup(texts[i].bytes, (size_t)texts[i].n_bytes);
        const char *at = strchr(copy, ':');
        ck_assert_msg(at != NULL, "%s", copy);
        at++;
        for (int k = 0; k < WIDTH; k++) {
            char *end;
            out[i * WIDTH + k] = strtof(at, &end);
            ck_assert_msg(end != at, "%s", copy);
            at = end;
        }
        free(copy);
    }
    return true;
}

eval_embedder embedder_of(witness *w) {
    return (eval_embedder){.embed = embed, .context = w, .width = WIDTH, .similarity = "cosine"};
}

void make_folder(void) {
    snprintf(folder, sizeof(folder), "/tmp/senc-evaluators-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    senc_log_set_level(SENC_LOG_QUIET);
}

void remove_folder(void) {
    senc_error err = {0};
    ck_assert(senc_path_remove(folder, &err));
}

void write_file(const char *name, const char *text) {
    char path[256];
    senc_error err = {0};
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    char *parent = senc_path_folder(path);
    ck_assert(senc_path_create_folders(parent, &err));
    free(parent);
    ck_assert_msg(senc_file_write(path, text, strlen(text), &err), "%s", err.text);
}

void put(senc_value *table, const char *key, senc_value *v) {
    ck_assert(v != NULL && senc_value_put(table, key, (senc_place){0}, v));
}

senc_value *text_value(const char *text) {
    senc_value *v = senc_value_create(SENC_VALUE_STRING, (senc_place){0});
    v->string = senc_strdup(text);
    v->n_bytes = strlen(text);
    return v;
}

senc_value *integer_value(int64_t x) {
    senc_value *v = senc_value_create(SENC_VALUE_INTEGER, (senc_place){0});
    v->integer = x;
    return v;
}

senc_value *flag_value(bool x) {
    senc_value *v = senc_value_create(SENC_VALUE_BOOLEAN, (senc_place){0});
    v->boolean = x;
    return v;
}

void put_path(senc_value *table, const char *key, const char *name) {
    char full[256];
    snprintf(full, sizeof(full), "%s/%s", folder, name);
    put(table, key, text_value(full));
}

senc_value *job_table(const char *type, const char *path) {
    senc_value *table = senc_value_create(SENC_VALUE_TABLE, (senc_place){0});
    put(table, "type", text_value(type));
    put_path(table, "path", path);
    return table;
}

bool run_job(senc_value *table, const eval_embedder *embedder, eval_result *result, senc_error *err) {
    eval_job job;
    *result = (eval_result){0};
    bool ok = eval_job_open(&job, table, "eval", err);
    if (ok) {
        ok = eval_job_run(&job, embedder, result, err);
        eval_job_close(&job);
    }
    senc_value_free(table);
    return ok;
}

eval_result run_good(senc_value *table, witness *w) {
    eval_result result;
    senc_error err = {0};
    const eval_embedder embedder = embedder_of(w);
    ck_assert_msg(run_job(table, &embedder, &result, &err), "%s", err.text);
    ck_assert_ptr_nonnull(eval_result_find(&result, result.primary));
    ck_assert(result.greater_is_better);
    check_detail(&result);
    return result;
}

void expect(const eval_result *r, const char *key, double want) {
    const eval_metric *m = eval_result_find(r, key);
    ck_assert_msg(m != NULL, "no %s", key);
    ck_assert_msg(fabs(m->value - want) <= 1e-12, "%s: got %.15g, want %.15g", key, m->value, want);
}

bool has_text(char **texts, int64_t n, const char *part) {
    for (int64_t i = 0; i < n; i++)
        if (strstr(texts[i], part) != NULL) return true;
    return false;
}

void expect_error(senc_value *table, const char *part) {
    witness w = {0};
    const eval_embedder embedder = embedder_of(&w);
    eval_result r;
    senc_error err = {0};
    ck_assert_msg(!run_job(table, &embedder, &r, &err), "expected: %s", part);
    ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
    ck_assert_msg(strstr(err.text, part) != NULL, "got: %s; want: %s", err.text, part);
}

/* ---- details ---- */

static double mean_of(const double *x, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i];
    return sum / (double)n;
}

static double macro_of(const double *gold, const double *predicted, int64_t n) {
    int64_t *classes = malloc(2 * (size_t)n * sizeof *classes);
    for (int64_t i = 0; i < n; i++) {
        classes[i] = (int64_t)gold[i];
        classes[n + i] = (int64_t)predicted[i];
    }
    eval_classes c;
    senc_error err = {0};
    ck_assert(eval_classes_measure(classes, classes + n, n, 1000, &c, &err));
    free(classes);
    return c.f1_macro;
}

/* What the series says its metric is. */
static double statistic_of(const eval_detail *d, const eval_series *s) {
    eval_binary b = {0};
    double x = NAN;
    senc_error err = {0};
    ck_assert(s->statistic == EVAL_MEAN || d->gold != NULL);
    if (s->statistic == EVAL_ACCURACY_BEST || s->statistic == EVAL_F1_BEST || s->statistic == EVAL_MCC_BEST)
        ck_assert(eval_binary_measure(s->values, d->gold, d->n_units, &b, &err));
    switch (s->statistic) {
    case EVAL_MEAN:
        return mean_of(s->values, d->n_units);
    case EVAL_PEARSON:
        return eval_pearson(s->values, d->gold, d->n_units);
    case EVAL_SPEARMAN:
        ck_assert(eval_spearman(s->values, d->gold, d->n_units, &x, &err));
        return x;
    case EVAL_AVERAGE_PRECISION:
        ck_assert(eval_average_precision(s->values, d->gold, d->n_units, &x, &err));
        return x;
    case EVAL_ACCURACY_BEST:
        return b.accuracy;
    case EVAL_F1_BEST:
        return b.f1;
    case EVAL_MCC_BEST:
        return b.best_mcc;
    case EVAL_F1_MACRO:
        return macro_of(d->gold, s->values, d->n_units);
    }
    return NAN;
}

static void check_found(const eval_unit *u) {
    ck_assert_int_le(u->n_found, EVAL_DETAIL_FOUND);
    for (int64_t i = 0; i < u->n_found; i++) {
        ck_assert_ptr_nonnull(u->found[i].id);
        ck_assert(i == 0 || u->found[i - 1].score >= u->found[i].score);
        if (u->rank >= 0 && i + 1 < u->rank) ck_assert(!(u->found[i].grade > 0));
        if (u->rank >= 0 && i + 1 == u->rank) ck_assert(u->found[i].grade > 0);
        if (u->rank == 0) ck_assert(!(u->found[i].grade > 0));
    }
}

void check_detail(const eval_result *r) {
    const eval_detail *d = &r->detail;
    for (int64_t i = 0; i < d->n_units; i++) {
        const eval_unit *u = &d->units[i];
        ck_assert_msg(u->id != NULL && u->text != NULL && u->text[0] != '\0', "unit %lld", (long long)i);
        for (int64_t j = 0; j < i; j++) ck_assert_str_ne(u->id, d->units[j].id);
        check_found(u);
    }
    for (int64_t s = 0; s < d->n_series; s++) {
        const eval_metric *m = eval_result_find(r, d->series[s].key);
        ck_assert_msg(m != NULL, "no metric of the series %s", d->series[s].key);
        const double x = statistic_of(d, &d->series[s]);
        ck_assert_msg((isnan(x) && isnan(m->value)) || fabs(x - m->value) <= 1e-12, "%s: %.15g, its series gives %.15g",
                      m->key, m->value, x);
    }
}
