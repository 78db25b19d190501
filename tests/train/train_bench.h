/* What the training tests share: invented rows in a folder of their own, opened as a loss wants them, with a vocabulary
 * and a tiny random model made from them. Prefix: train_bench_. */
#ifndef TRAIN_BENCH_H
#define TRAIN_BENCH_H

#include "tests/nn/model_bench.h"

#include "autograd/base/buffer.h"
#include "autograd/base/log.h"
#include "autograd/base/rng.h"
#include "autograd/base/threads.h"
#include "data/tokenizers/wordpiece_trainer.h"
#include "losses/loss.h"
#include "train/feed.h"

typedef struct train_bench {
    char *folder; /* holds train.jsonl */
    data_set *set;
    train_columns columns;
    data_tokenizer *tokenizer;
    nn_model *model; /* with gradients */
} train_bench;

#define TRAIN_BENCH_OK(call)                                                                                           \
    do {                                                                                                               \
        senc_error bench_err = {0};                                                                                    \
        senc_error *err = &bench_err;                                                                                  \
        ck_assert_msg(call, "%s", bench_err.text);                                                                     \
    } while (0)

/* The call fails as `kind` with a text that holds `part`. */
#define TRAIN_BENCH_FAILS(call, want_kind, part)                                                                       \
    do {                                                                                                               \
        senc_error bench_err = {0};                                                                                    \
        senc_error *err = &bench_err;                                                                                  \
        ck_assert_msg(!(call), "no error, although: %s", part);                                                        \
        ck_assert_msg(strstr(bench_err.text, part) != NULL, "expected \"... %s ...\", got \"%s\"", part,               \
                      bench_err.text);                                                                                 \
        ck_assert_int_eq(bench_err.kind, want_kind);                                                                   \
        ck_assert_msg(strchr(bench_err.text, '\n') == NULL, "more than one line: \"%s\"", bench_err.text);             \
    } while (0)

/* "a grey heron sleeps near the mill": one of many sentences, of 4 to 12 words. */
static inline void train_bench_sentence(senc_rng *rng, senc_buffer *out) {
    static const char *const words[] = {"grey",   "heron", "sleeps", "near",     "the",   "mill", "a",     "lantern",
                                        "hums",   "over",  "river",  "stone",    "bread", "is",   "baked", "under",
                                        "copper", "roof",  "slow",   "ferry",    "takes", "salt", "to",    "an",
                                        "old",    "pier",  "where",  "children", "count", "gulls"};
    const int n = 4 + (int)senc_rng_below(rng, 9);
    for (int i = 0; i < n; i++)
        senc_buffer_printf(out, "%s%s", i ? " " : "", words[senc_rng_below(rng, sizeof words / sizeof words[0])]);
}

/* n rows {"anchor", "positive"} of invented sentences. */
static inline void train_bench_pairs(senc_buffer *out, int n, uint64_t seed) {
    senc_rng rng;
    senc_rng_init(&rng, seed);
    for (int i = 0; i < n; i++) {
        senc_buffer_append_text(out, "{\"anchor\": \"");
        train_bench_sentence(&rng, out);
        senc_buffer_append_text(out, "\", \"positive\": \"");
        train_bench_sentence(&rng, out);
        senc_buffer_append_text(out, "\"}\n");
    }
}

/* n rows {"sentence1", "sentence2", "score"}. */
static inline void train_bench_scored(senc_buffer *out, int n, uint64_t seed) {
    senc_rng rng;
    senc_rng_init(&rng, seed);
    for (int i = 0; i < n; i++) {
        senc_buffer_append_text(out, "{\"sentence1\": \"");
        train_bench_sentence(&rng, out);
        senc_buffer_append_text(out, "\", \"sentence2\": \"");
        train_bench_sentence(&rng, out);
        senc_buffer_printf(out, "\", \"score\": %.3f}\n", senc_rng_uniform(&rng));
    }
}

static inline data_tokenizer *train_bench_tokenizer(const data_set *set, const train_columns *columns) {
    const data_wordpiece_options options = {.vocab_size = 120, .lowercase = true};
    data_wordpiece_trainer *trainer = data_wordpiece_trainer_create(&options);
    data_tokenizer *tokenizer = NULL;
    data_row row = {0};
    for (int64_t i = 0; i < data_set_n_rows(set); i++) {
        TRAIN_BENCH_OK(data_set_row(set, i, &row, err));
        for (int64_t c = 0; c < columns->n; c++) {
            const data_value *v = &row.values[columns->slots[c]];
            if (v->present) TRAIN_BENCH_OK(data_wordpiece_trainer_add(trainer, v->text, v->n_bytes, err));
        }
    }
    data_row_free(&row);
    TRAIN_BENCH_OK(data_wordpiece_trainer_finish(trainer, &tokenizer, err));
    data_wordpiece_trainer_free(trainer);
    return tokenizer;
}

/* Two layers, 32 wide. */
static inline nn_model *train_bench_model(const data_tokenizer *tokenizer, double dropout, uint64_t seed) {
    const nn_new_config config = {.architecture = "bert",
                                  .vocab_size = data_tokenizer_vocab_size(tokenizer),
                                  .hidden_size = 32,
                                  .layers = 2,
                                  .heads = 4,
                                  .intermediate_size = 64,
                                  .max_positions = 40,
                                  .max_length = 40,
                                  .dropout = dropout,
                                  .pooling = "mean",
                                  .normalize = true,
                                  .seed = seed};
    nn_model *model = NULL;
    TRAIN_BENCH_OK(nn_model_create(&config, true, &model, err));
    return model;
}

/* rows: the text of train.jsonl. */
static inline train_bench train_bench_open_roles(const char *rows, const loss_roles *roles, double dropout) {
    train_bench b = {.folder = model_bench_folder()};
    model_bench_write_text(b.folder, "train.jsonl", rows);
    char *path = senc_path_join(b.folder, "train.jsonl");
    const data_source source = {.path = path};
    TRAIN_BENCH_OK(train_feed_open_data(&source, 1, roles, "the test", &b.set, &b.columns, err));
    free(path);
    b.tokenizer = train_bench_tokenizer(b.set, &b.columns);
    b.model = train_bench_model(b.tokenizer, dropout, 5);
    return b;
}

/* As the loss with its default options reads them. */
static inline train_bench train_bench_open(const char *rows, const char *loss, double dropout) {
    const loss_spec *spec = loss_find(loss);
    ck_assert_ptr_nonnull(spec);
    void *options = senc_alloc_zero(1, spec->options_bytes);
    loss_roles roles;
    spec->roles(options, &roles);
    free(options);
    return train_bench_open_roles(rows, &roles, dropout);
}

static inline void train_bench_close(train_bench *b) {
    nn_model_free(b->model);
    data_tokenizer_free(b->tokenizer);
    train_columns_free(&b->columns);
    data_set_close(b->set);
    model_bench_remove(b->folder);
}

static inline train_feed *train_bench_feed(const train_bench *b, int64_t batch_size, uint64_t seed) {
    const train_feed_options options = {.set = b->set,
                                        .columns = &b->columns,
                                        .tokenizer = b->tokenizer,
                                        .max_length = 40,
                                        .batch_size = batch_size,
                                        .seed = seed,
                                        .shuffle = true};
    train_feed *f = NULL;
    TRAIN_BENCH_OK(train_feed_create(&options, &f, err));
    return f;
}

/* A pool of n threads in the test's own process: it does not outlive a fork. */
static inline void train_bench_threads(int n) {
    TRAIN_BENCH_OK(senc_threads_init(n, err));
}

static inline int train_bench_run(Suite *suite) {
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
