/* The evaluators sts, triplet and retrieval on small files. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/base/memory.h"
#include "evaluator_fixture.h"
#include "tests/real.h"

/* cosines 1, 0.6, 0.6, -1 with scores 5, 4, 2, 1: ranks 4, 2.5, 2.5, 1 and 4, 3, 2, 1 */
static const char pairs_with_header[] = "sentence1,sentence2,score\n"
                                        "a: 1 0 0,b: 2 0 0,5\n"
                                        "c: 1 0 0,d: 3 4 0,4\n"
                                        "e: 0 2 0,f: 4 3 0,2\n"
                                        "g: 0 0 1,h: 0 0 -3,1\n";

static void check_pairs(const eval_result *r, const char *name) {
    char key[64];
    snprintf(key, sizeof(key), "%s_spearman_cosine", name);
    ck_assert_str_eq(r->primary, key);
    /* deviations 1.5 0 0 -1.5 and 1.5 0.5 -0.5 -1.5: 4.5 / sqrt(4.5 * 5) */
    expect(r, key, 4.5 / sqrt(4.5 * 5));
    /* cosines minus 0.3: 0.7 0.3 0.3 -1.3; scores minus 3: 2 1 -1 -2 */
    snprintf(key, sizeof(key), "%s_pearson_cosine", name);
    const eval_metric *m = eval_result_find(r, key);
    ck_assert(m != NULL && fabs(m->value - 4.0 / sqrt(2.36 * 10)) < 1e-7);
    /* dot 2, 3, 6, -3 against 5, 4, 2, 1: ranks 2 3 4 1 and 4 3 2 1 */
    snprintf(key, sizeof(key), "%s_spearman_dot", name);
    expect(r, key, 1 - 6.0 * (4 + 0 + 4 + 0) / (4 * 15));
    ck_assert(has_text(r->rules, r->n_rules, "average"));
}

START_TEST(sts_with_header) {
    write_file("pairs.csv", pairs_with_header);
    witness w = {0};
    eval_result r = run_good(job_table("sts", "pairs.csv"), &w);
    ck_assert_str_eq(r.name, "pairs");
    ck_assert_str_eq(r.type, "sts");
    ck_assert_int_eq(r.n_metrics, 8);
    check_pairs(&r, "pairs");
    ck_assert_int_eq(w.n_texts[EVAL_TEXT], 8);
    ck_assert_int_eq(w.n_texts[EVAL_QUERY] + w.n_texts[EVAL_DOCUMENT], 0);
    eval_result_free(&r);
}
END_TEST

START_TEST(sts_without_header_is_recognised) {
    write_file("plain.csv", strchr(pairs_with_header, '\n') + 1);
    witness w = {0};
    senc_value *table = job_table("sts", "plain.csv");
    put(table, "name", text_value("mine"));
    eval_result r = run_good(table, &w);
    check_pairs(&r, "mine");
    ck_assert(has_text(r.rules, r.n_rules, "no header"));
    eval_result_free(&r);
}
END_TEST

START_TEST(sts_chosen_similarity) {
    write_file("pairs.csv", pairs_with_header);
    witness w = {0};
    senc_value *table = job_table("sts", "pairs.csv");
    put(table, "similarity", text_value("manhattan"));
    eval_result r = run_good(table, &w);
    ck_assert_int_eq(r.n_metrics, 2);
    ck_assert_str_eq(r.primary, "pairs_spearman_manhattan");
    /* minus the distances 1, 6, 5, 4 against 5, 4, 2, 1: ranks 4 1 2 3 and 4 3 2 1 */
    expect(&r, "pairs_spearman_manhattan", 1 - 6.0 * (0 + 4 + 0 + 4) / (4 * 15));
    eval_result_free(&r);
}
END_TEST

START_TEST(sts_undefined_is_nan_and_says_so) {
    write_file("flat.csv", "sentence1,sentence2,score\na: 1 0 0,b: 1 2 0,3\nc: 0 1 0,d: 1 0 0,3\n");
    witness w = {0};
    eval_result r = run_good(job_table("sts", "flat.csv"), &w);
    ck_assert(isnan(eval_result_find(&r, "flat_spearman_cosine")->value));
    ck_assert(isnan(eval_result_find(&r, "flat_pearson_dot")->value));
    ck_assert_str_eq(eval_result_find(&r, "flat_spearman_cosine")->undefined, "all 2 scores of the data are 3");
    ck_assert(has_text(r.counts, r.n_counts, "dot: undefined, because all 2 scores of the data are 3"));
    eval_result_free(&r);
}
END_TEST

/* Equal texts are equally near whichever text it is, although the length of a float vector misses 1 by another rounding
 * for each: so a correlation with anything is undefined, of all four functions. */
#define UNIT_VECTORS                                                                                                   \
    "a: 0.6 0.8 0", "b: 0.28 0.96 0", "c: 0.36 0.48 0.8",                                                              \
        "d: 0.3244428422615251 0.6488856845230502 0.6882472016116853",                                                 \
        "e: 0.2672612419124244 0.5345224838248488 0.8017837257372732"

START_TEST(equal_texts_are_equally_near) {
    static const char *const texts[] = {UNIT_VECTORS};
    senc_buffer sts = {0}, pairs = {0};
    senc_buffer_append_text(&sts, "sentence1,sentence2,score\n");
    senc_buffer_append_text(&pairs, "sentence1,sentence2,label\n");
    for (int i = 0; i < 5; i++) {
        senc_buffer_printf(&sts, "%s,%s,%d\n", texts[i], texts[i], i);
        senc_buffer_printf(&pairs, "%s,%s,%d\n", texts[i], texts[i], i < 2);
    }
    write_file("same.csv", senc_buffer_text(&sts));
    write_file("pairs.csv", senc_buffer_text(&pairs));
    senc_buffer_free(&sts);
    senc_buffer_free(&pairs);
    static const char *const functions[] = {"cosine", "dot", "euclidean", "manhattan"};
    static const char *const nearest[] = {"1", "1", "0", "0"};
    witness w = {0};
    eval_result r = run_good(job_table("sts", "same.csv"), &w);
    for (int f = 0; f < 4; f++) {
        char key[64], why[96];
        snprintf(key, sizeof key, "same_spearman_%s", functions[f]);
        snprintf(why, sizeof why, "all 5 %s similarities are %s", functions[f], nearest[f]);
        const eval_metric *m = eval_result_find(&r, key);
        ck_assert_msg(isnan(m->value) && m->undefined && strcmp(m->undefined, why) == 0, "%s: %.17g, %s", key, m->value,
                      m->undefined ? m->undefined : "defined");
    }
    eval_result_free(&r);
    for (int f = 0; f < 4; f++) {
        char key[64];
        senc_value *table = job_table("pair_classification", "pairs.csv");
        put(table, "similarity", text_value(functions[f]));
        r = run_good(table, &w);
        snprintf(key, sizeof key, "pairs_%s_ap", functions[f]);
        expect(&r, key, 2.0 / 5); /* one group of ties */
        eval_result_free(&r);
    }
}
END_TEST

START_TEST(triplets) {
    /* anchor, positive, negative: nearer by cosine only; a tie; clearly nearer */
    write_file("three.jsonl", "{\"anchor\": \"a: 1 0 0\", \"positive\": \"b: 9 0 0\", \"negative\": \"c: 1 1 0\"}\n"
                              "{\"anchor\": \"a: 1 0 0\", \"positive\": \"b: 0 1 0\", \"negative\": \"c: 0 0 1\"}\n"
                              "{\"anchor\": \"a: 0 1 0\", \"positive\": \"b: 0 1 0\", \"negative\": \"c: 0 -1 0\"}\n");
    witness w = {0};
    eval_result r = run_good(job_table("triplet", "three.jsonl"), &w);
    ck_assert_str_eq(r.primary, "three_cosine_accuracy");
    expect(&r, "three_cosine_accuracy", 2.0 / 3);
    expect(&r, "three_dot_accuracy", 2.0 / 3);
    expect(&r, "three_euclidean_accuracy", 1.0 / 3);
    expect(&r, "three_manhattan_accuracy", 1.0 / 3);
    ck_assert(has_text(r.counts, r.n_counts, "cosine: 1 ties"));
    ck_assert_int_eq(w.n_texts[EVAL_QUERY], 3);
    ck_assert_int_eq(w.n_texts[EVAL_DOCUMENT], 6);
    eval_result_free(&r);
}
END_TEST

/* Query q1 ranks d3 (1), d1 = d2 (0.6), d4 (0), q1 (-1); relevant: d1 (1), d4 (2).
 * Query q2 ranks d4 (1), the rest (0 or below); relevant: d4. Query q3 has no relevant document. */
static void write_retrieval(void) {
    write_file("small/corpus.jsonl", "{\"_id\": \"d2\", \"title\": \"t\", \"text\": \"x: 3 4 0\"}\n"
                                     "{\"_id\": \"d1\", \"title\": \"\", \"text\": \"x: 3 4 0\"}\n"
                                     "{\"_id\": \"d3\", \"text\": \"x: 5 0 0\"}\n"
                                     "{\"_id\": \"d4\", \"text\": \"x: 0 0 2\"}\n"
                                     "{\"_id\": \"q1\", \"text\": \"x: -1 0 0\"}\n");
    write_file("small/queries.jsonl", "{\"_id\": \"q1\", \"text\": \"x: 1 0 0\"}\n"
                                      "{\"_id\": \"q2\", \"text\": \"x: 0 0 1\"}\n"
                                      "{\"_id\": \"q3\", \"text\": \"x: 0 1 0\"}\n");
    write_file("small/qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td4\t2\nq2\td4\t1\nq3\td1\t0\n");
}

START_TEST(retrieval_with_defaults) {
    write_retrieval();
    witness w = {0};
    senc_value *table = job_table("retrieval", "small/");
    put(table, "corpus_block", integer_value(_i == 0 ? 8192 : 2));
    eval_result r = run_good(table, &w);
    ck_assert_str_eq(r.name, "small");
    ck_assert_str_eq(r.primary, "small_cosine_ndcg@10");
    ck_assert_int_eq(r.n_metrics, 4 + 5 + 5 + 1 + 1 + 1);
    expect(&r, "small_cosine_accuracy@1", 0.5);
    expect(&r, "small_cosine_accuracy@3", 1);
    expect(&r, "small_cosine_precision@3", (1.0 / 3 + 1.0 / 3) / 2);
    expect(&r, "small_cosine_precision@5", (2.0 / 5 + 1.0 / 5) / 2);
    expect(&r, "small_cosine_recall@1", 0.5);
    expect(&r, "small_cosine_recall@3", (0.5 + 1) / 2);
    expect(&r, "small_cosine_recall@100", 1);
    expect(&r, "small_cosine_mrr@10", (0.5 + 1) / 2); /* ids: d1 before d2 */
    expect(&r, "small_cosine_map@100", ((0.5 + 2.0 / 4) / 2 + 1) / 2);
    expect(&r, "small_cosine_ndcg@10", ((1 / log2(3) + 1 / log2(5)) / (1 + 1 / log2(3)) + 1) / 2);
    ck_assert(has_text(r.counts, r.n_counts, "queries: 2 (1 without"));
    ck_assert(has_text(r.rules, r.n_rules, "ascending document id"));
    ck_assert(has_text(r.rules, r.n_rules, "binary"));
    ck_assert(has_text(r.rules, r.n_rules, "min(k"));
    ck_assert_int_eq(w.n_texts[EVAL_QUERY], 2);
    ck_assert_int_eq(w.n_texts[EVAL_DOCUMENT], 5);
    ck_assert_int_eq(w.largest_call, _i == 0 ? 5 : 2);
    eval_result_free(&r);
}
END_TEST

START_TEST(retrieval_with_other_rules) {
    write_retrieval();
    witness w = {0};
    senc_value *table = job_table("retrieval", "small");
    put(table, "gain", text_value("exponential"));
    put(table, "ap_denominator", text_value("relevant"));
    put(table, "ties", text_value("id_descending"));
    put(table, "map_at", integer_value(1));
    put(table, "ndcg_at", integer_value(4));
    eval_result r = run_good(table, &w);
    ck_assert_str_eq(r.primary, "small_cosine_ndcg@4");
    expect(&r, "small_cosine_mrr@10", (1.0 / 3 + 1) / 2); /* d2 before d1 */
    expect(&r, "small_cosine_map@1", (0 + 1.0) / 2);
    expect(&r, "small_cosine_ndcg@4", ((1 / log2(4) + 3 / log2(5)) / (3 + 1 / log2(3)) + 1) / 2);
    ck_assert(has_text(r.rules, r.n_rules, "descending document id"));
    eval_result_free(&r);
    table = job_table("retrieval", "small");
    put(table, "gain", text_value("linear"));
    put(table, "ties", text_value("corpus_order")); /* d2 stands before d1 */
    r = run_good(table, &w);
    expect(&r, "small_cosine_mrr@10", (1.0 / 3 + 1) / 2);
    expect(&r, "small_cosine_ndcg@10", ((1 / log2(4) + 2 / log2(5)) / (2 + 1 / log2(3)) + 1) / 2);
    eval_result_free(&r);
}
END_TEST

START_TEST(retrieval_of_identical_ids) {
    write_retrieval();
    write_file("small/qrels/self.tsv", "query-id\tcorpus-id\tscore\nq1\tq1\t1\n");
    witness w = {0};
    for (int ignore = 0; ignore < 2; ignore++) {
        senc_value *table = job_table("retrieval", "small");
        put(table, "split", text_value("self"));
        put(table, "precision_recall_at", integer_value(5));
        put(table, "ignore_identical_ids", flag_value(ignore));
        eval_result r = run_good(table, &w);
        expect(&r, "small_cosine_recall@5", ignore ? 0 : 1);
        eval_result_free(&r);
    }
}
END_TEST

/* The query's own document stands first in its list; the list must be one longer for it. */
START_TEST(an_ignored_document_leaves_its_place_to_the_next) {
    write_retrieval();
    write_file("small/queries.jsonl", "{\"_id\": \"d3\", \"text\": \"x: 1 0 0\"}\n");
    write_file("small/qrels/test.tsv", "query-id\tcorpus-id\tscore\nd3\td1\t1\n");
    static const char *const lists[] = {"accuracy_at", "precision_recall_at", "mrr_at", "ndcg_at", "map_at"};
    witness w = {0};
    for (int ignore = 0; ignore < 2; ignore++) {
        senc_value *table = job_table("retrieval", "small");
        for (int i = 0; i < 5; i++) put(table, lists[i], integer_value(1));
        put(table, "ignore_identical_ids", flag_value(ignore));
        eval_result r = run_good(table, &w);
        expect(&r, "small_cosine_accuracy@1", ignore);
        ck_assert(has_text(r.rules, r.n_rules, ignore ? "left out of its list" : "ranked like any other"));
        eval_result_free(&r);
    }
}
END_TEST

/* d1 and d2 have the same text; d2 is relevant, ids say d1 first. */
START_TEST(retrieval_of_texts_under_several_ids) {
    write_file("same/corpus.jsonl",
               "{\"_id\": \"d1\", \"text\": \"x: 1 0 0\"}\n{\"_id\": \"d2\", \"text\": \"x: 1 0 0\"}\n"
               "{\"_id\": \"d3\", \"text\": \"x: 0 1 0\"}\n");
    write_file("same/queries.jsonl",
               "{\"_id\": \"q1\", \"text\": \"x: 1 1e-3 0\"}\n{\"_id\": \"d2\", \"text\": \"x: 0 1 0\"}\n");
    write_file("same/qrels/test.tsv", "q1\td2\t1\nd2\td3\t1\n");
    for (int one = 0; one < 2; one++) {
        witness w = {0};
        senc_value *table = job_table("retrieval", "same");
        if (one) put(table, "same_text", text_value("one"));
        put(table, "ignore_identical_ids", flag_value(true));
        eval_result r = run_good(table, &w);
        expect(&r, "same_cosine_ndcg@10", one ? 1 : (1 / log2(3) + 1) / 2);
        expect(&r, "same_cosine_accuracy@1", one ? 1 : 0.5);
        ck_assert_int_eq(w.n_texts[EVAL_DOCUMENT], one ? 2 : 3);
        ck_assert(has_text(r.counts, r.n_counts, "texts under several ids: 1 (2 documents), relevant for 1 of the"));
        ck_assert(has_text(r.rules, r.n_rules, one ? "ids: one document" : "ids: documents of their own"));
        eval_result_free(&r);
    }
    write_retrieval(); /* equal vectors, but no equal texts */
    witness w = {0};
    eval_result r = run_good(job_table("retrieval", "small"), &w);
    ck_assert(!has_text(r.counts, r.n_counts, "several ids") && !has_text(r.rules, r.n_rules, "several ids"));
    eval_result_free(&r);
}
END_TEST

START_TEST(retrieval_with_the_models_similarity) {
    write_retrieval();
    witness w = {0};
    eval_embedder embedder = embedder_of(&w);
    embedder.similarity = "dot";
    eval_result r;
    senc_error err = {0};
    ck_assert(run_job(job_table("retrieval", "small"), &embedder, &r, &err));
    ck_assert_str_eq(r.primary, "small_dot_ndcg@10");
    eval_result_free(&r);
    embedder.similarity = "hamming";
    ck_assert(!run_job(job_table("retrieval", "small"), &embedder, &r, &err));
    ck_assert(strstr(err.text, "hamming") != NULL && r.name == NULL);
}
END_TEST

START_TEST(bad_input) {
    write_file("pairs.csv", pairs_with_header);
    write_file("one.csv", "sentence1,sentence2,score\na: 1 0 0,b: 1 2 0,3\n");
    write_retrieval();
    write_file("small/qrels/none.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t0\n");
    senc_value *table = job_table("stss", "pairs.csv");
    expect_error(table, "did you mean \"sts\"?");
    table = senc_value_create(SENC_VALUE_TABLE, (senc_place){0});
    expect_error(table, "type");
    expect_error(job_table("sts", "absent.csv"), "absent.csv");
    expect_error(job_table("sts", "one.csv"), "at least 2 rows");
    expect_error(job_table("triplet", "pairs.csv"), "anchor");
    expect_error(job_table("retrieval", "absent"), "absent");
    table = job_table("sts", "pairs.csv");
    put(table, "similarity", text_value("cosin"));
    expect_error(table, "did you mean \"cosine\"?");
    table = job_table("sts", "pairs.csv");
    put(table, "gain", text_value("binary"));
    expect_error(table, "gain");
    table = job_table("retrieval", "small");
    put(table, "split", text_value("none"));
    expect_error(table, "none.tsv");
    table = job_table("retrieval", "small");
    put(table, "ndcg_at", integer_value(0));
    expect_error(table, "ndcg_at");
}
END_TEST

START_TEST(failing_and_broken_models) {
    write_retrieval();
    write_file("pairs.csv", pairs_with_header);
    write_file("nan.csv", "sentence1,sentence2,score\na: 1 0 0,b: 1 nan 0,3\nc: 0 1 0,d: 1 0 0,2\n");
    const char *types[] = {"retrieval", "sts"}, *paths[] = {"small", "pairs.csv"};
    for (int i = 0; i < 2; i++) {
        witness w = {.fail = true};
        const eval_embedder embedder = embedder_of(&w);
        eval_result r;
        senc_error err = {0};
        ck_assert(!run_job(job_table(types[i], paths[i]), &embedder, &r, &err));
        ck_assert(strstr(err.text, "the embedder fails") != NULL && r.n_metrics == 0);
    }
    witness w = {0};
    const eval_embedder embedder = embedder_of(&w);
    eval_result r;
    senc_error err = {0};
    ck_assert(!run_job(job_table("sts", "nan.csv"), &embedder, &r, &err));
    ck_assert_msg(strstr(err.text, "NaN") != NULL && strstr(err.text, "b: 1 nan") != NULL, "%s", err.text);
}
END_TEST

/* The same job twice: baseline and after training. Also: every allocation fails once, and nothing leaks or crashes. */
START_TEST(again_and_without_memory) {
    write_retrieval();
    write_file("pairs.csv", pairs_with_header);
    const char *types[] = {"retrieval", "sts"}, *paths[] = {"small", "pairs.csv"};
    witness w = {0};
    const eval_embedder embedder = embedder_of(&w);
    for (int i = 0; i < 2; i++) {
        senc_value *table = job_table(types[i], paths[i]);
        eval_job job;
        senc_error err = {0};
        ck_assert(eval_job_open(&job, table, "eval", &err));
        eval_result first, other;
        ck_assert(eval_job_run(&job, &embedder, &first, &err) && eval_job_run(&job, &embedder, &other, &err));
        ck_assert_int_eq(first.n_metrics, other.n_metrics);
        for (int64_t m = 0; m < first.n_metrics; m++) expect(&other, first.metrics[m].key, first.metrics[m].value);
        eval_result_free(&other);
        bool ok = false;
        for (int64_t n = 1; !ok && n < 1000; n++) {
            err = (senc_error){0};
            eval_job again;
            senc_alloc_fail_at(n);
            ok = eval_job_open(&again, table, "eval", &err);
            senc_alloc_fail_at(0);
            ck_assert(ok || err.kind != SENC_OK);
            eval_job_close(&again);
        }
        ck_assert(ok);
        eval_job_close(&job);
        senc_value_free(table);
        eval_result_free(&first);
    }
}
END_TEST

/* Vectors that Python can make too: how many bytes b of the text have b % 16 == k. */
static bool count_bytes(void *context, eval_role role, const eval_text *texts, int64_t n, float *out, senc_error *err) {
    (void)context;
    (void)role;
    (void)err;
    memset(out, 0, sizeof(*out) * (size_t)n * 16);
    for (int64_t i = 0; i < n; i++)
        for (int64_t b = 0; b < texts[i].n_bytes; b++) out[i * 16 + (unsigned char)texts[i].bytes[b] % 16]++;
    return true;
}

static eval_result run_real(const char *type, const char *path) {
    const eval_embedder embedder = {.embed = count_bytes, .width = 16, .similarity = "cosine"};
    eval_result r;
    senc_error err = {0};
    senc_value *table = senc_value_create(SENC_VALUE_TABLE, (senc_place){0});
    char full[1024];
    snprintf(full, sizeof(full), "%s/%s", getenv("SENC_DATA"), path);
    put(table, "type", text_value(type));
    put(table, "path", text_value(full));
    ck_assert_msg(run_job(table, &embedder, &r, &err), "%s", err.text);
    return r;
}

/* NFCorpus and STS-B with these vectors: sentence-transformers 6.2's InformationRetrievalEvaluator.compute_metrics on
 * cosines computed in double and rounded to float32; scipy's pearsonr and spearmanr of score and similarity. */
START_TEST(real_data) {
    eval_result r = run_real("retrieval", "nfcorpus/");
    expect(&r, "nfcorpus_cosine_accuracy@10", 0.14551083591331268);
    expect(&r, "nfcorpus_cosine_precision@100", 0.016130030959752323);
    expect(&r, "nfcorpus_cosine_recall@10", 0.009114528870372486);
    expect(&r, "nfcorpus_cosine_recall@100", 0.06109729376726268);
    expect(&r, "nfcorpus_cosine_ndcg@10", 0.02101989288787214);
    expect(&r, "nfcorpus_cosine_mrr@10", 0.04341859550837877);
    expect(&r, "nfcorpus_cosine_map@100", 0.0052033859299983045);
    ck_assert(has_text(r.counts, r.n_counts, "queries: 323 (2914 without"));
    eval_result_free(&r);
    r = run_real("sts", "stsb/stsb-en-test.csv");
    expect(&r, "stsb-en-test_pearson_dot", 0.18000371617870461);
    expect(&r, "stsb-en-test_spearman_dot", 0.13784297447944813);
    expect(&r, "stsb-en-test_pearson_manhattan", 0.11685573727292663);
    expect(&r, "stsb-en-test_spearman_manhattan", 0.18773492327713062);
    ck_assert(has_text(r.counts, r.n_counts, "pairs: 1379"));
    eval_result_free(&r);
}
END_TEST

START_TEST(registry) {
    int n;
    const eval_spec *const *all = eval_all(&n);
    ck_assert_int_eq(n, 9);
    for (int i = 0; i < n; i++) {
        ck_assert_ptr_eq(eval_find(all[i]->name), all[i]);
        ck_assert(all[i]->help != NULL && all[i]->load != NULL && all[i]->run != NULL && all[i]->free_task != NULL);
        ck_assert(i == 0 || strcmp(all[i - 1]->name, all[i]->name) < 0);
    }
    ck_assert_ptr_null(eval_find("st"));
}
END_TEST

int main(int argc, char **argv) {
    Suite *s = suite_create("evaluators");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, make_folder, remove_folder);
    tcase_add_test(t, sts_with_header);
    tcase_add_test(t, sts_without_header_is_recognised);
    tcase_add_test(t, sts_chosen_similarity);
    tcase_add_test(t, sts_undefined_is_nan_and_says_so);
    tcase_add_test(t, equal_texts_are_equally_near);
    tcase_add_test(t, retrieval_of_texts_under_several_ids);
    tcase_add_test(t, triplets);
    tcase_add_loop_test(t, retrieval_with_defaults, 0, 2);
    tcase_add_test(t, retrieval_with_other_rules);
    tcase_add_test(t, retrieval_of_identical_ids);
    tcase_add_test(t, an_ignored_document_leaves_its_place_to_the_next);
    tcase_add_test(t, retrieval_with_the_models_similarity);
    tcase_add_test(t, bad_input);
    tcase_add_test(t, failing_and_broken_models);
    tcase_add_test(t, again_and_without_memory);
    tcase_add_test(t, registry);
    suite_add_tcase(s, t);
    TCase *real_case = tcase_create("real");
    tcase_add_checked_fixture(real_case, make_folder, remove_folder);
    tcase_add_test(real_case, real_data);
    return run_with_real(s, real_case, "SENC_DATA", argc, argv);
}
