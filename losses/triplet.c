/* Triplet loss: the positive should be nearer to the anchor than the negative, by a margin.
 *     L = mean over rows i and negatives k of max(0, d(a_i, p_i) - d(a_i, n_ik) + margin)
 * Schroff, Kalenichenko, Philbin 2015, equation 2; TripletLoss in sentence-transformers (one negative).
 *
 * batch_hard: rows are (text, class); every text is an anchor, its positive the farthest text of its class, its
 * negative the nearest of another class (Hermans, Beyer, Leibe 2017, equation 5; BatchHardTripletLoss). The mean is
 * over the anchors that have both; a batch without any has loss 0. Ties go to the earlier row.
 *
 * Margin: sentence-transformers' 5 can never be met by unit vectors (their distances end at 2), so the default depends
 * on the distance: 0.3 for cosine, 0.5 for Euclidean, and 0.4 sqrt(D) for Manhattan, whose distances are sqrt(2 D / pi)
 * times the Euclidean ones for differences in random directions. */
#include "losses/loss.h"

#include <math.h>

#include "autograd/base/error.h"
#include "losses/hardest.h"
#include "losses/pair_measure.h"
#include "losses/reduction.h"

enum { TRIPLET_COSINE, TRIPLET_EUCLIDEAN, TRIPLET_MANHATTAN };

typedef struct loss_triplet_options {
    int distance;
    double margin;
    bool batch_hard;
} loss_triplet_options;

#define MARGIN_BY_DISTANCE (-1.0)

static const senc_option triplet_options[] = {
    SENC_OPTION_CHOICE(loss_triplet_options, distance, "cosine", "cosine|euclidean|manhattan",
                       "cosine is 1 - the cosine"),
    SENC_OPTION_REAL(loss_triplet_options, margin, "-1", -1, 1e6,
                     "the positive must be nearer by this much; -1: 0.3 for cosine, 0.5 for euclidean, "
                     "0.4 sqrt(width) for manhattan"),
    SENC_OPTION_BOOLEAN(loss_triplet_options, batch_hard, "false",
                        "rows are texts with a class; positives and negatives are the hardest ones in the batch"),
    {0},
};

static void triplet_roles(const void *options, loss_roles *roles) {
    const loss_triplet_options *o = options;
    if (o->batch_hard)
        *roles = (loss_roles){.texts = {"text"}, .n_texts = 1, .target = LOSS_TARGET_LABEL};
    else
        *roles = (loss_roles){
            .texts = {"anchor", "positive"}, .n_texts = 2, .optional_text = "negative", .optional_is_required = true};
}

static bool triplet_check(const void *options, const char *scope, senc_error *err) {
    const double margin = ((const loss_triplet_options *)options)->margin;
    if (margin >= 0 || margin == MARGIN_BY_DISTANCE) return true;
    return senc_fail(err, SENC_BAD_INPUT,
                     "%s.margin: expected a number >= 0, or -1 for the default of the distance, got %g", scope, margin);
}

/* What the formula reads: the option with its default resolved, and the shape of x (positives first, then the
 * negatives, column by column; or nothing at all). */
typedef struct triplet_terms {
    double margin;
    int64_t n_anchors;
    int64_t n_negatives; /* of each anchor */
} triplet_terms;

/* Whether the row's own negative at `candidate` is no text at all. */
static bool is_masked(const loss_batch *batch, int64_t row, int64_t candidate) {
    int64_t low = 0, high = batch->n_masked;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        const loss_masked *m = &batch->masked[middle];
        if (m->row < row || (m->row == row && m->candidate < candidate))
            low = middle + 1;
        else
            high = middle;
    }
    return low < batch->n_masked && batch->masked[low].row == row && batch->masked[low].candidate == candidate;
}

static void hinge_formula(ag_tape *t, const real *x, int64_t n, const loss_batch *batch, const void *options,
                          double *value, real *slope) {
    (void)t;
    const triplet_terms *terms = options;
    const int64_t a = terms->n_anchors, n_terms = a * terms->n_negatives;
    int64_t n_there = 0;
    double sum = 0;
    for (int64_t i = 0; i < n; i++) slope[i] = 0;
    for (int64_t k = 0; k < n_terms; k++) n_there += !is_masked(batch, k % a, 2 * a + k);
    if (n_there == 0) {
        *value = 0;
        return;
    }
    const real share = (real)(1.0 / (double)n_there);
    for (int64_t k = 0; k < n_terms; k++) {
        if (is_masked(batch, k % a, 2 * a + k)) continue;
        const double excess = (double)x[k % a] - (double)x[a + k] + terms->margin;
        if (excess <= 0) continue;
        sum += excess;
        slope[k % a] += share;
        slope[a + k] -= share;
    }
    *value = sum / (double)n_there;
}

static loss_measure_rule triplet_rule(int distance) {
    switch (distance) {
    case TRIPLET_EUCLIDEAN:
        return (loss_measure_rule){.measure = LOSS_EUCLIDEAN};
    case TRIPLET_MANHATTAN:
        return (loss_measure_rule){.measure = LOSS_MANHATTAN};
    default:
        return (loss_measure_rule){.measure = LOSS_COSINE_DISTANCE, .eps = 1e-12}; /* F.normalize */
    }
}

static double triplet_margin(const loss_triplet_options *o, int64_t width) {
    if (o->margin >= 0) return o->margin;
    switch (o->distance) {
    case TRIPLET_EUCLIDEAN:
        return 0.5;
    case TRIPLET_MANHATTAN:
        return 0.4 * sqrt((double)width);
    default:
        return 0.3;
    }
}

static ag_node *build_hard(ag_tape *t, ag_node *embeddings, const loss_batch *batch, const loss_triplet_options *o) {
    const loss_measure_rule rule = triplet_rule(o->distance);
    const int64_t n = batch->n_rows;
    triplet_terms terms = {.margin = triplet_margin(o, embeddings->cols), .n_negatives = 1};
    static const loss_pair nothing = {0, 0};
    /* positives first, then negatives: pairs[i] and pairs[n_anchors + i] share an anchor */
    loss_pair *pairs = ag_node_alloc(t, 2 * (size_t)n, sizeof(*pairs));
    if (pairs != NULL) terms.n_anchors = loss_hardest_pairs(t, embeddings, batch->labels, rule, pairs);
    const bool any = terms.n_anchors > 0;
    ag_node *distances = loss_pair_measure(t, embeddings, any ? pairs : &nothing, any ? 2 * terms.n_anchors : 1, rule);
    return loss_reduce(t, distances, hinge_formula, batch, &terms);
}

static ag_node *triplet_build(ag_tape *t, ag_node *embeddings, const loss_batch *batch, const void *options) {
    const loss_triplet_options *o = options;
    if (o->batch_hard) {
        SENC_ASSERT(batch->labels != NULL && batch->n_columns == 1, "columns %lld", (long long)batch->n_columns);
        return build_hard(t, embeddings, batch, o);
    }
    SENC_ASSERT(batch->n_columns >= 3, "columns %lld", (long long)batch->n_columns);
    const triplet_terms terms = {
        .margin = triplet_margin(o, embeddings->cols), .n_anchors = batch->n_rows, .n_negatives = batch->n_columns - 2};
    ag_node *distances = loss_column_measure(t, embeddings, batch->n_rows, batch->n_columns, triplet_rule(o->distance));
    return loss_reduce(t, distances, hinge_formula, batch, &terms);
}

static ag_node *example_cosine(ag_tape *t, ag_node **inputs) {
    static const loss_batch batch = {.n_rows = 4, .n_columns = 3};
    static const loss_triplet_options options = {.distance = TRIPLET_COSINE, .margin = 3};
    return triplet_build(t, inputs[0], &batch, &options);
}

static ag_node *example_euclidean(ag_tape *t, ag_node **inputs) {
    static const loss_batch batch = {.n_rows = 3, .n_columns = 4};
    static const loss_triplet_options options = {.distance = TRIPLET_EUCLIDEAN, .margin = 10};
    return triplet_build(t, inputs[0], &batch, &options);
}

static ag_node *example_manhattan(ag_tape *t, ag_node **inputs) {
    static const loss_batch batch = {.n_rows = 5, .n_columns = 3};
    static const loss_triplet_options options = {.distance = TRIPLET_MANHATTAN, .margin = 0.5};
    return triplet_build(t, inputs[0], &batch, &options);
}

static ag_node *example_masked(ag_tape *t, ag_node **inputs) {
    /* negatives 6..8 and 9..11; row 1 has only the first, row 2 only the second */
    static const loss_masked masked[] = {{0, 8}, {0, 10}, {1, 8}, {1, 10}, {2, 8}, {2, 10}};
    static const loss_batch batch = {.n_rows = 3, .n_columns = 4, .masked = masked, .n_masked = 6};
    static const loss_triplet_options options = {.distance = TRIPLET_COSINE, .margin = 3};
    return triplet_build(t, inputs[0], &batch, &options);
}

static const int64_t example_labels[] = {7, 3, 7, 3, 7, 9};

static ag_node *example_hard_cosine(ag_tape *t, ag_node **inputs) {
    static const loss_batch batch = {.n_rows = 6, .n_columns = 1, .labels = example_labels};
    static const loss_triplet_options options = {.distance = TRIPLET_COSINE, .margin = 3, .batch_hard = true};
    return triplet_build(t, inputs[0], &batch, &options);
}

static ag_node *example_hard_euclidean(ag_tape *t, ag_node **inputs) {
    static const loss_batch batch = {.n_rows = 6, .n_columns = 1, .labels = example_labels};
    static const loss_triplet_options options = {.distance = TRIPLET_EUCLIDEAN, .margin = 10, .batch_hard = true};
    return triplet_build(t, inputs[0], &batch, &options);
}

/* The margins above the largest distance keep every hinge open; the Manhattan example has open and closed ones. */
static const ag_example triplet_examples[] = {
    {"triplet, cosine", 1, {{12, 5}}, -1, 1, example_cosine},
    {"triplet, euclidean, two negatives", 1, {{12, 4}}, -1, 1, example_euclidean},
    {"triplet, manhattan", 1, {{15, 3}}, -1, 1, example_manhattan},
    {"triplet, negatives that some rows do not have", 1, {{12, 5}}, -1, 1, example_masked},
    {"triplet, batch_hard, cosine", 1, {{6, 5}}, -1, 1, example_hard_cosine},
    {"triplet, batch_hard, euclidean", 1, {{6, 4}}, -1, 1, example_hard_euclidean},
    {0},
};

/* batch_hard: two texts of a class and one of another. */
static int64_t triplet_least_rows(const void *options, int64_t n_columns) {
    (void)n_columns;
    return ((const loss_triplet_options *)options)->batch_hard ? 3 : 1;
}

const loss_spec loss_triplet_spec = {
    .name = "triplet",
    .help = "the positive must be nearer to the anchor than the negative by a margin; batch_hard for classes",
    .options = triplet_options,
    .options_bytes = sizeof(loss_triplet_options),
    .roles = triplet_roles,
    .check = triplet_check,
    .build = triplet_build,
    .least_rows = triplet_least_rows,
    .examples = triplet_examples,
};
