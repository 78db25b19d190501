/* Units and series side by side: see pairing.h. */
#include "eval/statistics/pairing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "eval/metrics/similarity.h"

typedef struct named_unit {
    const char *id;
    int64_t index;
} named_unit;

static int by_id(const void *a, const void *b) {
    const named_unit *x = a, *y = b;
    const int order = strcmp(x->id, y->id);
    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

/* Units in the order of their ids; NULL with err when an id is there twice. */
static named_unit *sort_units(const eval_result *r, const char *label, senc_error *err) {
    const int64_t n = r->detail.n_units;
    named_unit *units = senc_alloc((size_t)n, sizeof *units);
    if (!units) {
        senc_fail_memory(err, (size_t)n * sizeof *units, "pairs of units");
        return NULL;
    }
    for (int64_t i = 0; i < n; i++) units[i] = (named_unit){r->detail.units[i].id ? r->detail.units[i].id : "", i};
    qsort(units, (size_t)n, sizeof *units, by_id);
    for (int64_t i = 1; i < n; i++) {
        if (strcmp(units[i].id, units[i - 1].id) != 0) continue;
        senc_fail(err, SENC_BAD_INPUT, "%s: data \"%s\": two of its units have the id \"%s\": nothing can be paired",
                  label, r->name, units[i].id);
        free(units);
        return NULL;
    }
    return units;
}

/* Says how many units each side has alone. */
static bool fail_unpaired(const eval_result *a, const char *a_label, const eval_result *b, const char *b_label,
                          const named_unit *x, const named_unit *y, senc_error *err) {
    const int64_t n = a->detail.n_units, m = b->detail.n_units;
    int64_t only_a = 0, only_b = 0, i = 0, j = 0;
    const char *first = NULL;
    while (i < n || j < m) {
        const int order = i == n ? 1 : j == m ? -1 : strcmp(x[i].id, y[j].id);
        if (order != 0 && !first) first = order < 0 ? x[i].id : y[j].id;
        only_a += order < 0;
        only_b += order > 0;
        i += order <= 0;
        j += order >= 0;
    }
    return senc_fail(err, SENC_BAD_INPUT,
                     "data \"%s\": both must be measured on the same units: %s has %lld, %s has %lld, of which %lld "
                     "are only in the first and %lld only in the second (such as \"%s\")",
                     a->name, a_label, (long long)n, b_label, (long long)m, (long long)only_a, (long long)only_b,
                     first ? first : "");
}

static bool is_same_text(const char *a, const char *b) {
    return !a || !b || strcmp(a, b) == 0;
}

/* The same id must mean the same thing. */
static bool check_pair(const eval_result *a, const char *a_label, int64_t i, const eval_result *b, const char *b_label,
                       int64_t j, senc_error *err) {
    const eval_unit *x = &a->detail.units[i], *y = &b->detail.units[j];
    if (!is_same_text(x->text, y->text))
        return senc_fail(err, SENC_BAD_INPUT,
                         "data \"%s\": %s \"%s\" is another text for %s than for %s: expected the same data", a->name,
                         a->detail.unit_name, x->id, b_label, a_label);
    if (a->detail.gold && b->detail.gold && fabs(a->detail.gold[i] - b->detail.gold[j]) > 1e-9)
        return senc_fail(err, SENC_BAD_INPUT,
                         "data \"%s\": %s \"%s\" has the gold score %g for %s, %g for %s: expected the same data",
                         a->name, a->detail.unit_name, x->id, a->detail.gold[i], a_label, b->detail.gold[j], b_label);
    return true;
}

bool eval_pair_units(const eval_result *a, const char *a_label, const eval_result *b, const char *b_label,
                     int64_t **order, senc_error *err) {
    const int64_t n = a->detail.n_units;
    *order = NULL;
    named_unit *x = sort_units(a, a_label, err), *y = x ? sort_units(b, b_label, err) : NULL;
    bool ok = x && y, is_paired = ok && n == b->detail.n_units;
    for (int64_t i = 0; is_paired && i < n; i++) is_paired = strcmp(x[i].id, y[i].id) == 0;
    if (ok && !is_paired) ok = fail_unpaired(a, a_label, b, b_label, x, y, err);
    if (ok) {
        *order = senc_alloc((size_t)n, sizeof **order);
        ok = *order || senc_fail_memory(err, (size_t)n * sizeof **order, "pairs of units");
    }
    for (int64_t i = 0; ok && i < n; i++) {
        (*order)[x[i].index] = y[i].index;
        ok = check_pair(a, a_label, x[i].index, b, b_label, y[i].index, err);
    }
    free(x);
    free(y);
    if (ok) return true;
    free(*order);
    *order = NULL;
    return false;
}

/* A key behind its data's name. */
static const char *metric_of(const eval_result *r, const char *key) {
    const size_t n = r->name ? strlen(r->name) : 0;
    return n > 0 && strncmp(key, r->name, n) == 0 && key[n] == '_' ? key + n + 1 : key;
}

/* Length of the part up to the next '_' or the end. */
static size_t part_of(const char *key) {
    return strcspn(key, "_");
}

/* "cosine", ..., and what scores of rankers are called. */
static bool is_function(const char *text, size_t n) {
    static const char *const scores[] = {"bm25", "rrf", "sum", "run"};
    for (size_t i = 0; i < sizeof scores / sizeof *scores; i++)
        if (strlen(scores[i]) == n && memcmp(scores[i], text, n) == 0) return true;
    for (int i = 0; i < EVAL_N_SIMILARITIES; i++) {
        const char *name = eval_similarity_name((eval_similarity)i);
        if (strlen(name) == n && memcmp(name, text, n) == 0) return true;
    }
    return false;
}

/* Whether the function of a metric is its first part ("cosine_ndcg@10", "cosine_f1"), not its last
 * ("spearman_cosine"). */
static bool has_function_first(const char *type, const char *key) {
    return strchr(key, '@') || strcmp(type, "triplet") == 0 || (key[part_of(key)] && is_function(key, part_of(key)));
}

/* True when the keys are equal but for one part, the function. */
static bool differs_in_function(const char *a, const char *b, bool is_first) {
    if (is_first) {
        const size_t n = part_of(a), m = part_of(b);
        return a[n] == '_' && b[m] == '_' && strcmp(a + n, b + m) == 0;
    }
    const char *x = strrchr(a, '_'), *y = strrchr(b, '_');
    return x && y && x - a == y - b && memcmp(a, b, (size_t)(x - a)) == 0;
}

const eval_series *eval_pair_series(const eval_result *a, const eval_series *series, const eval_result *b) {
    const char *key = metric_of(a, series->key);
    const bool is_first = has_function_first(a->type, key);
    for (int64_t i = 0; i < b->detail.n_series; i++)
        if (strcmp(metric_of(b, b->detail.series[i].key), key) == 0) return &b->detail.series[i];
    for (int64_t i = 0; i < b->detail.n_series; i++) {
        const eval_series *s = &b->detail.series[i];
        if (s->statistic == series->statistic && differs_in_function(key, metric_of(b, s->key), is_first)) return s;
    }
    return NULL;
}

const char *eval_metric_name(const eval_result *r, const char *key, bool without_function, char *out,
                             size_t out_bytes) {
    const char *name = metric_of(r, key), *last = strrchr(name, '_');
    const size_t first = part_of(name);
    int n = (int)strlen(name);
    if (without_function && has_function_first(r->type, name))
        name += name[first] ? first + 1 : 0;
    else if (without_function && last && is_function(last + 1, strlen(last + 1)))
        n = (int)(last - name);
    snprintf(out, out_bytes, "%.*s", n, name);
    return out;
}

bool eval_key_matches(const char *key, const char *metric) {
    const size_t n = strlen(key), m = strlen(metric);
    return m <= n && strcmp(key + n - m, metric) == 0 && (m == n || key[n - m - 1] == '_');
}
