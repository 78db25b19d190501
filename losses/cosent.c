/* CoSENT: pairs with a higher score should have a higher cosine.
 *     L = log(1 + sum over i, j with y_i < y_j of exp((c_i - c_j) / temperature))
 * over the cosines c of the batch (Huang et al. 2024, CoSENT, equation 9; CoSENTLoss in sentence-transformers with
 * scale = 1/temperature). Pairs of equal score are not compared; a batch of equal scores has loss 0.
 *
 * With s = c / temperature, H_i = log sum_{y_j > y_i} exp(-s_j) and W_i = log sum_{y_j < y_i} exp(s_j):
 *     L = log(1 + sum_i exp(s_i + H_i)),   dL/ds_i = exp(s_i + H_i - L) - exp(W_i - s_i - L)
 * so sorting by score gives it in B log B, and nothing leaves the logarithm before it is below 1. */
#include "losses/loss.h"

#include <math.h>
#include <stdlib.h>

#include "autograd/base/error.h"
#include "losses/pair_measure.h"
#include "losses/reduction.h"

typedef struct loss_cosent_options {
    double temperature;
} loss_cosent_options;

static const senc_option cosent_options[] = {
    SENC_OPTION_REAL(loss_cosent_options, temperature, "0.05", 1e-4, 100,
                     "cosines are divided by it: 0.05 is a scale of 20"),
    {0},
};

typedef struct ranked {
    double score, s;
    double higher; /* H_i, then s_i + H_i - L is the log of its share */
    double lower;  /* W_i */
    int64_t index;
} ranked;

static void cosent_roles(const void *options, loss_roles *roles) {
    (void)options;
    *roles = (loss_roles){.texts = {"sentence1", "sentence2"}, .n_texts = 2, .target = LOSS_TARGET_SCORE};
}

static double cosent_temperature(const void *options) {
    return ((const loss_cosent_options *)options)->temperature;
}

static int by_score(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? -1 : 1;
    return x->index < y->index ? -1 : 1; /* a fixed order of sums */
}

/* log(exp(a) + exp(b)) */
static double log_add(double a, double b) {
    const double high = fmax(a, b), low = fmin(a, b);
    return high == -INFINITY ? -INFINITY : high + log1p(exp(low - high));
}

/* Fills `lower` of items sorted by score. */
static void sum_lower(ranked *items, int64_t n) {
    double sum = -INFINITY;
    for (int64_t start = 0, end; start < n; start = end) {
        for (end = start; end < n && items[end].score == items[start].score; end++) items[end].lower = sum;
        for (int64_t i = start; i < end; i++) sum = log_add(sum, items[i].s);
    }
}

/* Fills `higher` of items sorted by score. */
static void sum_higher(ranked *items, int64_t n) {
    double sum = -INFINITY;
    for (int64_t end = n, start; end > 0; end = start) {
        for (start = end; start > 0 && items[start - 1].score == items[end - 1].score; start--)
            items[start - 1].higher = sum;
        for (int64_t i = start; i < end; i++) sum = log_add(sum, -items[i].s);
    }
}

static void rank_formula(ag_tape *t, const real *x, int64_t n, const loss_batch *batch, const void *options,
                         double *value, real *slope) {
    const double temperature = cosent_temperature(options);
    ranked *items = ag_node_alloc(t, (size_t)n, sizeof(*items));
    if (items == NULL) return;
    for (int64_t i = 0; i < n; i++)
        items[i] = (ranked){.score = batch->scores[i], .s = (double)x[i] / temperature, .index = i};
    qsort(items, (size_t)n, sizeof(*items), by_score);
    sum_lower(items, n);
    sum_higher(items, n);
    double loss = 0; /* log of the 1 */
    for (int64_t i = 0; i < n; i++) loss = log_add(loss, items[i].s + items[i].higher);
    for (int64_t i = 0; i < n; i++)
        slope[items[i].index] =
            (real)((exp(items[i].s + items[i].higher - loss) - exp(items[i].lower - items[i].s - loss)) / temperature);
    *value = loss;
}

static ag_node *cosent_build(ag_tape *t, ag_node *embeddings, const loss_batch *batch, const void *options) {
    SENC_ASSERT(batch->scores != NULL && batch->n_columns == 2, "columns %lld", (long long)batch->n_columns);
    const loss_measure_rule rule = {.measure = LOSS_COSINE_SIMILARITY, .eps = 1e-12}; /* F.normalize */
    ag_node *cosines = loss_column_measure(t, embeddings, batch->n_rows, batch->n_columns, rule);
    return loss_reduce(t, cosines, rank_formula, batch, options);
}

static const double distinct_scores[] = {0.2, 0.9, 0.4, 0.0, 0.7};
static const double tied_scores[] = {0.5, 0.1, 0.5, 0.9, 0.1};

static ag_node *build_example(ag_tape *t, ag_node *embeddings, const loss_batch *batch) {
    static const loss_cosent_options options = {.temperature = 0.05};
    return cosent_build(t, embeddings, batch, &options);
}

static ag_node *example_distinct(ag_tape *t, ag_node **inputs) {
    static const loss_batch batch = {.n_rows = 5, .n_columns = 2, .scores = distinct_scores};
    return build_example(t, inputs[0], &batch);
}

static ag_node *example_tied(ag_tape *t, ag_node **inputs) {
    static const loss_batch batch = {.n_rows = 5, .n_columns = 2, .scores = tied_scores};
    return build_example(t, inputs[0], &batch);
}

static const ag_example cosent_examples[] = {
    {"cosent, distinct scores", 1, {{10, 4}}, -1, 1, example_distinct},
    {"cosent, tied scores", 1, {{10, 6}}, -1, 1, example_tied},
    {0},
};

/* Pairs are ordered against each other. */
static int64_t cosent_least_rows(const void *options, int64_t n_columns) {
    (void)options, (void)n_columns;
    return 2;
}

const loss_spec loss_cosent_spec = {
    .name = "cosent",
    .help = "orders the batch's cosines as their scores: log(1 + sum exp((c_i - c_j) / temperature)) over y_i < y_j",
    .options = cosent_options,
    .options_bytes = sizeof(loss_cosent_options),
    .roles = cosent_roles,
    .build = cosent_build,
    .temperature = cosent_temperature,
    .least_rows = cosent_least_rows,
    .examples = cosent_examples,
};
