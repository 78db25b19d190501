/* Batches: packing, prompts, truncation, absent negatives, targets, masks; the same ones for the same seed, after a
 * restore and for any number of threads. */
#include "train/feed.h"

#include <fcntl.h>
#include <unistd.h>

#include "tests/thread_failure.h"
#include "tests/train/train_bench.h"
#include "train/text_identity.h"

static const char three_rows[] =
    "{\"anchor\": \"the grey heron sleeps\", \"positive\": \"a heron near the mill\"}\n"
    "{\"anchor\": \"bread is baked\", \"positive\": \"under the copper roof bread is baked\"}\n"
    "{\"anchor\": \"slow ferry\", \"positive\": \"the ferry takes salt to the old pier\"}\n";

static void start(void) {
    train_bench_threads(2);
}

/* The ids of a text as the tokenizer gives them. */
static data_ids encode(const train_bench *b, const char *prompt, const char *text, int64_t max_length) {
    data_ids ids = {0};
    senc_buffer whole = {0};
    senc_buffer_printf(&whole, "%s%s", prompt, text);
    data_tokenizer_scratch *scratch = data_tokenizer_scratch_create();
    ck_assert_int_ge(data_tokenizer_encode(b->tokenizer, scratch, whole.data, whole.n_bytes, max_length, &ids, NULL),
                     0);
    data_tokenizer_scratch_free(scratch);
    senc_buffer_free(&whole);
    return ids;
}

/* Sequence `at` of the batch is prompt + text. */
static void check_sequence(const train_bench *b, const train_batch *batch, int64_t at, const char *prompt,
                           const char *text, int64_t max_length) {
    data_ids want = encode(b, prompt, text, max_length);
    const int64_t first = batch->offsets[at], n = batch->offsets[at + 1] - first;
    ck_assert_msg(n == want.n, "sequence %lld: %lld tokens, \"%s%s\" has %lld", (long long)at, (long long)n, prompt,
                  text, (long long)want.n);
    ck_assert_msg(memcmp(batch->ids.items + first, want.items, (size_t)n * sizeof *want.items) == 0,
                  "sequence %lld is not \"%s%s\"", (long long)at, prompt, text);
    data_ids_free(&want);
}

/* The text of a column in a row; the caller frees. NULL: absent. */
static char *text_of(const train_bench *b, int64_t row, int64_t column) {
    data_row values = {0};
    TRAIN_BENCH_OK(data_set_row(b->set, row, &values, err));
    const data_value *v = &values.values[b->columns.slots[column]];
    char *text = v->present ? senc_strndup(v->text, v->n_bytes) : NULL;
    data_row_free(&values);
    return text;
}

static void check_batch(const train_bench *b, const train_batch *batch, const char *query, const char *document,
                        int64_t max_length) {
    ck_assert_int_eq(batch->n_columns, b->columns.n);
    ck_assert_int_eq(batch->offsets[0], 0);
    const kern_sequences sequences = train_batch_sequences(batch);
    ck_assert_int_eq(sequences.n, batch->n_rows * batch->n_columns);
    ck_assert_int_eq(sequences.offsets[sequences.n], batch->ids.n);
    for (int64_t c = 0; c < batch->n_columns; c++) {
        for (int64_t i = 0; i < batch->n_rows; i++) {
            const int64_t at = c * batch->n_rows + i;
            char *text = text_of(b, batch->rows[i], c);
            ck_assert(batch->absent[at] == (text == NULL));
            if (text) {
                check_sequence(b, batch, at, c == 0 ? query : document, text, max_length);
                data_ids bare = encode(b, "", text, max_length); /* without the prompt */
                ck_assert(batch->hashes[at] == train_ids_hash(bare.items, bare.n));
                data_ids_free(&bare);
            } else {
                ck_assert_int_eq(batch->offsets[at], batch->offsets[at + 1]);
            }
            free(text);
        }
    }
}

START_TEST(columns_are_packed) {
    train_bench b = train_bench_open(three_rows, "mnrl", 0);
    train_feed *f = train_bench_feed(&b, 2, 1);
    int seen[3] = {0};
    for (int k = 0; k < 2; k++) {
        const train_batch *batch;
        TRAIN_BENCH_OK(train_feed_next(f, &batch, err));
        ck_assert_int_eq(batch->n_rows, k == 0 ? 2 : 1);
        ck_assert_int_eq(batch->n_columns, 2);
        ck_assert_int_eq(batch->n_truncated, 0);
        ck_assert_int_eq(batch->loss.n_rows, batch->n_rows);
        ck_assert_int_eq(batch->loss.n_columns, 2);
        ck_assert(!batch->loss.scores && !batch->loss.labels && batch->loss.n_masked == 0);
        check_batch(&b, batch, "", "", 40);
        for (int64_t i = 0; i < batch->n_rows; i++) seen[batch->rows[i]]++;
    }
    ck_assert(seen[0] == 1 && seen[1] == 1 && seen[2] == 1);
    train_feed_free(f);
    train_bench_close(&b);
}
END_TEST

/* The only reader: the next batch is an error, and there when it can be started. */
START_TEST(reader_that_does_not_start) {
    train_bench b = train_bench_open(three_rows, "mnrl", 0);
    train_feed *f = train_bench_feed(&b, 2, 1);
    const train_batch *batch;
    senc_error failure = {0};
    thread_that_fails = 1;
    ck_assert(!train_feed_next(f, &batch, &failure));
    ck_assert_str_eq(failure.text, "threads: cannot start a thread: Resource temporarily unavailable");
    for (int k = 0; k < 2; k++) {
        TRAIN_BENCH_OK(train_feed_next(f, &batch, err));
        check_batch(&b, batch, "", "", 40);
    }
    train_feed_free(f);
    train_bench_close(&b);
}
END_TEST

START_TEST(prompts) {
    train_bench b = train_bench_open(three_rows, "mnrl", 0);
    const train_feed_options options = {.set = b.set,
                                        .columns = &b.columns,
                                        .tokenizer = b.tokenizer,
                                        .query_prompt = "where is ",
                                        .document_prompt = "text: ",
                                        .max_length = 40,
                                        .batch_size = 3};
    train_feed *f;
    const train_batch *batch;
    TRAIN_BENCH_OK(train_feed_create(&options, &f, err));
    TRAIN_BENCH_OK(train_feed_next(f, &batch, err));
    check_batch(&b, batch, "where is ", "text: ", 40);
    train_feed_free(f);
    train_bench_close(&b);
}
END_TEST

/* A text of exactly max_length tokens is not cut; one more is. */
START_TEST(truncation) {
    train_bench b = train_bench_open(three_rows, "mnrl", 0);
    int64_t lengths[6], longest = 0;
    for (int64_t i = 0; i < 6; i++) {
        char *text = text_of(&b, i / 2, i % 2);
        data_ids ids = encode(&b, "", text, 0);
        lengths[i] = ids.n;
        longest = ids.n > longest ? ids.n : longest;
        data_ids_free(&ids);
        free(text);
    }
    for (int64_t max_length = 3; max_length <= longest; max_length++) {
        int64_t want = 0;
        for (int i = 0; i < 6; i++) want += lengths[i] > max_length;
        const train_feed_options options = {
            .set = b.set, .columns = &b.columns, .tokenizer = b.tokenizer, .max_length = max_length, .batch_size = 3};
        train_feed *f;
        const train_batch *batch;
        TRAIN_BENCH_OK(train_feed_create(&options, &f, err));
        for (int epoch = 0; epoch < 2; epoch++) { /* counted anew in each batch */
            TRAIN_BENCH_OK(train_feed_next(f, &batch, err));
            ck_assert_int_eq(batch->n_truncated, want);
            check_batch(&b, batch, "", "", max_length);
        }
        train_feed_free(f);
    }
    ck_assert_int_gt(longest, 4);
    train_bench_close(&b);
}
END_TEST

/* Rows with two, one and no hard negatives. */
START_TEST(absent_negatives) {
    train_bench b = train_bench_open(
        "{\"anchor\": \"heron\", \"positive\": \"grey heron\", \"negative_1\": \"mill\", \"negative_2\": \"salt\"}\n"
        "{\"anchor\": \"ferry\", \"positive\": \"slow ferry\"}\n"
        "{\"anchor\": \"bread\", \"positive\": \"baked bread\", \"negative_1\": \"gulls\"}\n",
        "mnrl", 0);
    ck_assert_int_eq(b.columns.n, 4);
    const train_feed_options options = {.set = b.set,
                                        .columns = &b.columns,
                                        .tokenizer = b.tokenizer,
                                        .max_length = 40,
                                        .batch_size = 3,
                                        .mask_known_positives =
                                            _i == 0}; /* a text that is not there is masked in any case */
    train_feed *f;
    const train_batch *batch;
    TRAIN_BENCH_OK(train_feed_create(&options, &f, err));
    TRAIN_BENCH_OK(train_feed_next(f, &batch, err));
    check_batch(&b, batch, "", "", 40);
    int64_t n_absent = 0;
    for (int64_t at = 0; at < 12; at++) n_absent += batch->absent[at];
    ck_assert_int_eq(n_absent, 3);
    ck_assert_int_eq(batch->loss.n_masked, 9); /* each absent one for each of the three rows */
    ck_assert_int_eq(batch->n_masked, 0);
    for (int64_t i = 0; i < 9; i++) ck_assert(batch->absent[batch->loss.masked[i].candidate]);
    train_feed_free(f);
    train_bench_close(&b);
}
END_TEST

/* The third row's positive is a positive of the first row's anchor too: it is masked in every batch that holds both. */
START_TEST(known_positives) {
    train_bench b = train_bench_open("{\"anchor\": \"heron\", \"positive\": \"grey heron\"}\n"
                                     "{\"anchor\": \"heron\", \"positive\": \"old bird\"}\n"
                                     "{\"anchor\": \"bird\", \"positive\": \"old bird\"}\n",
                                     "mnrl", 0);
    for (int masking = 0; masking < 2; masking++) {
        const train_feed_options options = {.set = b.set,
                                            .columns = &b.columns,
                                            .tokenizer = b.tokenizer,
                                            .max_length = 40,
                                            .batch_size = 3,
                                            .mask_known_positives = masking};
        train_feed *f;
        const train_batch *batch;
        TRAIN_BENCH_OK(train_feed_create(&options, &f, err));
        TRAIN_BENCH_OK(train_feed_next(f, &batch, err));
        int64_t at[3]; /* place of each row in the batch */
        for (int64_t i = 0; i < 3; i++) at[batch->rows[i]] = i;
        /* row 0: both "old bird"; row 1: "grey heron" and the other "old bird"; row 2: the other "old bird" */
        ck_assert_int_eq(batch->loss.n_masked, masking ? 5 : 0);
        int n_first = 0;
        for (int64_t i = 0; i < batch->loss.n_masked; i++) {
            if (batch->loss.masked[i].row != at[0]) continue;
            n_first++;
            ck_assert(batch->loss.masked[i].candidate == 3 + at[1] || batch->loss.masked[i].candidate == 3 + at[2]);
        }
        ck_assert_int_eq(n_first, masking ? 2 : 0);
        train_feed_free(f);
    }
    train_bench_close(&b);
}
END_TEST

/* "old bird" is a positive of "heron" by its list, whether it is a row of it ("all") or not ("first"). */
START_TEST(positives_in_lists_are_known) {
    train_bench b = train_bench_open("{\"anchor\": \"heron\", \"positive\": [\"grey heron\", \"old bird\"]}\n"
                                     "{\"anchor\": \"bird\", \"positive\": \"old bird\"}\n",
                                     "mnrl", 0);
    char *path = senc_path_join(b.folder, "train.jsonl");
    const loss_roles roles = {.texts = {"anchor", "positive"}, .n_texts = 2, .optional_text = "negative"};
    static const int64_t n_rows[] = {3, 2}, n_masked[] = {5, 1};
    for (int positives = DATA_POSITIVES_ALL; positives <= DATA_POSITIVES_FIRST; positives++) {
        const data_source source = {.path = path, .positives = positives};
        train_columns_free(&b.columns);
        data_set_close(b.set);
        TRAIN_BENCH_OK(train_feed_open_data(&source, 1, &roles, "the test", &b.set, &b.columns, err));
        ck_assert_int_eq(data_set_n_rows(b.set), n_rows[positives]);
        const train_feed_options options = {.set = b.set,
                                            .columns = &b.columns,
                                            .tokenizer = b.tokenizer,
                                            .max_length = 40,
                                            .batch_size = n_rows[positives],
                                            .mask_known_positives = true};
        train_feed *f;
        const train_batch *batch;
        TRAIN_BENCH_OK(train_feed_create(&options, &f, err));
        TRAIN_BENCH_OK(train_feed_next(f, &batch, err));
        ck_assert_int_eq(batch->loss.n_masked, n_masked[positives]);
        train_feed_free(f);
    }
    free(path);
    train_bench_close(&b);
}
END_TEST

/* An uncased tokenizer reads these as "heron" and "old bird"; and behind the cut nobody reads. */
START_TEST(equal_ids_are_duplicates) {
    train_bench b = train_bench_open("{\"anchor\": \"heron\", \"positive\": \"old bird\"}\n"
                                     "{\"anchor\": \"mill\", \"positive\": \" Old  BIRD \"}\n"
                                     "{\"anchor\": \"HERON\", \"positive\": \"mill pier roof heron bird\"}\n"
                                     "{\"anchor\": \"roof\", \"positive\": \"mill pier roof heron mill\"}\n",
                                     "mnrl", 0);
    static const struct {
        int64_t max_length, n_masked;
        const char *prompt;
    } cases[] = {
        /* row 0: row 1's positive and row 2's (a known one of "heron"); 1: row 0's; 2: row 0's and row 1's */
        {40, 5, ""},
        /* the texts of rows 2 and 3 are one then: rows 0, 2 and 3 leave out one more */
        {6, 8, ""},
        {40, 5, "roof "},
        {7, 8, "roof "}, /* the prompt takes a token of those that are left */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const train_feed_options options = {.set = b.set,
                                            .columns = &b.columns,
                                            .tokenizer = b.tokenizer,
                                            .query_prompt = cases[i].prompt,
                                            .document_prompt = cases[i].prompt,
                                            .max_length = cases[i].max_length,
                                            .batch_size = 4,
                                            .mask_known_positives = true};
        train_feed *f;
        const train_batch *batch;
        TRAIN_BENCH_OK(train_feed_create(&options, &f, err));
        TRAIN_BENCH_OK(train_feed_next(f, &batch, err));
        ck_assert_msg(batch->n_masked == cases[i].n_masked, "case %zu: %lld masked", i, (long long)batch->n_masked);
        train_feed_free(f);
    }
    train_bench_close(&b);
}
END_TEST

/* A last batch of one pair would teach nothing. */
START_TEST(least_rows) {
    senc_buffer rows = {0};
    train_bench_pairs(&rows, 9, 11);
    train_bench b = train_bench_open(rows.data, "mnrl", 0);
    for (int64_t least = 1; least <= 2; least++) {
        const train_feed_options options = {.set = b.set,
                                            .columns = &b.columns,
                                            .tokenizer = b.tokenizer,
                                            .max_length = 40,
                                            .batch_size = 4,
                                            .least_rows = least,
                                            .shuffle = true};
        train_feed *f;
        TRAIN_BENCH_OK(train_feed_create(&options, &f, err));
        ck_assert_int_eq(data_sampler_batches(train_feed_sampler(f), 4), least == 1 ? 3 : 2);
        for (int i = 0; i < 6; i++) {
            const train_batch *batch;
            TRAIN_BENCH_OK(train_feed_next(f, &batch, err));
            ck_assert_int_eq(batch->n_rows, least == 1 && i % 3 == 2 ? 1 : 4);
        }
        train_feed_free(f);
    }
    train_bench_close(&b);
    senc_buffer_free(&rows);
}
END_TEST

START_TEST(scores_and_labels) {
    static const char rows[] =
        "{\"sentence1\": \"heron\", \"sentence2\": \"grey heron\", \"score\": 0.25, \"label\": 1}\n"
        "{\"sentence1\": \"ferry\", \"sentence2\": \"bread\", \"score\": 1, \"label\": 0}\n"
        "{\"sentence1\": \"pier\", \"sentence2\": \"mill\", \"score\": 0, \"label\": 1}\n";
    static const double want[] = {0.25, 1, 0};
    train_bench b = train_bench_open(rows, "cosine", 0);
    train_feed *f = train_bench_feed(&b, 3, 9);
    const train_batch *batch;
    TRAIN_BENCH_OK(train_feed_next(f, &batch, err));
    ck_assert(batch->loss.scores && !batch->loss.labels);
    for (int64_t i = 0; i < 3; i++) ck_assert_double_eq(batch->loss.scores[i], want[batch->rows[i]]);
    train_feed_free(f);
    train_bench_close(&b);
    const loss_roles labelled = {.texts = {"sentence1"}, .n_texts = 1, .target = LOSS_TARGET_LABEL};
    b = train_bench_open_roles(rows, &labelled, 0);
    f = train_bench_feed(&b, 3, 9);
    TRAIN_BENCH_OK(train_feed_next(f, &batch, err));
    ck_assert(!batch->loss.scores && batch->loss.labels);
    int64_t of[3];
    for (int64_t i = 0; i < 3; i++) of[batch->rows[i]] = batch->loss.labels[i];
    ck_assert(of[0] == of[2] && of[0] != of[1]);
    train_feed_free(f);
    train_bench_close(&b);
}
END_TEST

/* ---- the same batches ---- */

typedef struct kept_batch {
    int64_t n_rows, n_ids, rows[8], n_truncated;
    int32_t *ids;
    int64_t offsets[17];
} kept_batch;

static kept_batch keep(train_feed *f) {
    const train_batch *batch;
    TRAIN_BENCH_OK(train_feed_next(f, &batch, err));
    kept_batch k = {.n_rows = batch->n_rows, .n_ids = batch->ids.n, .n_truncated = batch->n_truncated};
    memcpy(k.rows, batch->rows, (size_t)batch->n_rows * sizeof *k.rows);
    memcpy(k.offsets, batch->offsets, (size_t)(2 * batch->n_rows + 1) * sizeof *k.offsets);
    k.ids = senc_alloc((size_t)k.n_ids, sizeof *k.ids);
    memcpy(k.ids, batch->ids.items, (size_t)k.n_ids * sizeof *k.ids);
    return k;
}

static bool same(const kept_batch *a, const kept_batch *b) {
    return a->n_rows == b->n_rows && a->n_ids == b->n_ids && a->n_truncated == b->n_truncated &&
           memcmp(a->rows, b->rows, (size_t)a->n_rows * sizeof *a->rows) == 0 &&
           memcmp(a->offsets, b->offsets, (size_t)(2 * a->n_rows + 1) * sizeof *a->offsets) == 0 &&
           memcmp(a->ids, b->ids, (size_t)a->n_ids * sizeof *a->ids) == 0;
}

enum { N_KEPT = 12 }; /* 37 rows are five batches of 8: two epochs and a bit */

START_TEST(same_for_seed_restore_and_threads) {
    senc_buffer rows = {0};
    train_bench_pairs(&rows, 37, 11);
    train_bench b = train_bench_open(rows.data, "mnrl", 0);
    kept_batch want[N_KEPT];
    int64_t epoch[N_KEPT + 1], position[N_KEPT + 1];
    train_bench_threads(1);
    train_feed *f = train_bench_feed(&b, 8, 4);
    for (int i = 0; i < N_KEPT; i++) {
        epoch[i] = train_feed_sampler(f)->epoch;
        position[i] = train_feed_sampler(f)->position;
        want[i] = keep(f);
    }
    train_feed_free(f);
    ck_assert_int_eq(want[4].n_rows, 5);  /* 37 = 4 * 8 + 5 */
    ck_assert(!same(&want[0], &want[5])); /* another epoch, another order */
    for (int threads = 1; threads <= 3; threads += 2) {
        train_bench_threads(threads);
        f = train_bench_feed(&b, 8, 4);
        for (int i = 0; i < N_KEPT; i++) {
            kept_batch got = keep(f);
            ck_assert_msg(same(&got, &want[i]), "batch %d with %d threads", i, threads);
            free(got.ids);
        }
        train_feed_free(f);
        for (int from = 1; from < N_KEPT; from++) { /* from every place, the epoch's ends too */
            f = train_bench_feed(&b, 8, 4);
            TRAIN_BENCH_OK(train_feed_restore(f, epoch[from], position[from], err));
            for (int i = from; i < N_KEPT; i++) {
                kept_batch got = keep(f);
                ck_assert_msg(same(&got, &want[i]), "batch %d, restored at %d", i, from);
                free(got.ids);
            }
            train_feed_free(f);
        }
    }
    f = train_bench_feed(&b, 8, 5); /* another seed */
    kept_batch other = keep(f);
    ck_assert(!same(&other, &want[0]));
    free(other.ids);
    train_feed_free(f);
    for (int i = 0; i < N_KEPT; i++) free(want[i].ids);
    train_bench_close(&b);
    senc_buffer_free(&rows);
}
END_TEST

/* ---- the readers are ahead ---- */

static void wait_for_readers(void) {
    usleep(20000); /* enough for thousands of these batches */
}

/* However far the readers are, the place is that of the batch that was given: a checkpoint continues behind it. */
START_TEST(place_is_the_callers) {
    senc_buffer rows = {0};
    train_bench_pairs(&rows, 37, 11);
    train_bench b = train_bench_open(rows.data, "mnrl", 0);
    train_feed *f = train_bench_feed(&b, 8, 4), *resumed = train_bench_feed(&b, 8, 4);
    ck_assert_int_eq(train_feed_sampler(f)->position, 0);
    for (int i = 0; i < N_KEPT; i++) {
        kept_batch given = keep(f), again = {0};
        wait_for_readers();
        ck_assert_int_eq(train_feed_sampler(f)->epoch, i / 5);
        ck_assert_int_eq(train_feed_sampler(f)->position, i % 5 == 4 ? 37 : 8 * (i % 5 + 1));
        /* another feed, wherever it is, gives the same next batch from there */
        TRAIN_BENCH_OK(train_feed_restore(resumed, i / 5, 8 * (i % 5), err));
        for (int k = 0; k <= i % 3; k++) {
            free(again.ids);
            again = keep(resumed);
            if (k == 0) ck_assert_msg(same(&given, &again), "batch %d", i);
        }
        free(given.ids);
        free(again.ids);
    }
    TRAIN_BENCH_FAILS(train_feed_restore(resumed, 0, 38, err), SENC_BAD_INPUT, "row 38 of 37");
    train_feed_free(resumed);
    train_feed_free(f);
    train_bench_close(&b);
    senc_buffer_free(&rows);
}
END_TEST

/* With a large pool there are several readers, and the batches are the same. */
START_TEST(several_readers) {
    senc_buffer rows = {0};
    train_bench_pairs(&rows, 300, 13);
    train_bench b = train_bench_open(rows.data, "mnrl", 0);
    kept_batch want[90];
    for (int pass = 0; pass < 2; pass++) {
        train_bench_threads(pass == 0 ? 1 : 65); /* three readers */
        train_feed *f = train_bench_feed(&b, 7, 4);
        for (int i = 0; i < 90; i++) { /* two epochs of 43 and the third's begin */
            kept_batch got = keep(f);
            if (pass == 0) {
                want[i] = got;
                continue;
            }
            ck_assert_msg(same(&got, &want[i]), "batch %d", i);
            free(got.ids);
            free(want[i].ids);
        }
        train_feed_free(f);
    }
    train_bench_close(&b);
    senc_buffer_free(&rows);
}
END_TEST

/* A feed ends while its readers wait for room, read, or have not begun. */
START_TEST(stopped_anywhere) {
    senc_buffer rows = {0};
    train_bench_pairs(&rows, 200, 3);
    train_bench b = train_bench_open(rows.data, "mnrl", 0);
    for (int i = 0; i < 60; i++) {
        train_feed *f = train_bench_feed(&b, i % 2 ? 3 : 200, (uint64_t)i);
        for (int k = 0; k < i % 4; k++) {
            kept_batch got;
            const train_batch *batch;
            if (i % 2) {
                got = keep(f);
                free(got.ids);
            } else {
                TRAIN_BENCH_OK(train_feed_next(f, &batch, err));
            }
        }
        if (i % 3 == 0) usleep((useconds_t)(i * 10));
        train_feed_free(f);
    }
    train_bench_close(&b);
    senc_buffer_free(&rows);
}
END_TEST

/* Row 20 is damaged behind the feed's back. Batches before it come as ever, although the readers have met it long
 * since; then the error comes, and again. */
START_TEST(error_at_its_batch) {
    senc_buffer rows = {0};
    train_bench_pairs(&rows, 40, 3);
    train_bench b = train_bench_open(rows.data, "mnrl", 0);
    char *path = senc_path_join(b.folder, "train.jsonl");
    const char *line = rows.data;
    for (int i = 0; i < 20; i++) line = strchr(line, '\n') + 1;
    const int file = open(path, O_WRONLY);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(pwrite(file, "[", 1, line - rows.data), 1);
    close(file);
    for (int64_t size = 1; size <= 40; size += 3) {
        train_feed_options options = {
            .set = b.set, .columns = &b.columns, .tokenizer = b.tokenizer, .max_length = 40, .batch_size = size};
        train_feed *f;
        const train_batch *batch;
        TRAIN_BENCH_OK(train_feed_create(&options, &f, err));
        for (int64_t i = 0; (i + 1) * size <= 20; i++) {
            TRAIN_BENCH_OK(train_feed_next(f, &batch, err));
            if (i == 0) wait_for_readers();
            check_batch(&b, batch, "", "", 40);
            ck_assert_int_eq(batch->rows[0], i * size);
        }
        const int64_t position = train_feed_sampler(f)->position;
        for (int again = 0; again < 2; again++)
            TRAIN_BENCH_FAILS(train_feed_next(f, &batch, err), SENC_BAD_INPUT, "train.jsonl");
        ck_assert_int_eq(train_feed_sampler(f)->position, position);
        TRAIN_BENCH_OK(train_feed_restore(f, 0, 21, err)); /* behind the damage all is well */
        TRAIN_BENCH_OK(train_feed_next(f, &batch, err));
        check_batch(&b, batch, "", "", 40);
        ck_assert_int_eq(batch->rows[0], 21);
        train_feed_free(f);
    }
    free(path);
    train_bench_close(&b);
    senc_buffer_free(&rows);
}
END_TEST

START_TEST(drop_last) {
    senc_buffer rows = {0};
    train_bench_pairs(&rows, 37, 11);
    train_bench b = train_bench_open(rows.data, "mnrl", 0);
    const train_feed_options options = {.set = b.set,
                                        .columns = &b.columns,
                                        .tokenizer = b.tokenizer,
                                        .max_length = 40,
                                        .batch_size = 8,
                                        .drop_last = true};
    train_feed *f;
    TRAIN_BENCH_OK(train_feed_create(&options, &f, err));
    for (int i = 0; i < 9; i++) {
        const train_batch *batch;
        TRAIN_BENCH_OK(train_feed_next(f, &batch, err));
        ck_assert_int_eq(batch->n_rows, 8);
    }
    ck_assert_int_eq(train_feed_sampler(f)->epoch, 2);
    train_feed_free(f);
    /* a batch larger than the data is the whole data, drop_last or not */
    train_feed_options large = options;
    large.batch_size = 1000;
    const train_batch *batch;
    TRAIN_BENCH_OK(train_feed_create(&large, &f, err));
    TRAIN_BENCH_OK(train_feed_next(f, &batch, err));
    ck_assert_int_eq(batch->n_rows, 37);
    train_feed_free(f);
    train_bench_close(&b);
    senc_buffer_free(&rows);
}
END_TEST

START_TEST(not_shuffled) {
    senc_buffer rows = {0};
    train_bench_pairs(&rows, 10, 11);
    train_bench b = train_bench_open(rows.data, "mnrl", 0);
    const train_feed_options options = {
        .set = b.set, .columns = &b.columns, .tokenizer = b.tokenizer, .max_length = 40, .batch_size = 4};
    train_feed *f;
    TRAIN_BENCH_OK(train_feed_create(&options, &f, err));
    for (int64_t i = 0; i < 6; i++) { /* batches of 4, 4 and 2 */
        const train_batch *batch;
        TRAIN_BENCH_OK(train_feed_next(f, &batch, err));
        for (int64_t k = 0; k < batch->n_rows; k++) ck_assert_int_eq(batch->rows[k], 4 * (i % 3) + k);
    }
    train_feed_free(f);
    train_bench_close(&b);
    senc_buffer_free(&rows);
}
END_TEST

/* Prompts that pooling leaves out: their tokens, [CLS] included, of every text; none of an absent one. */
START_TEST(excluded_prompts) {
    train_bench b = train_bench_open("{\"anchor\": \"heron\", \"positive\": \"grey heron\", \"negative\": \"mill\"}\n"
                                     "{\"anchor\": \"ferry\", \"positive\": \"slow ferry\"}\n",
                                     "mnrl", 0);
    const train_feed_options options = {.set = b.set,
                                        .columns = &b.columns,
                                        .tokenizer = b.tokenizer,
                                        .query_prompt = "find the ",
                                        .document_prompt = "old: ",
                                        .exclude_prompt = true,
                                        .max_length = 40,
                                        .batch_size = 2};
    train_feed *f;
    const train_batch *batch;
    TRAIN_BENCH_OK(train_feed_create(&options, &f, err));
    TRAIN_BENCH_OK(train_feed_next(f, &batch, err));
    data_ids query = encode(&b, "", "find the", 0), document = encode(&b, "", "old:", 0);
    for (int64_t at = 0; at < 6; at++) {
        const int64_t want = batch->absent[at] ? 0 : (at < 2 ? query.n : document.n) - 1; /* without [SEP] */
        ck_assert_int_eq(batch->prompt_tokens[at], want);
        /* the tokens that are left out are the prompt's */
        const data_ids *prompt = at < 2 ? &query : &document;
        ck_assert(memcmp(batch->ids.items + batch->offsets[at], prompt->items, (size_t)want * sizeof *prompt->items) ==
                  0);
    }
    data_ids_free(&query);
    data_ids_free(&document);
    train_feed_free(f);
    train_bench_close(&b);
}
END_TEST

START_TEST(rows_in_words) {
    senc_buffer rows = {0};
    train_bench_pairs(&rows, 20, 3);
    train_bench b = train_bench_open(rows.data, "mnrl", 0);
    train_feed *f = train_bench_feed(&b, 20, 1);
    const train_batch *batch;
    TRAIN_BENCH_OK(train_feed_next(f, &batch, err));
    char text[512], want[512];
    train_feed_describe_rows(f, batch, text, sizeof text);
    int n = snprintf(want, sizeof want, "%s/train.jsonl lines ", b.folder);
    for (int i = 0; i < 8; i++)
        n += snprintf(want + n, sizeof want - (size_t)n, "%s%lld", i ? ", " : "", (long long)batch->rows[i] + 1);
    snprintf(want + n, sizeof want - (size_t)n, ", ...");
    ck_assert_str_eq(text, want);
    for (size_t size = 1; size < sizeof text; size += 7) { /* a short buffer is never overrun */
        char small[513];
        memset(small, '#', sizeof small);
        train_feed_describe_rows(f, batch, small, size);
        ck_assert_uint_lt(strlen(small), size);
        ck_assert(small[size] == '#');
    }
    train_feed_free(f);
    train_bench_close(&b);
    senc_buffer_free(&rows);
}
END_TEST

START_TEST(refused) {
    char *folder = model_bench_folder();
    model_bench_write_text(folder, "train.jsonl", "");
    char *path = senc_path_join(folder, "train.jsonl");
    const data_source source = {.path = path};
    const loss_roles roles = {.texts = {"anchor", "positive"}, .n_texts = 2, .optional_text = "negative"};
    data_set *set;
    train_columns columns;
    TRAIN_BENCH_FAILS(train_feed_open_data(&source, 1, &roles, "loss \"mnrl\"", &set, &columns, err), SENC_BAD_INPUT,
                      "train.jsonl");
    ck_assert_ptr_null(set);
    model_bench_write_text(folder, "train.jsonl", "{\"anchor\": \"a\", \"positive\": \"b\"}\n{\"anchor\": \"a\"}\n");
    TRAIN_BENCH_FAILS(train_feed_open_data(&source, 1, &roles, "loss \"mnrl\"", &set, &columns, err), SENC_BAD_INPUT,
                      "train.jsonl:2: field \"positive\" is missing");
    const loss_roles triplet = {
        .texts = {"anchor", "positive"}, .n_texts = 2, .optional_text = "negative", .optional_is_required = true};
    model_bench_write_text(folder, "train.jsonl", "{\"anchor\": \"a\", \"positive\": \"b\"}\n");
    TRAIN_BENCH_FAILS(train_feed_open_data(&source, 1, &triplet, "loss \"triplet\"", &set, &columns, err),
                      SENC_BAD_INPUT, "negative");
    free(path);
    model_bench_remove(folder);
}
END_TEST

/* Every allocation of making a feed and of its first batch fails once; nothing leaks and nothing crashes. */
START_TEST(out_of_memory) {
    train_bench b = train_bench_open(three_rows, "mnrl", 0);
    train_bench_threads(1);
    const train_feed_options options = {.set = b.set,
                                        .columns = &b.columns,
                                        .tokenizer = b.tokenizer,
                                        .query_prompt = "where ",
                                        .max_length = 40,
                                        .batch_size = 3,
                                        .mask_known_positives = true};
    bool done = false;
    int at = 1;
    for (; !done; at++) {
        train_feed *f = NULL;
        const train_batch *batch;
        senc_error failure = {0};
        senc_alloc_fail_at(at);
        done = train_feed_create(&options, &f, &failure) && train_feed_next(f, &batch, &failure);
        senc_alloc_fail_at(0);
        ck_assert(done == (failure.kind == SENC_OK));
        ck_assert_msg(done || strstr(failure.text, "out of memory"), "%s", failure.text);
        if (done) check_batch(&b, batch, "where ", "", 40);
        train_feed_free(f);
    }
    ck_assert_int_gt(at, 10);
    train_bench_close(&b);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("feed");
    TCase *tests = tcase_create("feed");
    tcase_add_checked_fixture(tests, start, senc_threads_free);
    tcase_add_test(tests, columns_are_packed);
    tcase_add_test(tests, reader_that_does_not_start);
    tcase_add_test(tests, prompts);
    tcase_add_test(tests, truncation);
    tcase_add_loop_test(tests, absent_negatives, 0, 2);
    tcase_add_test(tests, known_positives);
    tcase_add_test(tests, positives_in_lists_are_known);
    tcase_add_test(tests, equal_ids_are_duplicates);
    tcase_add_test(tests, least_rows);
    tcase_add_test(tests, scores_and_labels);
    tcase_add_test(tests, same_for_seed_restore_and_threads);
    tcase_add_test(tests, place_is_the_callers);
    tcase_add_test(tests, several_readers);
    tcase_add_test(tests, stopped_anywhere);
    tcase_add_test(tests, error_at_its_batch);
    tcase_add_test(tests, drop_last);
    tcase_add_test(tests, not_shuffled);
    tcase_add_test(tests, excluded_prompts);
    tcase_add_test(tests, rows_in_words);
    tcase_add_test(tests, refused);
    tcase_add_test(tests, out_of_memory);
    suite_add_tcase(suite, tests);
    return train_bench_run(suite);
}
