/* The normalizer, pre-tokenizer and added tokens on small cases that a reader can redo. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/error.h"
#include "data/tokenizers/added_tokens.h"
#include "data/tokenizers/bert_normalizer.h"
#include "data/tokenizers/pre_tokenizer.h"

static const data_unicode *unicode;

static void create_unicode(void) {
    unicode = data_unicode_table();
    ck_assert_ptr_nonnull(unicode);
}

static void check_bytes(const data_normalizer *n, const char *text, size_t n_bytes, const char *expected,
                        size_t n_expected) {
    data_normalizer_scratch scratch = {0};
    size_t n_out = 0;
    const char *out = data_normalizer_apply(n, unicode, text, n_bytes, &scratch, &n_out);
    ck_assert_ptr_nonnull(out);
    ck_assert_msg(n_out == n_expected && memcmp(out, expected, n_out) == 0, "\"%s\" became \"%.*s\", expected \"%s\"",
                  text, (int)n_out, out, expected);
    data_normalizer_scratch_free(&scratch);
}
#define CHECK(n, text, expected) check_bytes(n, text, sizeof text - 1, expected, sizeof expected - 1)

static data_normalizer bert(bool clean_text, bool chinese, bool strip_accents, bool lowercase) {
    return (data_normalizer){{{DATA_NORMALIZER_BERT, {clean_text, chinese, strip_accents, lowercase}}}, 1};
}

START_TEST(clean_text_deletes_controls_and_evens_white_space) {
    data_normalizer n = bert(true, false, false, false);
    CHECK(&n, "a\tb\nc\rd e", "a b c d e");
    CHECK(&n, "a\0b\x01\x7f\x0b\x0c.", "ab.");
    CHECK(&n, "a\u00a0b\u2003c\u3000d\u2028e", "a b c d e");
    CHECK(&n, "x\xc2\x85\u200b\u00ad\ufeff\ufffd\ue000\U000f0000\u0600y", "xy");
    CHECK(&n, "\u0378\U000e0fff", "\u0378\U000e0fff"); /* unassigned: stays */
    CHECK(&n, "", "");
    n = bert(false, false, false, false);
    CHECK(&n, "a\tb\0\u200b\u00a0", "a\tb\0\u200b\u00a0");
}
END_TEST

START_TEST(ideographs_get_spaces) {
    data_normalizer n = bert(false, true, false, false);
    CHECK(&n, "a漢字b", "a 漢  字 b");
    CHECK(&n, "\u3400\u4dbf\u4dc0\U00020000\uf900", " \u3400  \u4dbf \u4dc0 \U00020000  \uf900 ");
    CHECK(&n, "\U0002b820\U0002b920", "\U0002b820 \U0002b920 "); /* the gap between the library's ranges */
    CHECK(&n, "かなカナ한글", "かなカナ한글");
}
END_TEST

START_TEST(strip_accents_decomposes_and_deletes_marks) {
    data_normalizer n = bert(false, false, true, false);
    CHECK(&n, "Éàô ñ ü ç Ǻ", "Eao n u c A");
    CHECK(&n, "e\u0301\u0323x\u0336", "ex");
    CHECK(&n, "한", "\u1112\u1161\u11ab"); /* Hangul falls apart */
    CHECK(&n, "\u212b\u2126", "A\u03a9");
    CHECK(&n, "ø ł đ", "ø ł đ");               /* no decomposition */
    CHECK(&n, "\u0903\u093f", "\u0903\u093f"); /* spacing marks stay */
}
END_TEST

START_TEST(kept_marks_take_canonical_order) {
    data_normalizer n = bert(true, true, true, true);
    /* U+1D165 has class 216, U+1D16D 226, U+302E 224, U+1B44 9; none is Mn. */
    CHECK(&n, "a\U0001d16d\u302e\U0001d165\u1b44b", "a\u1b44\U0001d165\u302e\U0001d16db");
    CHECK(&n, "a\u302e\u302f\u1b44", "a\u1b44\u302e\u302f"); /* equal classes stay as they are */
    CHECK(&n, "\u302e\u0301\u1b44", "\u1b44\u302e");         /* a deleted mark does not stop the move */
    CHECK(&n, "\u302e\x01\u1b44", "\u1b44\u302e");           /* nor a deleted control */
    CHECK(&n, "\u302ex\u1b44", "\u302ex\u1b44");             /* a letter does */
    CHECK(&n, "\u302e\u06ddx\u1b44", "\u302ex\u1b44");
    CHECK(&n, "\u302e\u034f\u1b44", "\u302e\u1b44"); /* U+034F is deleted, but a starter: it stops the move */
    CHECK(&n, "\u302e 漢\u1b44", "\u302e  漢 \u1b44");
}
END_TEST

START_TEST(lower_case_is_that_of_single_characters) {
    data_normalizer n = bert(false, false, false, true);
    CHECK(&n, "ABC xyz ÄÖÜ ΣΑΣ ẞ", "abc xyz äöü σασ ß"); /* no final sigma */
    CHECK(&n, "\u0130I", "i\u0307i");
    CHECK(&n, "\U00010400\U0001e900", "\U00010428\U0001e922");
    CHECK(&n, "\ua7cb\ua7dc\U00010d50\U00016ea0", "\u0264\u019b\U00010d70\U00016ebb"); /* Unicode 16 and 17 */
    n = bert(false, false, true, true);
    CHECK(&n, "\u0130\u1e9e\u01c4", "i\u00df\u01c6");
}
END_TEST

START_TEST(ill_formed_text_is_replaced) {
    data_normalizer nothing = {0}, clean = bert(true, true, true, true), keep = bert(false, false, true, true);
    CHECK(&nothing,
          "a\xff"
          "b\xe6\xbc"
          "c\xc0\xaf",
          "a\ufffd"
          "b\ufffd"
          "c\ufffd\ufffd");
    CHECK(&nothing, "\xed\xa0\x80", "\ufffd\ufffd\ufffd"); /* a surrogate */
    CHECK(&clean,
          "a\xff"
          "B\xf0\x9f\x98",
          "ab");
    CHECK(&keep, "A\xf4\x90", "a\ufffd\ufffd");
}
END_TEST

START_TEST(steps_run_one_after_the_other) {
    data_normalizer n = {
        {{.kind = DATA_NORMALIZER_NFD}, {.kind = DATA_NORMALIZER_LOWERCASE}, {.kind = DATA_NORMALIZER_STRIP_ACCENTS}},
        3};
    CHECK(&n, "ÉCOLE Ünï", "ecole uni");
    ck_assert(data_normalizer_lowercases(&n));
    n = (data_normalizer){{{.kind = DATA_NORMALIZER_STRIP_ACCENTS}}, 1};
    CHECK(&n, "\u00e9e\u0301\u0903", "\u00e9e"); /* no decomposition of its own */
    ck_assert(!data_normalizer_lowercases(&n));
    n = (data_normalizer){{{.kind = DATA_NORMALIZER_NFC}}, 1};
    CHECK(&n, "e\u0301\u1112\u1161\u11ab\ufb01", "\u00e9한\ufb01");
    n = (data_normalizer){{{.kind = DATA_NORMALIZER_NFKC}}, 1};
    CHECK(&n, "\ufb01\uff21\u2460\ufdfa",
          "fiA1\u0635\u0644\u0649 \u0627\u0644\u0644\u0647 \u0639\u0644\u064a\u0647 \u0648\u0633\u0644\u0645");
    n = (data_normalizer){{{.kind = DATA_NORMALIZER_NFKD}}, 1};
    CHECK(&n, "\u00e9\ufb01", "e\u0301fi");
}
END_TEST

/* Words joined by '|'. */
static void check_words(data_pre_kind kind, const char *text, const char *expected) {
    senc_buffer out = {0};
    size_t at = 0, start, end;
    while (data_pre_kind_next(kind, unicode, text, strlen(text), &at, &start, &end)) {
        senc_buffer_append(&out, text + start, end - start);
        senc_buffer_append_text(&out, "|");
    }
    ck_assert_str_eq(senc_buffer_text(&out), expected);
    senc_buffer_free(&out);
}

START_TEST(flags_know_every_character_that_changes) {
    for (uint32_t c = 0; c < UNICODE_FLAG_POINTS; c++) {
        uint32_t out[4];
        const bool lowers = data_unicode_lower(c, out) != 1 || out[0] != c;
        const bool folds = data_unicode_decompose(c, out) != 1 || out[0] != c;
        if (lowers != ((unicode->flags[c] & UNICODE_LOWERS) != 0) || (folds && !(unicode->flags[c] & UNICODE_FOLDS)))
            ck_abort_msg("U+%04X: flags %d, lowers %d, folds %d", c, unicode->flags[c], lowers, folds);
    }
}
END_TEST

START_TEST(words_are_split) {
    check_words(DATA_PRE_BERT, " don't  stop!!\u3000a\u00b7b $5 \u00a3x", "don|'|t|stop|!|!|a|\u00b7|b|$|5|\u00a3x|");
    check_words(DATA_PRE_BERT, "", "");
    check_words(DATA_PRE_BERT, "  ", "");
    check_words(DATA_PRE_WHITESPACE_SPLIT, " don't stop! ", "don't|stop!|");
    check_words(DATA_PRE_WHITESPACE, "don't stop!?a_1 é\u0301", "don|'|t|stop|!?|a_1|é\u0301|");
    check_words(DATA_PRE_PUNCTUATION, "a b,c", "a b|,|c|");
}
END_TEST

/* Tokens found as "<text between>[content]..." */
static void check_found(const data_added_tokens *a, const data_added_set *set, const char *text, const char *expected) {
    senc_buffer out = {0};
    size_t at = 0, done = 0, start, end;
    const data_added_token *t;
    while ((t = data_added_set_next(a, set, unicode, text, strlen(text), &at, done, &start, &end))) {
        if (start > done) senc_buffer_append(&out, text + done, start - done);
        senc_buffer_printf(&out, "[%s]", t->content);
        done = end;
    }
    senc_buffer_append_text(&out, text + done);
    ck_assert_str_eq(senc_buffer_text(&out), expected);
    senc_buffer_free(&out);
}

static void put(data_added_tokens *a, data_added_token token, const char *content) {
    token.content = (char *)content;
    token.n_bytes = strlen(content);
    ck_assert(data_added_tokens_put(a, &token, NULL));
}

START_TEST(added_tokens_are_found) {
    data_added_tokens a;
    data_normalizer n = bert(true, true, true, true);
    data_added_tokens_init(&a);
    put(&a, (data_added_token){.id = 1}, "<a>");
    put(&a, (data_added_token){.id = 2}, "<a><b>");
    put(&a, (data_added_token){.id = 3, .lstrip = true}, "<l>");
    put(&a, (data_added_token){.id = 4, .rstrip = true}, "<r>");
    put(&a, (data_added_token){.id = 5, .single_word = true}, "one");
    put(&a, (data_added_token){.id = 8}, "\u3000");
    put(&a, (data_added_token){.id = 9, .lstrip = true, .rstrip = true}, "\u2028");
    put(&a, (data_added_token){.id = 6, .normalized = true}, "ÉTÉ");
    put(&a, (data_added_token){.id = 7, .normalized = true}, "\u0301"); /* becomes nothing: never found */
    ck_assert(data_added_tokens_build(&a, &n, unicode, NULL));
    check_found(&a, &a.raw, "x<a>y<a><b>z<a><a", "x[<a>]y[<a><b>]z[<a>]<a");
    check_found(&a, &a.raw, "x <l> y \t\u2003<l>", "x[<l>] y[<l>]");
    check_found(&a, &a.raw, "x <r> \n y<r>", "x [<r>]y[<r>]");
    check_found(&a, &a.raw, "x\u3000y<r>\u3000z", "x[\u3000]y[<r>][\u3000]z"); /* found although <r> took it */
    check_found(&a, &a.raw, "x\u2028\u2028y<r> \u2028z", "x[\u2028]y[<r>]z");  /* not found: nothing is left for it */
    check_found(&a, &a.raw, "<r> <l>", "[<r>][<l>]");                          /* the space is taken once */
    check_found(&a, &a.raw, "one bone ones _one one_ éone one", "[one] bone ones _one one_ éone [one]");
    check_found(&a, &a.raw, "one,one-one", "[one],[one]-[one]");
    check_found(&a, &a.raw, "ete ÉTÉ", "ete ÉTÉ");
    check_found(&a, &a.normalized, "un ete", "un [ÉTÉ]");
    check_found(&a, &a.normalized, "", "");
    ck_assert_int_eq(data_added_tokens_find(&a, "<r>", 3)->id, 4);
    ck_assert_ptr_null(data_added_tokens_find(&a, "<q>", 3));
    data_added_tokens_free(&a);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bert_normalizer");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, create_unicode, NULL);
    tcase_add_test(tcase, clean_text_deletes_controls_and_evens_white_space);
    tcase_add_test(tcase, ideographs_get_spaces);
    tcase_add_test(tcase, strip_accents_decomposes_and_deletes_marks);
    tcase_add_test(tcase, kept_marks_take_canonical_order);
    tcase_add_test(tcase, lower_case_is_that_of_single_characters);
    tcase_add_test(tcase, ill_formed_text_is_replaced);
    tcase_add_test(tcase, steps_run_one_after_the_other);
    tcase_add_test(tcase, flags_know_every_character_that_changes);
    tcase_add_test(tcase, words_are_split);
    tcase_add_test(tcase, added_tokens_are_found);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
