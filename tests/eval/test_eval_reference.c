/* Metrics and evaluators against other tools' numbers for the same input: tests/reference/eval_reference.py made them.
 * Prints the largest difference for every metric and tool (the table in tests/reference/README.md). */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "data/formats/json.h"
#include "eval/evaluator.h"
#include "eval/solvers/kmeans.h"
#include "eval/solvers/logistic.h"
#include "eval/metrics/classification.h"
#include "eval/metrics/clustering.h"
#include "eval/metrics/correlation.h"
#include "eval/metrics/ranking.h"
#include "eval/metrics/similarity.h"
#include "evaluator_fixture.h"

#define MOST 1e-9

/* One line of the table. */
typedef struct agreement {
    char metric[96], tool[64];
    double difference;
    int n;
} agreement;

static agreement table[200];
static int n_table;
static data_json *reference;
static float *vectors;
static int64_t n_vectors, width;
static char reference_folder[64];

static void open_reference(void) {
    senc_error err = {0};
    ck_assert_msg(data_json_load(SENC_TESTS "/reference/eval-reference.json", &reference, &err), "%s", err.text);
    const data_json *rows = data_json_find(reference, "vectors");
    n_vectors = data_json_count(rows);
    width = data_json_count(data_json_first(rows));
    vectors = malloc((size_t)(n_vectors * width) * sizeof *vectors);
    float *at = vectors;
    for (const data_json *row = data_json_first(rows); row; row = data_json_next(row))
        for (const data_json *x = data_json_first(row); x; x = data_json_next(x)) *at++ = (float)data_json_number(x);
    ck_assert_int_eq(at - vectors, n_vectors * width);
    snprintf(reference_folder, sizeof reference_folder, "/tmp/senc-reference-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(reference_folder));
    senc_log_set_level(SENC_LOG_QUIET);
    n_table = 0;
}

static void close_reference(void) {
    senc_error err = {0};
    ck_assert(senc_path_remove(reference_folder, &err));
    data_json_free(reference);
    free(vectors);
}

static double *numbers_of(const data_json *c, const char *key, int64_t *n) {
    const data_json *list = data_json_find(c, key);
    ck_assert_msg(list != NULL, "no %s", key);
    *n = data_json_count(list);
    double *x = malloc((size_t)(*n + 1) * sizeof *x);
    int64_t i = 0;
    for (const data_json *v = data_json_first(list); v; v = data_json_next(v)) x[i++] = data_json_number(v);
    return x;
}

static int64_t *integers_of(const data_json *c, const char *key, int64_t *n) {
    double *x = numbers_of(c, key, n);
    int64_t *out = malloc((size_t)(*n + 1) * sizeof *out);
    for (int64_t i = 0; i < *n; i++) out[i] = (int64_t)x[i];
    free(x);
    return out;
}

/* ---- agreement ---- */

static void compare(const char *metric, const char *tool, double got, double want) {
    int i = 0;
    while (i < n_table && (strcmp(table[i].metric, metric) != 0 || strcmp(table[i].tool, tool) != 0)) i++;
    if (i == n_table) {
        ck_assert_int_lt(n_table, (int)(sizeof table / sizeof *table));
        snprintf(table[i].metric, sizeof table[i].metric, "%s", metric);
        snprintf(table[i].tool, sizeof table[i].tool, "%s", tool);
        table[i].difference = 0;
        table[i].n = 0;
        n_table++;
    }
    const double difference = fabs(got - want);
    ck_assert_msg(difference <= MOST, "%s: got %.17g, %s has %.17g", metric, got, tool, want);
    if (difference > table[i].difference) table[i].difference = difference;
    table[i].n++;
}

typedef struct named_value {
    const char *metric;
    double value;
} named_value;

/* Every expected number of the case must be among the values. */
static void compare_all(const data_json *c, const named_value *values, int n) {
    for (const data_json *e = data_json_first(data_json_find(c, "expected")); e; e = data_json_next(e)) {
        const char *metric = data_json_text(data_json_find(e, "metric"), NULL);
        int i = 0;
        while (i < n && strcmp(values[i].metric, metric) != 0) i++;
        ck_assert_msg(i < n, "nothing gives \"%s\"", metric);
        compare(metric, data_json_text(data_json_find(e, "tool"), NULL), values[i].value,
                data_json_number(data_json_find(e, "value")));
    }
}

#define COMPARE(c, values) compare_all(c, values, (int)(sizeof(values) / sizeof *(values)))

static void print_table(void) {
    printf("| metric | tool | numbers | largest difference |\n|---|---|---|---|\n");
    for (int i = 0; i < n_table; i++)
        printf("| %s | %s | %d | %.1g |\n", table[i].metric, table[i].tool, table[i].n, table[i].difference);
}

/* Runs check on all cases of a kind; there must be some. */
static void each_case(const char *kind, void (*check)(const data_json *c)) {
    int n = 0;
    for (const data_json *c = data_json_first(data_json_find(reference, "cases")); c; c = data_json_next(c)) {
        if (strcmp(data_json_text(data_json_find(c, "kind"), NULL), kind) != 0) continue;
        check(c);
        n++;
    }
    ck_assert_msg(n > 0, "no case of kind \"%s\"", kind);
}

/* ---- metrics ---- */

static void check_binary(const data_json *c) {
    int64_t n, m;
    double *scores = numbers_of(c, "scores", &n), *labels = numbers_of(c, "labels", &m);
    eval_binary b;
    double ap;
    senc_error err = {0};
    ck_assert(eval_binary_measure(scores, labels, n, &b, &err) && eval_average_precision(scores, labels, n, &ap, &err));
    ck_assert(ap == b.average_precision);
    ck_assert(b.best_mcc >= b.mcc);
    const named_value values[] = {
        {"accuracy, best", b.accuracy},
        {"accuracy_threshold", b.accuracy_threshold},
        {"F1, best", b.f1},
        {"f1_threshold", b.f1_threshold},
        {"precision at best F1", b.precision},
        {"recall at best F1", b.recall},
        {"MCC", b.mcc},
        {"average precision", ap},
    };
    COMPARE(c, values);
    free(scores);
    free(labels);
}

typedef struct graded {
    double score, grade;
} graded;

static int best_first(const void *a, const void *b) {
    const graded *x = a, *y = b;
    return (x->score < y->score) - (x->score > y->score);
}

static int highest_first(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* A query's list, best first; free scores, which is the start of all. */
typedef struct query_list {
    eval_ranking r;
    double *scores;
} query_list;

static query_list list_of(const data_json *c) {
    int64_t n, m;
    double *scores = numbers_of(c, "scores", &n), *grades = numbers_of(c, "grades", &m);
    graded *order = malloc((size_t)n * sizeof *order);
    double *room = malloc(3 * (size_t)n * sizeof *room);
    query_list l = {{.grades = room + n, .n = n, .relevant = room + 2 * n}, room};
    for (int64_t i = 0; i < n; i++) order[i] = (graded){scores[i], grades[i]};
    qsort(order, (size_t)n, sizeof *order, best_first);
    for (int64_t i = 0; i < n; i++) {
        room[i] = order[i].score;
        room[n + i] = order[i].grade;
        if (order[i].grade > 0) room[2 * n + l.r.n_relevant++] = order[i].grade;
    }
    qsort(room + 2 * n, (size_t)l.r.n_relevant, sizeof *room, highest_first);
    free(order);
    free(scores);
    free(grades);
    return l;
}

static void check_ranking(const data_json *c) {
    query_list l = list_of(c);
    const eval_ranking *r = &l.r;
    const named_value values[] = {
        {"nDCG@10, linear gain", eval_ndcg_at(r, 10, EVAL_GAIN_LINEAR)},
        {"nDCG@100, linear gain", eval_ndcg_at(r, 100, EVAL_GAIN_LINEAR)},
        {"nDCG@10, binary gain", eval_ndcg_at(r, 10, EVAL_GAIN_BINARY)},
        {"nDCG@10, exponential gain", eval_ndcg_at(r, 10, EVAL_GAIN_EXPONENTIAL)},
        {"MAP@10, all relevant", eval_average_precision_at(r, 10, EVAL_AP_RELEVANT)},
        {"MAP@100, all relevant", eval_average_precision_at(r, 100, EVAL_AP_RELEVANT)},
        {"MRR", eval_reciprocal_rank_at(r, r->n)},
        {"precision@5", eval_precision_at(r, 5)},
        {"recall@10", eval_recall_at(r, 10)},
        {"accuracy@5", eval_accuracy_at(r, 5)},
    };
    COMPARE(c, values);
    free(l.scores);
}

static void check_tied_ranking(const data_json *c) {
    query_list l = list_of(c);
    double ap;
    senc_error err = {0};
    ck_assert(eval_average_precision(l.scores, l.r.grades, l.r.n, &ap, &err));
    const named_value values[] = {
        {"nDCG@10, ties shared", eval_ndcg_shared_at(&l.r, l.scores, 10, EVAL_GAIN_BINARY)},
        {"average precision", ap},
    };
    COMPARE(c, values);
    free(l.scores);
}

static void check_correlation(const data_json *c) {
    int64_t n, m;
    double *x = numbers_of(c, "x", &n), *y = numbers_of(c, "y", &m), rho;
    senc_error err = {0};
    ck_assert(eval_spearman(x, y, n, &rho, &err));
    const named_value values[] = {{"Pearson", eval_pearson(x, y, n)}, {"Spearman", rho}};
    COMPARE(c, values);
    free(x);
    free(y);
}

static void check_classes(const data_json *c) {
    int64_t n, m;
    int64_t *gold = integers_of(c, "gold", &n), *predicted = integers_of(c, "predicted", &m);
    eval_classes e;
    senc_error err = {0};
    ck_assert(eval_classes_measure(gold, predicted, n, 100, &e, &err));
    const named_value values[] = {
        {"accuracy", e.accuracy},
        {"F1, macro", e.f1_macro},
        {"F1, weighted", e.f1_weighted},
        {"precision, weighted", e.precision_weighted},
        {"recall, weighted", e.recall_weighted},
    };
    COMPARE(c, values);
    free(gold);
    free(predicted);
}

static void check_partition(const data_json *c) {
    int64_t n, m, majority[100];
    int64_t *gold = integers_of(c, "gold", &n), *predicted = integers_of(c, "predicted", &m);
    eval_partition p;
    senc_error err = {0};
    ck_assert(eval_partition_measure(gold, 100, predicted, 100, n, majority, &p, &err));
    const named_value values[] = {
        {"homogeneity", p.homogeneity},   {"completeness", p.completeness},   {"V-measure", p.v_measure},
        {"NMI, arithmetic", p.v_measure}, {"adjusted Rand", p.adjusted_rand}, {"purity", p.purity},
    };
    COMPARE(c, values);
    int64_t right = 0;
    for (int64_t i = 0; i < n; i++) right += majority[predicted[i]] == gold[i];
    ck_assert(fabs((double)right / (double)n - p.purity) < 1e-12);
    free(gold);
    free(predicted);
}

/* ---- models ---- */

/* Expected: each row's weights, then its intercept. */
static void check_logistic(const data_json *c) {
    int64_t n;
    int64_t *classes = integers_of(c, "classes", &n);
    const int64_t n_classes = data_json_integer(data_json_find(c, "n_classes"));
    const eval_logistic_options options = {.c = 1, .max_iterations = 10000, .tolerance = 1e-13};
    eval_logistic m;
    senc_error err = {0};
    ck_assert(eval_logistic_fit(&options, vectors, classes, n, width, n_classes, &m, &err));
    ck_assert_int_eq(m.n_rows, data_json_integer(data_json_find(c, "rows")));
    int64_t i = 0;
    for (const data_json *e = data_json_first(data_json_find(c, "expected")); e; e = data_json_next(e), i++) {
        const int64_t row = i / (width + 1), column = i % (width + 1);
        const double got = column == width ? m.intercepts[row] : m.weights[row * width + column];
        compare(data_json_text(data_json_find(e, "metric"), NULL), data_json_text(data_json_find(e, "tool"), NULL), got,
                data_json_number(data_json_find(e, "value")));
    }
    ck_assert_int_eq(i, m.n_rows * (width + 1));
    eval_logistic_free(&m);
    free(classes);
}

static void check_kmeans(const data_json *c) {
    const eval_kmeans_options options = {data_json_integer(data_json_find(c, "n_clusters")), 50, 1000, 1};
    eval_kmeans_outcome outcome;
    int64_t n;
    int64_t *rows = integers_of(c, "rows", &n), *clusters = malloc((size_t)n * sizeof *clusters);
    float *x = malloc((size_t)(n * width) * sizeof *x);
    for (int64_t i = 0; i < n; i++) memcpy(x + i * width, vectors + rows[i] * width, (size_t)width * sizeof *x);
    senc_error err = {0};
    ck_assert(eval_kmeans(&options, x, n, width, clusters, &outcome, &err));
    ck_assert(outcome.converged);
    const named_value values[] = {{"k-means, best sum of squares of 50 starts", outcome.inertia}};
    COMPARE(c, values);
    free(rows);
    free(clusters);
    free(x);
}

/* ---- evaluators ---- */

static bool look_up(void *context, eval_role role, const eval_text *texts, int64_t n, float *out, senc_error *err) {
    (void)context;
    (void)role;
    (void)err;
    for (int64_t i = 0; i < n; i++) {
        char text[16];
        snprintf(text, sizeof text, "%.*s", (int)texts[i].n_bytes, texts[i].bytes);
        const long at = strtol(text + 1, NULL, 10);
        ck_assert_msg(text[0] == 't' && at < n_vectors, "%s", text);
        memcpy(out + i * width, vectors + at * width, (size_t)width * sizeof *out);
    }
    return true;
}

static void write_text(const char *name, const char *text) {
    char path[160];
    senc_error err = {0};
    snprintf(path, sizeof path, "%s/%s", reference_folder, name);
    char *parent = senc_path_folder(path);
    ck_assert(senc_path_create_folders(parent, &err));
    free(parent);
    ck_assert_msg(senc_file_write(path, text, strlen(text), &err), "%s", err.text);
}

static void put_text(senc_value *t, const char *key, const char *text) {
    ck_assert(senc_value_put(t, key, (senc_place){0}, senc_value_create_string(text, strlen(text), (senc_place){0})));
}

static senc_value *value_of(const data_json *v) {
    const senc_place place = {0};
    if (data_json_get_type(v) == DATA_JSON_STRING)
        return senc_value_create_string(data_json_text(v, NULL), strlen(data_json_text(v, NULL)), place);
    const bool is_list = data_json_get_type(v) == DATA_JSON_ARRAY, is_bool = data_json_get_type(v) == DATA_JSON_BOOL;
    senc_value *out = senc_value_create(is_list   ? SENC_VALUE_ARRAY
                                        : is_bool ? SENC_VALUE_BOOLEAN
                                                  : SENC_VALUE_INTEGER,
                                        place);
    if (is_bool) out->boolean = data_json_bool(v);
    if (!is_list && !is_bool) out->integer = data_json_integer(v);
    for (const data_json *i = data_json_first(v); is_list && i; i = data_json_next(i))
        ck_assert(senc_value_append(out, value_of(i)));
    return out;
}

/* The [[eval]] table of a case, whose files are written. */
static senc_value *table_of(const data_json *c) {
    senc_value *t = senc_value_create(SENC_VALUE_TABLE, (senc_place){0});
    char path[160];
    const char *type = data_json_text(data_json_find(c, "type"), NULL);
    put_text(t, "type", type);
    put_text(t, "name", "x");
    write_text("rows.jsonl", data_json_text(data_json_find(c, "text"), NULL));
    snprintf(path, sizeof path, "%s%s", reference_folder, strcmp(type, "retrieval") == 0 ? "" : "/rows.jsonl");
    put_text(t, "path", path);
    for (const data_json *f = data_json_first(data_json_find(c, "files")); f; f = data_json_next(f)) {
        const char *key = data_json_key(f, NULL);
        char name[64];
        snprintf(name, sizeof name, strchr(key, '.') ? "%s" : "%s.jsonl", key);
        write_text(name, data_json_text(f, NULL));
        snprintf(path, sizeof path, "%s/%s", reference_folder, name);
        if (!strchr(key, '.')) put_text(t, key, path);
    }
    for (const data_json *o = data_json_first(data_json_find(c, "options")); o; o = data_json_next(o))
        ck_assert(senc_value_put(t, data_json_key(o, NULL), (senc_place){0}, value_of(o)));
    return t;
}

/* One line of the table for all similarities and all k. */
static const char *show(const char *metric, char *out) {
    const char *key = strstr(metric, ": ") + 2;
    int n = 0;
    for (int f = 0; f < EVAL_N_SIMILARITIES; f++) {
        const char *name = eval_similarity_name((eval_similarity)f);
        const size_t bytes = strlen(name);
        if (strncmp(key, name, bytes) == 0 && key[bytes] == '_') key += bytes + 1;
        const char *end = strrchr(key, '_');
        if (end && strcmp(end + 1, name) == 0) n = (int)(end - key);
    }
    const char *at = strchr(key, '@');
    if (n == 0) n = at ? (int)(at - key) : (int)strlen(key);
    snprintf(out, 128, "%.*s: %.*s%s", (int)(strstr(metric, ": ") - metric), metric, n, key, at ? "@k" : "");
    return out;
}

static void check_evaluator(const data_json *c) {
    senc_value *t = table_of(c);
    const eval_embedder embedder = {.embed = look_up, .width = width, .similarity = "cosine"};
    eval_job job;
    eval_result r;
    senc_error err = {0};
    ck_assert_msg(eval_job_open(&job, t, "eval", &err), "%s", err.text);
    ck_assert_msg(eval_job_run(&job, &embedder, &r, &err), "%s", err.text);
    check_detail(&r);
    for (const data_json *e = data_json_first(data_json_find(c, "expected")); e; e = data_json_next(e)) {
        const char *metric = data_json_text(data_json_find(e, "metric"), NULL);
        char key[128], shown[128];
        snprintf(key, sizeof key, "x_%s", strstr(metric, ": ") + 2);
        const eval_metric *m = eval_result_find(&r, key);
        ck_assert_msg(m != NULL, "no %s", key);
        compare(show(metric, shown), data_json_text(data_json_find(e, "tool"), NULL), m->value,
                data_json_number(data_json_find(e, "value")));
    }
    eval_result_free(&r);
    eval_job_close(&job);
    senc_value_free(t);
}

START_TEST(metrics_agree) {
    each_case("binary", check_binary);
    each_case("ranking", check_ranking);
    each_case("tied ranking", check_tied_ranking);
    each_case("correlation", check_correlation);
    each_case("classes", check_classes);
    each_case("partition", check_partition);
    each_case("logistic", check_logistic);
    each_case("kmeans", check_kmeans);
    each_case("evaluator", check_evaluator);
    print_table();
}
END_TEST

int main(void) {
    Suite *s = suite_create("eval_reference");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, open_reference, close_reference);
    tcase_add_test(t, metrics_agree);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
