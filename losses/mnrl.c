/* Multiple-negatives ranking loss (also InfoNCE, in-batch softmax): every anchor should pick its positive among all
 * positives and hard negatives of the batch. z_ij = s(anchor_i, candidate_j) / temperature L    = mean_i (log sum_j
 * exp(z_ij) - z_ii)          j over the (C-1) B candidates that are not masked for row i symmetric: the mean of that
 * and of the other direction, where every positive picks its anchor among the B anchors (positives only, as
 * sentence-transformers does with directions = query_to_doc, doc_to_query and partition_mode = per_direction).
 * Henderson et al. 2017, section 4.3; van den Oord et al. 2018, equation 4.
 *
 * With p = softmax(z), dL/dz_ij = (p_ij - [j = i]) / B. The B x (C-1)B matrix z is never whole in memory: a block of
 * rows is computed, turned into its gradient in place, multiplied into the gradients of both sides, and dropped. So the
 * gradient is made in forward and kept (the size of the embeddings); backward scales it. */
#include "losses/loss.h"

#include <math.h>
#include <string.h>

#include "autograd/base/error.h"
#include "autograd/base/threads.h"
#include "autograd/ops/ops.h"

enum { MNRL_COSINE, MNRL_DOT };

/* 4 Mi numbers, 16 MB of floats: large enough for full-speed products, small beside the activations of any batch. */
#define BLOCK_NUMBERS ((int64_t)4 << 20)
#define ROWS_PER_TASK 8

typedef struct loss_mnrl_options {
    double temperature;
    bool symmetric;
    int similarity;
} loss_mnrl_options;

static const senc_option mnrl_options[] = {
    SENC_OPTION_REAL(loss_mnrl_options, temperature, "0.05", 1e-4, 100,
                     "similarities are divided by it: 0.05 is a scale of 20"),
    SENC_OPTION_BOOLEAN(loss_mnrl_options, symmetric, "false",
                        "also let every positive pick its anchor; the loss is the mean of both directions"),
    SENC_OPTION_CHOICE(loss_mnrl_options, similarity, "cosine", "cosine|dot", "of anchor and candidate"),
    {0},
};

typedef struct mnrl_attr {
    const loss_batch *batch;
    double temperature;
    bool symmetric;
    real *gradient;   /* (C*B, D), or NULL when nobody wants it */
    double *row_loss; /* (B) of the direction at work */
} mnrl_attr;

/* One direction: each of the B rows at `row0` picks its partner (row i: candidate i) among the n_candidates rows at
 * `candidate0`. */
typedef struct direction {
    ag_node *node;
    int64_t row0, candidate0, n_candidates;
    bool transposed; /* the rows are positives and the candidates are anchors */
    double weight;   /* of one row in the loss */
} direction;

typedef struct block {
    const mnrl_attr *attr;
    const direction *way;
    int64_t first, n; /* rows */
    real *z;          /* (n, n_candidates) */
} block;

#ifdef SENC_REAL_IS_DOUBLE
#define REAL_EXP exp
#else
#define REAL_EXP expf
#endif

/* z -> the row's loss, and in place weight / temperature * (softmax(z) - [own]). */
static void softmax_row(const block *b, int64_t i) {
    const int64_t n = b->way->n_candidates, own = b->first + i;
    real *z = b->z + i * n;
    real top = z[0];
    for (int64_t j = 1; j < n; j++) top = z[j] > top ? z[j] : top;
    const double own_z = (double)(z[own] - top);
    double sum = 0;
    for (int64_t j = 0; j < n; j++) {
        z[j] = REAL_EXP(z[j] - top);
        sum += (double)z[j];
    }
    b->attr->row_loss[own] = log(sum) - own_z;
    if (b->attr->gradient == NULL) return;
    const double factor = b->way->weight / b->attr->temperature;
    const real scale = (real)(factor / sum);
    for (int64_t j = 0; j < n; j++) z[j] *= scale;
    z[own] -= (real)factor;
}

static void softmax_task(void *context, int64_t task, int thread) {
    (void)thread;
    const block *b = context;
    const int64_t end = (task + 1) * ROWS_PER_TASK < b->n ? (task + 1) * ROWS_PER_TASK : b->n;
    for (int64_t i = task * ROWS_PER_TASK; i < end; i++) softmax_row(b, i);
}

/* Masked candidates get probability 0. In the transposed direction the pair (anchor i, positive j) is masked in row j.
 */
static void mask_block(const block *b) {
    const loss_batch *batch = b->attr->batch;
    for (int64_t m = 0; m < batch->n_masked; m++) {
        int64_t row = batch->masked[m].row, column = batch->masked[m].candidate - batch->n_rows;
        if (b->way->transposed) {
            const int64_t anchor = row;
            row = column;
            column = anchor;
        }
        if (row < b->first || row >= b->first + b->n || column == row) continue;
        b->z[(row - b->first) * b->way->n_candidates + column] = -INFINITY;
    }
}

static void run_block(ag_tape *t, const block *b) {
    const ag_node *in = b->way->node->in[0];
    const int64_t d = in->cols, m = b->way->n_candidates;
    const int64_t row_at = (b->way->row0 + b->first) * d, candidate_at = b->way->candidate0 * d;
    const real *rows = in->value + row_at, *candidates = in->value + candidate_at;
    t->kernels->gemm(false, true, b->n, m, d, (real)(1.0 / b->attr->temperature), rows, d, candidates, d, 0, b->z, m);
    mask_block(b);
    senc_parallel((b->n + ROWS_PER_TASK - 1) / ROWS_PER_TASK, softmax_task, (void *)b);
    real *gradient = b->attr->gradient;
    if (gradient == NULL) return;
    t->kernels->gemm(false, false, b->n, d, m, 1, b->z, m, candidates, d, 1, gradient + row_at, d);
    t->kernels->gemm(true, false, m, d, b->n, 1, b->z, m, rows, d, 1, gradient + candidate_at, d);
}

/* The direction's part of the loss. */
static double run_direction(ag_tape *t, const direction *way) {
    const mnrl_attr *attr = way->node->attr;
    const int64_t n_rows = attr->batch->n_rows;
    int64_t step = BLOCK_NUMBERS / way->n_candidates;
    step = step < ROWS_PER_TASK ? ROWS_PER_TASK : step;
    step = step > n_rows ? n_rows : step;
    real *z = ag_scratch_take(t, step * way->n_candidates);
    if (z == NULL) return 0;
    for (int64_t first = 0; first < n_rows; first += step) {
        block b = {.attr = attr, .way = way, .first = first, .z = z};
        b.n = n_rows - first < step ? n_rows - first : step;
        run_block(t, &b);
    }
    ag_scratch_give(t, z, step * way->n_candidates);
    double sum = 0;
    for (int64_t i = 0; i < n_rows; i++) sum += attr->row_loss[i];
    return sum * way->weight;
}

static void mnrl_forward(ag_tape *t, ag_node *node) {
    const mnrl_attr *attr = node->attr;
    const int64_t n = attr->batch->n_rows, rows = node->in[0]->rows;
    if (attr->gradient != NULL) memset(attr->gradient, 0, sizeof(real) * (size_t)(rows * node->in[0]->cols));
    direction way = {.node = node, .row0 = 0, .candidate0 = n, .n_candidates = rows - n};
    way.weight = (attr->symmetric ? 0.5 : 1.0) / (double)n;
    double loss = run_direction(t, &way);
    if (attr->symmetric) {
        way.row0 = n;
        way.candidate0 = 0;
        way.n_candidates = n;
        way.transposed = true;
        loss += run_direction(t, &way);
    }
    node->value[0] = (real)loss;
}

static void mnrl_backward(ag_tape *t, ag_node *node) {
    const mnrl_attr *attr = node->attr;
    ag_grad_add(t, node->in[0], node->grad[0], attr->gradient);
}

static double mnrl_flops(const ag_node *node) {
    const mnrl_attr *attr = node->attr;
    const double b = (double)attr->batch->n_rows, d = (double)node->in[0]->cols;
    return 2 * b * d * ((double)node->in[0]->rows - b + (attr->symmetric ? b : 0));
}

static const ag_op mnrl_op = {.name = "mnrl", .forward = mnrl_forward, .backward = mnrl_backward, .flops = mnrl_flops};

static void mnrl_roles(const void *options, loss_roles *roles) {
    (void)options;
    *roles = (loss_roles){.texts = {"anchor", "positive"}, .n_texts = 2, .optional_text = "negative"};
}

static double mnrl_temperature(const void *options) {
    return ((const loss_mnrl_options *)options)->temperature;
}

static ag_node *mnrl_build(ag_tape *t, ag_node *embeddings, const loss_batch *batch, const void *options) {
    const loss_mnrl_options *o = options;
    SENC_ASSERT(batch->n_columns >= 2 && batch->n_rows >= 1, "columns %lld, rows %lld", (long long)batch->n_columns,
                (long long)batch->n_rows);
    ag_node *in = o->similarity == MNRL_COSINE ? ag_normalize(t, embeddings) : embeddings;
    ag_node *node = ag_node_create(t, &mnrl_op, 1, 1, &in, 1, sizeof(mnrl_attr));
    double *row_loss = ag_node_alloc(t, (size_t)batch->n_rows, sizeof(double));
    real *gradient = NULL;
    if (!t->failed && t->gradients && node->needs_grad)
        gradient = ag_node_alloc(t, (size_t)(in->rows * in->cols), sizeof(real));
    if (!t->failed)
        *(mnrl_attr *)node->attr = (mnrl_attr){.batch = batch,
                                               .temperature = o->temperature,
                                               .symmetric = o->symmetric,
                                               .gradient = gradient,
                                               .row_loss = row_loss};
    return ag_run(t, node);
}

static ag_node *example_pairs(ag_tape *t, ag_node **inputs) {
    static const loss_batch batch = {.n_rows = 4, .n_columns = 2};
    static const loss_mnrl_options options = {.temperature = 0.05, .similarity = MNRL_COSINE};
    return mnrl_build(t, inputs[0], &batch, &options);
}

static ag_node *example_negatives(ag_tape *t, ag_node **inputs) {
    static const loss_batch batch = {.n_rows = 3, .n_columns = 4};
    static const loss_mnrl_options options = {.temperature = 0.1, .similarity = MNRL_DOT};
    return mnrl_build(t, inputs[0], &batch, &options);
}

static ag_node *example_symmetric(ag_tape *t, ag_node **inputs) {
    static const loss_batch batch = {.n_rows = 3, .n_columns = 3};
    static const loss_mnrl_options options = {.temperature = 0.2, .symmetric = true, .similarity = MNRL_COSINE};
    return mnrl_build(t, inputs[0], &batch, &options);
}

static ag_node *example_masked(ag_tape *t, ag_node **inputs) {
    /* candidates: positives 4..7, negatives 8..11 */
    static const loss_masked masked[] = {{0, 6}, {0, 11}, {2, 4}, {3, 8}};
    static const loss_batch batch = {.n_rows = 4, .n_columns = 3, .masked = masked, .n_masked = 4};
    static const loss_mnrl_options options = {.temperature = 0.3, .symmetric = true, .similarity = MNRL_COSINE};
    return mnrl_build(t, inputs[0], &batch, &options);
}

static ag_node *example_alone(ag_tape *t, ag_node **inputs) {
    static const loss_batch batch = {.n_rows = 1, .n_columns = 3};
    static const loss_mnrl_options options = {.temperature = 0.5, .similarity = MNRL_COSINE};
    return mnrl_build(t, inputs[0], &batch, &options);
}

/* One pair alone has no negative. */
static int64_t mnrl_least_rows(const void *options, int64_t n_columns) {
    (void)options;
    return n_columns > 2 ? 1 : 2;
}

static const ag_example mnrl_examples[] = {
    {"mnrl, pairs", 1, {{8, 5}}, -1, 1, example_pairs},
    {"mnrl, dot, two hard negatives", 1, {{12, 3}}, -1, 1, example_negatives},
    {"mnrl, symmetric with a hard negative", 1, {{9, 4}}, -1, 1, example_symmetric},
    {"mnrl, symmetric, masked", 1, {{12, 6}}, -1, 1, example_masked},
    {"mnrl, one row with a hard negative", 1, {{3, 4}}, -1, 1, example_alone},
    {0},
};

const loss_spec loss_mnrl_spec = {
    .name = "mnrl",
    .aliases = "infonce",
    .help = "multiple-negatives ranking: pick the positive among all positives and hard negatives of the batch",
    .options = mnrl_options,
    .options_bytes = sizeof(loss_mnrl_options),
    .roles = mnrl_roles,
    .build = mnrl_build,
    .temperature = mnrl_temperature,
    .least_rows = mnrl_least_rows,
    .in_batch_negatives = true,
    .examples = mnrl_examples,
};
