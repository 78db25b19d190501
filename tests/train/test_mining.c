/* Mined negatives of a tiny random model against a search by hand: every pair's cosine in double, every rule of
 * mining.h in its order. */
#include "train/mining.h"

#include <strings.h>

#include "tests/train/train_bench.h"

#define WIDTH     32
#define N_PAIRS   24
#define MAX_TEXTS 64
#define CLOSE     2e-6 /* scores this close may change places: the search computes in floats */

/* Rows with everything that mining must watch: an anchor with three positives (rows 0 to 2), a positive of two anchors
 * (2 and 3), an anchor that is another row's positive (4 and 5), a row twice to an uncased
 * tokenizer (6 and 7), text that needs escaping (8).
 */
static const char special_rows[] =
    "{\"anchor\": \"grey heron\", \"positive\": \"the heron sleeps near the mill\"}\n"
    "{\"anchor\": \"grey heron\", \"positive\": \"a grey bird\"}\n"
    "{\"anchor\": \"grey heron\", \"positive\": \"old heron\"}\n"
    "{\"anchor\": \"which bird is old\", \"positive\": \"old heron\"}\n"
    "{\"anchor\": \"copper roof\", \"positive\": \"the roof is copper\"}\n"
    "{\"anchor\": \"what shines over the bread\", \"positive\": \"copper roof\"}\n"
    "{\"anchor\": \"salt\", \"positive\": \"the ferry takes salt\"}\n"
    "{\"anchor\": \"Salt \", \"positive\": \" THE ferry takes salt\"}\n"
    "{\"anchor\": \"say \\\"stone\\\"\", \"positive\": \"a \\\\ stone\\n\\tand bread \\u00e9\\ud83d\\ude00\"}\n";

/* Equal to the model: case and blanks around the text do not reach its token ids. */
static bool is_same(const char *a, const char *b) {
    size_t n_a = strlen(a), n_b = strlen(b);
    for (; n_a > 0 && *a == ' '; n_a--) a++;
    for (; n_b > 0 && *b == ' '; n_b--) b++;
    while (n_a > 0 && a[n_a - 1] == ' ') n_a--;
    while (n_b > 0 && b[n_b - 1] == ' ') n_b--;
    return n_a == n_b && strncasecmp(a, b, n_a) == 0;
}

typedef struct bench {
    train_bench b;
    eval_model model;
    char *output;
    int64_t n_rows, n_documents;
    char *anchor[MAX_TEXTS], *positive[MAX_TEXTS]; /* by row */
    const char *document[MAX_TEXTS];               /* distinct positives */
    float anchor_vector[MAX_TEXTS][WIDTH], positive_vector[MAX_TEXTS][WIDTH], document_vector[MAX_TEXTS][WIDTH];
} bench;

static void start(void) {
    train_bench_threads(2);
}

static void embed(bench *m, const char *text, float *out) {
    const eval_text t = {text, (int64_t)strlen(text)};
    TRAIN_BENCH_OK(eval_encoder_embed(m->model.encoder, NULL, &t, 1, out, err));
}

static bench *bench_open(bool special) {
    bench *m = senc_alloc_zero(1, sizeof *m);
    senc_buffer rows = {0};
    if (special) senc_buffer_append_text(&rows, special_rows);
    train_bench_pairs(&rows, N_PAIRS, 31);
    m->b = train_bench_open(rows.data, "mnrl", 0);
    senc_buffer_free(&rows);
    /* larger weights than a fresh model's, so that texts differ more */
    ag_params *params = nn_model_params(m->b.model);
    for (int64_t i = 0; i < params->n; i++) {
        ag_param *p = params->items[i];
        for (int64_t k = 0; p->decay && k < p->rows * p->cols; k++) p->value[k] *= 8;
    }
    m->model = (eval_model){m->b.model, m->b.tokenizer, NULL};
    TRAIN_BENCH_OK(eval_encoder_create(m->b.model, m->b.tokenizer, 0, 0, &m->model.encoder, err));
    m->output = senc_path_join(m->b.folder, "mined.jsonl");
    m->n_rows = data_set_n_rows(m->b.set);
    data_row row = {0};
    for (int64_t i = 0; i < m->n_rows; i++) {
        TRAIN_BENCH_OK(data_set_row(m->b.set, i, &row, err));
        const data_value *a = &row.values[m->b.columns.slots[0]], *p = &row.values[m->b.columns.slots[1]];
        m->anchor[i] = senc_strndup(a->text, a->n_bytes);
        m->positive[i] = senc_strndup(p->text, p->n_bytes);
        embed(m, m->anchor[i], m->anchor_vector[i]);
        embed(m, m->positive[i], m->positive_vector[i]);
        int64_t d = 0;
        while (d < m->n_documents && !is_same(m->document[d], m->positive[i])) d++;
        if (d < m->n_documents) continue;
        m->document[d] = m->positive[i];
        memcpy(m->document_vector[d], m->positive_vector[i], sizeof m->document_vector[d]);
        m->n_documents++;
    }
    data_row_free(&row);
    return m;
}

static void bench_close(bench *m) {
    for (int64_t i = 0; i < m->n_rows; i++) {
        free(m->anchor[i]);
        free(m->positive[i]);
    }
    eval_encoder_free(m->model.encoder);
    free(m->output);
    train_bench_close(&m->b);
    free(m);
}

static double cosine(const float *a, const float *b) {
    double dot = 0, aa = 0, bb = 0;
    for (int i = 0; i < WIDTH; i++) {
        dot += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return dot / sqrt(aa * bb);
}

static bool is_positive_of(const bench *m, const char *anchor, const char *text) {
    for (int64_t i = 0; i < m->n_rows; i++) {
        if (is_same(m->anchor[i], anchor) && is_same(m->positive[i], text)) return true;
    }
    return false;
}

typedef struct candidate {
    int64_t document;
    double score;
} candidate;

static int by_score(const void *a, const void *b) {
    const candidate *x = a, *y = b;
    return x->score < y->score ? 1 : x->score > y->score ? -1 : 0;
}

/* What may be taken for a row, best first: behind known positives, the margin and the range. */
static int64_t allowed(const bench *m, int64_t row, const train_mining_options *o, candidate *out) {
    double p = HUGE_VAL; /* the lowest of the anchor's positives */
    for (int64_t i = 0; i < m->n_rows; i++)
        if (is_same(m->anchor[i], m->anchor[row])) p = fmin(p, cosine(m->anchor_vector[i], m->positive_vector[i]));
    int64_t n = 0;
    for (int64_t d = 0; d < m->n_documents; d++) {
        const double score = cosine(m->anchor_vector[row], m->document_vector[d]);
        if (is_same(m->document[d], m->anchor[row]) || is_positive_of(m, m->anchor[row], m->document[d])) continue;
        if (o->relative_margin >= 0 && score > p - fabs(p) * o->relative_margin) continue;
        out[n++] = (candidate){d, score};
    }
    qsort(out, (size_t)n, sizeof *out, by_score);
    const int64_t first = n < o->range_min ? n : o->range_min, last = n < o->range_max ? n : o->range_max;
    memmove(out, out + first, (size_t)(last - first) * sizeof *out);
    return last - first;
}

typedef struct mined {
    data_set *set;
    train_columns columns;
} mined;

/* The output as training data. */
static mined read_back(const bench *m, const char *loss) {
    mined d = {0};
    const data_source source = {.path = m->output};
    const loss_spec *spec = loss_find(loss);
    void *options = senc_alloc_zero(1, spec->options_bytes);
    loss_roles roles;
    spec->roles(options, &roles);
    free(options);
    TRAIN_BENCH_OK(train_feed_open_data(&source, 1, &roles, "the test", &d.set, &d.columns, err));
    ck_assert_int_eq(data_set_n_rows(d.set), m->n_rows);
    return d;
}

static void mined_close(mined *d) {
    train_columns_free(&d->columns);
    data_set_close(d->set);
}

static bool same_text(const data_value *v, const char *text) {
    return v->present && v->n_bytes == strlen(text) && memcmp(v->text, text, v->n_bytes) == 0;
}

/* Texts of row i's negatives as documents; anchor and positive are the row's own. */
static int64_t negatives_of(const bench *m, const mined *d, int64_t i, data_row *row, int64_t *documents) {
    TRAIN_BENCH_OK(data_set_row(d->set, i, row, err));
    ck_assert(same_text(&row->values[d->columns.slots[0]], m->anchor[i]));
    ck_assert(same_text(&row->values[d->columns.slots[1]], m->positive[i]));
    int64_t n = 0;
    for (int64_t c = 2; c < d->columns.n; c++) {
        const data_value *v = &row->values[d->columns.slots[c]];
        if (!v->present) continue;
        ck_assert_int_eq(n, c - 2); /* no gaps: negative_1, negative_2, ... */
        int64_t k = 0;
        while (k < m->n_documents && !same_text(v, m->document[k])) k++;
        ck_assert_int_lt(k, m->n_documents);
        documents[n++] = k;
    }
    return n;
}

/* Mines and compares every row with the search by hand. */
static train_mining_report mine_and_check(bench *m, train_mining_options o) {
    train_mining_report report;
    o.overwrite = true;
    TRAIN_BENCH_OK(train_mine(m->b.set, &m->model, &o, m->output, &report, err));
    if (o.range_max == 0) o.range_max = o.range_min + 10 * o.n_negatives;
    mined d = read_back(m, "mnrl");
    data_row row = {0};
    int64_t n_written = 0, n_short = 0;
    double positives = 0, negatives = 0;
    for (int64_t i = 0; i < m->n_rows; i++) {
        candidate want[MAX_TEXTS];
        int64_t got[MAX_TEXTS];
        const int64_t n_allowed = allowed(m, i, &o, want), n = negatives_of(m, &d, i, &row, got);
        ck_assert_msg(n == (n_allowed < o.n_negatives ? n_allowed : o.n_negatives),
                      "row %lld: %lld negatives of %lld allowed", (long long)i, (long long)n, (long long)n_allowed);
        for (int64_t k = 0; k < n; k++) {
            const double score = cosine(m->anchor_vector[i], m->document_vector[got[k]]);
            bool found = false;
            for (int64_t a = 0; a < n_allowed; a++) found = found || want[a].document == got[k];
            ck_assert_msg(found, "row %lld (\"%s\"): \"%s\" is not allowed", (long long)i, m->anchor[i],
                          m->document[got[k]]);
            if (o.sampling == TRAIN_MINING_TOP)
                ck_assert_msg(fabs(score - want[k].score) <= CLOSE, "row %lld, rank %lld", (long long)i, (long long)k);
            if (k > 0)
                ck_assert(score <=
                          cosine(m->anchor_vector[i], m->document_vector[got[k - 1]]) + CLOSE); /* best first */
            for (int64_t a = 0; a < k; a++) ck_assert_int_ne(got[a], got[k]);
            negatives += score;
        }
        positives += cosine(m->anchor_vector[i], m->positive_vector[i]);
        n_written += n;
        n_short += n < o.n_negatives;
    }
    ck_assert_int_eq(report.n_rows, m->n_rows);
    ck_assert_int_eq(report.n_candidates, m->n_documents);
    ck_assert_int_eq(report.n_written, n_written);
    ck_assert_int_eq(report.n_rows_short, n_short);
    ck_assert_double_eq_tol(report.mean_positive, positives / (double)m->n_rows, 1e-5);
    if (n_written)
        ck_assert_double_eq_tol(report.mean_negative, negatives / (double)n_written, 1e-5);
    else
        ck_assert(isnan(report.mean_negative));
    data_row_free(&row);
    mined_close(&d);
    return report;
}

START_TEST(top) {
    bench *m = bench_open(false);
    const train_mining_report all =
        mine_and_check(m, (train_mining_options){.n_negatives = 3, .relative_margin = -1, .range_max = MAX_TEXTS});
    ck_assert_int_eq(all.n_rows_short, 0);
    ck_assert_int_eq(all.n_written, 3 * N_PAIRS);
    ck_assert_int_eq(all.n_too_close, 0);
    ck_assert_int_eq(all.n_anchors, N_PAIRS);
    mine_and_check(m, (train_mining_options){.n_negatives = 2, .range_min = 4, .range_max = 6, .relative_margin = -1});
    mine_and_check(m, (train_mining_options){.n_negatives = 1, .relative_margin = -1}); /* range_max by default */
    bench_close(m);
}
END_TEST

/* No candidate is closer than the margin allows; the tighter it is, the fewer stay. */
START_TEST(margin) {
    bench *m = bench_open(false);
    static const double margins[] = {0, 0.01, 0.03};
    int64_t written = INT64_MAX;
    for (int i = 0; i < 3; i++) {
        const train_mining_options o = {.n_negatives = 4, .range_max = MAX_TEXTS, .relative_margin = margins[i]};
        const train_mining_report r = mine_and_check(m, o);
        ck_assert_int_gt(r.n_too_close, 0);
        ck_assert_int_lt(r.n_written, written);
        written = r.n_written;
    }
    ck_assert_int_gt(written, 0);
    bench_close(m);
}
END_TEST

START_TEST(known_and_duplicates) {
    bench *m = bench_open(true);
    const train_mining_report r = mine_and_check(
        m, (train_mining_options){.n_negatives = MAX_TEXTS, .range_max = MAX_TEXTS, .relative_margin = -1});
    ck_assert_int_eq(r.n_rows, N_PAIRS + 9);
    ck_assert_int_eq(r.n_anchors, N_PAIRS + 6);
    ck_assert_int_eq(r.n_candidates, N_PAIRS + 7);
    ck_assert_int_eq(r.n_rows_short, r.n_rows); /* there are not so many */
    /* every candidate of every row is either written or known: row 0 to 2 know three each, row 4 two (its anchor is a
     * candidate) */
    ck_assert_int_eq(r.n_known, 3 * 3 + 1 + 2 + 1 + 2 + 1 + N_PAIRS);
    ck_assert_int_eq(r.n_written, r.n_rows * r.n_candidates - r.n_known);
    mine_and_check(m, (train_mining_options){.n_negatives = 2, .range_max = MAX_TEXTS, .relative_margin = 0.02});
    bench_close(m);
}
END_TEST

static char *mine_random(bench *m, uint64_t seed, size_t *n) {
    train_mining_report report;
    const train_mining_options o = {.overwrite = true,
                                    .n_negatives = 3,
                                    .range_min = 1,
                                    .range_max = 12,
                                    .relative_margin = -1,
                                    .sampling = TRAIN_MINING_RANDOM,
                                    .seed = seed};
    TRAIN_BENCH_OK(train_mine(m->b.set, &m->model, &o, m->output, &report, err));
    return senc_file_read(m->output, 0, n, NULL);
}

START_TEST(random_choice) {
    bench *m = bench_open(true);
    for (uint64_t seed = 1; seed <= 3; seed++)
        mine_and_check(m, (train_mining_options){.n_negatives = 3,
                                                 .range_min = 1,
                                                 .range_max = 12,
                                                 .relative_margin = -1,
                                                 .sampling = TRAIN_MINING_RANDOM,
                                                 .seed = seed});
    size_t n1, n2, n3;
    char *first = mine_random(m, 1, &n1), *again = mine_random(m, 1, &n2);
    train_bench_threads(3);
    char *other = mine_random(m, 2, &n3);
    ck_assert(n1 == n2 && memcmp(first, again, n1) == 0);
    ck_assert(n1 != n3 || memcmp(first, other, n1) != 0);
    /* all of the range is used, not its head: over all rows, 3 of 11 in places 0 to 10 */
    train_mining_options range = {.n_negatives = 3, .range_min = 1, .range_max = 12, .relative_margin = -1};
    int count[11] = {0};
    mined d = read_back(m, "mnrl");
    data_row row = {0};
    for (int64_t i = 0; i < m->n_rows; i++) {
        candidate want[MAX_TEXTS];
        int64_t got[MAX_TEXTS];
        const int64_t n_allowed = allowed(m, i, &range, want), n = negatives_of(m, &d, i, &row, got);
        ck_assert_int_eq(n_allowed, 11);
        for (int64_t k = 0; k < n; k++) {
            for (int64_t a = 0; a < n_allowed; a++) count[a] += want[a].document == got[k];
        }
    }
    int low = 0, high = 0;
    for (int a = 0; a < 11; a++) *(a < 5 ? &low : &high) += count[a];
    ck_assert_int_eq(low + high, 3 * (int)m->n_rows);
    ck_assert_int_gt(low, 20); /* 45 expected of 99, standard deviation 5 */
    ck_assert_int_gt(high, 30);
    data_row_free(&row);
    mined_close(&d);
    free(first);
    free(again);
    free(other);
    bench_close(m);
}
END_TEST

/* A margin that nothing passes: rows without negatives are still rows. */
START_TEST(none_left) {
    bench *m = bench_open(true);
    const train_mining_report r =
        mine_and_check(m, (train_mining_options){.n_negatives = 2, .range_max = MAX_TEXTS, .relative_margin = 3});
    ck_assert_int_eq(r.n_written, 0);
    ck_assert_int_eq(r.n_rows_short, r.n_rows);
    bench_close(m);
}
END_TEST

/* More candidates than the search keeps are too close: fewer negatives, never wrong ones. */
START_TEST(short_ranking) {
    bench *m = bench_open(false);
    const train_mining_options o = {.n_negatives = 1, .range_max = 2, .relative_margin = 0.3};
    train_mining_report report;
    TRAIN_BENCH_OK(train_mine(m->b.set, &m->model, &o, m->output, &report, err));
    mined d = read_back(m, "mnrl");
    data_row row = {0};
    int64_t n_written = 0;
    for (int64_t i = 0; i < m->n_rows; i++) {
        int64_t got[MAX_TEXTS];
        const int64_t n = negatives_of(m, &d, i, &row, got);
        const double p = cosine(m->anchor_vector[i], m->positive_vector[i]);
        for (int64_t k = 0; k < n; k++)
            ck_assert(cosine(m->anchor_vector[i], m->document_vector[got[k]]) <= p - fabs(p) * 0.3 + CLOSE);
        n_written += n;
    }
    ck_assert_int_eq(report.n_written, n_written);
    ck_assert_int_lt(n_written, m->n_rows);
    data_row_free(&row);
    mined_close(&d);
    bench_close(m);
}
END_TEST

START_TEST(one_row) {
    train_bench b = train_bench_open("{\"anchor\": \"grey heron\", \"positive\": \"the heron sleeps\"}\n", "mnrl", 0);
    eval_model model = {b.model, b.tokenizer, NULL};
    TRAIN_BENCH_OK(eval_encoder_create(b.model, b.tokenizer, 0, 0, &model.encoder, err));
    char *output = senc_path_join(b.folder, "mined.jsonl");
    const train_mining_options o = {.n_negatives = 3, .relative_margin = -1};
    train_mining_report report;
    TRAIN_BENCH_OK(train_mine(b.set, &model, &o, output, &report, err));
    char *text = senc_file_read(output, 0, NULL, NULL);
    ck_assert_str_eq(text, "{\"anchor\": \"grey heron\", \"positive\": \"the heron sleeps\"}\n");
    ck_assert_int_eq(report.n_rows_short, 1);
    free(text);
    free(output);
    eval_encoder_free(model.encoder);
    train_bench_close(&b);
}
END_TEST

/* Read as triplets too: the first negative is there in every row. */
START_TEST(as_triplets) {
    bench *m = bench_open(true);
    const train_mining_options o = {.n_negatives = 1, .relative_margin = -1};
    train_mining_report report;
    TRAIN_BENCH_OK(train_mine(m->b.set, &m->model, &o, m->output, &report, err));
    char *path = senc_path_join(m->b.folder, "mined.jsonl");
    static const data_column_map columns[] = {
        {"anchor", "anchor", 0}, {"positive", "positive", 0}, {"negative", "negative_1", 0}};
    const data_source source = {.path = path, .mapped = columns, .n_mapped = 3};
    const loss_roles roles = {
        .texts = {"anchor", "positive"}, .n_texts = 2, .optional_text = "negative", .optional_is_required = true};
    data_set *set;
    train_columns slots;
    TRAIN_BENCH_OK(train_feed_open_data(&source, 1, &roles, "loss \"triplet\"", &set, &slots, err));
    ck_assert_int_eq(slots.n, 3);
    ck_assert_int_eq(data_set_n_rows(set), m->n_rows);
    train_columns_free(&slots);
    data_set_close(set);
    free(path);
    bench_close(m);
}
END_TEST

START_TEST(no_place_for_the_output) {
    bench *m = bench_open(false);
    const train_mining_options o = {.n_negatives = 1, .relative_margin = -1};
    train_mining_report report;
    char *path = senc_path_join(m->b.folder, "absent/mined.jsonl");
    TRAIN_BENCH_FAILS(train_mine(m->b.set, &m->model, &o, path, &report, err), SENC_BAD_INPUT, "absent/mined.jsonl");
    free(path);
    bench_close(m);
}
END_TEST

/* Each allocation fails once; an earlier output stays until a new one is whole. */
START_TEST(out_of_memory) {
    bench *m = bench_open(true);
    train_bench_threads(1);
    train_mining_options o = {.n_negatives = 2, .relative_margin = -1};
    train_mining_report report;
    model_bench_write_text(m->b.folder, "mined.jsonl", "earlier");
    TRAIN_BENCH_FAILS(train_mine(m->b.set, &m->model, &o, m->output, &report, err), SENC_BAD_INPUT,
                      "mined.jsonl: is there already; --overwrite replaces it");
    o.overwrite = true;
    bool done = false;
    int n = 0;
    while (!done) {
        senc_error failure = {0};
        senc_alloc_fail_at(++n);
        done = train_mine(m->b.set, &m->model, &o, m->output, &report, &failure);
        senc_alloc_fail_at(0);
        ck_assert_msg(done == (failure.kind == SENC_OK), "allocation %d: %s", n, failure.text);
        char *text = senc_file_read(m->output, 0, NULL, NULL);
        ck_assert(done || strcmp(text, "earlier") == 0);
        free(text);
        eval_encoder_free(m->model.encoder); /* it stays failed, by its contract */
        TRAIN_BENCH_OK(eval_encoder_create(m->b.model, m->b.tokenizer, 0, 0, &m->model.encoder, err));
        ck_assert_int_lt(n, 10000);
    }
    ck_assert_int_gt(n, 15);
    mine_and_check(m, o);
    bench_close(m);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("mining");
    TCase *tests = tcase_create("mining");
    tcase_add_checked_fixture(tests, start, senc_threads_free);
    tcase_add_test(tests, top);
    tcase_add_test(tests, margin);
    tcase_add_test(tests, known_and_duplicates);
    tcase_add_test(tests, random_choice);
    tcase_add_test(tests, none_left);
    tcase_add_test(tests, short_ranking);
    tcase_add_test(tests, one_row);
    tcase_add_test(tests, as_triplets);
    tcase_add_test(tests, no_place_for_the_output);
    tcase_add_test(tests, out_of_memory);
    suite_add_tcase(suite, tests);
    return train_bench_run(suite);
}
