/* r = sum (x - mx)(y - my) / sqrt(sum (x - mx)^2 sum (y - my)^2); rho = r of average ranks (Spearman 1904; Kendall 1945
 * for ties). */
#include "eval/metrics/correlation.h"

#include <math.h>
#include <stdlib.h>

#include "autograd/base/memory.h"

static double mean_of(const double *x, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i];
    return sum / (double)n;
}

static bool all_finite(const double *x, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(x[i])) return false;
    return true;
}

/* The mean of equal numbers may differ from them by a rounding, so "equal" is asked of the numbers themselves. */
static bool all_equal(const double *x, int64_t n) {
    for (int64_t i = 1; i < n; i++)
        if (x[i] != x[0]) return false;
    return true;
}

double eval_pearson(const double *x, const double *y, int64_t n) {
    if (n < 2 || !all_finite(x, n) || !all_finite(y, n) || all_equal(x, n) || all_equal(y, n)) return NAN;
    const double mx = mean_of(x, n), my = mean_of(y, n);
    double xx = 0, yy = 0, xy = 0;
    for (int64_t i = 0; i < n; i++) {
        const double a = x[i] - mx, b = y[i] - my;
        xx += a * a;
        yy += b * b;
        xy += a * b;
    }
    const double r = xy / (sqrt(xx) * sqrt(yy));
    return r > 1 ? 1 : r < -1 ? -1 : r;
}

typedef struct placed {
    double x;
    int64_t index;
} placed;

static int by_x(const void *a, const void *b) {
    const placed *p = a, *q = b;
    return (p->x > q->x) - (p->x < q->x);
}

bool eval_average_ranks(const double *x, int64_t n, double *ranks, senc_error *err) {
    placed *order = senc_alloc((size_t)n, sizeof(*order));
    if (order == NULL) return senc_fail_memory(err, (size_t)n * sizeof(*order), "ranks");
    for (int64_t i = 0; i < n; i++) order[i] = (placed){x[i], i};
    qsort(order, (size_t)n, sizeof(*order), by_x);
    for (int64_t first = 0, end; first < n; first = end) {
        for (end = first + 1; end < n && order[end].x == order[first].x; end++) {
        }
        const double rank = (double)(first + 1 + end) / 2; /* mean of first + 1 .. end */
        for (int64_t i = first; i < end; i++) ranks[order[i].index] = rank;
    }
    free(order);
    return true;
}

bool eval_spearman(const double *x, const double *y, int64_t n, double *rho, senc_error *err) {
    *rho = NAN;
    if (n < 2 || !all_finite(x, n) || !all_finite(y, n)) return true;
    double *ranks = senc_alloc(2 * (size_t)n, sizeof(*ranks));
    if (ranks == NULL) return senc_fail_memory(err, 2 * (size_t)n * sizeof(*ranks), "ranks");
    const bool ok = eval_average_ranks(x, n, ranks, err) && eval_average_ranks(y, n, ranks + n, err);
    if (ok) *rho = eval_pearson(ranks, ranks + n, n);
    free(ranks);
    return ok;
}
