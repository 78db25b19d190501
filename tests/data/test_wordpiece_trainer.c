/* The vocabulary trainer: a case worked out by hand, and what holds for every trained tokenizer. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "autograd/base/rng.h"
#include "data/tokenizers/pair_merger.h"
#include "data/tokenizers/wordpiece_trainer.h"

static bool train(const data_wordpiece_options *options, const char *const *texts, int n, data_tokenizer **out,
                  senc_error *err) {
    data_wordpiece_trainer *trainer = data_wordpiece_trainer_create(options);
    bool ok = trainer || senc_fail_memory(err, 1, "the trainer");
    *out = NULL;
    for (int i = 0; ok && i < n; i++) ok = data_wordpiece_trainer_add(trainer, texts[i], strlen(texts[i]), err);
    ok = ok && data_wordpiece_trainer_finish(trainer, out, err);
    data_wordpiece_trainer_free(trainer);
    return ok;
}

static void check_tokens(const data_tokenizer *t, const char *const *tokens, int n) {
    ck_assert_int_eq(data_tokenizer_vocab_size(t), n);
    for (int i = 0; i < n; i++) ck_assert_str_eq(data_tokenizer_token(t, i, NULL), tokens[i]);
}

START_TEST(merges_the_most_frequent_pair_first) {
    /* hug 3, pug 1, pun 2, bun 1. Pairs: u-g 4, h-u 3, p-u 3, u-n 3, b-u 1.
     * 1. ##u ##g (4) -> ##ug. 2. Now 3 each: h ##ug, ##u ##n; ids: h 8, ##u 15: (h, ##ug) first -> hug.
     * 3. ##u ##n (3) -> ##un. 4. p ##un (2) -> pun. 5. b ##un (1) -> bun, 6. p ##ug (1) -> pug. */
    static const char *const texts[] = {"Hug hug", "PUN pug", "bun", "hug pun"};
    static const char *const tokens[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "b",   "g",
                                         "h",     "n",     "p",     "u",     "##g",    "##n", "##u",
                                         "##ug",  "hug",   "##un",  "pun",   "bun",    "pug"};
    data_wordpiece_options options = {.vocab_size = 100, .limit_alphabet = 50, .lowercase = true};
    data_tokenizer *t;
    senc_error err = {0};
    ck_assert_msg(train(&options, texts, 4, &t, &err), "%s", err.text);
    check_tokens(t, tokens, 20);
    data_tokenizer_free(t);
    options.min_frequency = 2; /* bun and pug are too rare */
    ck_assert(train(&options, texts, 4, &t, &err));
    check_tokens(t, tokens, 18);
    data_tokenizer_free(t);
    options.vocab_size = 16;
    ck_assert(train(&options, texts, 4, &t, &err));
    check_tokens(t, tokens, 16);
    data_tokenizer_free(t);
}
END_TEST

START_TEST(merges_repeated_symbols_from_the_left) {
    data_pair_merger *m = data_pair_merger_create();
    int32_t left, right;
    int64_t count;
    ck_assert(data_pair_merger_add(m, (const int32_t[]){1, 1, 1, 1, 1}, 5, 2)); /* 1-1: 4 * 2 */
    ck_assert(data_pair_merger_add(m, (const int32_t[]){2, 1}, 2, 3));
    ck_assert(data_pair_merger_best(m, &left, &right, &count));
    ck_assert_int_eq(left * 100 + right * 10 + count, 118);
    ck_assert(data_pair_merger_merge(m, 9)); /* 9 9 1 */
    ck_assert(data_pair_merger_best(m, &left, &right, &count));
    ck_assert_int_eq(left * 100 + right * 10 + count, 213);
    ck_assert(data_pair_merger_merge(m, 8));
    ck_assert(data_pair_merger_best(m, &left, &right, &count)); /* 9-1 and 9-9, twice each: 9-1 has the smaller right */
    ck_assert_int_eq(left * 100 + right * 10 + count, 912);
    ck_assert(data_pair_merger_merge(m, 7));
    ck_assert(data_pair_merger_best(m, &left, &right, &count));
    ck_assert_int_eq(left * 100 + right * 10 + count, 972);
    ck_assert(data_pair_merger_merge(m, 6));
    ck_assert(!data_pair_merger_best(m, &left, &right, &count));
    ck_assert(!data_pair_merger_failed(m));
    data_pair_merger_free(m);
}
END_TEST

/* The most frequent pair, counted anew from the words: what the merger must give. */
static int64_t count_best(int32_t words[][12], const int *n, const int64_t *counts, int n_words, int32_t *left,
                          int32_t *right) {
    int64_t best = 0;
    for (int32_t a = 0; a < 64; a++) {
        for (int32_t b = 0; b < 64; b++) {
            int64_t count = 0;
            for (int w = 0; w < n_words; w++)
                for (int i = 0; i + 1 < n[w]; i++) count += words[w][i] == a && words[w][i + 1] == b ? counts[w] : 0;
            if (count <= best) continue;
            best = count;
            *left = a;
            *right = b;
        }
    }
    return best;
}

START_TEST(agrees_with_counting_anew) {
    enum { N = 30 };
    int32_t words[N][12];
    int n[N];
    int64_t counts[N];
    senc_rng rng;
    senc_rng_init(&rng, (uint64_t)_i);
    data_pair_merger *m = data_pair_merger_create();
    for (int w = 0; w < N; w++) {
        n[w] = (int)senc_rng_below(&rng, 13);
        counts[w] = 1 + (int64_t)senc_rng_below(&rng, 5);
        for (int i = 0; i < n[w]; i++) words[w][i] = (int32_t)senc_rng_below(&rng, 4);
        ck_assert(data_pair_merger_add(m, words[w], n[w], counts[w]));
    }
    for (int32_t step = 4; step < 64; step++) {
        /* Sometimes a symbol that exists (as "ab" + "c" and "a" + "bc" do): merged pairs come back. */
        int32_t symbol = senc_rng_below(&rng, 3) == 0 ? (int32_t)senc_rng_below(&rng, (uint64_t)step) : step;
        int32_t left = -1, right = -1, expected_left = -2, expected_right = -2;
        int64_t count = 0, expected = count_best(words, n, counts, N, &expected_left, &expected_right);
        ck_assert_int_eq(data_pair_merger_best(m, &left, &right, &count), expected > 0);
        if (expected == 0) break;
        ck_assert_int_eq(count, expected);
        ck_assert(left == expected_left && right == expected_right);
        ck_assert(data_pair_merger_merge(m, symbol));
        for (int w = 0; w < N; w++) {
            int to = 0;
            for (int i = 0; i < n[w]; i++) {
                bool pair = i + 1 < n[w] && words[w][i] == left && words[w][i + 1] == right;
                words[w][to++] = pair ? symbol : words[w][i];
                i += pair;
            }
            n[w] = to;
        }
    }
    data_pair_merger_free(m);
}
END_TEST

static const char *const sample[] = {
    "How do I reset my password?",
    "To reset a password, open Settings and choose \"Password\".",
    "Where is my parcel today?",
    "Parcels are delivered within three days; tracking starts after two hours.",
    "Crème brûlée für 5,50 € – naïve café",
    "Can I cancel the subscription [MASK] later?",
    "漢字 and emoji 😀 are words too",
    "RESET reset ReSet resetting resets",
};
enum { N_SAMPLE = sizeof sample / sizeof sample[0] };

START_TEST(what_it_saves_loads_and_encodes_alike) {
    char folder[] = "/tmp/senc-test-trainer-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(folder));
    data_wordpiece_options options = {
        .vocab_size = 200, .limit_alphabet = 80, .lowercase = _i == 0, .model_max_length = 99};
    data_tokenizer *t, *vocab_only, *loaded;
    senc_error err = {0};
    ck_assert_msg(train(&options, sample, N_SAMPLE, &t, &err), "%s", err.text);
    ck_assert(data_tokenizer_save(t, folder, &err));
    ck_assert_int_eq(data_tokenizer_file_count(t), 4);
    ck_assert(data_tokenizer_load(folder, NULL, &loaded, &err));
    char *path = senc_path_join(folder, "tokenizer.json");
    ck_assert(senc_path_remove(path, NULL));
    ck_assert(data_tokenizer_load(folder, NULL, &vocab_only, &err));
    ck_assert_int_eq(data_tokenizer_model_max_length(loaded), 99);
    ck_assert_int_eq(data_tokenizer_lowercases(loaded), _i == 0);
    data_tokenizer_scratch *scratch = data_tokenizer_scratch_create();
    int64_t n_unknown = 0;
    for (int k = 0; k < N_SAMPLE; k++) {
        data_ids a = {0}, b = {0}, c = {0};
        data_tokenizer_encode(t, scratch, sample[k], strlen(sample[k]), 0, &a, NULL);
        data_tokenizer_encode(loaded, scratch, sample[k], strlen(sample[k]), 0, &b, NULL);
        data_tokenizer_encode(vocab_only, scratch, sample[k], strlen(sample[k]), 0, &c, NULL);
        ck_assert(a.n == b.n && a.n == c.n && a.n > 2);
        ck_assert_mem_eq(a.items, b.items, (size_t)a.n * sizeof *a.items);
        ck_assert_mem_eq(a.items, c.items, (size_t)a.n * sizeof *a.items);
        for (int64_t i = 0; i < a.n; i++) n_unknown += a.items[i] == data_tokenizer_special_ids(t).unk;
        data_ids_free(&a);
        data_ids_free(&b);
        data_ids_free(&c);
    }
    ck_assert_int_eq(n_unknown, 0);
    data_tokenizer_scratch_free(scratch);
    data_tokenizer_free(t);
    data_tokenizer_free(loaded);
    data_tokenizer_free(vocab_only);
    free(path);
    ck_assert(senc_path_remove(folder, NULL));
}
END_TEST

START_TEST(does_not_depend_on_the_order_of_texts) {
    const char *backwards[N_SAMPLE];
    data_wordpiece_options options = {.vocab_size = 180, .limit_alphabet = 60, .lowercase = true};
    data_tokenizer *a, *b;
    for (int i = 0; i < N_SAMPLE; i++) backwards[i] = sample[N_SAMPLE - 1 - i];
    ck_assert(train(&options, sample, N_SAMPLE, &a, NULL));
    ck_assert(train(&options, backwards, N_SAMPLE, &b, NULL));
    for (int64_t i = 0; i < data_tokenizer_file_count(a); i++) {
        const data_tokenizer_file *x = data_tokenizer_file_get(a, i), *y = data_tokenizer_file_get(b, i);
        ck_assert_int_eq(x->n_bytes, y->n_bytes);
        ck_assert_mem_eq(x->bytes, y->bytes, x->n_bytes);
    }
    data_tokenizer_free(a);
    data_tokenizer_free(b);
}
END_TEST

START_TEST(keeps_the_most_frequent_characters) {
    static const char *const texts[] = {"aaa bb c", "ab"};
    static const char *const tokens[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "##a", "##b"};
    data_wordpiece_options options = {.vocab_size = 9, .limit_alphabet = 2};
    data_tokenizer *t;
    ck_assert(train(&options, texts, 2, &t, NULL));
    check_tokens(t, tokens, 9);
    data_tokenizer_free(t);
}
END_TEST

START_TEST(refuses_what_cannot_be_trained) {
    static const char *const texts[] = {" \n", "abc"};
    data_wordpiece_options options = {.vocab_size = 9, .limit_alphabet = 3};
    data_tokenizer *t;
    senc_error err = {0};
    ck_assert(!train(&options, texts, 1, &t, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "the texts hold no words"));
    err = (senc_error){0};
    ck_assert(!train(&options, texts, 2, &t, &err)); /* 5 special tokens, a b c, ##b ##c */
    ck_assert_ptr_nonnull(
        strstr(err.text, "vocab_size 9 cannot hold the 5 special tokens and the alphabet, expected at least 10"));
    ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
}
END_TEST

START_TEST(survives_every_failed_allocation) {
    data_wordpiece_options options = {.vocab_size = 60, .limit_alphabet = 20, .lowercase = true};
    bool done = false;
    for (int64_t i = 1; !done; i++) {
        data_tokenizer *t;
        senc_error err = {0};
        senc_alloc_fail_at(i);
        done = train(&options, sample, 2, &t, &err);
        senc_alloc_fail_at(0);
        if (done)
            data_tokenizer_free(t);
        else
            ck_assert_int_eq(err.kind, SENC_FAILED);
    }
}
END_TEST

/* As many texts as the demo has: this must take well under a second (Check's time limit would not notice). */
START_TEST(trains_a_demo_sized_vocabulary_quickly) {
    data_wordpiece_options options = {.vocab_size = 4000, .min_frequency = 2, .lowercase = true};
    data_wordpiece_trainer *trainer = data_wordpiece_trainer_create(&options);
    senc_rng rng;
    senc_rng_init(&rng, 1);
    double start = senc_clock_ms();
    for (int i = 0; i < 3000; i++) {
        char text[256];
        size_t n = 0;
        for (int w = 0; w < 20; w++) {
            uint64_t word = senc_rng_below(&rng, 60) * senc_rng_below(&rng, 60);
            for (uint64_t h = senc_rng_mix(word), c = 0; c < 2 + word % 8; c++, h >>= 4)
                text[n++] = (char)('a' + (h & 15));
            text[n++] = ' ';
        }
        ck_assert(data_wordpiece_trainer_add(trainer, text, n, NULL));
    }
    data_tokenizer *t;
    ck_assert(data_wordpiece_trainer_finish(trainer, &t, NULL));
    double ms = senc_clock_ms() - start;
    ck_assert_int_ge(data_tokenizer_vocab_size(t), 1000);
    ck_assert_msg(ms < 5000, "%.0f ms", ms); /* a wide margin for sanitizers and busy machines */
    data_tokenizer_free(t);
    data_wordpiece_trainer_free(trainer);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("wordpiece_trainer");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, merges_the_most_frequent_pair_first);
    tcase_add_test(tcase, merges_repeated_symbols_from_the_left);
    tcase_add_loop_test(tcase, agrees_with_counting_anew, 0, 20);
    tcase_add_loop_test(tcase, what_it_saves_loads_and_encodes_alike, 0, 2);
    tcase_add_test(tcase, does_not_depend_on_the_order_of_texts);
    tcase_add_test(tcase, keeps_the_most_frequent_characters);
    tcase_add_test(tcase, refuses_what_cannot_be_trained);
    tcase_add_test(tcase, survives_every_failed_allocation);
    tcase_add_test(tcase, trains_a_demo_sized_vocabulary_quickly);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
