/* See kmeans.h. Distances are |x|^2 - 2 x.c + |c|^2 in double with exact vectors. */
#include "eval/solvers/kmeans.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/rng.h"
#include "autograd/base/threads.h"
#include "autograd/kernels/kernels.h"

#define BLOCK 128 /* vectors that go through all centres while they are in the cache */

typedef struct kmeans {
    const kern_scan *kernels;
    const float *x;
    const float **rows; /* (n) */
    int64_t n, width, k, n_blocks;
    double *squares;        /* (n) |x|^2 */
    double *centres;        /* (k, width) */
    double *centre_squares; /* (k) */
    int64_t *assigned;      /* (n) the nearest centre */
    int64_t *clusters;      /* (n) the same, or another where a cluster would be empty */
    double *distances;      /* (n) squared, to the own centre */
    int64_t *changed;       /* (n_blocks) vectors that changed their cluster */
    double *products;       /* (n) of one centre */
    double *nearest;        /* (n) while choosing: squared distance to the nearest centre with the candidate */
    double *best_nearest;   /* (n) */
    int64_t *starts;        /* (k + 1) members[starts[c] ..] belong to cluster c */
    int64_t *members;       /* (n) */
} kmeans;

/* ---- starts ---- */

typedef struct candidate_task {
    const kmeans *s;
    const double *centre;
    double centre_square;
} candidate_task;

/* nearest = min(distances, squared distance to the candidate) */
static void candidate_block(void *context, int64_t block, int thread) {
    (void)thread;
    const candidate_task *t = context;
    const kmeans *s = t->s;
    const int64_t first = block * BLOCK, end = first + BLOCK < s->n ? first + BLOCK : s->n;
    s->kernels->dots(s->width, t->centre, end - first, s->rows + first, s->products + first);
    for (int64_t i = first; i < end; i++)
        s->nearest[i] = fmin(s->distances[i], fmax(0, s->squares[i] - 2 * s->products[i] + t->centre_square));
}

static void copy_vector(const kmeans *s, int64_t i, double *centre) {
    for (int64_t c = 0; c < s->width; c++) centre[c] = (double)s->x[i * s->width + c];
}

static double try_candidate(kmeans *s, int64_t i, double *centre) {
    copy_vector(s, i, centre);
    candidate_task t = {s, centre, s->squares[i]};
    senc_parallel(s->n_blocks, candidate_block, &t);
    double sum = 0;
    for (int64_t j = 0; j < s->n; j++) sum += s->nearest[j];
    return sum;
}

/* A vector with probability in proportion to distances; any when all are zero. */
static int64_t draw(const kmeans *s, senc_rng *rng, double potential) {
    if (!(potential > 0)) return (int64_t)senc_rng_below(rng, (uint64_t)s->n);
    double left = senc_rng_uniform(rng) * potential;
    for (int64_t i = 0; i < s->n; i++) {
        left -= s->distances[i];
        if (left < 0) return i;
    }
    return s->n - 1;
}

/* Greedy: of 2 + log k draws the one that lowers the sum of distances most (as scikit-learn does). */
static void choose_centres(kmeans *s, senc_rng *rng) {
    const int n_draws = 2 + (int)log((double)s->k);
    for (int64_t i = 0; i < s->n; i++) s->distances[i] = INFINITY;
    double potential = try_candidate(s, (int64_t)senc_rng_below(rng, (uint64_t)s->n), s->centres);
    memcpy(s->distances, s->nearest, (size_t)s->n * sizeof *s->distances);
    for (int64_t c = 1; c < s->k; c++) {
        double best = INFINITY;
        int64_t chosen = 0;
        for (int d = 0; d < n_draws; d++) {
            const int64_t i = draw(s, rng, potential);
            const double sum = try_candidate(s, i, s->centres + c * s->width);
            if (!(sum < best)) continue;
            best = sum;
            chosen = i;
            double *swap = s->nearest;
            s->nearest = s->best_nearest;
            s->best_nearest = swap;
        }
        copy_vector(s, chosen, s->centres + c * s->width);
        memcpy(s->distances, s->best_nearest, (size_t)s->n * sizeof *s->distances);
        potential = best;
    }
}

/* ---- iterations ---- */

static void assign_block(void *context, int64_t block, int thread) {
    (void)thread;
    kmeans *s = context;
    const int64_t first = block * BLOCK, end = first + BLOCK < s->n ? first + BLOCK : s->n;
    double products[BLOCK], least[BLOCK];
    int64_t nearest[BLOCK] = {0};
    for (int64_t i = 0; i < end - first; i++) least[i] = INFINITY;
    for (int64_t c = 0; c < s->k; c++) {
        s->kernels->dots(s->width, s->centres + c * s->width, end - first, s->rows + first, products);
        for (int64_t i = 0; i < end - first; i++) {
            const double distance = s->centre_squares[c] - 2 * products[i];
            if (!(distance < least[i])) continue;
            least[i] = distance;
            nearest[i] = c;
        }
    }
    s->changed[block] = 0;
    for (int64_t i = first; i < end; i++) {
        s->changed[block] += s->assigned[i] != nearest[i - first];
        s->clusters[i] = s->assigned[i] = nearest[i - first];
        s->distances[i] = fmax(0, least[i - first] + s->squares[i]);
    }
}

/* Every vector to its nearest centre, the first of several; how many changed. */
static int64_t assign(kmeans *s) {
    for (int64_t c = 0; c < s->k; c++) {
        double sum = 0;
        for (int64_t i = 0; i < s->width; i++) sum += s->centres[c * s->width + i] * s->centres[c * s->width + i];
        s->centre_squares[c] = sum;
    }
    senc_parallel(s->n_blocks, assign_block, s);
    int64_t changed = 0;
    for (int64_t b = 0; b < s->n_blocks; b++) changed += s->changed[b];
    return changed;
}

static void average_task(void *context, int64_t c, int thread) {
    (void)thread;
    const kmeans *s = context;
    double *centre = s->centres + c * s->width;
    memset(centre, 0, (size_t)s->width * sizeof *centre);
    for (int64_t m = s->starts[c]; m < s->starts[c + 1]; m++) {
        const float *x = s->rows[s->members[m]];
        for (int64_t i = 0; i < s->width; i++) centre[i] += (double)x[i];
    }
    const double n = (double)(s->starts[c + 1] - s->starts[c]);
    for (int64_t i = 0; i < s->width; i++) centre[i] /= n;
}

/* An empty cluster takes the vector that is farthest from its centre. */
static void fill_empty(kmeans *s, int64_t *counts) {
    for (int64_t c = 0; c < s->k; c++) {
        if (counts[c] > 0) continue;
        int64_t far = -1;
        for (int64_t i = 0; i < s->n; i++)
            if (counts[s->clusters[i]] > 1 && (far < 0 || s->distances[i] > s->distances[far])) far = i;
        if (far < 0) return; /* not reached: there are at least as many vectors as clusters */
        counts[s->clusters[far]]--;
        counts[c]++;
        s->clusters[far] = c;
        s->distances[far] = 0;
    }
}

static void average(kmeans *s) {
    int64_t *counts = s->starts;
    memset(counts, 0, (size_t)(s->k + 1) * sizeof *counts);
    for (int64_t i = 0; i < s->n; i++) counts[s->clusters[i]]++;
    fill_empty(s, counts);
    int64_t at = 0;
    for (int64_t c = 0; c <= s->k; c++) { /* counts become ends of the clusters before */
        const int64_t count = c < s->k ? counts[c] : 0;
        counts[c] = at;
        at += count;
    }
    for (int64_t i = 0; i < s->n; i++) s->members[s->starts[s->clusters[i]]++] = i;
    for (int64_t c = s->k; c > 0; c--) s->starts[c] = s->starts[c - 1];
    s->starts[0] = 0;
    senc_parallel(s->k, average_task, s);
}

static void run_start(kmeans *s, int64_t max_iterations, eval_kmeans_outcome *outcome) {
    *outcome = (eval_kmeans_outcome){0};
    for (int64_t i = 0; i < s->n; i++) s->assigned[i] = -1;
    while (assign(s) > 0 && outcome->n_iterations < max_iterations) {
        average(s);
        outcome->n_iterations++;
    }
    outcome->converged = outcome->n_iterations < max_iterations;
    for (int64_t i = 0; i < s->n; i++) outcome->inertia += s->distances[i];
}

/* ---- memory ---- */

static bool take_memory(kmeans *s) {
    const size_t n = (size_t)s->n, k = (size_t)s->k;
    s->rows = senc_alloc(n, sizeof *s->rows);
    s->squares = senc_alloc(n, sizeof *s->squares);
    s->centres = senc_alloc(k * (size_t)s->width, sizeof *s->centres);
    s->centre_squares = senc_alloc(k, sizeof *s->centre_squares);
    s->assigned = senc_alloc(n, sizeof *s->assigned);
    s->clusters = senc_alloc(n, sizeof *s->clusters);
    s->distances = senc_alloc(n, sizeof *s->distances);
    s->changed = senc_alloc((size_t)s->n_blocks, sizeof *s->changed);
    s->products = senc_alloc(n, sizeof *s->products);
    s->nearest = senc_alloc(n, sizeof *s->nearest);
    s->best_nearest = senc_alloc(n, sizeof *s->best_nearest);
    s->starts = senc_alloc(k + 1, sizeof *s->starts);
    s->members = senc_alloc(n, sizeof *s->members);
    return s->rows && s->squares && s->centres && s->centre_squares && s->assigned && s->clusters && s->distances &&
           s->changed && s->products && s->nearest && s->best_nearest && s->starts && s->members;
}

static void free_memory(kmeans *s) {
    free(s->rows);
    free(s->squares);
    free(s->centres);
    free(s->centre_squares);
    free(s->assigned);
    free(s->clusters);
    free(s->distances);
    free(s->changed);
    free(s->products);
    free(s->nearest);
    free(s->best_nearest);
    free(s->starts);
    free(s->members);
}

bool eval_kmeans(const eval_kmeans_options *options, const float *x, int64_t n, int64_t width, int64_t *clusters,
                 eval_kmeans_outcome *outcome, senc_error *err) {
    SENC_ASSERT(options->n_clusters >= 1 && options->n_clusters <= n, "%lld clusters of %lld vectors",
                (long long)options->n_clusters, (long long)n);
    kmeans s = {.kernels = kern_best()->scan,
                .x = x,
                .n = n,
                .width = width,
                .k = options->n_clusters,
                .n_blocks = (n + BLOCK - 1) / BLOCK};
    *outcome = (eval_kmeans_outcome){.inertia = INFINITY};
    const bool ok = take_memory(&s);
    if (ok) {
        for (int64_t i = 0; i < n; i++) s.rows[i] = x + i * width;
        s.kernels->squares(width, n, x, s.squares);
    }
    senc_rng rng;
    senc_rng_init(&rng, options->seed);
    for (int64_t start = 0; ok && start < options->n_starts; start++) {
        eval_kmeans_outcome now;
        choose_centres(&s, &rng);
        run_start(&s, options->max_iterations, &now);
        if (!(now.inertia < outcome->inertia)) continue;
        *outcome = now;
        memcpy(clusters, s.clusters, (size_t)n * sizeof *clusters);
    }
    free_memory(&s);
    return ok || senc_fail_memory(err, (size_t)n * 64, "clustering");
}
