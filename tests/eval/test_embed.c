/* Tests of eval/embed.h with a tiny random model: order, packing, blocks, prompts, truncation, empty texts, bad models.
 */
#include "eval/embed.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "autograd/base/threads.h"
#include "autograd/kernels/kernels.h"
#include "data/tokenizers/wordpiece_trainer.h"
#include "tests/thread_failure.h"

#define WIDTH 32

static const char *const sentences[] = {
    "the kettle sings when the water boils",
    "rain",
    "",
    "he repairs bicycles in a narrow yard behind the station where the rain falls on the roof",
    "a small boat drifts across the quiet lake",
    "  \t ",
    "the choir sings in the old station and the kettle sings in the garden and the boat drifts and drifts and drifts",
    "green gate",
};
enum { N = sizeof sentences / sizeof *sentences };

static data_tokenizer *tokenizer;
static nn_model *model;

static void fail_on(const senc_error *err) {
    if (err->kind != SENC_OK) ck_abort_msg("%s", err->text);
}

static void make_model(int64_t extra_rows) {
    senc_error err = {0};
    const data_wordpiece_options options = {.vocab_size = 150, .lowercase = true};
    data_wordpiece_trainer *trainer = data_wordpiece_trainer_create(&options);
    for (int i = 0; i < N; i++) data_wordpiece_trainer_add(trainer, sentences[i], strlen(sentences[i]), &err);
    data_wordpiece_trainer_finish(trainer, &tokenizer, &err);
    data_wordpiece_trainer_free(trainer);
    fail_on(&err);
    const nn_new_config config = {
        .architecture = "bert",
        .vocab_size = data_tokenizer_highest_id(tokenizer) + 1 + extra_rows,
        .hidden_size = WIDTH,
        .layers = 2,
        .heads = 4,
        .intermediate_size = 64,
        .max_positions = 24,
        .max_length = 16,
        .pooling = "mean",
        .normalize = true,
        .seed = 3,
    };
    nn_model_create(&config, false, &model, &err);
    fail_on(&err);
}

static void setup(void) {
    senc_error err = {0};
    senc_threads_init(2, &err);
    fail_on(&err);
    make_model(0);
}

static void teardown(void) {
    nn_model_free(model);
    data_tokenizer_free(tokenizer);
    senc_threads_free();
}

static eval_text text_of(const char *bytes) {
    return (eval_text){bytes, (int64_t)strlen(bytes)};
}

static eval_encoder *create(int64_t max_length, int64_t batch_tokens) {
    senc_error err = {0};
    eval_encoder *e = NULL;
    eval_encoder_create(model, tokenizer, max_length, batch_tokens, &e, &err);
    fail_on(&err);
    return e;
}

static void embed(eval_encoder *e, const char *prompt, const eval_text *texts, int64_t n, float *out) {
    senc_error err = {0};
    for (int64_t i = 0; i < n * WIDTH; i++) out[i] = NAN; /* every row must be written */
    eval_encoder_embed(e, prompt, texts, n, out, &err);
    fail_on(&err);
}

/* Largest difference; NaN counts as infinite. */
static double distance(const float *a, const float *b, int64_t n) {
    double worst = 0;
    for (int64_t i = 0; i < n; i++) {
        const double d = fabs((double)a[i] - (double)b[i]);
        if (!(d <= worst)) worst = isnan(d) ? INFINITY : d;
    }
    return worst;
}

/* senc's own products give a text the same bits whatever stands beside it; OpenBLAS's do not. */
static double from_neighbours(void) {
    return strcmp(kern_product_backend(), "built-in") == 0 ? 0 : 1e-6;
}

/* Row i belongs to text i, whatever the order of the call and the neighbours in its batch. */
START_TEST(test_order_and_neighbours) {
    float alone[N][WIDTH], together[N][WIDTH], backwards[N][WIDTH], packed[N][WIDTH];
    eval_text texts[N], reversed[N];
    for (int i = 0; i < N; i++) texts[i] = reversed[N - 1 - i] = text_of(sentences[i]);
    eval_encoder *wide = create(0, 0), *narrow = create(0, 20);
    for (int i = 0; i < N; i++) embed(wide, NULL, &texts[i], 1, alone[i]);
    embed(wide, NULL, texts, N, &together[0][0]);
    embed(wide, NULL, reversed, N, &backwards[0][0]);
    embed(narrow, NULL, texts, N, &packed[0][0]);
    for (int i = 0; i < N; i++) {
        ck_assert_double_le(distance(alone[i], together[i], WIDTH), from_neighbours());
        ck_assert_double_le(distance(alone[i], backwards[N - 1 - i], WIDTH), from_neighbours());
        ck_assert_double_le(distance(alone[i], packed[i], WIDTH), from_neighbours());
    }
    /* the vectors do differ between texts: the test above could not see a mix-up otherwise */
    ck_assert_double_gt(distance(alone[0], alone[3], WIDTH), 1e-3);
    eval_encoder_free(wide);
    eval_encoder_free(narrow);
}
END_TEST

/* More texts than the windows hold. */
START_TEST(test_many_windows) {
    enum { MANY = 13000 }; /* a window holds 4096 */
    eval_text *texts = malloc(MANY * sizeof *texts);
    float *vectors = malloc((size_t)MANY * WIDTH * sizeof *vectors);
    float alone[N][WIDTH];
    eval_encoder *e = create(0, 0);
    for (int i = 0; i < MANY; i++) texts[i] = text_of(sentences[(i * 5 + i / 7) % N]);
    for (int i = 0; i < N; i++) {
        const eval_text text = text_of(sentences[i]);
        embed(e, NULL, &text, 1, alone[i]);
    }
    embed(e, NULL, texts, MANY, vectors);
    for (int i = 0; i < MANY; i++)
        ck_assert_double_le(distance(alone[(i * 5 + i / 7) % N], vectors + (int64_t)i * WIDTH, WIDTH),
                            from_neighbours());
    ck_assert_int_eq(eval_encoder_get_stats(e)->n_texts, MANY + N);
    eval_encoder_free(e);
    free(texts);
    free(vectors);
}
END_TEST

/* Without the thread that reads ahead the vectors are the same. */
START_TEST(test_reader_that_does_not_start) {
    enum { MANY = 13000 };
    eval_text *texts = malloc(MANY * sizeof *texts);
    float *vectors = malloc((size_t)MANY * WIDTH * sizeof *vectors),
          *alone = malloc((size_t)MANY * WIDTH * sizeof *alone);
    for (int i = 0; i < MANY; i++) texts[i] = text_of(sentences[(i * 5 + i / 7) % N]);
    eval_encoder *e = create(0, 0);
    embed(e, NULL, texts, MANY, vectors);
    thread_that_fails = 1;
    embed(e, NULL, texts, MANY, alone);
    ck_assert_int_eq(n_threads_not_started, 1);
    ck_assert_mem_eq(vectors, alone, (size_t)MANY * WIDTH * sizeof *vectors);
    eval_encoder_free(e);
    free(texts);
    free(vectors);
    free(alone);
}
END_TEST

START_TEST(test_stats) {
    eval_text texts[N];
    float vectors[N][WIDTH];
    int64_t n_tokens = 0, n_truncated = 0;
    data_ids ids = {0};
    data_tokenizer_scratch *scratch = data_tokenizer_scratch_create();
    for (int i = 0; i < N; i++) {
        bool truncated;
        texts[i] = text_of(sentences[i]);
        n_tokens += data_tokenizer_encode(tokenizer, scratch, sentences[i], strlen(sentences[i]), 10, &ids, &truncated);
        n_truncated += truncated;
    }
    eval_encoder *e = create(10, 0);
    embed(e, NULL, texts, N, &vectors[0][0]);
    const eval_encoder_stats *stats = eval_encoder_get_stats(e);
    ck_assert_int_eq(stats->n_texts, N);
    ck_assert_int_eq(stats->n_tokens, n_tokens);
    ck_assert_int_eq(stats->n_truncated, n_truncated);
    ck_assert_int_gt(n_truncated, 0);
    ck_assert_int_eq(stats->n_empty, 2); /* "" and white space */
    ck_assert_double_gt(stats->flops, 0);
    ck_assert_double_gt(stats->encode_ms, 0);
    eval_encoder_free(e);
    data_tokenizer_scratch_free(scratch);
    data_ids_free(&ids);
}
END_TEST

static bool stop_now(void *context, senc_error *err) {
    return !*(const bool *)context || senc_fail(err, SENC_INTERRUPTED, "stopped");
}

/* What the check says ends the call, and the next one is as if nothing had been. */
START_TEST(test_check) {
    eval_text texts[N];
    float before[N][WIDTH], after[N][WIDTH];
    for (int i = 0; i < N; i++) texts[i] = text_of(sentences[i]);
    eval_encoder *e = create(0, 20);
    bool stops = false;
    eval_encoder_set_check(e, stop_now, &stops);
    embed(e, NULL, texts, N, &before[0][0]);
    stops = true;
    senc_error err = {0};
    ck_assert(!eval_encoder_embed(e, NULL, texts, N, &after[0][0], &err));
    ck_assert(err.kind == SENC_INTERRUPTED);
    ck_assert_str_eq(err.text, "stopped");
    stops = false;
    embed(e, NULL, texts, N, &after[0][0]);
    ck_assert_double_eq(distance(&before[0][0], &after[0][0], N * WIDTH), 0);
    stops = true;
    eval_encoder_set_check(e, NULL, NULL);
    embed(e, NULL, texts, N, &after[0][0]);
    eval_encoder_free(e);
}
END_TEST

/* A prompt is text in front of the text; the roles take the model's prompts. */
START_TEST(test_prompts) {
    senc_error err = {0};
    nn_model_set_prompt(model, "query", "the ", &err);
    nn_model_set_prompt(model, "document", "a ", &err);
    fail_on(&err);
    eval_encoder *e = create(0, 0);
    const eval_embedder embedder = eval_encoder_embedder(e);
    const eval_text plain = text_of("kettle"), query = text_of("the kettle"), passage = text_of("a kettle");
    float expected[3][WIDTH], got[WIDTH];
    embed(e, NULL, &plain, 1, expected[0]);
    embed(e, NULL, &query, 1, expected[1]);
    embed(e, NULL, &passage, 1, expected[2]);
    const eval_role roles[] = {EVAL_TEXT, EVAL_QUERY, EVAL_DOCUMENT};
    for (int i = 0; i < 3; i++) {
        ck_assert(embedder.embed(embedder.context, roles[i], &plain, 1, got, &err));
        ck_assert_double_le(distance(expected[i], got, WIDTH), 1e-6);
    }
    ck_assert_double_gt(distance(expected[0], expected[1], WIDTH), 1e-3);
    ck_assert_int_eq(embedder.width, WIDTH);
    embed(e, "the ", &plain, 1, got);
    ck_assert_double_le(distance(expected[1], got, WIDTH), 1e-6);
    eval_encoder_free(e);
}
END_TEST

START_TEST(test_bad_models) {
    senc_error err = {0};
    eval_encoder *e = NULL;
    ck_assert(!eval_encoder_create(model, tokenizer, 17, 0, &e, &err));
    ck_assert_ptr_null(e);
    ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
    ck_assert_str_eq(err.text, "max_length: expected at most the model's 16 tokens, got 17");
    teardown();
    make_model(-1);
    err = (senc_error){0};
    ck_assert(!eval_encoder_create(model, tokenizer, 0, 0, &e, &err));
    ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "the tokenizer gives ids up to"));
}
END_TEST

/* The n-th allocation fails, for every n: an error each time, never a crash or a leak, and the encoder works
 * afterwards. */
START_TEST(test_out_of_memory) {
    senc_error err = {0};
    senc_threads_init(1, &err);
    eval_text texts[N];
    float vectors[N][WIDTH], expected[N][WIDTH];
    for (int i = 0; i < N; i++) texts[i] = text_of(sentences[i]);
    eval_encoder *whole = create(0, 0);
    embed(whole, "a ", texts, N, &expected[0][0]);
    eval_encoder_free(whole);
    int64_t n_failures = 0;
    for (int64_t n = 1;; n++) {
        err = (senc_error){0};
        eval_encoder *e = NULL;
        senc_alloc_fail_at(n);
        const bool ok = eval_encoder_create(model, tokenizer, 0, 0, &e, &err) &&
                        eval_encoder_embed(e, "a ", texts, N, &vectors[0][0], &err);
        senc_alloc_fail_at(0);
        if (e) {
            embed(e, "a ", texts, N, &vectors[0][0]);
            ck_assert_double_le(distance(&vectors[0][0], &expected[0][0], N * WIDTH), 1e-6);
        }
        eval_encoder_free(e);
        if (ok) break;
        ck_assert_int_eq(err.kind, SENC_FAILED);
        n_failures++;
    }
    ck_assert_int_gt(n_failures, 10);
}
END_TEST

/* ---- streams ---- */

/* Texts sentences[(i * 5 + i / 7) % N] for i < n; what is written is compared with the vector of each alone. */
typedef struct test_stream {
    int64_t n, n_read, n_written, most_a_time;
    int64_t fail_read_at, fail_write_at, stop_after; /* -1: never */
    int64_t n_checks;
    double worst;
    float alone[N][WIDTH];
    char *written; /* how often text i was */
} test_stream;

static int sentence_of(int64_t i) {
    return (int)((i * 5 + i / 7) % N);
}

static bool read_some(void *context, eval_text_chunk *chunk, senc_error *err) {
    test_stream *s = context;
    const int64_t first = s->n_read;
    while (s->n_read < s->n && !eval_text_chunk_is_full(chunk) && s->n_read - first < s->most_a_time) {
        if (s->n_read == s->fail_read_at)
            return senc_fail(err, SENC_BAD_INPUT, "text %lld is bad", (long long)s->n_read);
        const char *text = sentences[sentence_of(s->n_read++)];
        if (!eval_text_chunk_add(chunk, text, (int64_t)strlen(text), err)) return false;
    }
    return true;
}

static bool write_some(void *context, const float *rows, int64_t n, senc_error *err) {
    test_stream *s = context;
    for (int64_t i = 0; i < n; i++, s->n_written++) {
        if (s->n_written == s->fail_write_at) return senc_fail(err, SENC_FAILED, "the disk is full");
        const double d = distance(s->alone[sentence_of(s->n_written)], rows + i * WIDTH, WIDTH);
        s->worst = d > s->worst ? d : s->worst;
        s->written[s->n_written]++;
    }
    return true;
}

static bool ask(void *context, senc_error *err) {
    test_stream *s = context;
    if (__atomic_add_fetch(&s->n_checks, 1, __ATOMIC_RELAXED) != s->stop_after) return true;
    return senc_fail(err, SENC_INTERRUPTED, "interrupted");
}

static test_stream new_stream(eval_encoder *e, int64_t n) {
    test_stream s = {.n = n,
                     .most_a_time = n + 1,
                     .fail_read_at = -1,
                     .fail_write_at = -1,
                     .stop_after = -1,
                     .written = calloc((size_t)n + 1, 1)};
    for (int i = 0; i < N; i++) {
        const eval_text text = text_of(sentences[i]);
        embed(e, NULL, &text, 1, s.alone[i]);
    }
    return s;
}

static bool run_stream(eval_encoder *e, test_stream *s, senc_error *err) {
    *err = (senc_error){0};
    const eval_text_stream stream = {read_some, write_some, ask, s};
    return eval_encoder_stream(e, NULL, &stream, err);
}

/* Sizes around those of a window, and a reader that gives little at a time. */
START_TEST(test_streams) {
    static const int64_t sizes[][2] = {{0, 1},       {1, 1},       {2, 2},    {N, 100},       {40, 7},     {4095, 9999},
                                       {4096, 9999}, {4097, 9999}, {300, 11}, {20000, 20001}, {6000, 1500}};
    senc_error err = {0};
    for (int threads = 1; threads <= 4; threads++) {
        ck_assert(senc_threads_init(threads, &err));
        eval_encoder *e = create(0, threads == 3 ? 20 : 0);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            test_stream s = new_stream(e, sizes[i][0]);
            s.most_a_time = sizes[i][1];
            const int64_t before = eval_encoder_get_stats(e)->n_texts;
            ck_assert_msg(run_stream(e, &s, &err), "%s", err.text);
            ck_assert_int_eq(s.n_written, s.n);
            for (int64_t k = 0; k < s.n; k++) ck_assert_int_eq(s.written[k], 1);
            ck_assert_double_le(s.worst, from_neighbours());
            ck_assert_int_eq(eval_encoder_get_stats(e)->n_texts - before, s.n);
            ck_assert(s.n == 0 || s.n_checks > 0);
            free(s.written);
        }
        eval_encoder_free(e);
    }
}
END_TEST

/* Whatever fails, wherever: the error comes out, everything stops, and the encoder works afterwards. */
START_TEST(test_failing_streams) {
    senc_error err = {0};
    eval_encoder *e = create(0, 0);
    for (int64_t at = 0; at < 9000; at += at < 10 ? 3 : 1700) {
        for (int kind = 0; kind < 3; kind++) {
            test_stream s = new_stream(e, 20000);
            if (kind == 0) s.fail_read_at = at;
            if (kind == 1) s.fail_write_at = at;
            if (kind == 2) s.stop_after = 1 + at / 1000;
            ck_assert(!run_stream(e, &s, &err));
            ck_assert_str_eq(kind == 0 ? strstr(err.text, "is bad") : err.text, kind == 0   ? "is bad"
                                                                                : kind == 1 ? "the disk is full"
                                                                                            : "interrupted");
            ck_assert_int_lt(s.n_written, s.n);
            ck_assert_double_le(s.worst, from_neighbours());
            free(s.written);
            s = new_stream(e, 5000);
            ck_assert_msg(run_stream(e, &s, &err), "%s", err.text);
            ck_assert_int_eq(s.n_written, 5000);
            ck_assert_double_le(s.worst, from_neighbours());
            free(s.written);
        }
    }
    eval_encoder_free(e);
}
END_TEST

/* As test_out_of_memory, with all the threads of a stream at work. */
START_TEST(test_stream_out_of_memory) {
    senc_error err = {0};
    eval_encoder *e = create(0, 0);
    test_stream s = new_stream(e, 9000);
    eval_encoder_free(e);
    int64_t n_failures = 0;
    for (int64_t n = 1;; n += 1 + n / 30) {
        err = (senc_error){0};
        e = NULL;
        s.n_read = s.n_written = 0;
        senc_alloc_fail_at(n);
        const bool ok = eval_encoder_create(model, tokenizer, 0, 0, &e, &err) && run_stream(e, &s, &err);
        senc_alloc_fail_at(0);
        eval_encoder_free(e);
        ck_assert_double_le(s.worst, from_neighbours());
        if (ok) break;
        ck_assert_int_eq(err.kind, SENC_FAILED);
        n_failures++;
    }
    ck_assert_int_gt(n_failures, 10);
    ck_assert_int_eq(s.n_written, s.n);
    free(s.written);
}
END_TEST

START_TEST(test_model_folder) {
    senc_error err = {0};
    char folder[] = "/tmp/senc-embed-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert(nn_model_save(model, folder, &err) && data_tokenizer_save(tokenizer, folder, &err));
    eval_model loaded;
    const nn_overrides overrides = NN_OVERRIDES_NONE;
    eval_model_load(&loaded, folder, &overrides, &err);
    fail_on(&err);
    const eval_text text = text_of(sentences[0]);
    float expected[WIDTH], got[WIDTH];
    eval_encoder *e = create(0, 0);
    embed(e, NULL, &text, 1, expected);
    embed(loaded.encoder, NULL, &text, 1, got);
    ck_assert_double_le(distance(expected, got, WIDTH), 0);
    eval_encoder_free(e);
    eval_model_free(&loaded);
    senc_path_remove(folder, &err);
    fail_on(&err);
    ck_assert(!eval_model_load(&loaded, folder, &overrides, &err));
    ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "there is no such model folder"));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("embed");
    TCase *tests = tcase_create("embed");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, test_order_and_neighbours);
    tcase_add_test(tests, test_many_windows);
    tcase_add_test(tests, test_reader_that_does_not_start);
    tcase_add_test(tests, test_stats);
    tcase_add_test(tests, test_check);
    tcase_add_test(tests, test_prompts);
    tcase_add_test(tests, test_bad_models);
    tcase_add_test(tests, test_out_of_memory);
    tcase_add_test(tests, test_streams);
    tcase_add_test(tests, test_failing_streams);
    tcase_add_test(tests, test_stream_out_of_memory);
    tcase_add_test(tests, test_model_folder);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
