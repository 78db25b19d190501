/* Cosine loss: the cosine of the pair should equal its score.
 *     L = mean_i (cos(u_i, v_i) - y_i)^2,   dL/dcos_i = 2 (cos_i - y_i) / B
 * Sentence-BERT (Reimers, Gurevych 2019, section 3, regression objective); CosineSimilarityLoss in
 * sentence-transformers. Scores are in 0..1 (or -1..1). */
#include "losses/loss.h"

#include "autograd/base/error.h"
#include "losses/pair_measure.h"
#include "losses/reduction.h"

typedef struct loss_cosine_options {
    char unused; /* this loss has no keys */
} loss_cosine_options;

static const senc_option cosine_options[] = {{0}};

static void cosine_roles(const void *options, loss_roles *roles) {
    (void)options;
    *roles = (loss_roles){.texts = {"sentence1", "sentence2"}, .n_texts = 2, .target = LOSS_TARGET_SCORE};
}

static void squared_error(ag_tape *t, const real *x, int64_t n, const loss_batch *batch, const void *options,
                          double *value, real *slope) {
    (void)t;
    (void)options;
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        const double e = (double)x[i] - batch->scores[i];
        sum += e * e;
        slope[i] = (real)(2 * e / (double)n);
    }
    *value = sum / (double)n;
}

static ag_node *cosine_build(ag_tape *t, ag_node *embeddings, const loss_batch *batch, const void *options) {
    SENC_ASSERT(batch->scores != NULL && batch->n_columns == 2, "columns %lld", (long long)batch->n_columns);
    /* 1e-8: F.cosine_similarity */
    const loss_measure_rule rule = {.measure = LOSS_COSINE_SIMILARITY, .eps = 1e-8};
    ag_node *cosines = loss_column_measure(t, embeddings, batch->n_rows, batch->n_columns, rule);
    return loss_reduce(t, cosines, squared_error, batch, options);
}

static const double example_scores[] = {0.9, 0.1, 0.5, 0.0};

static ag_node *example_pairs(ag_tape *t, ag_node **inputs) {
    static const loss_batch batch = {.n_rows = 4, .n_columns = 2, .scores = example_scores};
    static const loss_cosine_options options;
    return cosine_build(t, inputs[0], &batch, &options);
}

static ag_node *example_one_row(ag_tape *t, ag_node **inputs) {
    static const loss_batch batch = {.n_rows = 1, .n_columns = 2, .scores = example_scores};
    static const loss_cosine_options options;
    return cosine_build(t, inputs[0], &batch, &options);
}

static const ag_example cosine_examples[] = {
    {"cosine, four pairs", 1, {{8, 5}}, -1, 1, example_pairs},
    {"cosine, one row", 1, {{2, 3}}, -1, 1, example_one_row},
    {0},
};

const loss_spec loss_cosine_spec = {
    .name = "cosine",
    .help = "squared error between the pair's cosine and its score in 0..1",
    .options = cosine_options,
    .options_bytes = sizeof(loss_cosine_options),
    .roles = cosine_roles,
    .build = cosine_build,
    .examples = cosine_examples,
};
