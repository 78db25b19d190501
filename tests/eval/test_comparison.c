/* Models against each other: pairing, verdicts, limits, examples, seeds; the learned map between two models' vectors.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/rng.h"
#include "eval/statistics/comparison_report.h"
#include "eval/statistics/linear_map.h"
#include "eval/statistics/old_index.h"
#include "eval/statistics/pairing.h"
#include "eval/statistics/swap_test.h"

#define N 60

/* A retrieval result with one headline metric and recall@10; unit i has id "q<i>" and is at order[i]. */
static eval_result make_result(const char *function, const double *values, const int64_t *order, int64_t n) {
    eval_result r = {.name = strdup("faq"), .type = "retrieval", .greater_is_better = true};
    char key[64], id[24], text[32];
    snprintf(key, sizeof key, "faq_%s_ndcg@10", function);
    r.primary = strdup(key);
    ck_assert(eval_detail_init(&r.detail, "query", n, false, NULL));
    double *ndcg, *recall;
    ck_assert(eval_detail_add_series(&r.detail, key, EVAL_MEAN, &ndcg, NULL));
    snprintf(key, sizeof key, "faq_%s_recall@10", function);
    ck_assert(eval_detail_add_series(&r.detail, key, EVAL_MEAN, &recall, NULL));
    for (int64_t i = 0; i < n; i++) {
        const int64_t at = order ? order[i] : i;
        snprintf(id, sizeof id, "q%lld", (long long)i);
        snprintf(text, sizeof text, "question %lld", (long long)i);
        ck_assert(eval_detail_set_unit(&r.detail, at, id, text, (int64_t)strlen(text), NULL, 0, NULL));
        ndcg[at] = values[i];
        recall[at] = values[i] > 0.3;
    }
    return r;
}

static bool compare_two(const eval_result *a, const eval_result *b, const eval_comparison_options *options,
                        eval_comparison *c, senc_error *err) {
    const eval_compared_run runs[2] = {{.label = "a", .results = a, .n_results = 1},
                                       {.label = "b", .results = b, .n_results = 1}};
    const eval_compared_model models[2] = {{"a", &runs[0], 1}, {"b", &runs[1], 1}};
    return eval_compare(models, 2, options, c, err);
}

static void fill(double *values, uint64_t seed, double noise, double shift, const double *base) {
    senc_rng rng;
    senc_rng_init(&rng, seed);
    for (int i = 0; i < N; i++)
        values[i] = (base ? base[i] : senc_rng_uniform(&rng)) + noise * senc_rng_normal(&rng) + shift;
}

static const eval_change *find_change(const eval_comparison *c, const char *ending) {
    for (int64_t i = 0; i < c->candidates[0].n_changes; i++)
        if (eval_key_matches(c->candidates[0].changes[i].key, ending)) return &c->candidates[0].changes[i];
    ck_abort_msg("no %s", ending);
}

/* Units are paired by their ids, whatever their order, and metrics whatever their function is called. */
START_TEST(test_excluded_effects) {
    const eval_change c = {.difference = {.value = 0.01, .low = -0.02, .high = 0.04}};
    ck_assert(eval_change_excludes(&c, 0.05));
    ck_assert(!eval_change_excludes(&c, 0.04) && !eval_change_excludes(&c, 0.03) && !eval_change_excludes(&c, 0));
    const eval_change falls = {.difference = {.value = -0.01, .low = -0.04, .high = 0.02}};
    ck_assert(eval_change_excludes(&falls, 0.05) && !eval_change_excludes(&falls, 0.03));
}
END_TEST

START_TEST(test_units_are_paired) {
    double a[N], b[N];
    int64_t order[N];
    fill(a, 1, 0, 0, NULL);
    fill(b, 2, 0.01, 0.02, a);
    for (int i = 0; i < N; i++) order[i] = (i * 7 + 3) % N;
    eval_result x = make_result("cosine", a, NULL, N), y = make_result("bm25", b, order, N);
    const eval_comparison_options options = {.n_examples = 2, .seed = 1, .n_resamples = 500};
    eval_comparison c;
    senc_error err = {0};
    ck_assert_msg(compare_two(&x, &y, &options, &c, &err), "%s", err.text);
    const eval_change *change = find_change(&c, "ndcg@10");
    ck_assert_str_eq(change->key, "faq_bm25_ndcg@10");
    double mean = 0;
    for (int i = 0; i < N; i++) mean += (b[i] - a[i]) / N;
    ck_assert(fabs(change->difference.value - mean) < 1e-12);
    ck_assert(fabs(change->difference.error - 0.01 / sqrt(N)) < 0.0005); /* unpaired it would be 0.3 / sqrt(30) */
    ck_assert(change->is_headline && change->verdict == EVAL_VERDICT_BETTER);
    ck_assert_int_eq(c.candidates[0].verdict, EVAL_VERDICT_BETTER);
    ck_assert(!eval_comparison_has_regression(&c));
    const eval_changed_units *units = &c.candidates[0].units[0];
    int64_t best = 0;
    for (int64_t i = 1; i < N; i++) best = b[i] - a[i] > b[best] - a[best] ? i : best;
    ck_assert_int_eq(units->n_improved, 2);
    ck_assert_str_eq(units->improved[0].base->id, x.detail.units[best].id);
    ck_assert_str_eq(units->improved[0].candidate->id, x.detail.units[best].id);
    ck_assert(units->improved[0].change >= units->improved[1].change);
    eval_comparison_free(&c);
    eval_result_free(&x);
    eval_result_free(&y);
}
END_TEST

START_TEST(test_other_units_are_an_error) {
    double a[N];
    fill(a, 1, 0, 0, NULL);
    eval_result x = make_result("cosine", a, NULL, N), y = make_result("cosine", a, NULL, N - 5);
    const eval_comparison_options options = {.seed = 1};
    eval_comparison c;
    senc_error err = {0};
    ck_assert(!compare_two(&x, &y, &options, &c, &err));
    ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
    ck_assert_msg(strstr(err.text, "60") && strstr(err.text, "55") && strstr(err.text, "5 are only in the first"), "%s",
                  err.text);
    eval_result_free(&y);
    y = make_result("cosine", a, NULL, N);
    free(y.detail.units[4].text);
    y.detail.units[4].text = strdup("something else");
    err = (senc_error){0};
    ck_assert(!compare_two(&x, &y, &options, &c, &err));
    ck_assert_msg(strstr(err.text, "another text"), "%s", err.text);
    free(y.detail.units[4].id);
    y.detail.units[4].id = strdup("q5");
    err = (senc_error){0};
    ck_assert(!compare_two(&x, &y, &options, &c, &err));
    ck_assert_msg(strstr(err.text, "two of its units"), "%s", err.text);
    eval_result_free(&x);
    eval_result_free(&y);
}
END_TEST

/* shift, min_effect, limit of recall -> verdict, regression */
START_TEST(test_verdicts) {
    static const struct {
        double noise, shift, min_effect, limit;
        eval_verdict verdict;
        bool is_regression;
    } cases[] = {
        {0.02, 0.05, 0, -1, EVAL_VERDICT_BETTER, false},  {0.02, -0.05, 0, -1, EVAL_VERDICT_WORSE, true},
        {0.02, -0.05, 0.1, -1, EVAL_VERDICT_SAME, false}, {0.02, 0.05, 0.1, -1, EVAL_VERDICT_SAME, false},
        {0.2, 0, 0, -1, EVAL_VERDICT_SAME, false},        {0.2, 0, 0.001, -1, EVAL_VERDICT_TOO_FEW, false},
        {0.002, 0, 0.01, -1, EVAL_VERDICT_SAME, false},   {0.02, -0.2, 0.9, 0.05, EVAL_VERDICT_SAME, true},
        {0.02, -0.2, 0.9, 0.5, EVAL_VERDICT_SAME, false},
    };
    double a[N], b[N];
    fill(a, 1, 0, 0, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fill(b, 5, cases[i].noise, cases[i].shift, a);
        eval_result x = make_result("cosine", a, NULL, N), y = make_result("cosine", b, NULL, N);
        const eval_regression_limit limit = {"recall@10", cases[i].limit};
        const eval_comparison_options options = {.min_effect = cases[i].min_effect,
                                                 .limits = &limit,
                                                 .n_limits = cases[i].limit >= 0,
                                                 .seed = 1,
                                                 .n_resamples = 500};
        eval_comparison c;
        ck_assert(compare_two(&x, &y, &options, &c, NULL));
        ck_assert_msg(c.candidates[0].verdict == cases[i].verdict, "case %zu: %s", i,
                      eval_verdict_name(c.candidates[0].verdict));
        ck_assert_msg(eval_comparison_has_regression(&c) == cases[i].is_regression, "case %zu", i);
        eval_comparison_free(&c);
        eval_result_free(&x);
        eval_result_free(&y);
    }
}
END_TEST

/* Where less is better, a fall is an improvement. */
START_TEST(test_lower_is_better) {
    double a[N], b[N];
    fill(a, 1, 0, 0, NULL);
    fill(b, 5, 0.02, -0.05, a);
    eval_result x = make_result("cosine", a, NULL, N), y = make_result("cosine", b, NULL, N);
    x.greater_is_better = y.greater_is_better = false;
    const eval_comparison_options options = {.n_examples = 1, .seed = 1, .n_resamples = 500};
    eval_comparison c;
    ck_assert(compare_two(&x, &y, &options, &c, NULL));
    ck_assert_int_eq(c.candidates[0].verdict, EVAL_VERDICT_BETTER);
    const eval_change *change = find_change(&c, "ndcg@10");
    ck_assert(change->difference.value < 0 && change->effect.wins > change->effect.losses);
    ck_assert(c.candidates[0].units[0].improved[0].candidate_value < c.candidates[0].units[0].improved[0].base_value);
    eval_comparison_free(&c);
    eval_result_free(&x);
    eval_result_free(&y);
}
END_TEST

/* Seeds are averaged unit by unit, and their spread is told; Holm counts candidates. */
/* What stands beside a verdict: certain changes that neither decide nor are a regression of their own. */
START_TEST(test_other_metrics) {
    eval_change changes[8] = {
        {.key = "a_ndcg@10", .is_headline = true, .verdict = EVAL_VERDICT_WORSE, .difference = {.value = -0.1}},
        {.key = "a_mrr@10", .verdict = EVAL_VERDICT_SAME, .difference = {.value = 0.2}},
        {.key = "a_recall@10", .verdict = EVAL_VERDICT_WORSE, .difference = {.value = -0.05}},
        {.key = "a_recall@100", .verdict = EVAL_VERDICT_BETTER, .difference = {.value = 0.03125}},
        {.key = "a_map", .verdict = EVAL_VERDICT_WORSE, .is_regression = true, .difference = {.value = -0.2}}};
    eval_candidate candidate = {.changes = changes, .n_changes = 5};
    senc_buffer out = {0};
    eval_candidate_others(&candidate, &out);
    ck_assert_str_eq(senc_buffer_text(&out),
                     "Better too: a_recall@100 +0.0312. Worse, without deciding: a_recall@10 -0.0500.");
    senc_buffer_free(&out);
    out = (senc_buffer){0};
    for (int i = 1; i < 8; i++)
        changes[i] = (eval_change){.key = "k", .verdict = EVAL_VERDICT_BETTER, .difference = {.value = 0.5}};
    candidate.n_changes = 8;
    eval_candidate_others(&candidate, &out);
    ck_assert_str_eq(senc_buffer_text(&out), "Better too: k +0.5000, k +0.5000, k +0.5000, k +0.5000 and 3 more.");
    senc_buffer_free(&out);
    out = (senc_buffer){0};
    candidate.n_changes = 1;
    eval_candidate_others(&candidate, &out);
    ck_assert_uint_eq(out.n_bytes, 0);
}
END_TEST

static void check_where(const eval_change *changes, int64_t n, eval_verdict verdict, const char *expected) {
    const eval_candidate candidate = {.changes = (eval_change *)changes, .n_changes = n, .verdict = verdict};
    senc_buffer out = {0};
    eval_candidate_where(&candidate, &out);
    ck_assert_str_eq(senc_buffer_text(&out), expected);
    senc_buffer_free(&out);
}

/* Data sets that do not agree are named. */
START_TEST(test_where) {
    const eval_change changes[] = {{.data = "a", .is_headline = true, .verdict = EVAL_VERDICT_WORSE},
                                   {.data = "a", .verdict = EVAL_VERDICT_BETTER},
                                   {.data = "b", .is_headline = true, .verdict = EVAL_VERDICT_BETTER},
                                   {.data = "c", .is_headline = true, .verdict = EVAL_VERDICT_BETTER},
                                   {.data = "d", .is_headline = true, .verdict = EVAL_VERDICT_SAME}};
    check_where(changes, 5, EVAL_VERDICT_WORSE, " on a, better on b, c");
    check_where(changes, 2, EVAL_VERDICT_WORSE, "");
    check_where(changes + 2, 3, EVAL_VERDICT_BETTER, " on b, c");
    check_where(changes + 2, 2, EVAL_VERDICT_BETTER, "");
    check_where(changes + 4, 1, EVAL_VERDICT_SAME, "");
    const eval_change leaked[] = {{.data = "a", .is_headline = true, .verdict = EVAL_VERDICT_BETTER},
                                  {.data = "b", .is_headline = true, .verdict = EVAL_VERDICT_WITHHELD}};
    check_where(leaked, 2, EVAL_VERDICT_BETTER, " on a, no verdict on b");
}
END_TEST

/* A model that is better by far, trained on n_leaked of 100 questions of the evaluation, on either side. */
static void check_leak(int64_t n_leaked, bool is_base, eval_verdict expected, const char *words) {
    double a[N], b[N];
    fill(a, 1, 0, 0, NULL);
    fill(b, 2, 0.01, is_base ? -0.2 : 0.2, a);
    eval_result x = make_result("cosine", a, NULL, N), y = make_result("cosine", b, NULL, N);
    const eval_leak leak = {.data = "faq", .unit = "question", .n_leaked = n_leaked, .n_units = 100},
                    other = {.data = "other", .unit = "pair", .n_leaked = 50, .n_units = 50};
    const eval_leak leaks[2] = {other, leak};
    eval_compared_run runs[2] = {{.label = "today", .results = &x, .n_results = 1},
                                 {.label = "new", .results = &y, .n_results = 1}};
    runs[!is_base].leaks = leaks;
    runs[!is_base].n_leaks = 2;
    const eval_compared_model models[2] = {{"today", &runs[0], 1}, {"new", &runs[1], 1}};
    const eval_comparison_options options = {.seed = 1, .n_resamples = 200};
    eval_comparison c;
    senc_error err = {0};
    senc_buffer text = {0};
    ck_assert_msg(eval_compare(models, 2, &options, &c, &err), "%s", err.text);
    ck_assert_str_eq(eval_verdict_name(c.candidates[0].verdict), eval_verdict_name(expected));
    ck_assert_int_eq(c.candidates[0].is_regression, is_base && expected == EVAL_VERDICT_WORSE);
    eval_comparison_print_verdicts(&c, "today", false, &text);
    ck_assert_msg((strstr(senc_buffer_text(&text), "no verdict") != NULL) == (words != NULL), "%s", text.data);
    if (words) ck_assert_msg(strstr(text.data, words) != NULL, "%s", text.data);
    senc_buffer_free(&text);
    eval_comparison_free(&c);
    eval_result_free(&x);
    eval_result_free(&y);
}

START_TEST(test_leaks_withhold_the_verdict) {
    check_leak(100, false, EVAL_VERDICT_WITHHELD, "new: no verdict: 100 of 100 questions were trained on\n");
    check_leak(2, false, EVAL_VERDICT_WITHHELD, "new: no verdict: 2 of 100 questions were trained on\n");
    check_leak(1, false, EVAL_VERDICT_BETTER, NULL); /* 1 % is not above 1 % */
    check_leak(0, false, EVAL_VERDICT_BETTER, NULL);
    check_leak(40, true, EVAL_VERDICT_WITHHELD, "40 of 100 questions were trained on by today");
    check_leak(1, true, EVAL_VERDICT_WORSE, NULL);
}
END_TEST

/* A correlation of similarities with gold, which has no value when all similarities are equal. */
static eval_result make_correlation(bool is_flat) {
    eval_result r = {.name = strdup("sts"), .type = "sts", .primary = strdup("sts_spearman_cosine")};
    double *values;
    ck_assert(eval_detail_init(&r.detail, "pair", N, true, NULL));
    ck_assert(eval_detail_add_series(&r.detail, r.primary, EVAL_SPEARMAN, &values, NULL));
    for (int i = 0; i < N; i++) {
        char id[24];
        snprintf(id, sizeof id, "%d", i);
        ck_assert(eval_detail_set_unit(&r.detail, i, id, id, (int64_t)strlen(id), NULL, 0, NULL));
        r.detail.gold[i] = i % 7;
        values[i] = is_flat ? 1 : i * 37 % 11;
    }
    r.greater_is_better = true;
    if (is_flat)
        ck_assert(eval_result_add_undefined(&r, "all 60 cosine similarities are 1", NULL, "%s", r.primary));
    else
        ck_assert(eval_result_add(&r, 0.5, NULL, "%s", r.primary));
    return r;
}

START_TEST(test_metrics_without_a_value) {
    eval_result good = make_correlation(false), flat = make_correlation(true);
    const eval_comparison_options options = {.seed = 1, .n_resamples = 200};
    eval_comparison c;
    senc_error err = {0};
    ck_assert(!compare_two(&flat, &good, &options, &c, &err));
    ck_assert_str_eq(err.text, "evaluation \"sts\": sts_spearman_cosine is undefined for a, so nothing can be compared "
                               "with it: all 60 cosine similarities are 1");
    err = (senc_error){0};
    ck_assert_msg(compare_two(&good, &flat, &options, &c, &err), "%s", err.text);
    ck_assert_int_eq(c.candidates[0].verdict, EVAL_VERDICT_TOO_FEW);
    senc_buffer out = {0};
    eval_comparison_print_verdicts(&c, "today", false, &out);
    ck_assert_ptr_nonnull(strstr(senc_buffer_text(&out), "b: cannot be decided: a metric is undefined"));
    ck_assert_ptr_nonnull(strstr(senc_buffer_text(&out), "spearman_cosine is undefined for the new model"));
    senc_buffer_clear(&out);
    eval_comparison_print(&c, &(eval_comparison_costs){0}, false, &out);
    ck_assert_ptr_null(strstr(senc_buffer_text(&out), "nan"));
    senc_buffer_free(&out);
    eval_comparison_free(&c);
    eval_result_free(&good);
    eval_result_free(&flat);
}
END_TEST

START_TEST(test_map_words) {
    const eval_switching_cost none = {.map_value = 0.3, .map_base = 0.3, .map_candidate = 0.3};
    const eval_switching_cost lost = {.map_value = 0.2, .map_base = 0.3, .map_candidate = 0.4};
    const eval_switching_cost part = {.map_value = 0.35, .map_base = 0.3, .map_candidate = 0.4};
    const eval_switching_cost all = {.map_value = 0.4, .map_base = 0.3, .map_candidate = 0.4};
    ck_assert_str_eq(eval_switching_cost_map_words(&none), "There is no gain that the old index could keep.");
    ck_assert_str_eq(eval_switching_cost_map_words(&lost), "No gain is left: embed the documents anew.");
    ck_assert_str_eq(eval_switching_cost_map_words(&part),
                     "Part of the gain is left: a bridge until the documents are embedded anew.");
    ck_assert_str_eq(eval_switching_cost_map_words(&all), "The old index can stay.");
}
END_TEST

START_TEST(test_seeds_and_candidates) {
    double a[N], b[3][N];
    fill(a, 1, 0, 0, NULL);
    eval_result x = make_result("cosine", a, NULL, N), y[3];
    for (int s = 0; s < 3; s++) {
        fill(b[s], 10 + (uint64_t)s, 0.05, 0.01 * s, a);
        y[s] = make_result("cosine", b[s], NULL, N);
    }
    const eval_compared_run base = {.label = "a", .results = &x, .n_results = 1},
                            seeds[3] = {{.label = "s0", .results = &y[0], .n_results = 1},
                                        {.label = "s1", .results = &y[1], .n_results = 1},
                                        {.label = "s2", .results = &y[2], .n_results = 1}};
    const eval_compared_model models[3] = {{"a", &base, 1}, {"b", seeds, 3}, {"c", &seeds[2], 1}};
    const eval_comparison_options options = {.seed = 1, .n_resamples = 500};
    eval_comparison c;
    ck_assert(eval_compare(models, 3, &options, &c, NULL));
    double mean[3] = {0}, all = 0, spread = 0, base_mean = 0;
    for (int i = 0; i < N; i++) base_mean += a[i] / N;
    for (int s = 0; s < 3; s++) {
        for (int i = 0; i < N; i++) mean[s] += b[s][i] / N;
        all += mean[s] / 3;
    }
    for (int s = 0; s < 3; s++) spread += (mean[s] - all) * (mean[s] - all) / 2;
    const eval_change *change = find_change(&c, "ndcg@10");
    ck_assert(fabs(change->difference.value - (all - base_mean)) < 1e-12);
    ck_assert(fabs(change->candidate_spread - sqrt(spread)) < 1e-12 && isnan(change->base_spread));
    ck_assert_int_eq(c.n_headline, 2);
    ck_assert_int_eq(c.n_others, 2);
    const double p[2] = {change->p, c.candidates[1].changes[0].p}; /* the smaller one counts twice */
    const double smaller = fmin(p[0], p[1]);
    ck_assert(fabs(fmin(change->p_holm, c.candidates[1].changes[0].p_holm) - fmin(2 * smaller, 1)) < 1e-12);
    eval_comparison_free(&c);
    eval_result_free(&x);
    for (int s = 0; s < 3; s++) eval_result_free(&y[s]);
}
END_TEST

/* Swapping answers: what differs is seen, what is alike is not, and F1's classes are numbered alike on both sides. */
START_TEST(test_swaps) {
    double gold[N], good[N], bad[N], p;
    senc_rng rng;
    senc_rng_init(&rng, 3);
    for (int i = 0; i < N; i++) {
        gold[i] = (double)senc_rng_below(&rng, 3);
        good[i] = senc_rng_uniform(&rng) < 0.9 ? gold[i] : 2;
        bad[i] = senc_rng_uniform(&rng) < 0.4 ? gold[i] : 0;
    }
    static const eval_statistic statistics[] = {EVAL_F1_MACRO, EVAL_SPEARMAN, EVAL_PEARSON};
    for (int s = 0; s < 3; s++) {
        eval_series_plan a, b;
        ck_assert(eval_series_plan_init(&a, statistics[s], bad, gold, N, NULL));
        ck_assert(eval_series_plan_init(&b, statistics[s], good, gold, N, NULL));
        ck_assert(eval_swap_test(&a, &b, 2000, 1, &p, NULL));
        ck_assert_msg(p < 0.01, "%d: %g", s, p);
        ck_assert(eval_swap_test(&a, &a, 500, 1, &p, NULL));
        ck_assert_msg(p > 0.49 && p < 0.51, "%d: %g", s, p); /* every swap is exactly as far: counted half */
        eval_series_plan_free(&a);
        eval_series_plan_free(&b);
    }
}
END_TEST

/* A map that exists is found, from other vectors than it is tested on. */
START_TEST(test_linear_map) {
    enum { ROWS = 400, FROM = 12, TO = 8 };
    float *x = senc_alloc(ROWS * FROM, sizeof *x), *y = senc_alloc_zero(ROWS * TO, sizeof *y), w[FROM * TO];
    senc_rng rng;
    senc_rng_init(&rng, 4);
    for (int i = 0; i < FROM * TO; i++) w[i] = (float)senc_rng_normal(&rng);
    for (int i = 0; i < ROWS * FROM; i++) x[i] = (float)senc_rng_normal(&rng);
    for (int i = 0; i < ROWS; i++)
        for (int k = 0; k < FROM; k++)
            for (int c = 0; c < TO; c++) y[i * TO + c] += x[i * FROM + k] * w[k * TO + c];
    eval_linear_map map;
    double cosine;
    ck_assert(eval_linear_map_fit(x, FROM, y, TO, ROWS / 2, &map, NULL));
    ck_assert(eval_linear_map_cosine(&map, x + ROWS / 2 * FROM, y + ROWS / 2 * TO, ROWS / 2, &cosine, NULL));
    ck_assert_msg(cosine > 0.99, "%g", cosine);
    for (int i = 0; i < ROWS * TO; i++) y[i] = (float)senc_rng_normal(&rng); /* nothing to learn */
    eval_linear_map_free(&map);
    ck_assert(eval_linear_map_fit(x, FROM, y, TO, ROWS / 2, &map, NULL));
    ck_assert(eval_linear_map_cosine(&map, x + ROWS / 2 * FROM, y + ROWS / 2 * TO, ROWS / 2, &cosine, NULL));
    ck_assert_msg(fabs(cosine) < 0.15, "%g", cosine);
    eval_linear_map_free(&map);
    free(x);
    free(y);
}
END_TEST

/* Every allocation that fails is an error, never a crash or a leak. */
START_TEST(test_failing_memory) {
    double a[N], b[N];
    fill(a, 1, 0, 0, NULL);
    fill(b, 2, 0.01, 0.02, a);
    eval_result x = make_result("cosine", a, NULL, N), y = make_result("cosine", b, NULL, N);
    const eval_comparison_options options = {.n_examples = 2, .seed = 1, .n_resamples = 100};
    bool ok = false;
    int64_t n = 0;
    while (!ok) {
        eval_comparison c;
        senc_error err = {0};
        senc_alloc_fail_at(++n);
        ok = compare_two(&x, &y, &options, &c, &err);
        senc_alloc_fail_at(0);
        ck_assert(ok || err.kind == SENC_FAILED);
        if (ok) eval_comparison_free(&c);
    }
    ck_assert_int_gt(n, 20);
    eval_result_free(&x);
    eval_result_free(&y);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("comparison");
    TCase *tests = tcase_create("comparison");
    tcase_add_test(tests, test_excluded_effects);
    tcase_add_test(tests, test_units_are_paired);
    tcase_add_test(tests, test_other_units_are_an_error);
    tcase_add_test(tests, test_verdicts);
    tcase_add_test(tests, test_lower_is_better);
    tcase_add_test(tests, test_other_metrics);
    tcase_add_test(tests, test_where);
    tcase_add_test(tests, test_leaks_withhold_the_verdict);
    tcase_add_test(tests, test_map_words);
    tcase_add_test(tests, test_metrics_without_a_value);
    tcase_add_test(tests, test_seeds_and_candidates);
    tcase_add_test(tests, test_swaps);
    tcase_add_test(tests, test_linear_map);
    tcase_add_test(tests, test_failing_memory);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed > 0;
}
