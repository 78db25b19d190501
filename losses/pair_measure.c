/* Pairwise measures with their gradients. With c the cosine, m = max(|.|, eps), e = a - b + shift, d = |e|:
 *     cosine      dc/da = b / (m_a m_b) - c a / m_a^2
 *     Euclidean   dd/da = e / d
 *     Manhattan   dd/da = sign(e)
 * and dd/db = -dd/da for the two distances. Sums run in double; backward walks the pairs in order, because two pairs
 * may share a row. */
#include "losses/pair_measure.h"

#include <math.h>
#include <string.h>

#include "autograd/base/error.h"

typedef struct measure_attr {
    loss_pair *pairs;
    int64_t n_pairs;
    loss_measure_rule rule;
} measure_attr;

typedef struct cosine_parts {
    double length_a, length_b; /* as they are */
    double m_a, m_b;           /* not below eps */
    double cosine;
} cosine_parts;

static cosine_parts cosine_of(const real *a, const real *b, int64_t d, double eps) {
    double aa = 0, bb = 0, ab = 0;
    for (int64_t i = 0; i < d; i++) {
        const double x = (double)a[i], y = (double)b[i];
        aa += x * x;
        bb += y * y;
        ab += x * y;
    }
    cosine_parts p = {.length_a = sqrt(aa), .length_b = sqrt(bb)};
    p.m_a = fmax(p.length_a, eps);
    p.m_b = fmax(p.length_b, eps);
    p.cosine = ab / (p.m_a * p.m_b);
    return p;
}

static double euclidean_of(const real *a, const real *b, int64_t d, double shift) {
    double sum = 0;
    for (int64_t i = 0; i < d; i++) {
        const double e = (double)a[i] - (double)b[i] + shift;
        sum += e * e;
    }
    return sqrt(sum);
}

static double manhattan_of(const real *a, const real *b, int64_t d, double shift) {
    double sum = 0;
    for (int64_t i = 0; i < d; i++) sum += fabs((double)a[i] - (double)b[i] + shift);
    return sum;
}

double loss_measure_rows(loss_measure_rule rule, const real *a, const real *b, int64_t d) {
    switch (rule.measure) {
    case LOSS_COSINE_SIMILARITY:
        return cosine_of(a, b, d, rule.eps).cosine;
    case LOSS_COSINE_DISTANCE:
        return 1.0 - cosine_of(a, b, d, rule.eps).cosine;
    case LOSS_EUCLIDEAN:
        return euclidean_of(a, b, d, rule.shift);
    case LOSS_MANHATTAN:
        return manhattan_of(a, b, d, rule.shift);
    }
    return NAN; /* not reached: all cases return */
}

static void measure_forward(ag_tape *t, ag_node *node) {
    (void)t;
    const measure_attr *attr = node->attr;
    const int64_t d = node->in[0]->cols;
    const real *x = node->in[0]->value;
    for (int64_t p = 0; p < attr->n_pairs; p++)
        node->value[p] = (real)loss_measure_rows(attr->rule, x + attr->pairs[p].a * d, x + attr->pairs[p].b * d, d);
}

/* da, db += slope * d cosine. */
static void cosine_backward(const real *a, const real *b, int64_t d, double eps, double slope, real *da, real *db) {
    const cosine_parts p = cosine_of(a, b, d, eps);
    const double cross = slope / (p.m_a * p.m_b);
    if (p.length_a > eps) {
        const double own = slope * p.cosine / (p.m_a * p.m_a);
        for (int64_t i = 0; i < d; i++) da[i] += (real)(cross * (double)b[i] - own * (double)a[i]);
    }
    if (p.length_b > eps) {
        const double own = slope * p.cosine / (p.m_b * p.m_b);
        for (int64_t i = 0; i < d; i++) db[i] += (real)(cross * (double)a[i] - own * (double)b[i]);
    }
}

static void euclidean_backward(const real *a, const real *b, int64_t d, double shift, double slope, real *da,
                               real *db) {
    const double distance = euclidean_of(a, b, d, shift);
    if (distance == 0) return;
    const double factor = slope / distance;
    for (int64_t i = 0; i < d; i++) {
        const double g = factor * ((double)a[i] - (double)b[i] + shift);
        da[i] += (real)g;
        db[i] -= (real)g;
    }
}

static void manhattan_backward(const real *a, const real *b, int64_t d, double shift, double slope, real *da,
                               real *db) {
    for (int64_t i = 0; i < d; i++) {
        const double e = (double)a[i] - (double)b[i] + shift;
        const double g = e > 0 ? slope : e < 0 ? -slope : 0;
        da[i] += (real)g;
        db[i] -= (real)g;
    }
}

static void measure_backward(ag_tape *t, ag_node *node) {
    const measure_attr *attr = node->attr;
    const loss_measure_rule rule = attr->rule;
    ag_node *in = node->in[0];
    const int64_t d = in->cols;
    real *dx = ag_grad_sum(t, in);
    if (dx == NULL) return;
    for (int64_t p = 0; p < attr->n_pairs; p++) {
        const double slope = (double)node->grad[p];
        const int64_t a = attr->pairs[p].a * d, b = attr->pairs[p].b * d;
        if (slope == 0) continue;
        if (rule.measure == LOSS_EUCLIDEAN)
            euclidean_backward(in->value + a, in->value + b, d, rule.shift, slope, dx + a, dx + b);
        else if (rule.measure == LOSS_MANHATTAN)
            manhattan_backward(in->value + a, in->value + b, d, rule.shift, slope, dx + a, dx + b);
        else
            cosine_backward(in->value + a, in->value + b, d, rule.eps,
                            rule.measure == LOSS_COSINE_DISTANCE ? -slope : slope, dx + a, dx + b);
    }
}

static double measure_flops(const ag_node *node) {
    return 6.0 * (double)node->cols * (double)node->in[0]->cols;
}

/* Checked through the losses that use it. */
static const ag_op measure_op = {
    .name = "pair_measure", .forward = measure_forward, .backward = measure_backward, .flops = measure_flops};

/* A node with room for its pairs; attr and pairs are NULL once the tape has failed. */
static ag_node *measure_create(ag_tape *t, ag_node *x, int64_t n_pairs, loss_measure_rule rule) {
    SENC_ASSERT(n_pairs >= 1, "n_pairs %lld", (long long)n_pairs);
    ag_node *node = ag_node_create(t, &measure_op, 1, n_pairs, &x, 1, sizeof(measure_attr));
    loss_pair *pairs = ag_node_alloc(t, (size_t)n_pairs, sizeof(loss_pair));
    if (node->attr == NULL || pairs == NULL) return node;
    *(measure_attr *)node->attr = (measure_attr){.pairs = pairs, .n_pairs = n_pairs, .rule = rule};
    return node;
}

static loss_pair *pairs_of(const ag_tape *t, ag_node *node) {
    return t->failed || node->attr == NULL ? NULL : ((measure_attr *)node->attr)->pairs;
}

ag_node *loss_pair_measure(ag_tape *t, ag_node *x, const loss_pair *pairs, int64_t n_pairs, loss_measure_rule rule) {
    ag_node *node = measure_create(t, x, n_pairs, rule);
    loss_pair *own = pairs_of(t, node);
    if (own != NULL) memcpy(own, pairs, sizeof(*own) * (size_t)n_pairs);
    return ag_run(t, node);
}

ag_node *loss_column_measure(ag_tape *t, ag_node *embeddings, int64_t n_rows, int64_t n_columns,
                             loss_measure_rule rule) {
    AG_CHECK(t, n_columns >= 2 && embeddings->rows == n_rows * n_columns, "columns %lld, rows %lld, matrix rows %lld",
             (long long)n_columns, (long long)n_rows, (long long)embeddings->rows);
    const int64_t n_pairs = (n_columns - 1) * n_rows;
    ag_node *node = measure_create(t, embeddings, n_pairs, rule);
    loss_pair *own = pairs_of(t, node);
    for (int64_t p = 0; own != NULL && p < n_pairs; p++) own[p] = (loss_pair){p % n_rows, n_rows + p};
    return ag_run(t, node);
}
