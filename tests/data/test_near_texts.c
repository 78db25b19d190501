/* Folded texts, and near ones: what is the same text, and that the index finds what comparing all pairs finds. */
#include "data/near_texts.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/rng.h"
#include "data/text_fold.h"

static void check_fold(data_folder *f, const char *text, const char *expected) {
    const char *folded;
    size_t n;
    senc_error err = {0};
    ck_assert_msg(data_text_fold(f, text, strlen(text), &folded, &n, &err), "%s", err.text);
    ck_assert_msg(n == strlen(expected) && memcmp(folded, expected, n) == 0,
                  "\"%s\" folds to \"%.*s\", expected \"%s\"", text, (int)n, folded, expected);
}

START_TEST(texts_fold) {
    data_folder f = {0};
    check_fold(&f, "What is (are) ASTHMA ?", "what is are asthma");
    check_fold(&f,
               "  what\tis \n are\xC2\xA0"
               "asthma",
               "what is are asthma");
    check_fold(&f,
               "Stra\xC3\x9F"
               "e",
               "strasse");
    check_fold(&f, "STRASSE!", "strasse");
    check_fold(&f, "don't \xE2\x80\x9Cquote\xE2\x80\x9D don\xE2\x80\x99t 'so'", "dont quote dont so");
    check_fold(&f, "\xEF\xBC\xA1\xEF\xBC\xA2 \xE2\x91\xA0", "ab 1"); /* full-width letters, a circled 1 */
    check_fold(&f, "caf\xC3\xA9", "cafe\xCC\x81");
    check_fold(&f, "cafe\xCC\x81", "cafe\xCC\x81"); /* the same, decomposed */
    check_fold(&f, "soft\xC2\xADhyphen zero\xE2\x80\x8Bwidth", "softhyphen zerowidth");
    check_fold(&f, "1.5 and 15 and 1,000.", "1.5 and 15 and 1,000");
    check_fold(&f, "C++ C# C 5% R&D", "c++ c# c 5% r&d");
    check_fold(&f, "\xE6\x9D\xB1\xE4\xBA\xAC \xE3\x82\xBF",
               "\xE6\x9D\xB1 \xE4\xBA\xAC \xE3\x82\xBF"); /* no blanks needed */
    check_fold(&f, "\xE6\x9D\xB1\xE4\xBA\xAC\xE3\x82\xBF", "\xE6\x9D\xB1 \xE4\xBA\xAC \xE3\x82\xBF");
    check_fold(&f, "\xE3\x81\x8C", "\xE3\x81\x8B\xE3\x82\x99"); /* ga is ka with its voicing */
    check_fold(&f, "", "");
    check_fold(&f, " \n", "");
    check_fold(&f, "? !", "\x01?!"); /* not the empty text, and not "..." */
    check_fold(&f, "...", "\x01...");
    check_fold(&f, "\xFF is no UTF-8", "\xFF is no UTF-8");
    data_folder_free(&f);
}
END_TEST

static data_near_index *create(double threshold) {
    senc_error err = {0};
    data_near_index *x;
    ck_assert_msg(data_near_create(threshold, &x, &err), "%s", err.text);
    return x;
}

static void read_text(data_near_index *x, const char *text) {
    senc_error err = {0};
    ck_assert_msg(data_near_read(x, text, strlen(text), &err), "%s", err.text);
}

static int64_t find_near(data_near_index *x, const char *text, int64_t *first) {
    senc_error err = {0};
    const int64_t *texts;
    int64_t n;
    read_text(x, text);
    ck_assert_msg(data_near_find(x, NULL, NULL, 0, &texts, &n, &err), "%s", err.text);
    *first = n > 0 ? texts[0] : -1;
    return n;
}

static void add(data_near_index *x, const char *text) {
    senc_error err = {0};
    int64_t number;
    read_text(x, text);
    ck_assert_msg(data_near_add(x, &number, &err), "%s", err.text);
    ck_assert_int_eq(number, data_near_n_texts(x) - 1);
}

START_TEST(folded_and_near) {
    data_near_index *x = create(0.8);
    int64_t first;
    add(x, "what are the symptoms of asthma in small children");
    add(x, "asthma attack");
    read_text(x, "What are the symptoms of ASTHMA in small children?");
    ck_assert_int_eq(data_near_find_folded(x), 0);
    ck_assert_int_eq(find_near(x, "what are the symptoms of asthma in small children", &first), 0);     /* not itself */
    ck_assert_int_eq(find_near(x, "So what are the symptoms of asthma in small children?", &first), 1); /* 7 of 8 */
    ck_assert_int_eq(first, 0);
    ck_assert_int_eq(find_near(x, "what are the symptoms of diabetes in small children", &first), 0);
    ck_assert_int_eq(find_near(x, "an asthma attack", &first), 0); /* too short to be near anything */
    data_near_free(x);
    x = create(1); /* nothing is near */
    add(x, "what are the symptoms of asthma in small children");
    ck_assert_int_eq(find_near(x, "So what are the symptoms of asthma in small children?", &first), 0);
    read_text(x, "WHAT are the symptoms of asthma in small children");
    ck_assert_int_eq(data_near_find_folded(x), 0);
    data_near_free(x);
}
END_TEST

#define N_TEXTS 160

/* Whether a run of 3 words stands in the first n_bytes of a text; words are single characters here. */
static bool has_run(const char *text, size_t n_bytes, const char *run) {
    for (size_t i = 0; i + 5 <= n_bytes; i += 2)
        if (memcmp(text + i, run, 5) == 0) return true;
    return false;
}

/* Runs of 3 words that two texts share, of all that they have, each counted once. */
static double true_jaccard(const char *a, const char *b) {
    const size_t n_a = strlen(a), n_b = strlen(b);
    int64_t n_both = 0, n_all = 0;
    for (size_t i = 0; i + 5 <= n_a; i += 2) {
        if (has_run(a, i + 3, a + i)) continue;
        n_both += has_run(b, n_b, a + i);
        n_all++;
    }
    for (size_t i = 0; i + 5 <= n_b; i += 2) n_all += !has_run(b, i + 3, b + i) && !has_run(a, n_a, b + i);
    return (double)n_both / (double)n_all;
}

/* Random words, or an earlier text with some of them changed. */
static void make_text(char *out, const char *earlier, senc_rng *rng, int64_t n_words) {
    for (int64_t w = 0; w < n_words; w++) {
        out[2 * w] = earlier ? earlier[2 * w] : (char)('a' + (int)senc_rng_below(rng, 26));
        out[2 * w + 1] = ' ';
    }
    out[2 * n_words - 1] = '\0';
    for (uint64_t k = earlier ? senc_rng_below(rng, 4) : 0; k > 0; k--)
        out[2 * senc_rng_below(rng, (uint64_t)n_words)] = (char)('a' + (int)senc_rng_below(rng, 26));
}

/* Every pair above the threshold is found, and no other, whatever the threshold. */
static void check_against_all_pairs(double threshold, int64_t n_words) {
    static char texts[N_TEXTS][256];
    senc_rng rng;
    senc_rng_init(&rng, 7);
    data_near_index *x = create(threshold);
    int64_t n_found = 0, n_true = 0;
    for (int i = 0; i < N_TEXTS; i++) {
        make_text(texts[i], i % 4 ? texts[i - 1] : NULL, &rng, n_words);
        int64_t first, n_expected = 0;
        const int64_t n = find_near(x, texts[i], &first);
        if (data_near_find_folded(x) >= 0) { /* the same again: another one */
            i--;
            continue;
        }
        for (int j = 0; j < i; j++) n_expected += true_jaccard(texts[i], texts[j]) >= threshold;
        n_found += n;
        n_true += n_expected;
        add(x, texts[i]);
    }
    ck_assert_msg(n_true > 20 && n_found == n_true, "threshold %g: found %lld of %lld", threshold, (long long)n_found,
                  (long long)n_true);
    data_near_free(x);
}

START_TEST(all_near_pairs_are_found) {
    const double thresholds[] = {0.3, 0.5, 0.7, 0.8, 0.9};
    for (int i = 0; i < 5; i++) check_against_all_pairs(thresholds[i], 60);
    check_against_all_pairs(0.8, 120);
}
END_TEST

/* Long texts are compared by their smallest hashes: right where it is clear. */
START_TEST(long_texts) {
    enum { N = 3000 };
    char *text = senc_alloc(N * 8, 1), *other = senc_alloc(N * 8, 1);
    data_near_index *x = create(0.8);
    int64_t first;
    for (int i = 0; i < N; i++) {
        char word[24];
        snprintf(word, sizeof word, "w%06d ", i);
        memcpy(text + 8 * i, word, 8);
    }
    text[8 * N - 1] = '\0';
    add(x, text);
    memcpy(other, text, 8 * N);
    for (int i = 0; i < N; i += 60) other[8 * i] = 'x'; /* 50 of 3000 words: 0.905 */
    ck_assert_int_eq(find_near(x, other, &first), 1);
    for (int i = 0; i < N; i += 10) other[8 * i] = 'y'; /* 0.54 */
    ck_assert_int_eq(find_near(x, other, &first), 0);
    free(text);
    free(other);
    data_near_free(x);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("near_texts");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, texts_fold);
    tcase_add_test(tests, folded_and_near);
    tcase_add_test(tests, all_near_pairs_are_found);
    tcase_add_test(tests, long_texts);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed ? 1 : 0;
}
