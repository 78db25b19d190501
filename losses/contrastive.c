/* Contrastive loss: pairs with label 1 are pulled together, pairs with label 0 pushed apart up to a margin.
 *     L = mean_i 1/2 (y d^2 + (1 - y) max(0, margin - d)^2)
 * Hadsell, Chopra, LeCun 2006, equation 4; ContrastiveLoss in sentence-transformers. y is the row's score (0 or 1; a
 * value between weighs both terms) or, where rows carry a class label instead, 1 for any label but 0. */
#include "losses/loss.h"

#include "autograd/base/error.h"
#include "losses/pair_measure.h"
#include "losses/reduction.h"

enum { CONTRASTIVE_COSINE, CONTRASTIVE_EUCLIDEAN, CONTRASTIVE_MANHATTAN };

typedef struct loss_contrastive_options {
    int distance;
    double margin;
} loss_contrastive_options;

static const senc_option contrastive_options[] = {
    SENC_OPTION_CHOICE(loss_contrastive_options, distance, "cosine", "cosine|euclidean|manhattan",
                       "cosine is 1 - the cosine"),
    SENC_OPTION_REAL(loss_contrastive_options, margin, "0.5", 0, 1e6,
                     "pairs with label 0 that are farther apart than this cost nothing"),
    {0},
};

static void contrastive_roles(const void *options, loss_roles *roles) {
    (void)options;
    *roles = (loss_roles){.texts = {"sentence1", "sentence2"}, .n_texts = 2, .target = LOSS_TARGET_SCORE};
}

static void margin_formula(ag_tape *t, const real *x, int64_t n, const loss_batch *batch, const void *options,
                           double *value, real *slope) {
    (void)t;
    const double margin = ((const loss_contrastive_options *)options)->margin;
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        const double y = batch->scores != NULL ? batch->scores[i] : batch->labels[i] != 0;
        const double d = (double)x[i];
        const double missing = margin - d > 0 ? margin - d : 0;
        sum += 0.5 * (y * d * d + (1 - y) * missing * missing);
        slope[i] = (real)((y * d - (1 - y) * missing) / (double)n);
    }
    *value = sum / (double)n;
}

static loss_measure_rule contrastive_rule(int distance) {
    switch (distance) {
    case CONTRASTIVE_EUCLIDEAN:
        return (loss_measure_rule){.measure = LOSS_EUCLIDEAN, .shift = 1e-6};
    case CONTRASTIVE_MANHATTAN:
        return (loss_measure_rule){.measure = LOSS_MANHATTAN, .shift = 1e-6};
    /* 1e-8: F.cosine_similarity; 1e-6 above: F.pairwise_distance */
    default:
        return (loss_measure_rule){.measure = LOSS_COSINE_DISTANCE, .eps = 1e-8};
    }
}

static ag_node *contrastive_build(ag_tape *t, ag_node *embeddings, const loss_batch *batch, const void *options) {
    SENC_ASSERT((batch->scores != NULL || batch->labels != NULL) && batch->n_columns == 2, "columns %lld",
                (long long)batch->n_columns);
    const loss_contrastive_options *o = options;
    ag_node *distances =
        loss_column_measure(t, embeddings, batch->n_rows, batch->n_columns, contrastive_rule(o->distance));
    return loss_reduce(t, distances, margin_formula, batch, options);
}

static const double example_scores[] = {1, 0, 0, 1};
static const int64_t example_labels[] = {1, 0, 0, 1};

static ag_node *example_cosine(ag_tape *t, ag_node **inputs) {
    static const loss_batch batch = {.n_rows = 4, .n_columns = 2, .scores = example_scores};
    static const loss_contrastive_options options = {.distance = CONTRASTIVE_COSINE, .margin = 0.5};
    return contrastive_build(t, inputs[0], &batch, &options);
}

static ag_node *example_euclidean(ag_tape *t, ag_node **inputs) {
    static const loss_batch batch = {.n_rows = 4, .n_columns = 2, .scores = example_scores};
    static const loss_contrastive_options options = {.distance = CONTRASTIVE_EUCLIDEAN, .margin = 2.0};
    return contrastive_build(t, inputs[0], &batch, &options);
}

static ag_node *example_manhattan(ag_tape *t, ag_node **inputs) {
    static const loss_batch batch = {.n_rows = 4, .n_columns = 2, .labels = example_labels};
    static const loss_contrastive_options options = {.distance = CONTRASTIVE_MANHATTAN, .margin = 8.0};
    return contrastive_build(t, inputs[0], &batch, &options);
}

/* Positive coordinates keep the cosine distance below its margin, and the margins of the others are wide: no example
 * sits at a kink. */
static const ag_example contrastive_examples[] = {
    {"contrastive, cosine", 1, {{8, 5}}, 0.1, 1, example_cosine},
    {"contrastive, euclidean", 1, {{8, 3}}, -1, 1, example_euclidean},
    {"contrastive, manhattan", 1, {{8, 3}}, -1, 1, example_manhattan},
    {0},
};

const loss_spec loss_contrastive_spec = {
    .name = "contrastive",
    .help = "pulls pairs with score 1 together, pushes pairs with score 0 apart up to a margin",
    .options = contrastive_options,
    .options_bytes = sizeof(loss_contrastive_options),
    .roles = contrastive_roles,
    .build = contrastive_build,
    .examples = contrastive_examples,
};
