/* Names where there is little room: cut in the middle, and no two alike. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/terminal.h"
#include "eval/short_names.h"

enum { MOST = 8 };

static void check(int64_t width, const char *const *labels, int64_t n) {
    eval_short_name *names = eval_short_names(labels, n, width);
    ck_assert_ptr_nonnull(names);
    for (int64_t i = 0; i < n; i++) {
        const int64_t columns = senc_text_width(names[i].text, (int64_t)strlen(names[i].text));
        ck_assert_msg(columns <= width, "%s: %lld columns", names[i].text, (long long)columns);
        if (senc_text_width(labels[i], (int64_t)strlen(labels[i])) <= width) ck_assert_str_eq(names[i].text, labels[i]);
        for (int64_t k = 0; k < i; k++)
            ck_assert_msg((strcmp(names[i].text, names[k].text) == 0) == (strcmp(labels[i], labels[k]) == 0),
                          "%s and %s are both %s", labels[i], labels[k], names[i].text);
    }
    free(names);
}

START_TEST(test_cut) {
    static const char *const labels[] = {"m", "all-MiniLM-L6-v2", "hybrid:all-MiniLM-L6-v2+bm25"};
    eval_short_name *names = eval_short_names(labels, 3, 18);
    ck_assert_str_eq(names[0].text, "m");
    ck_assert_str_eq(names[1].text, "all-MiniLM-L6-v2");
    ck_assert_str_eq(names[2].text, "hybrid:a...v2+bm25");
    free(names);
}
END_TEST

START_TEST(test_never_alike) {
    /* They differ at the end, at the beginning, just in the middle; one is what another is cut to. */
    static const char *const ends[] = {"a-very-long-name-of-a-model?dim=64", "a-very-long-name-of-a-model?dim=32",
                                       "a-very-long-name-of-a-model?dim=128"};
    static const char *const heads[] = {"one-fine-tune-of-a-model-we-like", "two-fine-tune-of-a-model-we-like"};
    static const char *const middles[] = {"aaaaaaaaaaaaaaaaaaaaXbbbbbbbbbbbbbbbbbbbb",
                                          "aaaaaaaaaaaaaaaaaaaaYbbbbbbbbbbbbbbbbbbbb",
                                          "aaaaaaaaaaaaaaaaaaaaZbbbbbbbbbbbbbbbbbbbb", "aaaaaaaa...bbbbbbb"};
    static const char *const twins[] = {"the same name that is too long", "the same name that is too long"};
    for (int64_t width = 8; width <= 24; width++) {
        check(width, ends, 3);
        check(width, heads, 2);
        check(width, middles, 4);
        check(width, twins, 2);
    }
}
END_TEST

/* Characters are never cut, wide ones take two columns. */
START_TEST(test_characters) {
    static const char *const labels[] = {"東京の文章を埋め込むモデル", "東京の文章を埋め込む別のモデル",
                                         "modèle-français-très-long-é", "éééééééééééééééééééééééééééé"};
    for (int64_t width = 8; width <= 24; width++) check(width, labels, 4);
    eval_short_name *names = eval_short_names(labels, 1, 12);
    ck_assert_str_eq(names[0].text, "東京...デル");
    free(names);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("short names");
    TCase *c = tcase_create("short names");
    tcase_add_test(c, test_cut);
    tcase_add_test(c, test_never_alike);
    tcase_add_test(c, test_characters);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
