/* No metric depends on the last bits of vectors: two models whose vectors have the same directions, and lengths of 1
 * that are rounded in two ways, get the same numbers from every evaluator, of data full of equal texts. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/buffer.h"
#include "autograd/base/rng.h"
#include "autograd/base/threads.h"
#include "data/pairs.h"
#include "evaluator_fixture.h"

enum { WIDE = 24, N_TEXTS = 30, N_ROWS = 120 };

/* A direction for every text, brought to length 1 from the length *context. */
static bool embed(void *context, eval_role role, const eval_text *texts, int64_t n, float *out, senc_error *err) {
    (void)role, (void)err;
    const double length = *(const double *)context;
    for (int64_t i = 0; i < n; i++) {
        float x[WIDE];
        double square = 0;
        senc_rng rng;
        senc_rng_init(&rng, data_text_hash(texts[i].bytes, (size_t)texts[i].n_bytes));
        for (int k = 0; k < WIDE; k++) {
            x[k] = (float)(length * senc_rng_normal(&rng));
            square += (double)x[k] * (double)x[k];
        }
        const float scale = (float)(1 / sqrt(square));
        for (int k = 0; k < WIDE; k++) out[i * WIDE + k] = x[k] * scale;
    }
    return true;
}

static const char *text_of(uint64_t i) {
    static char texts[8][24];
    static int next;
    char *out = texts[next++ % 8];
    snprintf(out, sizeof texts[0], "text %d", (int)(i % N_TEXTS));
    return out;
}

/* Every second time the same text again. */
static const char *same_or_other(senc_rng *rng, uint64_t i) {
    return text_of(senc_rng_below(rng, 2) ? i : senc_rng_below(rng, N_TEXTS));
}

static void write_rows(const char *name, const char *head, bool jsonl) {
    senc_rng rng;
    senc_rng_init(&rng, 6);
    senc_buffer b = {0};
    senc_buffer_append_text(&b, head);
    for (int row = 0; row < N_ROWS; row++) {
        const uint64_t i = senc_rng_below(&rng, N_TEXTS);
        const char *const other = same_or_other(&rng, i), *const third = same_or_other(&rng, i);
        if (jsonl)
            senc_buffer_printf(&b,
                               "{\"query\": \"%s\", \"positive\": [\"%s\", \"%s\"], \"negative\": [\"%s\", \"%s\"]}\n",
                               text_of(i), other, third, text_of(i + 1), text_of(i + 1));
        else if (strstr(head, "negative"))
            senc_buffer_printf(&b, "%s,%s,%s\n", text_of(i), other, third);
        else if (strstr(head, "text"))
            senc_buffer_printf(&b, "%s,%d\n", text_of(i), (int)(i % 7));
        else
            senc_buffer_printf(&b, "%s,%s,%d\n", text_of(i), other, (int)senc_rng_below(&rng, 2));
    }
    write_file(name, senc_buffer_text(&b));
    senc_buffer_free(&b);
}

static void write_beir(void) {
    senc_buffer corpus = {0}, queries = {0}, qrels = {0};
    for (int i = 0; i < 2 * N_TEXTS; i++)
        senc_buffer_printf(&corpus, "{\"_id\": \"d%02d\", \"text\": \"%s\"}\n", i * 7 % 60, text_of((uint64_t)i));
    for (int i = 0; i < N_TEXTS; i++) {
        senc_buffer_printf(&queries, "{\"_id\": \"q%d\", \"text\": \"%s\"}\n", i, text_of((uint64_t)i));
        senc_buffer_printf(&qrels, "q%d\td%02d\t1\nq%d\td%02d\t2\n", i, i * 7 % 60, i, (i * 11 + 3) % 60);
    }
    write_file("beir/corpus.jsonl", senc_buffer_text(&corpus));
    write_file("beir/queries.jsonl", senc_buffer_text(&queries));
    write_file("beir/qrels/test.tsv", senc_buffer_text(&qrels));
    senc_buffer_free(&corpus);
    senc_buffer_free(&queries);
    senc_buffer_free(&qrels);
}

static const struct {
    const char *type, *file, *head, *function; /* NULL: all that it has */
} cases[] = {
    {"sts", "sts.csv", "sentence1,sentence2,score\n", NULL},
    {"pair_classification", "pairs.csv", "sentence1,sentence2,label\n", "cosine"},
    {"pair_classification", "pairs.csv", "sentence1,sentence2,label\n", "dot"},
    {"pair_classification", "pairs.csv", "sentence1,sentence2,label\n", "euclidean"},
    {"pair_classification", "pairs.csv", "sentence1,sentence2,label\n", "manhattan"},
    {"triplet", "triplets.csv", "anchor,positive,negative\n", NULL},
    {"reranking", "rerank.jsonl", "", "cosine"},
    {"reranking", "rerank.jsonl", "", "dot"},
    {"paraphrase_mining", "mining.csv", "text,label\n", "cosine"},
    {"paraphrase_mining", "mining.csv", "text,label\n", "dot"},
    {"bitext_mining", "bitext.csv", "sentence1,sentence2,other\n", "cosine"},
    {"bitext_mining", "bitext.csv", "sentence1,sentence2,other\n", "dot"},
    {"retrieval", "beir", NULL, "cosine"},
    {"retrieval", "beir", NULL, "dot"},
};

static eval_result run(int c, double *length) {
    const eval_embedder e = {.embed = embed, .context = length, .width = WIDE, .similarity = "cosine"};
    senc_value *table = job_table(cases[c].type, cases[c].file);
    if (cases[c].function) put(table, "similarity", text_value(cases[c].function));
    eval_result r;
    senc_error err = {0};
    ck_assert_msg(run_job(table, &e, &r, &err), "%s", err.text);
    return r;
}

START_TEST(other_last_bits_same_metrics) {
    double first = 1, second = 0.7310585786;
    if (cases[_i].head)
        write_rows(cases[_i].file, cases[_i].head, strstr(cases[_i].file, "jsonl") != NULL);
    else
        write_beir();
    eval_result a = run(_i, &first), b = run(_i, &second);
    ck_assert_int_eq(a.n_metrics, b.n_metrics);
    for (int64_t i = 0; i < a.n_metrics; i++) {
        const char *key = a.metrics[i].key;
        /* these are similarities, or made of them, and not of their order alone */
        const bool is_measure = strstr(key, "threshold") || strstr(key, "pearson");
        const double difference = fabs(a.metrics[i].value - b.metrics[i].value);
        ck_assert_msg(difference <= (is_measure ? 1e-6 : 1e-15), "%s: %.17g, %.17g", key, a.metrics[i].value,
                      b.metrics[i].value);
    }
    eval_result_free(&a);
    eval_result_free(&b);
}
END_TEST

/* The vectors do differ: the test above could not see anything otherwise. */
START_TEST(last_bits_differ) {
    int n_same = 0;
    for (int i = 0; i < N_TEXTS; i++) {
        double first = 1, second = 0.7310585786;
        float x[WIDE], y[WIDE];
        const char *text = text_of((uint64_t)i);
        const eval_text one = {text, (int64_t)strlen(text)};
        embed(&first, EVAL_TEXT, &one, 1, x, NULL);
        embed(&second, EVAL_TEXT, &one, 1, y, NULL);
        n_same += memcmp(x, y, sizeof x) == 0;
        for (int k = 0; k < WIDE; k++) ck_assert(fabs((double)x[k] - (double)y[k]) < 1e-6);
    }
    ck_assert_int_eq(n_same, 0);
}
END_TEST

int main(void) {
    Suite *s = suite_create("last_bits");
    TCase *t = tcase_create("last_bits");
    tcase_add_checked_fixture(t, make_folder, remove_folder);
    tcase_add_loop_test(t, other_last_bits_same_metrics, 0, (int)(sizeof cases / sizeof *cases));
    tcase_add_test(t, last_bits_differ);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
