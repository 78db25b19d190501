/* See eigen.h. Everything works on rows: z holds the transposed matrix of eigenvectors, so that inner loops run along
 * memory. */
#include "eval/solvers/eigen.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "autograd/base/memory.h"
#include "autograd/base/threads.h"

/* A tridiagonal matrix: diagonal d (n), beside it e (n), e[0] unused. */
typedef struct eigen_work {
    double *z; /* (n, n); row j is what is to become eigenvector j, after reduce */
    double *d, *e;
    int64_t n;
    bool vectors; /* else only values are made */
} eigen_work;

static double dot(const double *a, const double *b, int64_t n) {
    double sum = 0;
    for (int64_t k = 0; k < n; k++) sum += a[k] * b[k];
    return sum;
}

/* The two passes over the leading block of a reflection, a row at a time. */
typedef struct reflect_task {
    double *z, *p;
    const double *u;
    double h;
    int64_t n, m;
} reflect_task;

/* p = A u / h */
static void multiply_row(void *context, int64_t j, int thread) {
    (void)thread;
    const reflect_task *t = context;
    t->p[j] = dot(t->z + j * t->n, t->u, t->m) / t->h;
}

/* A - u q' - q u', q in p */
static void update_row(void *context, int64_t j, int thread) {
    (void)thread;
    const reflect_task *t = context;
    double *restrict row = t->z + j * t->n;
    const double uj = t->u[j], pj = t->p[j];
    for (int64_t k = 0; k < t->m; k++) row[k] -= uj * t->p[k] + pj * t->u[k];
}

/* Row i of the matrix is reflected onto its last element before the diagonal: u = row - sign * |row| * unit. The
 * reflection is I - u u' / h; u stays in row i, h in d[i]. */
static void reflect_row(eigen_work *w, int64_t i) {
    const int64_t n = w->n, m = i; /* the leading m x m block is changed */
    double *u = w->z + i * n, *p = w->e;
    double scale = 0;
    for (int64_t k = 0; k < m; k++) scale += fabs(u[k]);
    if (m < 2 || scale == 0) {
        p[i] = m > 0 ? u[m - 1] : 0;
        w->d[i] = 0;
        return;
    }
    double h = 0;
    for (int64_t k = 0; k < m; k++) {
        u[k] /= scale;
        h += u[k] * u[k];
    }
    const double f = u[m - 1], g = f >= 0 ? -sqrt(h) : sqrt(h);
    const double beside = scale * g;
    h -= f * g;
    u[m - 1] = f - g;
    reflect_task task = {w->z, p, u, h, n, m};
    senc_parallel(m, multiply_row, &task);
    const double half = dot(p, u, m) / (h + h);
    for (int64_t j = 0; j < m; j++) p[j] -= half * u[j]; /* q = p - (u'p / 2h) u */
    senc_parallel(m, update_row, &task);
    p[i] = beside;
    w->d[i] = h;
}

/* Rows of the product of reflections so far times one more. */
static void reflect_product_row(void *context, int64_t j, int thread) {
    (void)thread;
    const reflect_task *t = context;
    double *restrict row = t->z + j * t->n;
    const double g = dot(row, t->u, t->m) / t->h;
    for (int64_t k = 0; k < t->m; k++) row[k] -= g * t->u[k];
}

/* z holds the vectors u below the diagonal, d their h: z becomes the product of the reflections, transposed; d the
 * diagonal of the tridiagonal matrix, which stands on z's. */
static void multiply_reflections(eigen_work *w) {
    const int64_t n = w->n;
    w->d[0] = 0;
    for (int64_t i = 0; i < n; i++) {
        double *u = w->z + i * n;
        reflect_task task = {.z = w->z, .u = u, .h = w->d[i], .n = n, .m = i};
        if (task.h != 0) senc_parallel(i, reflect_product_row, &task);
        w->d[i] = u[i];
        for (int64_t k = 0; k < i; k++) {
            u[k] = 0;
            w->z[k * n + i] = 0;
        }
        u[i] = 1;
    }
}

/* Tridiagonal form in d and e. */
static void reduce(eigen_work *w) {
    for (int64_t i = w->n - 1; i >= 1; i--) reflect_row(w, i); /* e[0..i-1] is scratch in it, e[i] its result */
    if (w->vectors)
        multiply_reflections(w);
    else
        for (int64_t i = 0; i < w->n; i++) w->d[i] = w->z[i * w->n + i];
    w->e[0] = 0;
}

/* One rotation of the planes i and i + 1 of the eigenvectors. */
static void rotate(eigen_work *w, int64_t i, double c, double s) {
    double *a = w->z + i * w->n, *b = a + w->n;
    for (int64_t k = 0; k < w->n; k++) {
        const double f = b[k];
        b[k] = s * a[k] + c * f;
        a[k] = c * a[k] - s * f;
    }
}

/* An implicit QL step on the block l..m. */
static void ql_step(eigen_work *w, int64_t l, int64_t m) {
    double *d = w->d, *e = w->e;
    double g = (d[l + 1] - d[l]) / (2 * e[l]);
    double r = hypot(g, 1);
    g = d[m] - d[l] + e[l] / (g + (g >= 0 ? r : -r));
    double s = 1, c = 1, p = 0;
    for (int64_t i = m - 1; i >= l; i--) {
        double f = s * e[i];
        const double b = c * e[i];
        r = hypot(f, g);
        e[i + 1] = r;
        if (r == 0) {
            d[i + 1] -= p;
            e[m] = 0;
            return;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - p;
        r = (d[i] - g) * s + 2 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
        if (w->vectors) rotate(w, i, c, s);
    }
    d[l] -= p;
    e[l] = g;
    e[m] = 0;
}

#define MOST_STEPS 60 /* of one eigenvalue; a few are usual */

static bool diagonalise(eigen_work *w) {
    double *d = w->d, *e = w->e;
    for (int64_t i = 1; i < w->n; i++) e[i - 1] = e[i];
    e[w->n - 1] = 0;
    for (int64_t l = 0; l < w->n; l++) {
        for (int step = 0;; step++) {
            int64_t m = l;
            while (m + 1 < w->n && fabs(e[m]) > DBL_EPSILON * (fabs(d[m]) + fabs(d[m + 1]))) m++;
            if (m == l) break;
            if (step == MOST_STEPS) return false;
            ql_step(w, l, m);
        }
    }
    return true;
}

/* Largest eigenvalue first; the largest number of each vector is positive. */
static void order(eigen_work *w) {
    for (int64_t i = 0; i < w->n; i++) {
        int64_t best = i;
        for (int64_t j = i + 1; j < w->n; j++)
            if (w->d[j] > w->d[best]) best = j;
        const double value = w->d[best];
        w->d[best] = w->d[i];
        w->d[i] = value;
        if (!w->vectors) continue;
        double *a = w->z + i * w->n, *b = w->z + best * w->n, largest = 0;
        for (int64_t k = 0; k < w->n; k++) {
            const double x = b[k];
            b[k] = a[k];
            a[k] = x;
            if (fabs(x) > fabs(largest)) largest = x;
        }
        for (int64_t k = 0; largest < 0 && k < w->n; k++) a[k] = -a[k];
    }
}

static bool solve(double *a, int64_t n, double *values, bool vectors, senc_error *err) {
    eigen_work w = {.z = a, .d = values, .n = n, .vectors = vectors};
    w.e = senc_alloc_zero((size_t)n, sizeof *w.e);
    if (!w.e) return senc_fail_memory(err, (size_t)n * sizeof *w.e, "eigenvalues");
    reduce(&w);
    const bool ok = diagonalise(&w);
    if (ok) order(&w);
    free(w.e);
    return ok || senc_fail(err, SENC_FAILED, "eigenvalues of a %lld x %lld matrix: no convergence in %d steps",
                           (long long)n, (long long)n, MOST_STEPS);
}

bool eval_eigen_symmetric(double *a, int64_t n, double *values, senc_error *err) {
    return solve(a, n, values, true, err);
}

bool eval_eigenvalues(double *a, int64_t n, double *values, senc_error *err) {
    return solve(a, n, values, false, err);
}
