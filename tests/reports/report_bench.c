/* A report to test with: see report_bench.h. */
#include "report_bench.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"

static void fill_units(eval_detail *d, int64_t n, senc_error *err) {
    static const char *const slices[] = {"billing", "delivery", "returns"};
    for (int64_t i = 0; i < n; i++) {
        char id[32], text[400], other[64];
        snprintf(id, sizeof id, "q%lld", (long long)i + 1);
        size_t at = 0;
        for (int64_t w = 0; w <= i % 7; w++)
            at += (size_t)snprintf(text + at, sizeof text - at, "%sword%lld", w ? " " : "", (long long)(i + w));
        if (i == 1) snprintf(text, sizeof text, "%s", BENCH_NASTY);
        snprintf(other, sizeof other, "the answer to %lld", (long long)i);
        ck_assert(eval_detail_set_unit(d, i, id, text, (int64_t)strlen(text), other, (int64_t)strlen(other), err));
        d->units[i].slice = senc_strdup(slices[i % 3]);
    }
}

static void fill_samples(eval_detail *d, int64_t n) {
    d->n_positives = d->n_negatives = n;
    d->positives = senc_alloc((size_t)n, sizeof(double));
    d->negatives = senc_alloc((size_t)n, sizeof(double));
    for (int64_t i = 0; i < n; i++) {
        d->positives[i] = 0.6 + 0.3 * sin((double)i);
        d->negatives[i] = 0.2 + 0.2 * cos((double)i * 1.7);
    }
}

static void fill_curves(eval_detail *d) {
    static const char *const names[] = {"ndcg", "recall"};
    d->n_curves = 2;
    d->curves = senc_alloc_zero(2, sizeof *d->curves);
    for (int64_t c = 0; c < 2; c++) {
        static const int64_t ks[] = {1, 3, 10, 100};
        d->curves[c].name = senc_strdup(names[c]);
        d->curves[c].n = 4;
        d->curves[c].ks = senc_alloc(4, sizeof(int64_t));
        d->curves[c].values = senc_alloc(4, sizeof(double));
        memcpy(d->curves[c].ks, ks, sizeof ks);
        for (int i = 0; i < 4; i++) d->curves[c].values[i] = 0.2 + 0.15 * i + 0.05 * (double)c;
    }
}

static void fill_retrieval(eval_result *r, int64_t n, senc_error *err) {
    *r = (eval_result){.type = "retrieval", .greater_is_better = true};
    r->name = senc_strdup("faq");
    r->primary = senc_strdup("faq_cosine_ndcg@10");
    eval_detail *d = &r->detail;
    double *ndcg, *recall, sum = 0;
    ck_assert(eval_detail_init(d, "query", n, false, err));
    fill_units(d, n, err);
    ck_assert(eval_detail_add_series(d, r->primary, EVAL_MEAN, &ndcg, err));
    ck_assert(eval_detail_add_series(d, "faq_cosine_recall@10", EVAL_MEAN, &recall, err));
    for (int64_t i = 0; i < n; i++) {
        d->units[i].rank = i % 5 == 4 ? 0 : 1 + i % 20;
        ndcg[i] = d->units[i].rank > 0 && d->units[i].rank <= 10 ? 1.0 / log2(1.0 + (double)d->units[i].rank) : 0;
        recall[i] = ndcg[i] > 0;
        sum += ndcg[i];
        for (int f = 0; f < 3; f++) {
            char text[64];
            snprintf(text, sizeof text, "found %d <for> %lld", f, (long long)i);
            ck_assert(eval_detail_add_found(d, i, f ? "d1" : "d<0>", f == 2 ? NULL : text, (int64_t)strlen(text),
                                            0.9 - 0.1 * f, f + 1 == d->units[i].rank, err));
        }
    }
    fill_samples(d, 4 * n);
    fill_curves(d);
    eval_result_add(r, sum / (double)n, err, "faq_cosine_ndcg@10");
    eval_result_add(r, 0.75, err, "faq_cosine_recall@10");
    eval_result_add(r, 0.5, err, "faq_cosine_recall@1");
    eval_result_add_rule(r, err, "ties: equal scores are ordered by corpus id");
    eval_result_add_count(r, err, "queries: %lld", (long long)n);
}

static void fill_sts(eval_result *r, int64_t n, senc_error *err) {
    *r = (eval_result){.type = "sts", .greater_is_better = true};
    r->name = senc_strdup("pairs");
    r->primary = senc_strdup("pairs_spearman_cosine");
    eval_detail *d = &r->detail;
    double *values;
    ck_assert(eval_detail_init(d, "pair", n, true, err));
    fill_units(d, n, err);
    ck_assert(eval_detail_add_series(d, r->primary, EVAL_SPEARMAN, &values, err));
    for (int64_t i = 0; i < n; i++) {
        d->gold[i] = (double)(i % 6);
        values[i] = 0.1 * d->gold[i] + 0.2 * sin((double)i * 3.1);
    }
    eval_result_add(r, 0.8125, err, "pairs_spearman_cosine");
    eval_result_add(r, NAN, err, "pairs_pearson_cosine");
    eval_result_add_rule(r, err, "spearman: equal scores get their average rank");
}

void bench_fill_report(eval_saved_report *r, int64_t n) {
    senc_error err = {0};
    *r = (eval_saved_report){.n_results = 2, .results = senc_alloc_zero(2, sizeof(eval_result))};
    fill_retrieval(&r->results[0], n, &err);
    fill_sts(&r->results[1], n, &err);
    eval_saved_report_set_text(&r->senc, "0.1.0", &err);
    eval_saved_report_set_text(&r->created, "2026-11-21T15:24:27Z", &err);
    eval_saved_report_set_text(&r->label, "models/<m>", &err);
    eval_saved_report_set_text(&r->spec, "models/m", &err);
    eval_saved_report_set_text(&r->description, "BERT, 6 layers", &err);
    r->facts = (eval_system_facts){
        22713216, 90868376, 384, 1536, 256, "53aa5117",
    };
    r->stats = (eval_encoder_stats){.n_texts = 4000, .n_tokens = 90000, .n_truncated = 123, .encode_ms = 2500};
    eval_saved_report_add_option(r, "split", "test", &err);
    eval_saved_report_add_data(r, "faq", "data/faq", "0123456789abcdef", 12345, &err);
    eval_saved_report_add_variant(r, "dim=64", 256, "faq_cosine_ndcg@10", 0.31, &err);
    eval_saved_report_add_variant(r, "dim=128", 512, "faq_cosine_ndcg@10", 0.33, &err);
    eval_saved_report_add_variant(r, "quantize=int8", 384, "faq_cosine_ndcg@10", 0.345, &err);
    eval_saved_report_add_interval(r, "faq_cosine_ndcg@10", 0.2, 0.4, &err);
    eval_saved_report_add_interval(r, "pairs_spearman_cosine", NAN, 0.9, &err);
    ck_assert_msg(err.kind == SENC_OK, "%s", err.text);
}
