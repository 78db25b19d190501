/* Tests of an embedder that keeps its vectors: what is embedded again, and that every vector is the right one. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "eval/kept_pool.h"
#include "eval/kept_vectors.h"

enum { WIDTH = 2, ROW_BYTES = WIDTH * sizeof(float), MANY = 5000 };

/* The vector of "17" is (17, role) times `scale`. */
typedef struct source {
    int64_t n_texts, n_prepared;
    float scale;
    bool fail;
} source;

static bool embed(void *context, eval_role role, const eval_text *texts, int64_t n, float *out, senc_error *err) {
    source *s = context;
    if (s->fail) return senc_fail(err, SENC_FAILED, "no vectors today");
    s->n_texts += n;
    for (int64_t i = 0; i < n; i++) {
        out[i * WIDTH] = (float)strtol(texts[i].bytes, NULL, 10) * s->scale;
        out[i * WIDTH + 1] = (float)role * s->scale;
    }
    return true;
}

static bool prepare(void *context, const eval_text *sample, int64_t n, senc_error *err) {
    (void)sample, (void)n, (void)err;
    source *s = context;
    s->n_prepared++;
    s->scale *= 2;
    return true;
}

static eval_embedder embedder_of(source *s) {
    *s = (source){.scale = 1};
    return (eval_embedder){.embed = embed, .context = s, .width = WIDTH, .similarity = "cosine"};
}

/* Asks for the numbers first, first + step, ...; all vectors must be right. */
static bool ask(const eval_embedder *e, eval_role role, int first, int step, int64_t n, float scale, senc_error *err) {
    static char words[MANY][8];
    static eval_text texts[MANY];
    static float out[MANY * WIDTH];
    for (int64_t i = 0; i < n; i++) {
        texts[i].n_bytes = snprintf(words[i], sizeof words[i], "%d", first + (int)i * step);
        texts[i].bytes = words[i];
    }
    memset(out, 0xff, sizeof out);
    if (!e->embed(e->context, role, texts, n, out, err)) return false;
    for (int64_t i = 0; i < n; i++) {
        ck_assert_float_eq(out[i * WIDTH], (float)(first + (int)i * step) * scale);
        ck_assert_float_eq(out[i * WIDTH + 1], (float)role * scale);
    }
    return true;
}

static void expect(const eval_embedder *e, source *s, eval_role role, int first, int step, int64_t n, int64_t n_new) {
    senc_error err = {0};
    const int64_t before = s->n_texts;
    ck_assert_msg(ask(e, role, first, step, n, s->scale, &err), "%s", err.text);
    ck_assert_int_eq(s->n_texts - before, n_new);
}

START_TEST(test_known_texts) {
    source s;
    const eval_embedder inner = embedder_of(&s);
    eval_kept_vectors k;
    const eval_embedder e = eval_kept_vectors_open(&k, &inner, 1 << 20);
    ck_assert_int_eq(e.width, WIDTH);
    ck_assert_str_eq(e.similarity, "cosine");
    ck_assert_ptr_null(e.prepare);
    expect(&e, &s, EVAL_DOCUMENT, 1, 1, 4, 4);
    expect(&e, &s, EVAL_DOCUMENT, 4, -1, 4, 0); /* backwards */
    expect(&e, &s, EVAL_DOCUMENT, 0, 2, 4, 2);  /* 0, 2, 4, 6 */
    expect(&e, &s, EVAL_QUERY, 1, 1, 4, 4);     /* another prompt, another vector */
    expect(&e, &s, EVAL_DOCUMENT, 1, 1, 0, 0);
    ck_assert_int_eq(k.n_found, 6);
    eval_kept_vectors_free(&k);
}
END_TEST

START_TEST(test_many) {
    source s;
    const eval_embedder inner = embedder_of(&s);
    eval_kept_vectors k;
    const eval_embedder e = eval_kept_vectors_open(&k, &inner, 1 << 20);
    expect(&e, &s, EVAL_TEXT, 0, 2, MANY / 2, MANY / 2);
    expect(&e, &s, EVAL_TEXT, 0, 1, MANY, MANY / 2);
    expect(&e, &s, EVAL_TEXT, 0, 1, MANY, 0);
    eval_kept_vectors_free(&k);
}
END_TEST

/* Three fit; the others are right all the same. */
START_TEST(test_limit) {
    source s;
    const eval_embedder inner = embedder_of(&s);
    eval_kept_vectors k;
    const eval_embedder e = eval_kept_vectors_open(&k, &inner, 3 * ROW_BYTES + ROW_BYTES / 2);
    expect(&e, &s, EVAL_TEXT, 1, 1, 5, 5);
    ck_assert_int_eq(k.n, 3);
    ck_assert_int_le(k.capacity * ROW_BYTES, 3 * ROW_BYTES + ROW_BYTES / 2);
    expect(&e, &s, EVAL_TEXT, 1, 1, 5, 2);
    expect(&e, &s, EVAL_TEXT, 5, -1, 5, 2);
    eval_kept_vectors_free(&k);
}
END_TEST

START_TEST(test_new_fit) {
    source s;
    senc_error err = {0};
    eval_embedder inner = embedder_of(&s);
    inner.prepare = prepare;
    eval_kept_vectors k;
    const eval_embedder e = eval_kept_vectors_open(&k, &inner, 1 << 20);
    expect(&e, &s, EVAL_TEXT, 1, 1, 4, 4);
    ck_assert(e.prepare(e.context, NULL, 0, &err));
    ck_assert_int_eq(s.n_prepared, 1);
    expect(&e, &s, EVAL_TEXT, 1, 1, 4, 4);
    expect(&e, &s, EVAL_TEXT, 1, 1, 4, 0);
    eval_kept_vectors_free(&k);
}
END_TEST

START_TEST(test_failures) {
    source s;
    senc_error err = {0};
    const eval_embedder inner = embedder_of(&s);
    eval_kept_vectors k;
    const eval_embedder e = eval_kept_vectors_open(&k, &inner, 1 << 20);
    expect(&e, &s, EVAL_TEXT, 1, 1, 2, 2);
    s.fail = true;
    ck_assert(!ask(&e, EVAL_TEXT, 1, 1, 3, 1, &err));
    ck_assert_str_eq(err.text, "no vectors today");
    s.fail = false;
    expect(&e, &s, EVAL_TEXT, 1, 1, 3, 1); /* what failed is not kept */
    eval_kept_vectors_free(&k);
}
END_TEST

/* Without memory: an error, or vectors that are right and not kept. */
START_TEST(test_failing_allocations) {
    bool was_left_out = false, has_failed = false;
    for (int64_t at = 1;; at++) {
        source s;
        senc_error err = {0};
        const eval_embedder inner = embedder_of(&s);
        eval_kept_vectors k;
        const eval_embedder e = eval_kept_vectors_open(&k, &inner, 1 << 20);
        senc_alloc_fail_at(at);
        const bool ok = ask(&e, EVAL_TEXT, 0, 2, 600, 1, &err) && ask(&e, EVAL_TEXT, 0, 1, 1200, 1, &err);
        senc_alloc_fail_at(0);
        ck_assert(ok || strstr(err.text, "memory") != NULL);
        has_failed = has_failed || !ok;
        const bool is_whole = ok && s.n_texts == 1200;
        was_left_out = was_left_out || (ok && !is_whole);
        if (ok) expect(&e, &s, EVAL_TEXT, 0, 1, 1200, 1200 - k.n);
        if (ok) ck_assert_int_eq(k.n, 1200);
        eval_kept_vectors_free(&k);
        if (is_whole) break;
    }
    ck_assert(was_left_out && has_failed);
}
END_TEST

/* Two embedders of one key make one set of vectors, another key has its own. */
START_TEST(test_pool_shares_by_key) {
    senc_error err = {0};
    source first, second, third;
    const eval_embedder inners[] = {embedder_of(&first), embedder_of(&second), embedder_of(&third)};
    eval_kept_pool *pool;
    eval_kept_share *shares[3];
    eval_embedder e[3];
    ck_assert(eval_kept_pool_open(1 << 20, &pool, &err));
    for (int i = 0; i < 3; i++)
        ck_assert(eval_kept_pool_share(pool, i < 2 ? "m" : "other", &inners[i], &shares[i], &e[i], &err));
    expect(&e[0], &first, EVAL_QUERY, 0, 1, 20, 20);
    expect(&e[1], &second, EVAL_QUERY, 10, 1, 20, 10);
    expect(&e[0], &first, EVAL_QUERY, 0, 1, 30, 0);
    expect(&e[1], &second, EVAL_DOCUMENT, 0, 1, 5, 5); /* another role */
    expect(&e[2], &third, EVAL_QUERY, 0, 1, 20, 20);
    eval_kept_share_free(shares[0]); /* the vectors stay */
    expect(&e[1], &second, EVAL_QUERY, 0, 1, 30, 0);
    eval_kept_share_free(shares[1]);
    eval_kept_share_free(shares[2]);
    eval_kept_pool_free(pool);
}
END_TEST

START_TEST(test_pool_limit_is_of_all) {
    senc_error err = {0};
    source first, second;
    const eval_embedder inners[] = {embedder_of(&first), embedder_of(&second)};
    eval_kept_pool *pool;
    eval_kept_share *shares[2];
    eval_embedder e[2];
    ck_assert(eval_kept_pool_open(10 * ROW_BYTES, &pool, &err));
    for (int i = 0; i < 2; i++)
        ck_assert(eval_kept_pool_share(pool, i ? "b" : "a", &inners[i], &shares[i], &e[i], &err));
    expect(&e[0], &first, EVAL_QUERY, 0, 1, 7, 7);
    expect(&e[1], &second, EVAL_QUERY, 0, 1, 7, 7); /* three are kept */
    expect(&e[1], &second, EVAL_QUERY, 0, 1, 7, 4);
    expect(&e[0], &first, EVAL_QUERY, 0, 1, 7, 0);
    for (int i = 0; i < 2; i++) eval_kept_share_free(shares[i]);
    eval_kept_pool_free(pool);
}
END_TEST

/* Who embeds nothing has the speed of who did. */
START_TEST(test_pool_stats) {
    senc_error err = {0};
    source s;
    const eval_embedder inner = embedder_of(&s);
    eval_kept_pool *pool;
    eval_kept_share *shares[2];
    eval_embedder e[2];
    ck_assert(eval_kept_pool_open(1 << 20, &pool, &err));
    for (int i = 0; i < 2; i++) ck_assert(eval_kept_pool_share(pool, "m", &inner, &shares[i], &e[i], &err));
    const eval_encoder_stats worked = {.n_texts = 30, .n_truncated = 2, .encode_ms = 5}, none = {0};
    ck_assert_int_eq(eval_kept_share_stats(shares[1], &none).n_texts, 0);
    ck_assert_int_eq(eval_kept_share_stats(shares[0], &worked).n_texts, 30);
    ck_assert_int_eq(eval_kept_share_stats(shares[1], &none).n_truncated, 2);
    ck_assert(eval_kept_share_stats(shares[1], &(eval_encoder_stats){.n_texts = 3}).encode_ms == 5);
    for (int i = 0; i < 2; i++) eval_kept_share_free(shares[i]);
    eval_kept_pool_free(pool);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("kept vectors");
    TCase *c = tcase_create("kept vectors");
    tcase_add_test(c, test_known_texts);
    tcase_add_test(c, test_many);
    tcase_add_test(c, test_limit);
    tcase_add_test(c, test_new_fit);
    tcase_add_test(c, test_failures);
    tcase_add_test(c, test_failing_allocations);
    tcase_add_test(c, test_pool_shares_by_key);
    tcase_add_test(c, test_pool_limit_is_of_all);
    tcase_add_test(c, test_pool_stats);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
