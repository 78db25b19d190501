/* Which one? The order of all systems, who cannot be told from the best, the cheapest, and how it is said. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/rng.h"
#include "eval/statistics/comparison_inner.h"
#include "eval/statistics/comparison_report.h"
#include "eval/statistics/pairing.h"

enum { N = 80, MOST = 4 };

static eval_result make_result(const char *data, const char *function, const double *values, int64_t n) {
    eval_result r = {.name = strdup(data), .type = "retrieval", .greater_is_better = true};
    char key[64], id[24];
    snprintf(key, sizeof key, "%s_%s_ndcg@10", data, function);
    r.primary = strdup(key);
    double *out;
    ck_assert(eval_detail_init(&r.detail, "query", n, false, NULL));
    ck_assert(eval_detail_add_series(&r.detail, key, EVAL_MEAN, &out, NULL));
    for (int64_t i = 0; i < n; i++) {
        snprintf(id, sizeof id, "q%lld", (long long)i);
        ck_assert(eval_detail_set_unit(&r.detail, i, id, id, (int64_t)strlen(id), NULL, 0, NULL));
        out[i] = values[i];
    }
    return r;
}

/* Models on `n_sets` data sets: value of unit i = a base (the same for all) + shift of the model + noise. */
typedef struct bench {
    eval_result results[MOST][2];
    eval_compared_run runs[MOST];
    eval_compared_model models[MOST];
    eval_leak leaks[MOST];
    int64_t n_models, n_units;
    eval_comparison comparison;
    eval_standings standings;
} bench;

static const char *const labels[MOST] = {"today", "words", "both", "small"};
static const char *const functions[MOST] = {"cosine", "bm25", "rrf", "cosine"};

static void open_bench(bench *b, int64_t n_models, const double (*shifts)[2], int n_sets, int64_t n_units) {
    *b = (bench){.n_models = n_models, .n_units = n_units};
    senc_rng rng;
    senc_rng_init(&rng, 7);
    double base[2][N], values[N];
    for (int s = 0; s < 2; s++)
        for (int i = 0; i < N; i++) base[s][i] = senc_rng_uniform(&rng);
    for (int64_t m = 0; m < n_models; m++) {
        for (int s = 0; s < n_sets; s++) {
            for (int i = 0; i < N; i++) values[i] = base[s][i] + shifts[m][s] + 0.05 * senc_rng_normal(&rng);
            b->results[m][s] = make_result(s ? "web" : "faq", functions[m], values, n_units);
        }
        b->runs[m] = (eval_compared_run){.label = labels[m], .results = b->results[m], .n_results = n_sets};
        b->models[m] = (eval_compared_model){labels[m], &b->runs[m], 1};
    }
}

static const eval_switching_cost costs[MOST] = {
    {.label = "today", .is_known = true, .bytes_per_vector = 1536, .n_parameters = 22000000},
    {.label = "words", .is_known = true, .word_bytes = 400},
    {.label = "both", .is_known = true, .bytes_per_vector = 1536, .n_parameters = 22000000, .word_bytes = 400},
    {.label = "small", .is_known = true, .bytes_per_vector = 512, .n_parameters = 22000000},
};

static void run_bench_with(bench *b, bool pairs, double min_effect) {
    const eval_comparison_options options = {.pairs = pairs, .min_effect = min_effect, .seed = 1, .n_resamples = 300};
    senc_error err = {0};
    ck_assert_msg(eval_compare(b->models, b->n_models, &options, &b->comparison, &err), "%s", err.text);
    ck_assert_msg(eval_standings_open(&b->comparison, b->models, b->n_models, costs, &options, &b->standings, &err),
                  "%s", err.text);
}

static void run_bench(bench *b, bool pairs) {
    run_bench_with(b, pairs, 0);
}

static void close_bench(bench *b) {
    eval_standings_free(&b->standings);
    eval_comparison_free(&b->comparison);
    for (int64_t m = 0; m < b->n_models; m++)
        for (int s = 0; s < 2; s++) eval_result_free(&b->results[m][s]);
}

static const char *answer(const bench *b) {
    static char text[1024];
    senc_buffer out = {0};
    eval_standings_answer(&b->standings, costs, &out);
    snprintf(text, sizeof text, "%s", senc_buffer_text(&out));
    senc_buffer_free(&out);
    return text;
}

static void check_answer(const bench *b, const char *wanted) {
    ck_assert_msg(strstr(answer(b), wanted) != NULL, "%s\nis not in: %s", wanted, answer(b));
}

/* The best first; a test of each with the best decides, also where neither runs today. */
START_TEST(test_order) {
    static const double shifts[MOST][2] = {{0, 0}, {0.1, 0}, {0.104, 0}, {-0.1, 0}};
    bench b;
    open_bench(&b, MOST, shifts, 1, N);
    run_bench(&b, true);
    const eval_data_standings *set = &b.standings.sets[0];
    ck_assert_str_eq(set->metric, "ndcg@10");
    ck_assert_int_eq(b.standings.n_sets, 1);
    ck_assert_int_eq(b.standings.n_tests, 6);
    ck_assert_int_eq(b.comparison.n_headline, 6);
    const int64_t order[MOST] = {2, 1, 0, 3};
    const eval_place places[MOST] = {EVAL_PLACE_BEST, EVAL_PLACE_SAME, EVAL_PLACE_WORSE, EVAL_PLACE_WORSE};
    for (int i = 0; i < MOST; i++) {
        const eval_standing *x = &set->items[i];
        ck_assert_int_eq(x->model, order[i]);
        ck_assert_int_eq((int)x->place, (int)places[i]);
        ck_assert(x->low < x->value && x->value < x->high);
        double mean = 0;
        for (int u = 0; u < N; u++) mean += b.results[x->model][0].detail.series[0].values[u] / N;
        ck_assert(fabs(mean - x->value) < 1e-12);
        ck_assert(isnan(x->p) == (i == 0));
    }
    ck_assert_int_eq(b.standings.cheapest, 1);
    check_answer(&b, "best: both (ndcg@10 0.");
    check_answer(&b, "; words (0.");
    check_answer(&b, ") cannot be told from it and needs no vectors.");
    close_bench(&b);
}
END_TEST

/* Holm over the pairs by hand, and pairs in both directions. */
START_TEST(test_family) {
    static const double shifts[3][2] = {{0, 0}, {0.02, 0}, {0.035, 0}};
    bench b;
    open_bench(&b, 3, shifts, 1, N);
    run_bench(&b, true);
    bool turned;
    const eval_change *c[3] = {eval_comparison_find(&b.comparison, "faq", 0, 1, &turned),
                               eval_comparison_find(&b.comparison, "faq", 0, 2, &turned),
                               eval_comparison_find(&b.comparison, "faq", 1, 2, &turned)};
    ck_assert(!turned);
    ck_assert_ptr_eq(eval_comparison_find(&b.comparison, "faq", 2, 1, &turned), c[2]);
    ck_assert(turned);
    ck_assert_ptr_null(eval_comparison_find(&b.comparison, "web", 1, 2, &turned));
    double p[3] = {c[0]->p, c[1]->p, c[2]->p};
    ck_assert(eval_holm(p, 3, NULL));
    for (int i = 0; i < 3; i++) ck_assert(c[i]->p_holm == p[i]);
    ck_assert(fabs(c[2]->difference.value - (c[1]->difference.value - c[0]->difference.value)) < 1e-12);
    close_bench(&b);
    open_bench(&b, 3, shifts, 1, N); /* without pairs two tests are corrected */
    run_bench(&b, false);
    ck_assert_int_eq(b.comparison.n_headline, 2);
    ck_assert_int_eq(b.comparison.n_pairs, 0);
    ck_assert_int_eq((int)b.standings.sets[0].items[1].place, (int)EVAL_PLACE_UNTESTED);
    check_answer(&b, "; what was tested against it is worse, the others were not tested.");
    close_bench(&b);
}
END_TEST

START_TEST(test_answers) {
    static const double apart[MOST][2] = {{0, 0}, {-0.1, 0}, {0.1, 0}, {-0.2, 0}};
    static const double alike[3][2] = {{0.002, 0}, {-0.2, 0}, {0, 0}};
    bench b;
    open_bench(&b, MOST, apart, 1, N);
    run_bench(&b, true);
    check_answer(&b, "; every other is worse.");
    close_bench(&b);
    open_bench(&b, MOST, apart, 1, N); /* what is real but does not matter tells nothing apart */
    run_bench_with(&b, true, 0.15);
    check_answer(&b, "; today (0.");
    check_answer(&b, " Differences below 0.15 do not count.");
    close_bench(&b);
    open_bench(&b, 3, alike, 1, N); /* both needs what today needs, and more */
    run_bench(&b, true);
    if (b.standings.overall[0].model == 0)
        check_answer(&b, "; both cannot be told from it, and cost no less.");
    else
        check_answer(&b, "; today (0.");
    close_bench(&b);
    open_bench(&b, 3, alike, 1, 4);
    run_bench(&b, true);
    check_answer(&b, "highest: ");
    check_answer(&b, "; too few units to tell the others from it.");
    close_bench(&b);
}
END_TEST

/* What was trained on the data stands last, whatever it scores, and is named. */
START_TEST(test_leaks) {
    static const double shifts[3][2] = {{0, 0}, {-0.1, 0}, {0.3, 0}};
    bench b;
    open_bench(&b, 3, shifts, 1, N);
    b.leaks[2] = (eval_leak){"faq", "question", N, N};
    b.runs[2].leaks = &b.leaks[2];
    b.runs[2].n_leaks = 1;
    run_bench(&b, true);
    ck_assert_int_eq(b.standings.overall[0].model, 0);
    ck_assert_int_eq(b.standings.overall[2].model, 2);
    ck_assert_int_eq((int)b.standings.overall[2].place, (int)EVAL_PLACE_WITHHELD);
    check_answer(&b, "best: today (ndcg@10");
    check_answer(&b, " Does not count, trained on this data: both.");
    bool turned;
    ck_assert_int_eq(eval_comparison_find(&b.comparison, "faq", 1, 2, &turned)->verdict, EVAL_VERDICT_WITHHELD);
    close_bench(&b);
}
END_TEST

/* The mean decides; who is worse on one data set is told from the best. */
START_TEST(test_several_sets) {
    static const double shifts[3][2] = {{0, 0}, {0.3, -0.1}, {0.002, 0.001}};
    bench b;
    open_bench(&b, 3, shifts, 2, N);
    run_bench(&b, true);
    ck_assert_int_eq(b.standings.n_sets, 2);
    ck_assert_int_eq(b.standings.n_tests, 6);
    ck_assert_int_eq(b.standings.overall[0].model, 1);
    const eval_standing *second = &b.standings.overall[1];
    ck_assert_int_eq((int)second->place, (int)EVAL_PLACE_WORSE);
    ck_assert_uint_eq(second->worse_on, 1); /* on the first, though it is better on the second */
    senc_buffer where = {0};
    eval_standings_where(&b.standings, second, &where);
    ck_assert_str_eq(senc_buffer_text(&where), "worse on faq");
    senc_buffer_free(&where);
    check_answer(&b, "best: words (mean of 2 headline metrics 0.");
    double mean = 0;
    for (int s = 0; s < 2; s++)
        for (int u = 0; u < N; u++) mean += b.results[1][s].detail.series[0].values[u] / N / 2;
    ck_assert(fabs(mean - b.standings.overall[0].value) < 1e-12);
    close_bench(&b);
}
END_TEST

/* Systems that read other parts of the texts are told from each other in words too. */
START_TEST(test_readings) {
    static const double shifts[MOST][2] = {{0, 0}, {0.1, 0}, {0.102, 0}, {0, 0}};
    bench b;
    open_bench(&b, 3, shifts, 1, N);
    b.results[1][0].reading = (eval_reading){100, 0, 0};
    b.results[2][0].reading = (eval_reading){100, 60, 256};
    run_bench(&b, true);
    check_answer(&b, " Mind: both reads 256 tokens and cut 60.0 % of the texts; words read everything.");
    char text[256];
    const eval_change *c = &b.comparison.pairs[0].change;
    ck_assert(eval_change_readings(c, "words", "both", text, sizeof text));
    ck_assert_str_eq(text, "words read everything, both reads 256 tokens and cut 60.0 % of the texts");
    ck_assert(!eval_change_readings(&b.comparison.candidates[0].changes[0], "today", "words", text, sizeof text));
    close_bench(&b);
}
END_TEST

START_TEST(test_costs) {
    static const eval_switching_cost
        free_words = {.is_known = true, .word_bytes = 900},
        api = {.is_known = true, .bytes_per_vector = 64, .tokens_per_text = 20, .dollars_per_text = 1e-6},
        dear = {.is_known = true, .tokens_per_text = 20, .dollars_per_text = 1e-5},
        priceless = {.is_known = true, .tokens_per_text = 20, .dollars_per_text = NAN},
        model = {.is_known = true, .bytes_per_vector = 512, .n_parameters = 1000000},
        larger = {.is_known = true, .bytes_per_vector = 512, .n_parameters = 2500000},
        vectors = {.is_known = true, .bytes_per_vector = 512},
        hybrid = {.is_known = true, .bytes_per_vector = 512, .n_parameters = 1000000, .word_bytes = 9}, unknown = {0},
        short_vectors = {.is_known = true, .bytes_per_vector = 256, .n_parameters = 9000000};
    const eval_switching_cost *const order[] = {&free_words, &short_vectors, &model, &hybrid,    &larger,
                                                &vectors,    &api,           &dear,  &priceless, &unknown};
    for (size_t i = 0; i + 1 < sizeof order / sizeof *order; i++) {
        ck_assert_msg(eval_switching_cost_order(order[i], order[i + 1]) < 0, "%zu", i);
        ck_assert_msg(eval_switching_cost_order(order[i + 1], order[i]) > 0, "%zu", i);
        ck_assert_int_eq(eval_switching_cost_order(order[i], order[i]), 0);
    }
    char text[128];
#define ADVANTAGE(a, b) eval_switching_cost_advantage(a, b, text, sizeof text)
    ck_assert_str_eq(ADVANTAGE(&free_words, &model), "needs no vectors");
    ck_assert_str_eq(ADVANTAGE(&model, &costs[0]), "takes 512 bytes a vector, not 1536");
    ck_assert_str_eq(ADVANTAGE(&model, &larger), "has 1.0 million parameters, not 2.5 million");
    ck_assert_str_eq(ADVANTAGE(&model, &hybrid), "needs no index of words");
    ck_assert_str_eq(ADVANTAGE(&model, &api), "sends nothing to an API");
    ck_assert_str_eq(ADVANTAGE(&api, &dear), "is the cheaper API");
}
END_TEST

/* Rows are named by the metric where functions differ, by the key where they do not. */
START_TEST(test_metric_names) {
    static const double shifts[MOST][2] = {{0, 0}, {0.1, 0}, {0, 0}, {0, 0}};
    bench b;
    char name[128];
    open_bench(&b, 2, shifts, 1, N);
    run_bench(&b, true);
    ck_assert_str_eq(b.comparison.candidates[0].changes[0].metric, "ndcg@10");
    ck_assert_str_eq(eval_change_name(&b.comparison.candidates[0].changes[0], name, sizeof name), "faq_ndcg@10");
    close_bench(&b);
    open_bench(&b, 2, shifts, 1, N);
    eval_result_free(&b.results[1][0]);
    double values[N] = {0};
    b.results[1][0] = make_result("faq", "cosine", values, N);
    run_bench(&b, true);
    ck_assert_str_eq(b.comparison.candidates[0].changes[0].metric, "cosine_ndcg@10");
    close_bench(&b);
    const eval_result sts = {.name = "s", .type = "sts"}, pairs = {.name = "p", .type = "pair_classification"};
    ck_assert_str_eq(eval_metric_name(&sts, "s_spearman_cosine", true, name, sizeof name), "spearman");
    ck_assert_str_eq(eval_metric_name(&sts, "s_spearman_cosine", false, name, sizeof name), "spearman_cosine");
    ck_assert_str_eq(eval_metric_name(&pairs, "p_cosine_f1", true, name, sizeof name), "f1");
    ck_assert_str_eq(eval_metric_name(&pairs, "p_average_precision", true, name, sizeof name), "average_precision");
}
END_TEST

/* Every allocation that fails is an error, never a crash or a leak. */
START_TEST(test_failing_memory) {
    static const double shifts[3][2] = {{0, 0}, {0.1, 0}, {0.1, 0}};
    bool ok = false;
    int64_t n = 0;
    bench b;
    open_bench(&b, 3, shifts, 2, 12);
    const eval_comparison_options options = {.pairs = true, .seed = 1, .n_resamples = 100};
    while (!ok) {
        senc_error err = {0};
        senc_alloc_fail_at(++n);
        ok = eval_compare(b.models, 3, &options, &b.comparison, &err);
        if (ok) {
            ok = eval_standings_open(&b.comparison, b.models, 3, costs, &options, &b.standings, &err);
            senc_alloc_fail_at(0);
            eval_standings_free(&b.standings);
            eval_comparison_free(&b.comparison);
        }
        senc_alloc_fail_at(0);
        ck_assert(ok || err.kind == SENC_FAILED);
    }
    ck_assert_int_gt(n, 40);
    close_bench(&b);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("standings");
    TCase *c = tcase_create("standings");
    tcase_add_test(c, test_order);
    tcase_add_test(c, test_family);
    tcase_add_test(c, test_answers);
    tcase_add_test(c, test_leaks);
    tcase_add_test(c, test_several_sets);
    tcase_add_test(c, test_readings);
    tcase_add_test(c, test_costs);
    tcase_add_test(c, test_metric_names);
    tcase_add_test(c, test_failing_memory);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
