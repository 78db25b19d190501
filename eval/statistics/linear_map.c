/* A learned linear map: see linear_map.h. The normal equations (X'X + lambda I) W = X'Y in double, by Cholesky. */
#include "eval/statistics/linear_map.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/threads.h"
#include "eval/metrics/similarity.h"

typedef struct fit {
    const float *x, *y;
    int64_t from, to, n;
    int64_t modulo;         /* rows with i % 5 == 4 are left out of the sums (-1: none) */
    double *scale_x;        /* (n) 1 / length */
    double *scale_y;        /* (n) */
    double *gram, *product; /* (from, from), (from, to) */
    double *factor;         /* (from, from) */
    double *solution;       /* (from, to) */
} fit;

static bool is_left_out(const fit *f, int64_t i) {
    return f->modulo >= 0 && i % 5 == f->modulo;
}

/* Row r of X'X and of X'Y. */
static void sum_row(void *context, int64_t r, int thread) {
    (void)thread;
    const fit *f = context;
    double *gram = f->gram + r * f->from, *product = f->product + r * f->to;
    memset(gram, 0, (size_t)f->from * sizeof *gram);
    memset(product, 0, (size_t)f->to * sizeof *product);
    for (int64_t i = 0; i < f->n; i++) {
        if (is_left_out(f, i)) continue;
        const float *x = f->x + i * f->from, *y = f->y + i * f->to;
        const double a = (double)x[r] * f->scale_x[i] * f->scale_x[i];
        const double b = (double)x[r] * f->scale_x[i] * f->scale_y[i];
        for (int64_t k = 0; k <= r; k++) gram[k] += a * (double)x[k];
        for (int64_t k = 0; k < f->to; k++) product[k] += b * (double)y[k];
    }
}

/* Lower Cholesky factor of gram + lambda I. False: not positive definite. */
static bool factorize(const fit *f, double lambda) {
    const int64_t d = f->from;
    for (int64_t i = 0; i < d; i++) {
        double *row = f->factor + i * d;
        for (int64_t j = 0; j <= i; j++) {
            const double *other = f->factor + j * d;
            double sum = f->gram[i * d + j] + (i == j ? lambda : 0);
            for (int64_t k = 0; k < j; k++) sum -= row[k] * other[k];
            if (i == j && !(sum > 0)) return false;
            row[j] = i == j ? sqrt(sum) : sum / other[j];
        }
    }
    return true;
}

/* solution = (L L')^-1 product, all columns together so that the inner loops run over memory. */
static void solve(const fit *f) {
    const int64_t d = f->from, m = f->to;
    memcpy(f->solution, f->product, (size_t)(d * m) * sizeof *f->solution);
    for (int64_t i = 0; i < d; i++) {
        double *row = f->solution + i * m;
        for (int64_t k = 0; k < i; k++) {
            const double l = f->factor[i * d + k], *other = f->solution + k * m;
            for (int64_t c = 0; c < m; c++) row[c] -= l * other[c];
        }
        for (int64_t c = 0; c < m; c++) row[c] /= f->factor[i * d + i];
    }
    for (int64_t i = d - 1; i >= 0; i--) {
        double *row = f->solution + i * m;
        for (int64_t k = i + 1; k < d; k++) {
            const double l = f->factor[k * d + i], *other = f->solution + k * m;
            for (int64_t c = 0; c < m; c++) row[c] -= l * other[c];
        }
        for (int64_t c = 0; c < m; c++) row[c] /= f->factor[i * d + i];
    }
}

static bool solve_with(const fit *f, double ridge, eval_linear_map *map) {
    double trace = 0;
    for (int64_t i = 0; i < f->from; i++) trace += f->gram[i * f->from + i];
    if (!factorize(f, ridge * trace / (double)f->from)) return false;
    solve(f);
    for (int64_t i = 0; i < f->from * f->to; i++) map->weights[i] = (float)f->solution[i];
    map->ridge = ridge;
    return true;
}

/* Mean cosine on the rows that were left out. */
static double judge(const fit *f, const eval_linear_map *map, float *mapped) {
    double sum = 0;
    int64_t n = 0;
    for (int64_t i = 0; i < f->n; i++) {
        if (!is_left_out(f, i)) continue;
        eval_linear_map_apply(map, f->x + i * f->from, 1, mapped);
        sum += eval_similarity_of(EVAL_COSINE, mapped, f->y + i * f->to, f->to);
        n++;
    }
    return n > 0 ? sum / (double)n : -1;
}

/* The ridge with the best cosine on a fifth of the rows, then all rows with it. */
static bool choose_and_fit(fit *f, eval_linear_map *map, float *mapped) {
    static const double ridges[] = {1e-3, 1e-2, 1e-1, 1, 10};
    double best = 1, best_cosine = -2;
    f->modulo = 4;
    senc_parallel(f->from, sum_row, f);
    for (size_t i = 0; i < sizeof ridges / sizeof *ridges; i++) {
        if (!solve_with(f, ridges[i], map)) continue;
        const double cosine = judge(f, map, mapped);
        if (cosine <= best_cosine) continue;
        best_cosine = cosine;
        best = ridges[i];
    }
    f->modulo = -1;
    senc_parallel(f->from, sum_row, f);
    return solve_with(f, best, map);
}

static double *scales_of(const float *x, int64_t n, int64_t width) {
    double *scales = senc_alloc((size_t)n, sizeof *scales);
    for (int64_t i = 0; scales && i < n; i++) scales[i] = 1 / eval_vector_length(x + i * width, width);
    return scales;
}

bool eval_linear_map_fit(const float *x, int64_t from, const float *y, int64_t to, int64_t n, eval_linear_map *map,
                         senc_error *err) {
    fit f = {.x = x, .y = y, .from = from, .to = to, .n = n};
    *map = (eval_linear_map){.from = from, .to = to, .n_fitted = n};
    map->weights = senc_alloc((size_t)(from * to), sizeof *map->weights);
    f.scale_x = scales_of(x, n, from);
    f.scale_y = scales_of(y, n, to);
    f.gram = senc_alloc((size_t)(from * from), sizeof *f.gram);
    f.factor = senc_alloc_zero((size_t)(from * from), sizeof *f.factor);
    f.product = senc_alloc((size_t)(from * to), sizeof *f.product);
    f.solution = senc_alloc((size_t)(from * to), sizeof *f.solution);
    float *mapped = senc_alloc((size_t)to, sizeof *mapped);
    bool ok = map->weights && f.scale_x && f.scale_y && f.gram && f.factor && f.product && f.solution && mapped;
    if (!ok)
        senc_fail_memory(err, (size_t)(2 * from * (from + to)) * sizeof(double), "a linear map");
    else
        ok = choose_and_fit(&f, map, mapped) ||
             senc_fail(err, SENC_FAILED, "a linear map cannot be fitted to these vectors: all of them are 0");
    free(f.scale_x);
    free(f.scale_y);
    free(f.gram);
    free(f.factor);
    free(f.product);
    free(f.solution);
    free(mapped);
    if (!ok) eval_linear_map_free(map);
    return ok;
}

void eval_linear_map_free(eval_linear_map *map) {
    free(map->weights);
    *map = (eval_linear_map){0};
}

void eval_linear_map_apply(const eval_linear_map *map, const float *x, int64_t n, float *out) {
    for (int64_t i = 0; i < n; i++) {
        float *row = out + i * map->to;
        memset(row, 0, (size_t)map->to * sizeof *row);
        for (int64_t k = 0; k < map->from; k++) {
            const float a = x[i * map->from + k], *w = map->weights + k * map->to;
            for (int64_t c = 0; c < map->to; c++) row[c] += a * w[c];
        }
    }
}

bool eval_linear_map_cosine(const eval_linear_map *map, const float *x, const float *y, int64_t n, double *cosine,
                            senc_error *err) {
    float *mapped = senc_alloc((size_t)map->to, sizeof *mapped);
    if (!mapped) return senc_fail_memory(err, (size_t)map->to * sizeof *mapped, "a linear map");
    *cosine = 0;
    for (int64_t i = 0; i < n; i++) {
        eval_linear_map_apply(map, x + i * map->from, 1, mapped);
        *cosine += eval_similarity_of(EVAL_COSINE, mapped, y + i * map->to, map->to) / (double)n;
    }
    free(mapped);
    return true;
}
