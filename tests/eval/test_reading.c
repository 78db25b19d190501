/* How much of its texts a system reads: the words, and what kept vectors and evaluations count. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "eval/kept_pool.h"
#include "eval/kept_vectors.h"

static char text[160];

START_TEST(test_words) {
    static const struct {
        eval_reading reading;
        const char *described, *percent, *words;
    } cases[] = {
        {{0}, "unknown", "-", "read everything"},
        {{1234567, 0, 0}, "all of 1,234,567 were read whole", "0 %", "read everything"},
        {{5483, 0, 256}, "none of 5,483 was cut (256 tokens at most)", "0 %", "read everything"},
        {{5483, 5185, 256},
         "5,185 of 5,483 (94.6 %) were cut at 256 tokens",
         "94.6 %",
         "reads 256 tokens and cut 94.6 % of the texts"},
        {{3, 3, 8}, "3 of 3 (100 %) were cut at 8 tokens", "100 %", "reads 8 tokens and cut 100 % of the texts"},
        {{9000, 1, 32},
         "1 of 9,000 (<0.1 %) was cut at 32 tokens",
         "<0.1 %",
         "reads 32 tokens and cut <0.1 % of the texts"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_str_eq(eval_reading_describe(&cases[i].reading, text, sizeof text), cases[i].described);
        ck_assert_str_eq(eval_reading_percent(&cases[i].reading, text, sizeof text), cases[i].percent);
        ck_assert_str_eq(eval_reading_words(&cases[i].reading, text, sizeof text), cases[i].words);
    }
}
END_TEST

START_TEST(test_differs) {
    const eval_reading unknown = {0}, whole = {100, 0, 0}, none = {100, 0, 256}, few = {1000, 9, 256},
                       some = {1000, 10, 256}, all = {100, 100, 256}, shorter = {100, 100, 128},
                       short_few = {1000, 9, 8};
    ck_assert(!eval_reading_differs(&unknown, &all) && !eval_reading_differs(&all, &unknown));
    ck_assert(!eval_reading_differs(&whole, &none) && !eval_reading_differs(&whole, &few));
    ck_assert(eval_reading_differs(&whole, &some) && eval_reading_differs(&some, &whole));
    ck_assert(eval_reading_differs(&all, &shorter)); /* both cut everything, but elsewhere */
    ck_assert(!eval_reading_differs(&all, &all) && !eval_reading_differs(&few, &short_few));
    ck_assert(isnan(eval_reading_share(&unknown)));
    ck_assert_double_eq(eval_reading_share(&some), 0.01);
}
END_TEST

/* Texts of more than three bytes are cut. */
typedef struct source {
    eval_reader reader;
    int64_t n_texts;
} source;

static bool embed(void *context, eval_role role, const eval_text *texts, int64_t n, float *out, senc_error *err) {
    source *s = context;
    (void)role;
    if (!eval_reader_start(&s->reader, n, err)) return false;
    for (int64_t i = 0; i < n; i++) {
        out[i] = (float)texts[i].n_bytes;
        s->reader.cut[i] = texts[i].n_bytes > 3;
    }
    s->n_texts += n;
    eval_reader_finish(&s->reader);
    return true;
}

static eval_embedder embedder_of(source *s) {
    *s = (source){.reader = {.sum = {.max_length = 3}}};
    return (eval_embedder){.embed = embed, .context = s, .width = 1, .similarity = "cosine", .reader = &s->reader};
}

static void ask(const eval_embedder *e, const char *const *words, int64_t n, int64_t n_texts, int64_t n_cut) {
    eval_text texts[8];
    float out[8];
    const eval_reading before = e->reader->sum;
    for (int64_t i = 0; i < n; i++) texts[i] = (eval_text){words[i], (int64_t)strlen(words[i])};
    ck_assert(e->embed(e->context, EVAL_TEXT, texts, n, out, NULL));
    const eval_reading read = eval_reading_since(e->reader, &before);
    ck_assert_int_eq(read.n_texts, n_texts);
    ck_assert_int_eq(read.n_cut, n_cut);
    ck_assert_int_eq(read.max_length, 3);
}

/* A text that is known counts as often as it is asked for, and is cut each time. */
START_TEST(test_kept) {
    static const char *const words[] = {"a", "long text", "b", "longer text", "c", "another long one"};
    source s;
    const eval_embedder inner = embedder_of(&s);
    eval_kept_vectors k;
    const eval_embedder e = eval_kept_vectors_open(&k, &inner, 1 << 20);
    ask(&e, words, 2, 2, 1);
    ask(&e, words, 6, 6, 3); /* the first two are known */
    ask(&e, words, 6, 6, 3); /* all are */
    ck_assert_int_eq(s.n_texts, 6);
    eval_kept_vectors_free(&k);
    eval_reader_free(&s.reader);
}
END_TEST

/* Whoever shares vectors has read the texts too. */
START_TEST(test_pool) {
    static const char *const words[] = {"a", "long text", "b", "longer text"};
    source first, second;
    const eval_embedder inners[] = {embedder_of(&first), embedder_of(&second)};
    eval_kept_pool *pool;
    eval_kept_share *shares[2];
    eval_embedder e[2];
    ck_assert(eval_kept_pool_open(1 << 20, &pool, NULL));
    for (int i = 0; i < 2; i++) ck_assert(eval_kept_pool_share(pool, "m", &inners[i], &shares[i], &e[i], NULL));
    ask(&e[0], words, 4, 4, 2);
    ask(&e[1], words, 4, 4, 2);
    ck_assert_int_eq(second.n_texts, 0);
    for (int i = 0; i < 2; i++) eval_kept_share_free(shares[i]);
    eval_kept_pool_free(pool);
    eval_reader_free(&first.reader);
}
END_TEST

START_TEST(test_unknown) {
    source s;
    eval_embedder inner = embedder_of(&s);
    inner.reader = NULL;
    eval_kept_vectors k;
    ck_assert_ptr_null(eval_kept_vectors_open(&k, &inner, 1 << 20).reader);
    const eval_reading none = {0};
    ck_assert_int_eq(eval_reading_since(NULL, &none).n_texts, 0);
    eval_kept_vectors_free(&k);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("reading");
    TCase *c = tcase_create("reading");
    tcase_add_test(c, test_words);
    tcase_add_test(c, test_differs);
    tcase_add_test(c, test_kept);
    tcase_add_test(c, test_pool);
    tcase_add_test(c, test_unknown);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
